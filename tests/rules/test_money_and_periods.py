"""Fen, rounding, splits, days and months."""

from datetime import date
from decimal import Decimal
from fractions import Fraction
from math import floor

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bureau.rules import money, periods


@pytest.mark.parametrize(
    ("amount", "expected"), [("0.01", 1), ("-12.30", -1230), (Decimal("7"), 700), ("1E+2", 10_000)]
)
def test_fen_reads_yuan_exactly(amount: Decimal | str, expected: int) -> None:
    assert money.fen(amount) == expected


@pytest.mark.parametrize("amount", ["0.001", "NaN", "Infinity", "-inf", "", "1,000", None, 0.1, "12元"])
def test_fen_refuses_what_is_not_an_amount(amount: object) -> None:
    with pytest.raises(ValueError):
        money.fen(amount)  # type: ignore[arg-type]


@given(st.integers(-(10**15), 10**15))
def test_yuan_and_fen_are_inverse(amount: int) -> None:
    assert money.fen(money.yuan(amount)) == amount
    assert money.yuan(amount).as_tuple().exponent == -2


@given(st.integers(-(10**12), 10**12), st.integers(1, 10**9))
def test_half_goes_away_from_zero(numerator: int, denominator: int) -> None:
    exact = abs(Fraction(numerator, denominator))
    expected = floor(exact + Fraction(1, 2))
    assert money.round_half_up(numerator, denominator) == (expected if numerator >= 0 else -expected)


@given(st.integers(0, 10**12), st.dictionaries(st.text("abc", min_size=1), st.integers(0, 10**9), min_size=1))
def test_a_split_adds_up_and_is_nearest(total: int, weights: dict[str, int]) -> None:
    if not sum(weights.values()):
        total = 0
    parts = money.apportion(total, weights)
    assert sum(parts.values()) == total
    for key, weight in weights.items():
        if sum(weights.values()):
            assert abs(parts[key] - Fraction(total * weight, sum(weights.values()))) < 1


def test_a_split_gives_ties_to_the_first_key() -> None:
    assert money.apportion(2, {"b": 1, "a": 1, "c": 1}) == {"b": 1, "a": 1, "c": 0}
    with pytest.raises(ValueError):
        money.apportion(1, {"a": 0})
    with pytest.raises(ValueError):
        money.apportion(1, {"a": -1, "b": 3})


def test_ratios_show_as_percent() -> None:
    assert [money.percent(ratio) for ratio in (700_000, 577_500, 1_050_000, 0, 1_000_000)] == [
        "70%",
        "57.75%",
        "105%",
        "0%",
        "100%",
    ]
    with pytest.raises(ValueError):
        money.millionths(Decimal("0.1234567"))


def test_months_and_anniversaries() -> None:
    assert periods.expiry(date(2022, 11, 1), 3) == date(2025, 10, 31)
    assert periods.expiry(date(2024, 2, 29), 1) == date(2025, 2, 27)
    assert periods.add_months(date(2024, 8, 31), 6) == date(2025, 2, 28)
    assert periods.add_years(date(1956, 2, 29), 70) == date(2026, 2, 28)
    assert periods.next_month_start(date(2026, 12, 31)) == date(2027, 1, 1)
    assert list(periods.months_between("2025-11", "2026-02")) == ["2025-11", "2025-12", "2026-01", "2026-02"]
    assert periods.count_months(date(2026, 3, 1), date(2026, 12, 31)) == 10
    assert periods.count_months(date(2027, 1, 1), date(2026, 12, 31)) == 0
    assert periods.quarter(date(2026, 5, 9)) == periods.Span(date(2026, 4, 1), date(2026, 6, 30))
    assert periods.age_on(date(1956, 2, 29), date(2026, 2, 28)) == 70
    assert periods.age_on(date(1956, 2, 29), date(2026, 2, 27)) == 69
    assert periods.month_end("2024-02") == date(2024, 2, 29)
    for wrong in ("2024-2", "24-02", "2024-13", "2024"):
        with pytest.raises(ValueError):
            periods.month_start(wrong)


def test_spans_include_both_ends() -> None:
    span = periods.Span(date(2026, 1, 1), date(2026, 1, 31))
    assert date(2026, 1, 1) in span and date(2026, 1, 31) in span and date(2026, 2, 1) not in span
    assert date(2099, 1, 1) in periods.Span(date(2026, 1, 1))
    assert span.meets(periods.Span(date(2026, 1, 31), None)) and not span.meets(periods.Span(date(2026, 2, 1)))


def test_edges_of_amounts_are_where_they_are_said_to_be() -> None:
    for amount in ("1e20", "1e-20"):
        with pytest.raises(ValueError, match="larger than any amount here, or smaller"):
            money.fen(amount)
    assert money.yuan(-1) == Decimal("-0.01")
    assert (money.round_half_up(-1, 2), money.round_half_up(-1, 3)) == (-1, 0)
    with pytest.raises(ValueError, match="the denominator must be positive"):
        money.round_half_up(1, 0)
    with pytest.raises(ValueError, match="not negative"):
        money.apportion(-1, {"a": 1})
