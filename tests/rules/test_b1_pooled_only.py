"""单建统筹 is a way of being insured: ratios and caps are those of the class, and there is no account."""

from datetime import date
from typing import Any

import pytest

from bureau.rules.accounts.credits import monthly_credit
from bureau.rules.benefits.fund import adjudicate, counters
from bureau.rules.benefits.visit import Care
from bureau.rules.cases.run import run_case
from bureau.rules.enrolment import group_of
from bureau.rules.format.edition import load, load_folder
from tests.rules.test_sixth_city import HEAD

BOOK = load_folder()
CITY = {edition.city: edition for edition in BOOK.editions}
CREDITS = """
terms = [{ id = "ratio", kind = "ratio", article = "1", ratio = 0.6 }]

[credits]
article = "1"
follows = "benefit_period"
follows_article = "1"
lines = [
    { classes = "pooled_only", ratio = 0.01, source = "contribution", article = "1" },
    { classes = "retired", amount = 50, source = "pool", article = "1" },
    { classes = "retired", plan = "pooled_only", amount = 5, source = "pool", article = "1" },
]
"""
LOCAL = frozenset({"local", "designated"})


def paid(edition, cost: int, on: date = date(2023, 5, 4), level: int = 2, **facts: Any):
    care = Care(
        on=on, encounter="1", institution="H", level=level, kind="hospital", place=LOCAL, standing=frozenset(),
        costs={"ordinary": cost}, figures={"yearly_cap": 199_600}, **facts,
    )  # fmt: skip
    return adjudicate(edition, care, counters(edition, care, ()))


@pytest.mark.parametrize(
    ("city", "person_class", "fund"),
    [
        ("kaifeng", "retired", 20_000),  # (600 - 40) × 65 % = 364.00, the month's 200.00
        ("kaifeng", "active", 15_000),
        ("kaifeng", "flexible", 15_000),
        ("zhanjiang", "retired", 34_800),  # 58 % of 600
        ("zhanjiang", "active", 33_000),
    ],
)
def test_b1_ratios_and_caps_are_those_of_the_class(city, person_class, fund):
    assert paid(CITY[city], 60_000, person_class=person_class, plan="pooled_only").fund == fund
    assert paid(CITY[city], 60_000, person_class=person_class).fund == fund


@pytest.mark.parametrize("city", ["kaifeng", "zhanjiang", "heyuan", "chongqing"])
@pytest.mark.parametrize("person_class", ["active", "retired", "flexible", "lump_sum", "retired_paying_monthly"])
def test_b1_no_edition_credits_who_is_in_the_pooled_fund_only(city, person_class):
    month = {"heyuan": "2026-03", "chongqing": "2024-03"}.get(city, "2023-03")
    facts: dict[str, Any] = {"person_class": person_class, "month": month, "base": 500_000, "birth": date(1960, 1, 2)}
    credit = monthly_credit(CITY[city], plan="pooled_only", **facts)
    assert (credit.amount, credit.refusal and credit.refusal.code) == (0, "no_account")


def test_b1_an_edition_may_name_them_with_ratios_and_credits_of_their_own():
    edition = load({"jia.toml": HEAD.replace('active = "active"', 'own = "pooled_only"\nactive = "active"') + CREDITS})
    persons = edition.at(edition.starts_on)["persons"]
    assert {group_of(persons, person_class, "pooled_only") for person_class in ("active", "flexible")} == {"own"}
    assert [group_of(persons, *kind) for kind in (("active", ""), ("retired", "pooled_only"))] == ["active", "retired"]
    assert group_of(persons, "pooled_only") == "own"  # as receipts say it that were made when it was a class
    month: dict[str, Any] = {"month": "2026-03", "base": 100_000}
    assert monthly_credit(edition, person_class="active", plan="pooled_only", **month).amount == 1_000
    assert monthly_credit(edition, person_class="retired", plan="pooled_only", **month).amount == 500
    assert monthly_credit(edition, person_class="retired", **month).amount == 5_000


def visit(status: str, **member: str) -> dict[str, Any]:
    return {
        "id": "B1", "city": "kaifeng", "kind": "visits",
        "facts": {
            "member": {"status": status, **member},
            "events": [{"n": 1, "d": "2023-05-04", "inst": "H", "lvl": 2, "rel": "designated", "amt": "600.00"}],
        },
    }  # fmt: skip


def test_b1_cases_keep_the_word_and_can_say_both():
    for facts, fund in ((visit("pooled_only"), "150.00"), (visit("retired", plan="pooled_only"), "200.00")):
        assert run_case(facts | {"expected": {"lines": [{"fund": fund}]}}, BOOK) == []
    segment = {"from": "2023-01", "to": "2023-12", "status": "retired", "plan": "pooled_only"}
    year = {"id": "B1", "city": "kaifeng", "kind": "pa_accrual", "facts": {"segments": [segment]}}
    assert run_case(year | {"expected": {"total": "0.00"}}, BOOK) == []
    segment["status"], segment["plan"] = "pooled_only", None
    assert run_case(year | {"expected": {"total": "0.00"}}, BOOK) == []
