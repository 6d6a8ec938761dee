"""Selection where a centre and a station are chosen, and where one hospital away from home is: through the services."""

from datetime import UTC, date, datetime

import pytest

from bureau.errors import DomainError, RefusedError
from bureau.rules import payment as provider
from bureau.rules.money import fen
from institutions import queries
from institutions.models import OutOfAreaRegistration, Selection
from institutions.services.selection import choose
from tests.settlement import factories
from tests.settlement.cases import cases

pytestmark = pytest.mark.django_db

NOW = datetime(2024, 6, 1, 2, tzinfo=UTC)
KINDS = {
    "township": ("centre", 1),
    "community": ("centre", 1),
    "school": ("school_clinic", 1),
    "village": ("station", 0),
    "hospital2": ("hospital", 2),
    "hospital3": ("hospital", 3),
}
SINCE = date(2023, 1, 1)


def named(case):
    return case["id"]


def placed(city, asked: list[dict], existing: str | None) -> dict:
    """The institutions of a case by their letters; a station belongs to the centre asked for, unless told otherwise."""
    places = {}

    def place(name, kind, **more):
        places[name] = factories.institution(city, name, kind=KINDS[kind][0], level=KINDS[kind][1], since=SINCE, **more)

    for item in sorted(asked, key=lambda item: item["type"] == "village"):
        more = {}
        if item["type"] == "village":
            parent = item.get("parent", asked[0]["id"])
            if parent not in places:
                place(parent, "township")
            more = {"parent": places[parent]}
        place(item["id"], item["type"], **more)
    if existing and existing not in places:
        place(existing, "township")
    return places


def begins_as_it_changes(case) -> bool:
    """A change on 1 January: the selection that it replaces would last no day and count a month."""
    facts = case["facts"]
    return facts["request"] == "change" and facts["date"] == date(facts["for_year"], 1, 1)


@pytest.mark.parametrize("case", [c for c in cases("shaoguan", "selection") if not begins_as_it_changes(c)], ids=named)
def test_selection_case_of_two_institutions(case):
    facts, expected, year = case["facts"], case["expected"], case["facts"]["for_year"]
    city = factories.city_of("shaoguan")
    places = placed(city, facts["institutions"], facts["existing"])
    member = factories.member(city, person_class="resident", starts_on=SINCE, account=False)
    act = {"member": member, "year": year, "actor": city.clerk, "now": NOW}
    if facts["existing"]:
        choose(**act, institutions=places[facts["existing"]], requested_on=date(year - 1, 10, 10))
    before = list(Selection.objects.order_by("pk").values())
    asked = [places[item["id"]] for item in facts["institutions"]]
    request = {"institutions": asked, "requested_on": facts["date"], "reason": facts.get("reason") or ""}
    route = "change" if facts["request"] == "change" else ""
    if not expected["accepted"]:
        with pytest.raises(RefusedError) as refused:
            choose(**act, **request, route=route)
        assert refused.value.refusal.code == expected["why"]
        assert list(Selection.objects.order_by("pk").values()) == before
        return
    made = choose(**act, **request, route=route)
    assert [row.role for row in made] == ["primary", "station"][: len(asked)]
    if "benefit_from" in expected:
        assert {row.starts_on for row in made} == {expected["benefit_from"]}
    counted = queries.person_months(city.area.pk, "390", year)
    months = expected.get("months", {})
    assert {name: counted.get(places[name].pk, 0) for name in months} == months
    for name, amount in expected.get("budget", {}).items():
        told = {"person_months": counted.get(places[name].pk, 0)}
        assert provider.compute(city.rules, date(year, 12, 31), "quota", told)["quota"] == fen(amount)


def test_selection_changes_from_the_day_after_it_begins():
    city = factories.city_of("shaoguan")
    old, new = (factories.institution(city, since=SINCE) for _number in range(2))
    member = factories.member(city, person_class="resident", starts_on=SINCE, account=False)
    act = {"member": member, "year": 2024, "actor": city.clerk, "now": NOW}
    choose(**act, institutions=old, requested_on=date(2023, 10, 10))
    with pytest.raises(DomainError):
        choose(**act, institutions=new, requested_on=date(2024, 1, 1), reason="moved", route="change")
    assert Selection.objects.get().institution == old
    choose(**act, institutions=new, requested_on=date(2024, 1, 2), reason="moved", route="change")
    counted = queries.person_months(city.area.pk, "390", 2024)
    assert (counted[old.pk], counted[new.pk]) == (1, 11)


def test_one_hospital_away_from_home_is_chosen_by_those_registered():
    city = factories.city_of("zhanjiang")
    member = factories.member(city, starts_on=SINCE, account=False)
    home = factories.institution(city, kind="hospital", level=3, since=SINCE)
    away, other = (
        factories.institution(city, kind="hospital", level=3, local=False, since=SINCE) for _number in range(2)
    )
    act = {"member": member, "year": 2023, "requested_on": date(2023, 5, 8), "actor": city.clerk, "now": NOW}
    for where, code in ((away, "remote_not_filed"), (home, "type_not_allowed")):
        with pytest.raises(RefusedError) as refused:
            choose(**act, institutions=where)
        assert refused.value.refusal.code == code
    OutOfAreaRegistration.objects.create(
        member=member, kind="long_term_resident", destination=away.code[1:7], starts_on=date(2023, 5, 1)
    )
    with pytest.raises(RefusedError) as refused:
        choose(**act, institutions=[away, other])
    assert refused.value.refusal.code == "too_many"
    assert not Selection.objects.exists()

    [row] = choose(**act, institutions=away)
    assert (row.role, row.route, row.starts_on, row.counts_from) == ("remote", "in_year", date(2023, 5, 8), None)
    assert choose(**act, institutions=away) == [row]

    later = act | {"requested_on": date(2023, 8, 1)}
    [changed] = choose(**later, institutions=other)
    row.refresh_from_db()
    assert (row.ends_on, changed.role, changed.starts_on) == (date(2023, 7, 31), "remote", date(2023, 8, 1))
    assert queries.person_months(city.area.pk, "310", 2023) == {}


def test_hospital_away_is_chosen_for_the_year_in_which_the_registration_begins():
    city = factories.city_of("zhanjiang")
    member = factories.member(city, starts_on=SINCE, account=False)
    away = factories.institution(city, kind="hospital", level=3, local=False, since=SINCE)
    OutOfAreaRegistration.objects.create(
        member=member, kind="long_term_resident", destination=away.code[1:7], starts_on=date(2024, 1, 1)
    )
    act = {"member": member, "institutions": away, "requested_on": date(2023, 12, 19), "actor": city.clerk, "now": NOW}
    with pytest.raises(RefusedError):
        choose(**act, year=2023)
    assert not Selection.objects.exists()
    [row] = choose(**act, year=2024)
    assert (row.role, row.starts_on) == ("remote", date(2024, 1, 1))


def test_nobody_chooses_where_the_edition_asks_for_no_choice():
    city = factories.city_of("kaifeng")
    member = factories.member(city, starts_on=SINCE, account=False)
    where = factories.institution(city, since=SINCE)
    with pytest.raises(DomainError):
        choose(member=member, institutions=where, year=2024, requested_on=date(2024, 3, 1), actor=city.clerk, now=NOW)
    assert not Selection.objects.exists()
