"""Counting heads and person-months, and who is paid for twice."""

from collections import Counter
from datetime import UTC, date, datetime

import pytest
from django.db import transaction
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bureau.models import County
from institutions import queries
from institutions.services import care
from institutions.services.selection import choose, end_selections

pytestmark = pytest.mark.django_db

NOW = datetime(2026, 1, 5, 9, 30, tzinfo=UTC)
WINDOW = date(2025, 10, 10)


@pytest.fixture
def ask(edition, clerk):
    def ask(member, institution, on, reason="", year=2026):
        return choose(
            member=member, institutions=institution, year=year, requested_on=on, reason=reason, actor=clerk, now=NOW
        )

    return ask


def test_heads_of_stations_count_with_their_centre(ask, person, place, area):
    centre, other = place("中心卫生院"), place("源西卫生院")
    station = place("一村卫生站", "station", level=0, parent=centre)
    ask(person(), centre, WINDOW)
    ask(person(), station, WINDOW)
    ask(person(), other, date(2026, 2, 5))
    assert queries.heads(area.pk, "310", date(2026, 1, 31)) == {centre.pk: 2}
    assert queries.heads(area.pk, "310", date(2026, 3, 1)) == {centre.pk: 2, other.pk: 1}
    assert queries.person_months(area.pk, "310", 2026) == {centre.pk: 24, other.pk: 10}


def test_heads_of_a_county_are_those_it_pays(ask, person, place, area, county):
    elsewhere = County.objects.create(code="441625", area=area, name="东源县")
    a, b = place("甲"), place("乙", county=elsewhere)
    station = place("乙村卫生站", "station", level=0, parent=b, county=elsewhere)
    for chosen in (a, b, station):
        ask(person(), chosen, WINDOW)
    assert queries.heads(area.pk, "310", date(2026, 1, 1), county_id=county.pk) == {a.pk: 1}
    assert queries.heads(area.pk, "310", date(2026, 1, 1), county_id=elsewhere.pk) == {b.pk: 2}
    assert queries.person_months(area.pk, "310", 2026, county_id=elsewhere.pk) == {b.pk: 24}


def test_person_months_of_part_of_a_year_count_its_months(ask, person, place, area):
    a, b = place("甲"), place("乙")
    member = person()
    ask(member, a, WINDOW)
    ask(member, b, date(2026, 9, 20), "迁居")
    assert queries.person_months(area.pk, "310", 2026, first_month=8) == {a.pk: 2, b.pk: 3}
    assert queries.person_months(area.pk, "310", 2026, last_month=7) == {a.pk: 7}
    assert queries.person_months(area.pk, "390", 2026) == {}


def test_registered_head_that_counts_at_home_is_reported_by_months(ask, person, place, area, clerk):
    a, b = place("甲"), place("乙")
    away, home = person(), person()
    ask(home, a, WINDOW)
    ask(away, a, WINDOW)
    ask(away, b, date(2026, 6, 10), "迁居")
    registration = care.register_out_of_area(
        member=away, kind="long_term_resident", destination="310100", starts_on=date(2026, 5, 15),
        ends_on=date(2026, 8, 2), actor=clerk, now=NOW,
    )  # fmt: skip
    found = queries.double_funded_heads(area.pk, "310", 2026)
    assert [(head.institution_id, head.first_month, head.last_month, head.months) for head in found] == [
        (a.pk, date(2026, 5, 1), date(2026, 6, 1), 2),
        (b.pk, date(2026, 7, 1), date(2026, 8, 1), 2),
    ]
    assert {head.registration_id for head in found} == {registration.pk}
    assert {head.member_id for head in found} == {away.pk}
    # They count all the same (HY-6).
    assert sum(queries.person_months(area.pk, "310", 2026).values()) == 24


def test_open_registration_is_reported_to_the_end_of_the_year(ask, person, place, area, clerk):
    member = person()
    ask(member, place("甲"), WINDOW)
    ask(person(), place("乙"), date(2026, 12, 5))
    care.register_out_of_area(
        member=member, kind="retired_resettled", destination="310100", starts_on=date(2025, 1, 1), actor=clerk, now=NOW
    )
    (head,) = queries.double_funded_heads(area.pk, "310", 2026)
    assert (head.first_month, head.last_month, head.months) == (date(2026, 1, 1), date(2026, 12, 1), 12)


def test_members_who_have_not_chosen_are_counted(ask, person, place, area):
    ask(person(), place("甲"), WINDOW)
    person()
    person(died_on=date(2025, 12, 1))
    person(ends_on=date(2025, 6, 30))
    assert queries.not_yet_selected(area.pk, "310", 2026, date(2025, 12, 31)) == 1


@pytest.fixture
def offered(place):
    return [place(name) for name in ("甲", "乙", "丙")]


day_of_2026 = st.dates(date(2026, 1, 2), date(2026, 12, 31))
moves = st.lists(st.tuples(day_of_2026, st.integers(0, 2)), max_size=6).map(lambda pairs: sorted(dict(pairs).items()))


@settings(max_examples=80, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(in_window=st.none() | st.integers(0, 2), moves=moves, died_on=st.none() | day_of_2026)
def test_months_of_any_year_are_those_counted_one_by_one(ask, person, area, clerk, offered, in_window, moves, died_on):
    """A month counts for whoever was selected when the month before ended; after a death none does (HY-16)."""
    beginning = transaction.savepoint()
    member, held = person(), []
    if in_window is not None:
        ask(member, offered[in_window], WINDOW)
        held.append((date(2025, 12, 31), in_window))
    last_day = died_on or date(2026, 12, 31)
    for on, number in moves:
        if on <= last_day and not (held and held[-1][1] == number):
            ask(member, offered[number], on, "迁居")
            held.append((on, number))
    if died_on:
        end_selections(member=member, last_day=died_on, event="death", actor=clerk, now=NOW)

    by_month = []
    for month in range(1, last_day.month + 1):
        before = [number for day, number in held if day < date(2026, month, 1)]
        by_month.append({offered[before[-1]].pk: 1} if before else {})
    by_month += [{}] * (12 - last_day.month)
    assert [queries.heads(area.pk, "310", date(2026, month, 1)) for month in range(1, 13)] == by_month
    months = queries.person_months(area.pk, "310", 2026)
    assert months == dict(sum((Counter(month) for month in by_month), Counter()))
    assert sum(months.values()) <= 12
    transaction.savepoint_rollback(beginning)
