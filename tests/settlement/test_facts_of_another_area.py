"""What another area has recorded neither bars nor opens anything here: only the area of the enrolment counts."""

from datetime import date
from decimal import Decimal

import pytest

from accounts.queries.due import months_due
from bureau.models import Area
from institutions.models import OutOfAreaRegistration
from members.models import BenefitPeriod, Enrolment, Suspension
from members.services.spans import add_benefit_period, end_suspension, suspend
from settlement.queries.facts import Asked, load_facts
from tests.settlement import factories
from tests.settlement.visits import DAY, NOW, settle

pytestmark = pytest.mark.django_db

MOVED = date(2026, 2, 1)


@pytest.fixture
def elsewhere(db):
    return Area.objects.create(code="440899", name="湛江市")


@pytest.fixture
def where(city):
    return factories.institution(city)


@pytest.fixture
def mover(city, where, elsewhere):
    """Enrolled elsewhere until January 2026, here since 1 February."""
    person = factories.member(city, starts_on=MOVED, selected=where)
    Enrolment.objects.create(
        member=person, area=elsewhere, scheme="310", person_class="active",
        starts_on=date(2025, 1, 1), ends_on=date(2026, 1, 31),
    )  # fmt: skip
    return person


@pytest.mark.parametrize("kind", ["suspended", "arrears"])
def test_a5_a_row_of_another_area_does_not_bar_here(city, where, mover, elsewhere, kind):
    Suspension.objects.create(member=mover, area=elsewhere, kind=kind, starts_on=date(2026, 1, 1))
    visit = settle(city, where, mover)
    assert (visit.pooled, visit.refusal) == (Decimal("60.00"), "")


def test_a5_the_areas_own_row_stands_beside_it_and_can_be_ended(city, where, mover, elsewhere):
    Suspension.objects.create(member=mover, area=elsewhere, kind="suspended", starts_on=date(2026, 1, 1))
    act = {"actor": city.clerk, "now": NOW}
    own = suspend(member=mover, area=city.area, kind="suspended", starts_on=date(2026, 2, 10), **act)
    assert settle(city, where, mover, key="S2", encounter="E2").refusal == "suspended"
    end_suspension(suspension=own, ends_on=date(2026, 2, 28), **act)
    assert settle(city, where, mover, key="S3", encounter="E3").refusal == ""


def test_a5_each_day_has_the_rows_of_the_area_of_its_enrolment(city, where, mover, elsewhere):
    Suspension.objects.create(member=mover, area=city.area, kind="suspended", starts_on=date(2026, 1, 1))
    Suspension.objects.create(member=mover, area=elsewhere, kind="arrears", starts_on=date(2026, 1, 1))
    days = [date(2026, 1, 20), MOVED]
    january, february = load_facts([Asked(mover.pk, where.pk, None, day) for day in days])
    assert (january["area_id"], january["stops"], january["has_benefit_period"]) == (elsewhere.pk, ["arrears"], False)
    assert (february["area_id"], february["stops"], february["has_benefit_period"]) == (
        city.area.pk, ["suspended"], True,
    )  # fmt: skip


def test_a5_a_benefit_period_left_open_elsewhere_leaves_room_for_ours(city, where, elsewhere):
    person = factories.bare_members(1)[0]
    Enrolment.objects.create(member=person, area=city.area, scheme="310", person_class="active", starts_on=MOVED)
    BenefitPeriod.objects.create(member=person, area=elsewhere, scheme="310", starts_on=date(2025, 1, 1))
    factories.choose(city, person, where)
    assert settle(city, where, person).refusal == "no_benefit_period"
    add_benefit_period(member=person, area=city.area, scheme="310", starts_on=MOVED, actor=city.clerk, now=NOW)
    assert settle(city, where, person, key="S2", encounter="E2").pooled == Decimal("60.00")


def test_a5_a_registration_of_the_old_area_opens_nothing_here(city, mover):
    """Care far away: filed in January with the old area, it is not filed here; filed anew it is."""
    far = factories.institution(city, kind="hospital", level=1, local=False)
    factories.institution(city, "清算中心", kind="clearing", level=None)
    old = OutOfAreaRegistration.objects.create(
        member=mover, kind="long_term_resident", destination="510100", starts_on=date(2026, 1, 5)
    )
    assert settle(city, far, mover).refusal == "remote_not_filed"
    OutOfAreaRegistration.objects.filter(pk=old.pk).update(ends_on=date(2026, 2, 28))
    OutOfAreaRegistration.objects.create(
        member=mover, kind="long_term_resident", destination="510100", starts_on=DAY
    )
    assert settle(city, far, mover, key="S2", encounter="E2").pooled == Decimal("60.00")


def test_a5_credits_look_at_this_areas_rows_alone(city, mover, elsewhere):
    Suspension.objects.create(member=mover, area=elsewhere, kind="arrears", starts_on=date(2026, 1, 1))
    [account] = mover.accounts.all()
    [due] = months_due(area_id=city.area.pk, first=account.pk, last=account.pk, starts_on=MOVED, ends_on=MOVED)
    assert (due.has_benefit_period, due.stop) == (True, None)
