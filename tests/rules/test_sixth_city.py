"""A sixth city is a new file only: shapes that none of the five has, as data."""

from datetime import date
from typing import Any

import pytest

from bureau.rules.accounts.credits import monthly_credit
from bureau.rules.benefits.fund import Care, Outcome, Past, adjudicate, counters, figures_needed, past_of
from bureau.rules.benefits.trace import Step, render
from bureau.rules.errors import EditionError
from bureau.rules.format.edition import Edition, load

HEAD = """
document = "甲府〔2026〕1号"
title = "甲市办法"
city = "jia"
name = "甲市"
area = "990199"
scheme = "310"
starts_on = 2026-01-01

[articles]
"1" = "待遇"

[persons]
active = "active"
retired = "retired"
poor = "poor"

[[entitlement]]
standing = "waiting"
refuse = "no_benefit_period"
article = "1"

[[places]]
when = "local"
charge = "fee_for_service"
article = "1"

[[places]]
when = "filed"
charge = "fund_direct"
article = "1"

[[figures]]
code = "average_wage"
label = "平均工资"
article = "1"
years_back = 1

[provider]
article = "1"
method = "fee_for_service"

[benefits]
article = "1"
costs = ["ordinary", "essential"]
shares = [{ fund = "employees_pool", article = "1" }]
"""


def city(terms: str) -> Edition:
    return load({"jia.toml": HEAD + terms})


def settle(edition: Edition, cost: int, *past: Past, steps: list[Step] | None = None, **facts: Any) -> Outcome:
    care = Care(
        **{
            "on": date(2026, 5, 4),
            "encounter": "now",
            "institution": "A",
            "level": 1,
            "kind": "",
            "place": frozenset({"local"}),
            "standing": frozenset(),
            "person_class": "active",
            "costs": {"ordinary": cost},
            **facts,
        }
    )
    return adjudicate(edition, care, counters(edition, care, past), steps)


RATIO = """
[[benefits.terms]]
id = "half"
kind = "ratio"
ratio = 0.5
article = "1"
"""


def test_a_limit_on_the_cost_let_in_after_the_deductible() -> None:
    edition = city(
        """
[[benefits.terms]]
id = "floor"
kind = "deductible"
window = "year"
amount = 500
article = "1"
[[benefits.terms]]
id = "let_in"
kind = "cap"
base = "cost"
window = "year"
amount = 1000
article = "1"
"""
        + RATIO
    )
    first = settle(edition, 120_000)
    assert (first.deductible, first.fund, first.binding) == (50_000, 35_000, "")
    used = Past(on=date(2026, 2, 1), cost=120_000, deductible=50_000, fund=35_000)
    second = settle(edition, 50_000, used)
    assert (second.fund, second.self_pay, second.binding) == (15_000, 35_000, "let_in")
    third = settle(edition, 50_000, used, Past(on=date(2026, 2, 2), cost=50_000, fund=15_000))
    assert (third.fund, third.refusal and third.refusal.code) == (0, "annual_cap")


def test_a_deductible_each_visit_under_a_yearly_ceiling() -> None:
    edition = city(
        """
[[benefits.terms]]
id = "each"
kind = "deductible"
window = "visit"
amount = 100
ceiling = { window = "year", amount = 150 }
article = "1"
"""
        + RATIO
    )
    before = Past(on=date(2026, 2, 1), encounter="old", deductible=10_000, fund=1)
    assert settle(edition, 20_000).deductible == 10_000
    assert settle(edition, 20_000, before).deductible == 5000
    same = Past(on=date(2026, 5, 4), encounter="now", deductible=10_000, fund=1)
    assert settle(edition, 20_000, same).deductible == 0


def test_bands_over_the_years_cost() -> None:
    edition = city(
        """
[[benefits.terms]]
id = "bands"
kind = "ratio"
window = "year"
bands = [{ over = 0, ratio = 0.5 }, { over = 1000, ratio = 0.6 }, { over = 2000, ratio = 0.7 }]
article = "1"
"""
    )
    used = Past(on=date(2026, 2, 1), cost=90_000, fund=45_000)
    # 100.00 at 50 %, 1000.00 at 60 %, 50.05 at 70 %: 50.00 + 600.00 + 35.035
    assert settle(edition, 115_005, used).fund == 68_504
    assert settle(edition, 100_000).fund == 50_000


def test_age_place_class_and_cost_in_one_table_and_a_second_ratio() -> None:
    edition = city(
        """
[[benefits.terms]]
id = "table"
kind = "ratio"
article = "1"
rows = [
    { cost = "essential", ratio = 1 },
    { person = "poor", ratio = 0.9 },
    { person = "retired", age_from = 70, ratio = 0.8 },
    { person = "retired", ratio = 0.7 },
    { person = "active", plan = ["unit"], ratio = 0.6 },
    { person = "active", ratio = 0.55 },
]
[[benefits.terms]]
id = "away"
kind = "ratio"
ratio = 0.9
when = "!local"
article = "1"
"""
    )
    assert settle(edition, 10_000, person_class="poor").fund == 9000
    old = {"person_class": "retired", "birth": date(1956, 5, 4)}
    assert settle(edition, 10_000, **old).fund == 8000
    assert settle(edition, 10_000, on=date(2026, 5, 3), **old).fund == 7000
    assert settle(edition, 10_000, person_class="retired").fund == 7000
    assert settle(edition, 10_000, plan="unit").fund == 6000
    away = settle(edition, 10_001, place=frozenset({"filed"}))
    assert (away.fund, away.charge) == (4950, "fund_direct")  # 100.01 × 55 % × 90 % = 49.50495
    both = settle(edition, 0, costs={"ordinary": 10_000, "essential": 1})
    assert both.fund == 5501
    assert settle(edition, 10_000, person_class="guest").refusal is not None


def test_quarter_day_and_named_period_windows_on_a_wage_formula() -> None:
    edition = city(
        RATIO
        + """
[[benefits.terms]]
id = "day"
kind = "cap"
base = "fund"
window = "day"
amount = 100
article = "1"
[[benefits.terms]]
id = "quarter"
kind = "cap"
base = "fund"
window = "quarter"
amount = { ratio = 0.01, of = "average_wage" }
article = "1"
[[benefits.terms]]
id = "season"
kind = "cap"
base = "fund"
window = "period"
periods = [{ from = 2026-05-01, to = 2026-06-15 }]
amount = 250
article = "1"
"""
    )
    assert [figure.code for figure in figures_needed(edition, date(2026, 5, 4))] == ["average_wage"]
    wage = {"figures": {"average_wage": 3_000_050}}  # a hundredth: 300.0050 → 300.01
    assert settle(edition, 90_000, **wage).fund == 10_000
    today = Past(on=date(2026, 5, 4), institution="B", fund=7000)
    assert settle(edition, 90_000, today, **wage).fund == 3000
    april = Past(on=date(2026, 4, 1), fund=29_000)
    limited = settle(edition, 90_000, april, **wage)
    assert (limited.fund, limited.binding) == (1001, "quarter")
    may = Past(on=date(2026, 5, 1), fund=24_500)
    limited = settle(edition, 90_000, may, **wage)
    assert (limited.fund, limited.binding) == (500, "season")
    assert settle(edition, 90_000, Past(on=date(2026, 3, 31), fund=24_500), **wage).fund == 10_000
    missing = settle(edition, 90_000)
    assert missing.refusal is not None and missing.refusal.code == "figure_missing"


def test_a_standing_of_the_citys_own_refuses() -> None:
    refusal = settle(city(RATIO), 100, standing=frozenset({"waiting"})).refusal
    assert refusal is not None and (refusal.code, refusal.article) == ("no_benefit_period", "1")
    for standing in ("not_enrolled", "suspended", "no_benefit_period"):
        refusal = settle(city(RATIO), 100, standing=frozenset({standing})).refusal
        assert refusal is not None and refusal.code == standing
    assert settle(city(RATIO), 100, standing=frozenset({"inpatient"})).fund == 50


def test_less_than_half_a_fen_and_a_place_without_a_rule_say_why() -> None:
    edition = city(RATIO.replace("0.5", "0.4"))
    outcome = settle(edition, 1)
    assert (outcome.fund, outcome.refusal and outcome.refusal.code) == (0, "rounds_to_nothing")
    outcome = settle(edition, 1, place=frozenset())
    assert (outcome.fund, outcome.refusal and outcome.refusal.code) == (0, "place_not_covered")
    with pytest.raises(ValueError, match="negative"):
        settle(edition, -1)


def test_the_trace_is_the_same_walk() -> None:
    steps: list[Step] = []
    outcome = settle(city(RATIO), 333, steps=steps)
    assert outcome == settle(city(RATIO), 333)
    assert [render(step) for step in steps] == [
        "Cost within the policy range",
        "Charged to: fund, by item",
        "50% of 3.33: 1.665",
        "Rounded half up to the fen, once",
        "Paid by employees' pooled fund",
    ]
    assert [step.amount for step in steps] == [333, None, None, 167, 167]
    assert render(steps[1], {"Charged to: {charge}": "列入：{charge}", "fund, by item": "按项目付费"}.get) == (
        "列入：按项目付费"
    )


def test_residents_without_an_account_section_have_none() -> None:
    edition = city(RATIO)
    assert not edition.has("credits") and not edition.has("account") and not edition.has("selection")
    assert (
        past_of(
            Care(date(2026, 1, 1), "1", "A", 1, "", frozenset(), frozenset(), "active", {"ordinary": 5}),
            settle(edition, 5),
        ).fund
        == 3
    )


def test_terms_in_an_order_that_cannot_be_computed_are_refused() -> None:
    late = '[[benefits.terms]]\nid = "d"\nkind = "deductible"\nwindow = "year"\namount = 1\narticle = "1"\n'
    with pytest.raises(EditionError, match="put what works on the cost first"):
        city(RATIO + late)
    with pytest.raises(EditionError, match="add a term of kind ratio"):
        city(late)


def test_outside_its_periods_a_term_says_nothing() -> None:
    edition = city(
        RATIO
        + """
[[benefits.terms]]
id = "season"
kind = "cap"
base = "fund"
window = "period"
periods = [{ from = 2026-05-01, to = 2026-06-15 }]
amount = 10
article = "1"
"""
    )
    for on, fund in ((date(2026, 4, 30), 5000), (date(2026, 5, 1), 1000), (date(2026, 6, 15), 1000)):
        assert settle(edition, 10_000, on=on).fund == fund
    assert settle(edition, 10_000, on=date(2026, 6, 16)).fund == 5000


@pytest.mark.parametrize(
    ("terms", "code"),
    [
        (RATIO.replace("ratio = 0.5", "ratio = GAP"), "class_not_covered"),
        (RATIO.replace("ratio = 0.5", "rows = [{ ratio = GAP }, { ratio = 0.9 }]"), "class_not_covered"),
        (
            RATIO.replace("ratio = 0.5", "bands = [{ over = 0, ratio = 0.5 }, { over = 10, ratio = GAP }]"),
            "class_not_covered",
        ),
        (
            RATIO + '[[benefits.terms]]\nid = "c"\nkind = "cap"\nbase = "fund"\nwindow = "year"\n'
            'amount = GAP\narticle = "1"\n',
            "figure_missing",
        ),
        (
            '[[benefits.terms]]\nid = "d"\nkind = "deductible"\nwindow = "visit"\namount = 1\narticle = "1"\n'
            'ceiling = { window = "year", amount = GAP }\n' + RATIO,
            "figure_missing",
        ),
        (
            '[[benefits.prices]]\ncost = "ordinary"\narticle = "1"\nrows = [{ amount = GAP }]\n' + RATIO,
            "figure_missing",
        ),
        ('[[benefits.fixed]]\ncost = "ordinary"\narticle = "1"\namount = GAP\n' + RATIO, "figure_missing"),
    ],
)
def test_a_value_that_is_missing_on_the_day_is_refused_never_guessed(terms: str, code: str) -> None:
    gap = "[{ from = 2026-01-01, to = 2026-05-03, value = 0.5 }, { from = 2026-05-05, value = 0.5 }]"
    edition = city(terms.replace("GAP", gap))
    outcome = settle(edition, 10_000)
    assert (outcome.fund, outcome.self_pay, outcome.refusal and outcome.refusal.code) == (0, 10_000, code)
    assert settle(edition, 10_000, on=date(2026, 5, 3)).fund > 0
    assert settle(edition, 10_000, on=date(2026, 5, 5)).fund > 0


def test_nothing_of_a_figure_is_nothing() -> None:
    cap = '[[benefits.terms]]\nid = "c"\nkind = "cap"\nbase = "fund"\nwindow = "year"\narticle = "1"\n'
    edition = city(RATIO + cap + 'amount = { ratio = 0, of = "average_wage" }\n')
    outcome = settle(edition, 10_000, figures={"average_wage": 8_000_000})
    assert (outcome.fund, outcome.refusal and outcome.refusal.code) == (0, "annual_cap")


def test_a_credit_without_a_value_on_the_day_is_refused() -> None:
    credits = """
[credits]
article = "1"
follows = "benefit_period"
follows_article = "1"
lines = [
    { classes = "retired", amount = [{ from = 2026-03-01, value = 50 }], source = "pool", article = "1" },
]
"""
    edition = load({"jia.toml": HEAD + RATIO + credits})
    early = monthly_credit(edition, person_class="retired", month="2026-02")
    assert (early.amount, early.refusal and early.refusal.code) == (0, "figure_missing")
    assert monthly_credit(edition, person_class="retired", month="2026-03").amount == 5000
