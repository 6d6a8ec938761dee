"""A roster may be undone only while no visit, no credit and no payment rests on it."""

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import pytest

from accounts.services.credits import credit_month
from bureau.errors import DomainError
from bureau.jobs.services import work
from bureau.models import Upload
from bureau.rosters.undo import undo_upload
from members.models import BenefitPeriod, Contribution, Suspension
from settlement.models import Visit
from settlement.services.visits.requests import VisitRequest
from settlement.services.visits.settling import settle_visit
from tests.settlement import factories

UPLOADED = datetime(2026, 2, 1, 2, tzinfo=UTC)
LATER = UPLOADED + timedelta(days=30)
DAY = date(2026, 3, 1)


def loaded(city, roster, model, **facts):
    """A row as an upload of that kind would have made it."""
    upload = Upload.objects.create(
        area=city.area,
        kind=roster,
        name=f"{roster}.csv",
        size=0,
        sha256=f"{roster}".ljust(64, "0"),
        status="loaded",
        uploaded_by=city.clerk,
        uploaded_at=UPLOADED,
    )
    return upload, model.objects.create(upload=upload, **facts)


def visit(city, where, person):
    request = VisitRequest(
        institution_id=where.pk,
        key="S1",
        member_id=person.pk,
        encounter="E1",
        care_on=DAY,
        total=Decimal("10.00"),
    )
    return settle_visit(request, actor=city.clerk, now=LATER)


def test_suspension_roster_is_undone_while_no_visit_rests_on_it(city):
    person = factories.member(city)
    facts = {"member": person, "area": city.area, "kind": "suspended", "starts_on": DAY, "ends_on": DAY}
    upload, _row = loaded(city, "suspensions", Suspension, **facts)
    undo_upload(upload, actor=city.clerk, now=LATER)
    assert not Suspension.objects.exists()


def test_suspension_roster_stays_once_a_visit_was_refused_by_it(city):
    where = factories.institution(city)
    person = factories.member(city, selected=where)
    facts = {"member": person, "area": city.area, "kind": "suspended", "starts_on": DAY, "ends_on": DAY}
    upload, row = loaded(city, "suspensions", Suspension, **facts)
    assert visit(city, where, person).refusal == "suspended"
    with pytest.raises(DomainError):
        undo_upload(upload, actor=city.clerk, now=LATER)
    assert Suspension.objects.get() == row
    assert Upload.objects.get(pk=upload.pk).status == "loaded"


def test_benefit_period_roster_stays_once_a_visit_was_paid_by_it(city):
    where = factories.institution(city)
    person = factories.member(city, selected=where)
    BenefitPeriod.objects.all().delete()
    facts = {"member": person, "area": city.area, "scheme": "310", "starts_on": date(2026, 1, 1)}
    upload, row = loaded(city, "benefit_periods", BenefitPeriod, **facts)
    assert visit(city, where, person).pooled == Decimal("7.00")
    with pytest.raises(DomainError):
        undo_upload(upload, actor=city.clerk, now=LATER)
    assert BenefitPeriod.objects.get() == row
    assert Visit.objects.count() == 1


def test_contribution_roster_stays_once_an_account_was_credited_from_it(city):
    person = factories.member(city)
    money = {"base": "5000.00", "employer_amount": "300.00", "own_amount": "100.00", "paid_on": date(2026, 2, 1)}
    facts = {"member": person, "area": city.area, "scheme": "310", "month": date(2026, 2, 1)}
    upload, row = loaded(city, "contributions", Contribution, **facts, **money)
    job = credit_month(area=city.area, month=date(2026, 2, 1), actor=city.clerk, now=LATER)
    work(job.pk, clock=lambda: LATER)
    assert person.accounts.get().balance == Decimal("100.00")
    with pytest.raises(DomainError):
        undo_upload(upload, actor=city.clerk, now=LATER)
    assert Contribution.objects.get() == row
    assert person.accounts.get().balance == Decimal("100.00")
