"""Runs of methods with totals, pools and prepayments: what is reported, what waits, what late facts make of a year."""

from datetime import UTC, date, datetime
from decimal import Decimal

import pytest

from bureau.editions.figures import confirm_figure, enter_figure
from bureau.errors import DomainError, RefusedError
from institutions.services.places import confirm_assessment, record_assessment
from settlement.models import Run
from settlement.queries.totals import reserves_used, year_budget, year_total
from settlement.services.runs.late import find_adjustments
from settlement.statements import statement
from tests.settlement import factories, history
from tests.settlement.runs import compute, disagreements, pay, trial_balance

pytestmark = pytest.mark.django_db

SINCE, MAY, YEAR = date(2024, 1, 1), date(2024, 5, 1), date(2024, 1, 1)
AFTER = datetime(2025, 1, 20, 2, tzinfo=UTC)


def opened(key: str, **changes):
    """A city, an institution of it and a member without an account."""
    city = factories.city_of(key, **changes)
    where = factories.institution(city, since=SINCE)
    return city, where, factories.member(city, starts_on=SINCE, account=False)


# By item, under a total


@pytest.mark.parametrize("key", ["kaifeng", "chongqing"])
def test_month_says_what_the_year_has_used_of_its_total(key):
    city, where, person = opened(key)
    plain = {"charge": "fee_for_service"}
    history.settled(city, where, person, on=date(2024, 4, 6), fund="700.00", **plain)
    unpublished = compute(city, "month", date(2024, 4, 1)).note
    assert "700.00" in unpublished and city.rules.figures["total_budget"].label in unpublished
    factories.figure(city.area, "total_budget", 2024, "1000.00", city.clerk, city.reviewer)
    april = pay(city, compute(city, "month", date(2024, 4, 1)))
    assert "700.00" in april.note and "1000.00" in april.note and "70.0%" in april.note
    assert compute(city, "items", date(2024, 4, 1)).note == april.note
    history.settled(city, where, person, on=date(2024, 5, 6), fund="450.00", **plain)
    may = pay(city, compute(city, "month", MAY))
    assert (may.total, may.lines.get().to_pay) == (Decimal("450.00"), Decimal("450.00"))
    assert "150.00" in may.note and "115.0%" in may.note
    total = year_total(city.rules, MAY, until=date(2024, 5, 31))
    assert (total.total, total.used, total.overrun) == (100000, 115000, 15000)
    with pytest.raises(DomainError):
        compute(city, "year_end", YEAR, now=AFTER)
    assert disagreements(city) == []


def test_what_the_second_fund_adds_is_paid_by_item_out_of_its_own_books():
    city, where, person = opened("chongqing")
    history.settled(
        city, where, person, on=date(2024, 5, 6), fund="100.00", large_claims="200.00", charge="fee_for_service"
    )
    month = pay(city, compute(city, "month", MAY))
    items = pay(city, compute(city, "items", MAY))
    assert (month.total, items.total) == (Decimal("100.00"), Decimal("200.00"))
    assert items.lines.get().results["paid"] == {"large_claims": 20000}
    assert trial_balance("payable_items") == {} and trial_balance() == {}
    assert disagreements(city) == []


# A pool


def test_pool_needs_its_figures_entered_and_confirmed():
    city = factories.city_of("zhanjiang")
    act = {"area": city.area, "document": "基金决算", "now": AFTER}
    figures = {
        ("levy_y_minus_2", 2021): "3000000000.00",
        ("remote_reserve", 2023): "10000000.00",
        ("emergency_reserve", 2023): "0.00",
    }
    for (code, year), value in figures.items():
        with pytest.raises(RefusedError) as missing:
            year_budget(city.rules, date(2023, 3, 1))
        assert city.rules.figures[code].label in str(missing.value) and str(year) in str(missing.value)
        entered = enter_figure(**act, code=code, year=year, value=Decimal(value), actor=city.clerk)
        with pytest.raises(DomainError):
            confirm_figure(figure=entered, actor=city.clerk, now=AFTER)
        confirm_figure(figure=entered, actor=city.reviewer, now=AFTER)
    assert year_budget(city.rules, date(2023, 3, 1))["distributable"] == 20660000000
    with pytest.raises(DomainError):
        enter_figure(**act, code="levy_y_minus_2", year=2022, value=Decimal("0.00"), actor=city.clerk)


def test_pool_cap_is_held_against_the_wage():
    city = factories.city_of("zhanjiang")
    act = {"area": city.area, "document": "公告", "actor": city.clerk, "now": AFTER}
    wage = enter_figure(**act, code="average_wage", year=2022, value=Decimal("99800.00"))
    confirm_figure(figure=wage, actor=city.reviewer, now=AFTER)
    for wrong in ("1995.99", "1996.01"):
        with pytest.raises(RefusedError):
            enter_figure(**act, code="yearly_cap", year=2024, value=Decimal(wrong))
    assert enter_figure(**act, code="yearly_cap", year=2024, value=Decimal("1996.00")).value == Decimal("1996.00")


def test_reserves_are_reported_beside_what_was_used_of_them():
    city, where, person = opened("zhanjiang")
    factories.publish_pool(city, 2024, "100.00")
    by_item = {"charge": "fee_for_service"}
    history.settled(city, where, person, on=date(2024, 5, 6), fund="12.00", place=["emergency"], **by_item)
    history.settled(city, where, person, on=date(2024, 5, 7), fund="30.00", place=["networked"], **by_item)
    history.settled(city, where, person, on=date(2024, 5, 8), fund="50.00", charge="pool")
    assert reserves_used(city.rules, 2024) == {"remote": (7219880000, 3000), "emergency": (0, 1200)}
    assert pay(city, compute(city, "items", MAY)).total == Decimal("42.00")
    assert pay(city, compute(city, "month", MAY)).total == Decimal("49.88")
    assert disagreements(city) == []


def test_pool_waits_for_every_agency_to_approve_the_month_before():
    city, where, person = opened("zhanjiang")
    factories.publish_pool(city, 2024, "1000.00")
    there = factories.institution(city, county=city.other_county, since=SINCE)
    for number, place in ((5, there), (6, where)):
        history.settled(city, place, person, on=date(2024, number, 6), charge="pool", fund="400.00")
    before = compute(city, "month", MAY, county=city.other_county)
    with pytest.raises(DomainError) as refused:
        compute(city, "month", date(2024, 6, 1))
    assert "2024-05" in str(refused.value)
    pay(city, before)
    assert compute(city, "month", date(2024, 6, 1)).total == Decimal("399.00")


def test_retention_waits_for_the_assessment_of_every_institution():
    city, where, person = opened("zhanjiang")
    factories.publish_pool(city, 2024, "1000.00")
    other = factories.institution(city, since=SINCE)
    for place, fund in ((where, "400.00"), (other, "200.00")):
        history.settled(city, place, person, on=date(2024, 5, 6), charge="pool", fund=fund)
    pay(city, compute(city, "month", MAY))
    entered = record_assessment(institution=other, year=2024, score=Decimal("90"), actor=city.clerk, now=AFTER)
    with pytest.raises(DomainError) as refused:
        compute(city, "year_end", YEAR, now=AFTER)
    said = str(refused.value)
    assert said.count(where.name) == said.count(other.name) == 1
    assert said.index(where.name) < said.index(other.name)  # to be recorded, then to be confirmed
    with pytest.raises(DomainError):
        confirm_assessment(assessment=entered, actor=city.clerk, now=AFTER)
    assert not Run.objects.filter(kind="year_end").exists()
    assert trial_balance("retention") == {where.code: Decimal("21.00"), other.code: Decimal("10.50")}


def test_score_corrected_later_changes_what_is_released():
    city, where, person = opened("zhanjiang")
    factories.publish_pool(city, 2024, "1000.00")
    history.settled(city, where, person, on=date(2024, 5, 6), charge="pool", fund="400.00")
    pay(city, compute(city, "month", MAY))
    factories.score(city, where, 2024, "90")
    run = pay(city, compute(city, "year_end", YEAR, now=AFTER), now=AFTER)
    assert run.total == Decimal("18.90")
    assert statement(run.lines.get()).steps[-1].amount == Decimal("18.90")
    factories.score(city, where, 2024, "100")
    kind = {"area": city.area, "kind": "year_end", "period": YEAR, "actor": city.clerk, "now": AFTER}
    [late] = find_adjustments(**kind)
    assert (late.amount, find_adjustments(**kind)) == (Decimal("2.10"), [])
    pay(city, compute(city, "items", date(2024, 12, 1), now=AFTER), now=AFTER)
    assert trial_balance("retention") == {} and trial_balance("retention_forfeited") == {}
    assert trial_balance("payable_items") == {}
    assert disagreements(city) == []


def test_year_that_outlives_the_edition_is_refused():
    city = factories.city_of("zhanjiang")
    with pytest.raises(RefusedError) as refused:
        compute(city, "year_end", date(2025, 1, 1), now=datetime(2026, 1, 20, 2, tzinfo=UTC))
    assert refused.value.refusal.code == "no_edition"


# A prepaid quota


def prepaid_year(**changes):
    """Twelve heads at 50: a quota of 600.00, a prepayment of 40.00 a month; 100.00 used in May, 10.00 in June."""
    city, where, person = opened("shaoguan", **changes)
    factories.heads(city, where, 12, year=2024)
    for month, fund in ((5, "100.00"), (6, "10.00")):
        history.settled(city, where, person, on=date(2024, month, 6), fund=fund)
        pay(city, compute(city, "month", date(2024, month, 1), now=AFTER), now=AFTER)
    factories.score(city, where, 2024, "80")
    return city, where, person


def test_month_waits_for_no_year_and_year_for_its_months():
    city, where, person = prepaid_year()
    history.settled(city, where, person, on=date(2024, 7, 6), fund="5.00")
    july = compute(city, "month", date(2024, 7, 1), now=AFTER)
    with pytest.raises(DomainError) as refused:
        compute(city, "year_end", YEAR, now=AFTER)
    assert "2024-07" in str(refused.value)
    pay(city, july, now=AFTER)
    year = compute(city, "year_end", YEAR, now=AFTER)
    assert "2024-08" in year.note and "2024-07" not in year.note
    with pytest.raises(DomainError):
        compute(city, "month", date(2024, 8, 1), now=AFTER)


@pytest.mark.parametrize(("deposit_base", "kept"), [("month_fund", "5.50"), ("paid", "2.61")])
def test_either_reading_of_the_deposit_is_settled_to_the_fen(deposit_base, kept):
    city, where, _person = prepaid_year(deposit_base=deposit_base)
    assert trial_balance("retention") == {where.code: Decimal(kept)}
    run = pay(city, compute(city, "year_end", YEAR, now=AFTER), now=AFTER)
    # 110.00 used of 600.00; a fifth of the deposit is forfeited; 40.00 and 9.50 have been paid.
    forfeited = (Decimal(kept) / 5).quantize(Decimal("0.01"))
    assert run.total == Decimal("110.00") - forfeited - Decimal("49.50")
    assert trial_balance("retention") == trial_balance("payable_quota") == {}
    assert trial_balance("retention_forfeited") == {"": forfeited}
    assert trial_balance() == {}
    assert disagreements(city) == []


def test_visit_learnt_after_the_year_is_settled_moves_the_month_and_the_year_once():
    city, where, person = prepaid_year()
    year = pay(city, compute(city, "year_end", YEAR, now=AFTER), now=AFTER)
    assert year.total == Decimal("110.00") - Decimal("1.10") - Decimal("49.50")
    late_at = datetime(2025, 2, 3, 2, tzinfo=UTC)
    history.settled(city, where, person, on=date(2024, 6, 20), fund="20.00", at=late_at)
    act = {"area": city.area, "actor": city.clerk, "now": late_at}
    [month] = find_adjustments(**act, kind="month", period=date(2024, 6, 1))
    assert month.amount == Decimal("19.00")  # June comes to 30.00: 28.50 instead of 9.50, and 1.50 kept back
    [late] = find_adjustments(**act, kind="year_end", period=YEAR)
    # Due 130.00 less 1.30 instead of 110.00 less 1.10; of the difference of 19.80 the month pays 19.00.
    assert late.amount == Decimal("0.80")
    assert find_adjustments(**act, kind="year_end", period=YEAR) == []
    items = pay(city, compute(city, "items", date(2025, 1, 1), now=late_at), now=late_at)
    assert items.total == Decimal("19.80")
    for subject in ("retention", "payable_quota", "payable_items"):
        assert trial_balance(subject) == {}
    assert trial_balance("retention_forfeited") == {"": Decimal("1.30")}
    assert disagreements(city) == []
