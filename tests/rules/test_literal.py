"""The engine against the literal reading, and what must hold for any chain of visits."""

from datetime import date, timedelta
from fractions import Fraction

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bureau.rules import payment as provider
from bureau.rules.benefits.fund import Care, Past, adjudicate, counters, past_of, replay_chain
from bureau.rules.benefits.program import CAP, program_of
from bureau.rules.benefits.receipts import receipt, replay
from bureau.rules.cases.visits import PLACES
from bureau.rules.format.edition import Edition, load_folder
from tests.rules import literal

RULEBOOK = load_folder()
CITY = {edition.city: edition for edition in RULEBOOK.editions}
YEARS = {
    "heyuan": (date(2025, 8, 1), 700),
    "zhanjiang": (date(2022, 11, 1), 420),
    "kaifeng": (date(2022, 7, 1), 600),
    "shaoguan": (date(2023, 11, 1), 200),
    "chongqing": (date(2024, 9, 1), 250),
}
WHERE = {
    "heyuan": ["selected"] * 4 + ["nonselected", "referral", "emergency", "remote_filed", "remote_unfiled"],
    "zhanjiang": ["designated"] * 4 + ["remote_selected", "remote_nonselected", "nondesignated", "pharmacy_rx"],
    "kaifeng": ["designated"] * 4 + ["pharmacy_rx", "remote_filed", "remote_unfiled", "nondesignated_emergency"],
    "shaoguan": ["selected"] * 3 + ["remote", "remote", "nonselected", "emergency", "referral"],
    "chongqing": ["designated"] * 4 + ["remote_manual", "pharmacy_rx", "nondesignated"],
}


@st.composite
def chains(draw: st.DrawFn, city: str) -> list[literal.Visit]:
    first, days = YEARS[city]
    retires = draw(st.integers(0, days))
    visits: list[literal.Visit] = []
    gaps = draw(st.lists(st.sampled_from([0, 0, 0, 1, 3, 20, 60]), min_size=1, max_size=12))
    day = draw(st.integers(0, days // 2))
    for number, gap in enumerate(gaps):
        day = min(day + gap, days)
        on = first + timedelta(days=day)
        same = draw(st.booleans()) and visits and visits[-1].on == on
        status = "resident" if city == "shaoguan" else "retired" if day >= retires else "active"
        visits.append(
            literal.Visit(
                on=on,
                encounter=visits[-1].encounter if same else str(number),
                institution=draw(st.sampled_from("AB")),
                level=draw(st.integers(0, 3)),
                where=draw(st.sampled_from(WHERE[city])),
                cost=Fraction(draw(st.integers(0, 90_000) | st.integers(0, 800_000)), 100),
                status=status,
                plan=draw(st.sampled_from(["unit", "personal_2", "personal_1"])),
                fee=Fraction(draw(st.sampled_from([0, 0, 500, 1000, 1200])), 100)
                if city == "shaoguan"
                else Fraction(0),
            )
        )
    return visits


def care_of(visit: literal.Visit, cap: int) -> Care:
    costs = {"ordinary": int(visit.cost * 100)}
    if visit.fee:
        costs["general_fee"] = int(visit.fee * 100)
    return Care(
        on=visit.on,
        encounter=visit.encounter,
        institution=visit.institution,
        level=visit.level,
        kind="",
        place=PLACES[visit.where],
        standing=frozenset(),
        person_class=visit.status,
        plan=visit.plan,
        costs=costs,
        figures={"yearly_cap": cap},
    )


def check_chain(edition: Edition, visits: list[literal.Visit], cap: int) -> None:
    expected = literal.chain(edition.city, visits, Fraction(cap, 100))
    past: list[Past] = []
    for visit, paid in zip(visits, expected, strict=True):
        care = care_of(visit, cap)
        used = counters(edition, care, past)
        outcome = adjudicate(edition, care, used)
        assert Fraction(outcome.fund, 100) == paid.fund
        assert Fraction(outcome.deductible, 100) == paid.deductible
        assert outcome.fund + outcome.self_pay + outcome.out_of_policy == sum(care.costs.values())
        assert sum(outcome.shares.values()) == outcome.fund
        assert (outcome.fund == 0) == (outcome.refusal is not None)
        assert replay(edition, receipt(edition, care, used)) == outcome
        for term in program_of(edition, care).terms:
            if term.kind == CAP and outcome.fund:
                limit = term.limit.value(care.figures)
                assert limit is not None
                assert used[term.id] + outcome.fund <= limit
        # The order of what came before does not matter, and a reversal restores the counters exactly.
        assert counters(edition, care, reversed(past)) == used
        row = past_of(care, outcome)
        assert counters(edition, care, [*past, row, row.reversed()]) == used
        past.append(row)
    again = replay_chain(lambda _on: edition, [care_of(visit, cap) for visit in visits])
    assert [Fraction(outcome.fund, 100) for outcome in again] == [paid.fund for paid in expected]


@pytest.mark.parametrize("city", sorted(CITY))
def test_any_chain_equals_the_literal_reading(city: str) -> None:
    @settings(max_examples=150, deadline=None, derandomize=True)
    @given(chains(city), st.integers(0, 300_000))
    def run(visits: list[literal.Visit], cap: int) -> None:
        check_chain(CITY[city], visits, cap)

    run()


@settings(max_examples=300, deadline=None, derandomize=True)
@given(st.integers(0, 10**9), st.integers(0, 12 * 10**8), st.integers(0, 10**9))
def test_year_end_equals_the_literal_reading(quota: int, use: int, advanced: int) -> None:
    facts = {"quota": quota, "actual": use, "advanced": advanced}
    result = provider.compute(CITY["heyuan"], date(2026, 12, 31), "year_end", facts)
    expected = literal.heyuan_year_end(Fraction(quota, 100), Fraction(use, 100), Fraction(advanced, 100))
    assert {name: Fraction(value, 100) for name, value in result.items()} == expected
    assert result["due"] + result["kept_by_fund"] == quota
    assert result["due"] + result["borne_by_institution"] >= use


@settings(max_examples=200, deadline=None, derandomize=True)
@given(st.integers(1, 12), st.integers(0, 200_000), st.integers(0, 10**9))
def test_advance_equals_the_literal_reading(month: int, heads: int, last_month: int) -> None:
    facts = {"month": f"2026-{month:02d}", "headcount": heads, "prev_actual": last_month}
    result = provider.compute(CITY["heyuan"], date(2026, month, 1), "advance", facts)
    expected = literal.heyuan_advance(month == 1, heads, Fraction(last_month, 100))
    assert Fraction(result["advance"], 100) == expected


@settings(max_examples=200, deadline=None, derandomize=True)
@given(
    st.integers(0, 10**9),
    st.dictionaries(st.sampled_from("ABCDEFG"), st.integers(-5, 10**8), min_size=1),
)
def test_pool_never_pays_above_the_pool_and_ties(pool: int, actual: dict[str, int]) -> None:
    result = provider.compute(CITY["zhanjiang"], date(2023, 5, 1), "month_settlement", {"pool": pool, "actual": actual})
    assert sum(result["settled"].values()) == result["total_settled"] <= pool
    for name in actual:
        assert result["paid"][name] + result["retained"][name] == result["settled"][name]
        assert min(result["paid"][name], result["retained"][name]) >= 0
