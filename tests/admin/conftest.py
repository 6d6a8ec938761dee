"""A small Heyuan with something of everything, and one member of staff for each role."""

import datetime
from decimal import Decimal

import pytest

NOW = datetime.datetime(2026, 3, 16, 2, 0, tzinfo=datetime.UTC)


@pytest.fixture(autouse=True)
def march(monkeypatch):
    """The bureau's day is 16 March 2026; nothing is kept from another test."""
    from django.core.cache import cache

    monkeypatch.setenv("GONGJI_TODAY", "2026-03-16")
    cache.clear()


@pytest.fixture
def city(db):
    from tests.settlement.factories import heyuan

    return heyuan()


@pytest.fixture
def staff(city):
    """One of each role, by the role's code; `everybody` holds all of them, which no service would allow."""
    from django.contrib.auth.models import Group

    from bureau.models import Staff
    from bureau.staff.roles import ROLES

    found = {}
    for code in ROLES:
        found[code] = Staff.objects.create(username=f"role_{code}", first_name=code, is_staff=True, area=city.area)
        found[code].set_password("lan-xue-2026")
        found[code].save()
        found[code].groups.add(Group.objects.get(name=code))
    everybody = Staff.objects.create(username="everybody", first_name="everybody", is_staff=True, area=city.area)
    everybody.groups.set(Group.objects.all())
    return found | {"everybody": everybody}


@pytest.fixture
def full_city(city, staff):
    """Records of every kind, made by the services where there is one."""
    from accounts.services.family import grant
    from accounts.services.payouts import Payee, submit_payout
    from accounts.services.uses import use_account
    from bureau.rosters.admin import load_file
    from institutions.services.care import record_stay, refer, register_out_of_area
    from institutions.services.places import record_assessment
    from members.identity import encrypt
    from members.models import Member
    from members.services.facts import add_relative, record_contribution
    from members.services.spans import suspend
    from settlement.models import OpeningUse
    from settlement.services.proofs import prove_books
    from settlement.services.returns import submit_return
    from settlement.services.runs.approval import submit_run
    from settlement.services.runs.compute import compute_run
    from settlement.services.visits.requests import VisitRequest
    from settlement.services.visits.reversals import reverse_visit
    from settlement.services.visits.settling import settle_visit
    from tests.settlement import factories

    clerk, day = staff["clerk"], datetime.date
    by = {"actor": clerk, "now": NOW}
    centre = factories.institution(city, "源南卫生院")
    factories.institution(city, "源南卫生站", kind="station", level=0, parent=centre)
    hospital = factories.institution(city, "源城人民医院", kind="hospital", level=2)
    member = factories.member(city, selected=centre, balance="500")
    other = factories.member(city, selected=centre, balance="80")
    relative = factories.member(city, selected=centre, balance="0")
    Member.objects.update(document_cipher=encrypt("11010519491231002X"))
    record_contribution(
        member=member, area=city.area, scheme="310", month=day(2026, 1, 1), base=Decimal("6000.00"),
        employer_amount=Decimal("330.00"), own_amount=Decimal("120.00"), paid_on=day(2026, 1, 9), **by,
    )  # fmt: skip
    suspend(member=other, area=city.area, kind="arrears", starts_on=day(2026, 2, 1), ends_on=day(2026, 2, 9), **by)
    add_relative(member=member, relative=relative, relation="spouse", starts_on=day(2026, 1, 1), **by)
    account = member.accounts.get()
    grant(account=account, beneficiary=relative, starts_on=day(2026, 1, 2), **by)
    used = use_account(
        key="use-1", account=account, user=member, purpose="pharmacy_drug", payee="P44160200009",
        amount=Decimal("20.00"), on=day(2026, 3, 2), **by,
    )  # fmt: skip
    refer(
        member=member, from_institution=centre, to_institution=hospital, starts_on=day(2026, 3, 1),
        ends_on=day(2026, 3, 31), **by,
    )  # fmt: skip
    register_out_of_area(member=other, kind="temporary", destination="440100", starts_on=day(2026, 3, 1), **by)
    record_stay(member=other, admitted_on=day(2026, 3, 3), institution=hospital, **by)
    record_assessment(institution=centre, year=2025, score=Decimal("95.00"), **by)
    OpeningUse.objects.create(
        member=member, area=city.area, scheme="310", year=2026, fund=Decimal("100.00"), deductible=Decimal("0.00")
    )
    visit = settle_visit(
        VisitRequest(
            institution_id=centre.pk, key="V1", member_id=member.pk, encounter="E1", care_on=day(2026, 2, 3),
            total=Decimal("100.00"),
        ),
        actor=clerk,
        now=NOW.replace(month=2, day=3),
    )  # fmt: skip
    reverse_visit(visit.pk, key="R1", reason="退费", **by)
    settle_visit(
        VisitRequest(
            institution_id=centre.pk, key="V2", member_id=relative.pk, encounter="E2", care_on=day(2026, 2, 4),
            total=Decimal("60.00"),
        ),
        actor=clerk,
        now=NOW.replace(month=2, day=4),
    )  # fmt: skip
    submit_return(
        institution=centre, scheme="310", month=day(2026, 2, 1), visits=1, total=Decimal("60.00"),
        fund=Decimal("36.00"), submitted_on=day(2026, 3, 4), **by,
    )  # fmt: skip
    run = compute_run(area=city.area, county=city.county, scheme="310", kind="advance", period=day(2026, 1, 1), **by)
    submit_run(run=run, **by)
    compute_run(area=city.area, county=city.county, scheme="310", kind="items", period=day(2026, 2, 1), **by)
    payout = submit_payout(
        account=other.accounts.get(), event="emigrated", happened_on=day(2026, 3, 1),
        payees=[Payee("成员", "工商银行", "6222000000000001")], **by,
    )  # fmt: skip
    from django.core.files.uploadedfile import SimpleUploadedFile

    roster = SimpleUploadedFile("单位.csv", "单位编号,单位名称\nD001,源城一厂\n,没有编号\n".encode())
    upload = load_file(kind="employers", area=city.area, file=roster, actor=clerk, now=NOW)
    job = prove_books(area_id=city.area.pk, **by)
    return {
        "member": member, "other": other, "relative": relative, "centre": centre, "hospital": hospital,
        "account": account, "used": used, "visit": visit, "run": run, "payout": payout, "upload": upload, "job": job,
    }  # fmt: skip


@pytest.fixture
def browse(client):
    """Log a member of staff in: `browse(staff)` is a client that does not hide a server error."""

    def log_in(member_of_staff):
        client.raise_request_exception = False
        client.force_login(member_of_staff)
        return client

    return log_in


@pytest.fixture
def whole_city(city, full_city):
    """The same, with a record in every list."""
    from tests.admin.whole import complete

    complete(city, full_city, NOW)
    return full_city
