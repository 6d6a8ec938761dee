"""The worked cases of selection and capitation, taken through the services and counted by the queries."""

from datetime import UTC, date, datetime

import pytest

from bureau.editions.rulebook import rulebook
from bureau.errors import RefusedError
from bureau.rules import payment as provider
from bureau.rules.money import fen, yuan
from institutions import queries
from institutions.models import Selection
from institutions.services.choices import Ask, plan_for
from institutions.services.selection import choose, end_selections, write
from tests.settlement.cases import cases

pytestmark = pytest.mark.django_db

NOW = datetime(2026, 1, 5, 9, 30, tzinfo=UTC)


OWN = [{"id": "OWN-31", "facts": {"person_months": 31}, "expected": {"budget": "826.67"}}]


def named(case):
    return case["id"]


def quota(area, months, on=date(2026, 12, 31)):
    edition = rulebook(area.pk).on(area.pk, "310", on)
    return str(yuan(provider.compute(edition, on, "quota", {"person_months": months})["quota"]))


@pytest.mark.parametrize("case", cases("heyuan", "selection"), ids=named)
def test_selection_case_through_the_services(case, edition, area, person, place, clerk):
    facts, expected, year = case["facts"], case["expected"], case["facts"]["for_year"]
    member = person()
    known = {name: place(name) for name in {*facts["institutions"], facts["existing"], "A"} if name}

    def ask(names, on, reason="", route=""):
        return choose(
            member=member, institutions=[known[name] for name in names], year=year, requested_on=on,
            reason=reason, route=route, actor=clerk, now=NOW,
        )  # fmt: skip

    if facts["existing"]:
        first_month = facts.get("existing_from", date(year, 1, 1))
        ask([facts["existing"] if first_month.month == 1 else "A"], date(year - 1, 10, 10))
        if first_month.month > 1:
            ask([facts["existing"]], first_month.replace(month=first_month.month - 1), "moved", "change")
    before = list(Selection.objects.order_by("pk").values())
    route = "change" if facts["request"] == "change" else ""
    try:
        selections = ask(facts["institutions"], facts["date"], facts.get("reason") or "", route)
    except RefusedError as refused:
        assert {"accepted": False, "why": refused.refusal.code} == expected
        assert list(Selection.objects.order_by("pk").values()) == before
        return
    assert expected["accepted"]
    if "benefit_from" in expected:
        assert [selection.starts_on for selection in selections] == [expected["benefit_from"]]
    counted = queries.person_months(area.pk, "310", year)
    months = {name: counted.get(known[name].pk, 0) for name in expected["months"]}
    assert months == expected["months"]
    for name, amount in expected.get("budget", {}).items():
        assert quota(area, months[name]) == amount


@pytest.mark.parametrize("case", [*OWN, *cases("heyuan", "capitation")], ids=named)
def test_capitation_case_from_counted_heads(case, edition, area, person, place, clerk):
    """Members for whole years, and one who chose in the year for the rest of the months."""
    a, months = place("甲"), case["facts"]["person_months"]
    asks = [Ask(person().pk, (a.pk,), 2026, date(2025, 10, 10)) for _member in range(months // 12)]
    if months % 12:
        asks.append(Ask(person().pk, (a.pk,), 2026, date(2026, 12 - months % 12, 20)))
    plan = plan_for(asks, actor=clerk)
    for ask in asks:
        plan.choose(ask)
    write(plan)
    assert queries.person_months(area.pk, "310", 2026) == {a.pk: months}
    assert sum(queries.heads(area.pk, "310", date(2026, m, 1)).get(a.pk, 0) for m in range(1, 13)) == months
    assert fen(quota(area, months)) == fen(case["expected"]["budget"])


def test_heads_who_come_and_go_make_97_months(edition, area, person, place, clerk):
    """Seven stay, two leave on 20 May, one comes on 3 September: 84 + 10 + 3."""
    a, b = place("甲"), place("乙")

    def ask(member, institution, on, reason=""):
        return choose(
            member=member, institutions=institution, year=2026, requested_on=on, reason=reason, actor=clerk, now=NOW
        )

    stay = [person() for _member in range(9)]
    for member in stay:
        ask(member, a, date(2025, 9, 1))
    ask(stay[0], b, date(2026, 5, 20), "迁居")
    end_selections(member=stay[1], last_day=date(2026, 5, 20), event="death", actor=clerk, now=NOW)
    ask(person(), a, date(2026, 9, 3))
    assert queries.person_months(area.pk, "310", 2026) == {a.pk: 97, b.pk: 7}
    assert quota(area, 97) == "2586.67"
    monthly = [queries.heads(area.pk, "310", date(2026, m, 15)).get(a.pk, 0) for m in range(1, 13)]
    assert monthly == [9, 9, 9, 9, 9, 7, 7, 7, 7, 8, 8, 8]
