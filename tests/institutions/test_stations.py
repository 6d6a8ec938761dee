"""A city where members choose a centre and a station: Shaoguan as its rulebook stands."""

from datetime import UTC, date, datetime

import pytest

from bureau.editions.life import load_edition
from bureau.errors import RefusedError
from bureau.models import Area, County
from bureau.rules.format.edition import RULEBOOKS
from institutions import queries
from institutions.models import Selection
from institutions.services.selection import choose
from members.models import Enrolment

pytestmark = pytest.mark.django_db

NOW = datetime(2024, 1, 5, 9, 30, tzinfo=UTC)
WINTER = date(2023, 12, 1)


@pytest.fixture
def clerk(db):
    """Staff of both areas of these tests."""
    from bureau.models import Staff

    return Staff.objects.create(username="clerk")


@pytest.fixture
def reviewer(db):
    from bureau.models import Staff

    return Staff.objects.create(username="reviewer")


@pytest.fixture
def shaoguan(clerk, reviewer):
    texts = {path.name: path.read_text("utf-8") for path in (RULEBOOKS / "shaoguan").glob("*.toml")}
    area = Area.objects.create(code="440299", name="韶关市")
    load_edition(texts=texts, area=area, actor=clerk, approver=reviewer, now=NOW)
    return area


@pytest.fixture
def town(shaoguan, place):
    """Two centres, each with a station, and a hospital."""
    county = County.objects.create(code="440203", area=shaoguan, name="武江区")
    here = {"area": shaoguan, "county": county, "designated_from": date(2023, 1, 1)}
    t, t2 = place("镇卫生院", **here), place("二镇卫生院", **here)
    v = place("村卫生站", "station", parent=t, **here)
    v2 = place("二村卫生站", "station", parent=t2, **here)
    return t, t2, v, v2, place("二级医院", "hospital", **here)


@pytest.fixture
def resident(shaoguan, person):
    member = person(starts_on=None)
    Enrolment.objects.create(
        member=member, area=shaoguan, scheme="390", person_class="resident", starts_on=date(2023, 1, 1)
    )
    return member


@pytest.fixture
def ask(clerk):
    def ask(member, institutions, on, reason=""):
        return choose(
            member=member, institutions=institutions, year=2024, requested_on=on, reason=reason, actor=clerk, now=NOW
        )

    return ask


def held(member):
    return list(
        Selection.objects.filter(member=member)
        .order_by("role", "starts_on")
        .values_list("role", "institution__name", "starts_on", "ends_on", "counts_from", "counts_to")
    )


def refused(code, act, *arguments):
    before = list(Selection.objects.order_by("pk").values())
    with pytest.raises(RefusedError) as error:
        act(*arguments)
    assert error.value.refusal.code == code
    assert list(Selection.objects.order_by("pk").values()) == before


YEAR = (date(2024, 1, 1), date(2024, 12, 31))


def test_centre_and_its_station_are_chosen_together_and_one_head_counts(ask, resident, town, shaoguan):
    t, _t2, v, _v2, _hospital = town
    selections = ask(resident, [t, v], WINTER)
    assert [selection.role for selection in selections] == ["primary", "station"]
    assert held(resident) == [
        ("primary", "镇卫生院", *YEAR, date(2024, 1, 1), date(2024, 12, 1)),
        ("station", "村卫生站", *YEAR, None, None),
    ]
    assert queries.person_months(shaoguan.pk, "390", 2024) == {t.pk: 12}


def test_station_of_another_centre_is_refused(ask, resident, town):
    t, _t2, _v, v2, _hospital = town
    refused("station_outside", ask, resident, [t, v2], WINTER)
    ask(resident, t, WINTER)
    refused("station_outside", ask, resident, v2, date(2024, 3, 15))


def test_two_centres_and_a_hospital_are_refused(ask, resident, town):
    t, t2, _v, _v2, hospital = town
    refused("too_many", ask, resident, [t, t2], WINTER)
    refused("type_not_allowed", ask, resident, hospital, WINTER)


def test_station_may_be_added_later_without_a_reason(ask, resident, town):
    t, _t2, v, _v2, _hospital = town
    ask(resident, t, WINTER)
    ask(resident, v, date(2024, 3, 15))
    assert held(resident) == [
        ("primary", "镇卫生院", *YEAR, date(2024, 1, 1), date(2024, 12, 1)),
        ("station", "村卫生站", date(2024, 3, 15), date(2024, 12, 31), None, None),
    ]


def test_change_of_centre_ends_the_station_of_the_old_one(ask, resident, town, shaoguan):
    t, t2, v, _v2, _hospital = town
    ask(resident, [t, v], WINTER)
    refused("no_reason", ask, resident, t2, date(2024, 3, 15))
    ask(resident, t2, date(2024, 3, 15), "迁居")
    assert held(resident) == [
        ("primary", "镇卫生院", date(2024, 1, 1), date(2024, 3, 14), date(2024, 1, 1), date(2024, 3, 1)),
        ("primary", "二镇卫生院", date(2024, 3, 15), date(2024, 12, 31), date(2024, 4, 1), date(2024, 12, 1)),
        ("station", "村卫生站", date(2024, 1, 1), date(2024, 3, 14), None, None),
    ]
    assert queries.person_months(shaoguan.pk, "390", 2024) == {t.pk: 3, t2.pk: 9}


def test_change_of_centre_and_station_together(ask, resident, town):
    t, t2, v, v2, _hospital = town
    ask(resident, [t, v], WINTER)
    ask(resident, [t2, v2], date(2024, 3, 15), "迁居")
    assert [row[:3] for row in held(resident)] == [
        ("primary", "镇卫生院", date(2024, 1, 1)),
        ("primary", "二镇卫生院", date(2024, 3, 15)),
        ("station", "村卫生站", date(2024, 1, 1)),
        ("station", "二村卫生站", date(2024, 3, 15)),
    ]


def test_another_centre_before_the_year_takes_the_station_away(ask, resident, town):
    t, t2, v, _v2, _hospital = town
    ask(resident, [t, v], WINTER)
    ask(resident, t2, date(2023, 12, 20))
    assert held(resident) == [("primary", "二镇卫生院", *YEAR, date(2024, 1, 1), date(2024, 12, 1))]


def test_member_who_moves_to_another_fund_ends_the_selection_there(
    ask, resident, town, shaoguan, person, edition, place, area, clerk
):
    """Employed in Heyuan until 31 March 2026, a resident of Shaoguan from 1 April: a head counts once."""
    t, *_rest = town
    a, member = place("甲"), person()
    choose(member=member, institutions=a, year=2026, requested_on=date(2025, 10, 10), actor=clerk, now=NOW)
    Enrolment.objects.filter(member=member).update(ends_on=date(2026, 3, 31))
    Enrolment.objects.create(
        member=member, area=shaoguan, scheme="390", person_class="resident", starts_on=date(2026, 4, 1)
    )
    choose(member=member, institutions=t, year=2026, requested_on=date(2026, 4, 10), actor=clerk, now=NOW)
    assert queries.person_months(area.pk, "310", 2026) == {a.pk: 3}
    assert queries.person_months(shaoguan.pk, "390", 2026) == {t.pk: 8}
    assert Selection.objects.get(institution=a).ends_on == date(2026, 3, 31)
