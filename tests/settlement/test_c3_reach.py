"""C3: no act crosses the reach of who does it: an agency's staff act for no other agency and not for the whole area,
an area's staff for no other area, by service, form or file."""

import csv
from datetime import UTC, date, datetime
from decimal import Decimal
from io import StringIO

import pytest

from bureau.errors import DomainError
from bureau.models import Area, AuditEntry, Job, Staff
from tests.roster_files import rejects
from tests.settlement import factories

NOW = datetime(2026, 8, 20, 2, 0, tzinfo=UTC)
WHOLE = "此项涉及整个统筹区，您的账号只属于一个经办机构。"
ANOTHER = "此项属于其他经办机构，超出您账号的管理范围。"
ELSEWHERE = "此项属于其他统筹区，超出您账号的管理范围。"


def person(name, area, county=None, role="clerk"):
    from django.contrib.auth.models import Group

    staff = Staff.objects.create(username=name, first_name=name, is_staff=True, area=area, county=county)
    staff.groups.add(Group.objects.get(name=role))
    return staff


@pytest.fixture
def agency(city):
    """The clerk of one agency, and an institution of the other."""
    class Agency:
        clerk = person("county_clerk", city.area, city.county)
        finance = person("county_finance", city.area, city.county, role="finance")
        stranger = person("stranger", Area.objects.create(code="440200", name="韶关"))
        own = factories.institution(city, "本县卫生院")
        next_door = factories.institution(city, "邻县卫生院", county=city.other_county)

    return Agency


def by(actor, now=NOW):
    return {"actor": actor, "now": now}


def refused(act, sentence):
    """The act is refused with this sentence and leaves no trace."""
    before = AuditEntry.objects.count()
    with pytest.raises(DomainError) as error:
        act()
    assert str(error.value) == sentence
    assert AuditEntry.objects.count() == before


@pytest.mark.parametrize(("name", "sentence"), [("clerk", WHOLE), ("stranger", ELSEWHERE)])
def test_c3_the_whole_area_is_not_an_agencys(name, sentence, city, agency):
    from accounts.models import ClosedMonth
    from accounts.services.credits import credit_month
    from accounts.services.extraction import extract_fund
    from accounts.services.months import close_month, reopen_month
    from bureau.editions.figures import enter_figure
    from bureau.editions.life import draft_edition
    from institutions.services.windows import open_window
    from settlement.models import Run
    from settlement.services.runs.compute import compute_runs

    july, year = date(2026, 7, 1), {"area": city.area, "scheme": "310", "year": 2026}
    close_month(area=city.area, month=date(2026, 6, 1), **by(city.finance))
    figure = {"code": "yearly_cap", "value": Decimal("1.00"), "document": "x"}
    who = by(getattr(agency, name))
    for act in (
        lambda: close_month(area=city.area, month=july, **who),
        lambda: reopen_month(area=city.area, month=date(2026, 6, 1), reason="错", **who),
        lambda: credit_month(area=city.area, month=july, **who),
        lambda: extract_fund(**year, **who),
        lambda: compute_runs(area=city.area, scheme="310", kind="advance", period=july, **who),
        lambda: enter_figure(area=city.area, year=2026, **figure, **who),
        lambda: open_window(**year, on=date(2026, 9, 1), **who),
        lambda: draft_edition(texts=city.edition.texts, area=city.area, starts_on=date(2027, 1, 1), **who),
    ):
        refused(act, sentence)
    assert list(ClosedMonth.objects.values_list("month", flat=True)) == [date(2026, 6, 1)]
    assert not Run.objects.exists() and not Job.objects.exists()


def test_c3_an_agency_computes_its_own_runs_only(city, agency):
    from settlement.models import Run
    from settlement.services.runs.approval import discard_run, return_run, submit_run
    from settlement.services.runs.compute import compute_run

    asked = {"area": city.area, "scheme": "310", "kind": "advance", "period": date(2026, 8, 1)}
    refused(lambda: compute_run(county=city.other_county, **asked, **by(agency.clerk)), ANOTHER)
    refused(lambda: compute_run(county=city.county, **asked, **by(agency.stranger)), ELSEWHERE)
    assert not Run.objects.exists()
    assert compute_run(county=city.county, **asked, **by(agency.clerk)).county == city.county
    run = compute_run(county=city.other_county, **asked, **by(city.clerk))
    refused(lambda: submit_run(run=run, **by(agency.clerk)), ANOTHER)
    refused(lambda: discard_run(run=run, reason="错", **by(agency.clerk)), ANOTHER)
    submit_run(run=run, **by(city.clerk))
    for actor, sentence in ((agency.clerk, ANOTHER), (agency.stranger, ELSEWHERE)):
        refused(lambda: return_run(run=run, note="错", **by(actor)), sentence)  # noqa: B023
    assert Run.objects.get(pk=run.pk).status == "submitted"


def test_c3_the_forms_of_an_agency_offer_and_take_its_own_only(city, agency, client):
    from accounts.models import ClosedMonth
    from settlement.models import Run

    client.force_login(agency.clerk)
    url = "/admin/settlement/run/act/run.compute/"
    page = client.get(url).content.decode()
    assert f'value="{city.county.pk}" selected' in page and city.other_county.pk not in page
    said = {"area": city.area.pk, "scheme": "310", "kind": "advance", "period": "2026-08"}
    assert WHOLE in client.post(url, said).content.decode()
    assert "errorlist" in client.post(url, said | {"county": city.other_county.pk}).content.decode()
    assert not Run.objects.exists() and not Job.objects.exists()
    client.force_login(agency.finance)
    url = "/admin/accounts/closedmonth/act/month.close/"
    assert WHOLE in client.post(url, {"area": city.area.pk, "month": "2026-07"}).content.decode()
    assert not ClosedMonth.objects.exists()


def test_c3_an_agency_settles_and_takes_back_what_its_own_institutions_send(city, agency):
    from settlement.models import Visit
    from settlement.services.visits.requests import VisitRequest
    from settlement.services.visits.reversals import reverse_visit
    from settlement.services.visits.settling import settle_visit

    member = factories.member(city, selected=agency.own, balance="50.00")

    def bill(where, key):
        return VisitRequest(
            institution_id=where.pk, key=key, member_id=member.pk, encounter=key, care_on=date(2026, 8, 3),
            total=Decimal("100.00"),
        )  # fmt: skip

    refused(lambda: settle_visit(bill(agency.next_door, "V1"), **by(agency.clerk)), ANOTHER)
    assert not Visit.objects.exists()
    assert settle_visit(bill(agency.own, "V2"), **by(agency.clerk)).pk
    there = settle_visit(bill(agency.next_door, "V3"), **by(city.clerk))
    refused(lambda: reverse_visit(there.pk, key="R3", reason="错", **by(agency.clerk)), ANOTHER)
    assert Visit.objects.count() == 2


def test_c3_a_file_of_an_agency_brings_its_own_institutions_only(city, agency):
    from bureau.models import Upload
    from bureau.rosters.undo import undo_upload
    from bureau.rosters.uploads import load_now, receive_upload
    from institutions.models import Assessment
    from settlement.models import Visit
    from tests.settlement.test_visit_rosters import bill, table

    member = factories.member(city, selected=agency.own, balance="50.00")
    from members.identity import keyed_hash
    from tests.members.samples import LI

    member.document, member.document_hash = LI, keyed_hash(LI)
    member.save()

    def load(kind, content, actor):
        upload = receive_upload(kind=kind, name="f.csv", content=content, area=city.area, **by(actor))
        return load_now(upload, **by(actor))

    def reasons(upload):
        rows = list(csv.reader(StringIO(rejects(upload))))
        return [row[-1] for row in rows[1:]]

    visits = load("visits", table([bill(member, agency.own, 1), bill(member, agency.next_door, 2)]), agency.clerk)
    assert (visits.accepted, visits.rejected, reasons(visits)) == (1, 1, [ANOTHER])
    assert [visit.institution for visit in Visit.objects.all()] == [agency.own]
    scores = f"机构编码,考核年度,考核得分\n{agency.own.code},2025,90\n{agency.next_door.code},2025,91\n".encode()
    upload = load("assessments", scores, agency.clerk)
    assert (upload.accepted, reasons(upload)) == (1, [ANOTHER])
    assert list(Assessment.objects.filter(year=2025, institution__in=[agency.own, agency.next_door])
                .values_list("institution", "score")) == [(agency.own.pk, Decimal("90.00"))]
    refused(lambda: receive_upload(kind="employers", name="e.csv", content=b"1", area=city.area, **by(agency.stranger)),
            ELSEWHERE)
    areas = load("employers", "单位编号,单位名称\nD1,一厂\n".encode(), city.clerk)
    refused(lambda: undo_upload(areas, **by(agency.clerk)), WHOLE)
    refused(lambda: undo_upload(areas, **by(agency.stranger)), ELSEWHERE)
    assert Upload.objects.get(pk=areas.pk).status == "loaded"


def test_c3_returns_scores_and_institutions_of_the_next_agency(city, agency):
    from institutions.services.places import (
        change_details,
        designate,
        record_assessment,
        register_institution,
        set_level,
    )
    from settlement.models import MonthlyReturn
    from settlement.services.returns import submit_return

    who, there = by(agency.clerk), agency.next_door
    there.agreements.all().delete()
    said = {"visits": 1, "total": Decimal("10.00"), "fund": Decimal("5.00"), "submitted_on": date(2026, 8, 3)}
    month = {"scheme": "310", "month": date(2026, 7, 1)}
    for act in (
        lambda: submit_return(institution=there, **month, **said, **who),
        lambda: record_assessment(institution=there, year=2025, score=Decimal("95.00"), **who),
        lambda: change_details(institution=there, county=city.county, **who),
        lambda: set_level(institution=there, level=2, starts_on=date(2026, 9, 1), **who),
        lambda: designate(institution=there, starts_on=date(2030, 1, 1), **who),
        lambda: register_institution(
            code="H44160299991", name="新", kind="hospital", area=city.area, county=city.other_county, **who
        ),
    ):
        refused(act, ANOTHER)
    there.refresh_from_db()
    assert there.county == city.other_county and not MonthlyReturn.objects.exists()
    assert submit_return(institution=agency.own, **month, **said, **who).pk


def test_c3_the_audit_trail_refuses_what_a_service_forgets(city, agency):
    from bureau import audit

    refused(lambda: audit.record("x.y", subject=city.edition, **by(agency.stranger)), ELSEWHERE)
    refused(lambda: audit.record("x.y", subject=agency.next_door, **by(agency.clerk)), ANOTHER)
    refused(lambda: audit.record("x.y", subject=city.edition, whole=True, **by(agency.clerk)), WHOLE)
    assert audit.record("x.y", subject=city.edition, **by(agency.clerk)).area_id == city.area.pk
