"""The enrolment on the day of care decides which area settles (G-3): at the desk and from files alike (E2)."""

from datetime import date, datetime
from decimal import Decimal
from zoneinfo import ZoneInfo

import pytest
from django.utils import translation

from bureau.errors import DomainError
from bureau.identifiers.identity import with_check_digit
from tests.settlement.test_visit_rosters import bill, load, reasons

NOW = datetime(2026, 4, 1, 9, 0, tzinfo=ZoneInfo("Asia/Shanghai"))
MOVED = date(2026, 3, 1)  # the first day in the other area
BEFORE, AFTER = date(2026, 2, 28), date(2026, 3, 2)
THERE = "On {} the member belongs to {}: the bill is settled there."


@pytest.fixture(autouse=True)
def english():
    with translation.override("en"):
        yield


@pytest.fixture
def place(city):
    from tests.settlement.factories import institution

    return institution(city, level=1)


@pytest.fixture
def other(city):
    """Another area with a clerk and a hospital of its own, and no edition."""
    from types import SimpleNamespace

    from bureau.models import Area, County, Staff
    from institutions.models import Institution

    area = Area.objects.create(code="440299", name="韶关市")
    county = County.objects.create(code="440203", area=area, name="武江区")
    hospital = Institution.objects.create(
        code="H44020300001", name="武江医院", kind="hospital", area=area, county=county
    )
    return SimpleNamespace(area=area, clerk=Staff.objects.create(username="other", area=area), hospital=hospital)


@pytest.fixture
def mover(city, other, place):
    """Enrolled in Heyuan until the end of February, elsewhere since, with 50.00 in the account of Heyuan."""
    from members.identity import keyed_hash
    from members.models import BenefitPeriod, Enrolment
    from tests.settlement.factories import member

    person = member(city, selected=place, balance="50.00")
    person.document = with_check_digit("44160219800520001")
    person.document_hash = keyed_hash(person.document)
    person.save()
    Enrolment.objects.filter(member=person).update(ends_on=BEFORE)
    BenefitPeriod.objects.filter(member=person).update(ends_on=BEFORE)
    Enrolment.objects.create(member=person, area=other.area, scheme="310", person_class="active", starts_on=MOVED)
    return person


def sent(area, person, where, number, on, **changes):
    """A file of one bill of a day, sent to an area."""
    row = bill(person, where, number) | {"就诊日期": f"{on}", "结算时间": f"{on} 10:00:00"} | changes
    return load(area, [row])


def money():
    from accounts.models import Account, Entry
    from settlement.models import Visit

    balances = list(Account.objects.order_by("id").values_list("balance", flat=True))
    return Visit.objects.count(), Entry.objects.count(), balances


def test_e2_bill_of_a_day_in_the_old_area_is_still_the_old_areas(city, place, mover):
    from settlement.models import Visit

    upload = sent(city, mover, place, 1, BEFORE, 个人账户使用标志="1")
    assert (upload.accepted, upload.rejected) == (1, 0)
    visit = Visit.objects.get()
    assert (visit.area, visit.pooled, visit.account) == (city.area, Decimal("60.00"), Decimal("40.00"))


def test_e2_file_moves_no_money_of_another_area(city, other, place, mover):
    """The desk of each area refuses the other's day, and so does its file; both say where the bill belongs."""
    before = money()
    for area, on, where in ((other, BEFORE, city.area), (city, AFTER, other.area)):
        upload = sent(area, mover, place, 1, on, 个人账户使用标志="1")
        assert (upload.status, upload.accepted, upload.rejected) == ("refused", 0, 1)
        assert reasons(upload) == [("证件号码", THERE.format(on, where))]
        with pytest.raises(DomainError) as refused:
            at_the_desk(mover, place, on, area.clerk)
        assert (str(refused.value), refused.value.field) == (THERE.format(on, where), "member")
    assert money() == before


def test_e2_quote_and_claim_by_hand_obey_the_same_day(city, other, place, mover):
    from settlement.services.claims.steps import quote_bill
    from settlement.services.visits.settling import quote_visit

    before = money()
    for on, mine, theirs in ((BEFORE, city, other), (AFTER, other, city)):
        request = desk_request(mover, place, on)
        assert quote_visit(request, now=NOW, area_id=mine.area.pk).row["area_id"] == mine.area.pk
        for quote in (
            lambda r=request, a=theirs: quote_visit(r, now=NOW, area_id=a.area.pk),
            lambda d=on, a=theirs: quote_bill(by_hand(mover, place, d), area_id=a.area.pk, now=NOW),
        ):
            with pytest.raises(DomainError) as refused:
                quote()
            assert str(refused.value) == THERE.format(on, mine.area)
    assert money() == before


def test_e2_visit_is_taken_back_by_the_area_that_settled_it(city, other, place, mover):
    from settlement.services.visits.reversals import reverse_visit

    sent(city, mover, place, 1, BEFORE, 个人账户使用标志="1")
    before = money()
    back = {"退费结算标志": "1", "原结算ID": "S1", "结算时间": "2026-03-05 10:00:00"}
    row = bill(mover, place, 2, "-100.00") | {"就诊日期": f"{BEFORE}", "符合范围金额": "-100.00"} | back
    upload = load(other, [row])
    said = "The visit was settled in 河源市 and is taken back there."
    assert (upload.accepted, upload.rejected) == (0, 1)
    assert reasons(upload) == [("原结算ID", said)]
    from settlement.models import Visit

    with pytest.raises(DomainError) as refused:
        reverse_visit(Visit.objects.get().pk, key="B1", reason="错", actor=other.clerk, now=NOW)
    assert str(refused.value) == said
    assert money() == before
    upload = load(city, [row])
    assert (upload.accepted, upload.rejected) == (1, 0)
    assert money()[2] == [Decimal("50.00")]


def test_e2_who_is_enrolled_nowhere_belongs_to_the_area_that_had_them_last(city, other, place, mover):
    from members.models import Enrolment
    from settlement.models import Visit

    Enrolment.objects.filter(area=other.area).delete()
    before = money()
    upload = sent(other, mover, place, 1, AFTER)
    assert (upload.accepted, reasons(upload)) == (0, [("证件号码", THERE.format(AFTER, city.area))])
    assert money() == before
    upload = sent(city, mover, other.hospital, 1, AFTER)
    assert (upload.accepted, upload.rejected) == (1, 0)
    visit = Visit.objects.get()
    assert (visit.area, visit.refusal, visit.pooled) == (city.area, "not_enrolled", 0)


def test_e2_who_was_never_enrolled_is_settled_where_the_institution_is(city, other, place, mover):
    from members.models import Enrolment
    from settlement.models import Visit

    Enrolment.objects.filter(member=mover).delete()
    assert sent(other, mover, place, 1, AFTER).accepted == 0
    assert sent(city, mover, place, 1, AFTER).accepted == 1
    assert (Visit.objects.get().area, Visit.objects.get().refusal) == (city.area, "not_enrolled")


def test_e2_account_of_another_area_is_not_used(city, other, mover):
    from accounts.models import Account
    from accounts.services.uses import use_account

    account = Account.objects.get(member=mover)
    before = money()
    with pytest.raises(DomainError) as refused:
        use_account(
            key="U1", account=account, user=mover, purpose="pharmacy_drug", payee="P1",
            amount=Decimal("10.00"), on=BEFORE, actor=other.clerk, now=NOW,
        )  # fmt: skip
    assert str(refused.value) == "The account is kept in 河源市."
    assert money() == before


def desk_request(person, where, on, **changes):
    from settlement.services.visits.requests import VisitRequest

    facts = {
        "institution_id": where.pk, "key": "D1", "member_id": person.pk, "encounter": "D1", "care_on": on,
        "total": Decimal("100.00"),
    }  # fmt: skip
    return VisitRequest(**(facts | changes))


def by_hand(person, where, on):
    return desk_request(person, where, on, key="claim:1", by_hand=True, pay_from="none")


def at_the_desk(person, where, on, clerk):
    from settlement.services.visits.settling import settle_visit

    return settle_visit(desk_request(person, where, on), actor=clerk, now=NOW)
