"""Heyuan 13: a centre and its village stations settle in one account; read as one institution or as two, both ways."""

from decimal import Decimal

import pytest

from settlement.services.visits.adjudication import stations_read
from tests.settlement import factories
from tests.settlement.visits import DAY, settle

pytestmark = pytest.mark.django_db

TOGETHER, APART = {}, {"stations": "apart"}


@pytest.mark.parametrize(
    ("readings", "chosen", "treating", "why"),
    [
        (TOGETHER, "centre", "station", ""),
        (TOGETHER, "station", "centre", ""),
        (TOGETHER, "station", "other station", ""),
        (TOGETHER, "station", "station", ""),
        (TOGETHER, "station", "other centre", "not_selected"),
        (TOGETHER, "centre", "station of the other", "not_selected"),
        (APART, "centre", "station", "not_selected"),
        (APART, "station", "centre", "not_selected"),
        (APART, "station", "other station", "not_selected"),
        (APART, "station", "station", ""),
        (APART, "centre", "centre", ""),
    ],
)
def test_b7_stations_and_their_centre(readings, chosen, treating, why):
    city = factories.heyuan(**readings)
    centre, other = factories.institution(city), factories.institution(city)
    places = {"centre": centre, "other centre": other}
    for name, parent in (("station", centre), ("other station", centre), ("station of the other", other)):
        places[name] = factories.institution(city, kind="station", level=0, parent=parent)
    person = factories.member(city, selected=places[chosen])
    visit = settle(city, places[treating], person, total=Decimal("50.00"))
    assert (visit.refusal, visit.pooled) == (why, Decimal("0.00" if why else "35.00"))
    assert visit.charged_institution == (None if why else centre)


def test_b7_an_edition_that_says_nothing_of_stations_takes_them_with_their_centre():
    city = factories.city_of("kaifeng")
    assert stations_read(city.rules, DAY) == "together"
    assert stations_read(None, DAY) == "together"
    shaoguan = factories.rules_edition.load(
        {path.name: path.read_text("utf-8") for path in (factories.RULEBOOKS / "shaoguan").glob("*.toml")}
    )
    assert stations_read(shaoguan, DAY.replace(year=2024)) == "role"
