"""Shaoguan 8(二)1: the general consultation fee goes by the kind of institution, not by its level."""

from datetime import date
from decimal import Decimal

import pytest

from tests.settlement import factories
from tests.settlement.visits import settle

pytestmark = pytest.mark.django_db

SINCE, DAY = date(2024, 1, 1), date(2024, 3, 5)


@pytest.mark.parametrize(
    ("kind", "level", "standard"),
    [
        ("station", 0, "5.00"),
        ("station", 1, "5.00"),
        ("centre", 0, "10.00"),
        ("centre", 1, "10.00"),
        ("centre", 2, "10.00"),
        ("hospital", 0, "0.00"),
        ("hospital", 1, "0.00"),
        ("hospital", 2, "0.00"),
        ("school_clinic", 0, "0.00"),
        ("school_clinic", 1, "0.00"),
    ],
)
def test_b2_the_standard_of_the_fee_is_that_of_the_kind(kind, level, standard):
    city = factories.city_of("shaoguan")
    centre = factories.institution(city, kind="centre", since=SINCE)
    parent = centre if kind == "station" else None
    where = factories.institution(city, kind=kind, level=level, parent=parent, since=SINCE)
    person = factories.member(city, person_class="resident", starts_on=SINCE, account=False)
    role = "station" if kind == "station" else "primary"
    factories.choose(city, person, where, year=2024, role=role)
    fee, drugs = Decimal("12.00"), Decimal("20.00")
    visit = settle(city, where, person, care_on=DAY, total=fee + drugs, general_fee=fee)
    assert visit.out_of_policy == fee - Decimal(standard)
    assert visit.pooled == (Decimal(standard) + drugs) * Decimal("0.7")
    assert visit.refusal == ""
