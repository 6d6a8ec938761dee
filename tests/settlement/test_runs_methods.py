"""Runs under other readings and other methods: who pays the others, monthly settlements, heads learnt late."""

from datetime import UTC, date, datetime
from decimal import Decimal

import pytest

from bureau.errors import DomainError, RefusedError
from institutions.models import Selection
from settlement.models import Run
from settlement.services.runs.compute import decide_advance
from settlement.services.runs.late import find_adjustments
from tests.settlement import factories, history
from tests.settlement.runs import compute, disagreements, pay, trial_balance

pytestmark = pytest.mark.django_db

MARCH_2023, MARCH = date(2023, 3, 1), date(2026, 3, 1)
AFTER = datetime(2027, 1, 10, 2, 0, tzinfo=UTC)


def test_selected_institution_pays_the_others_itself_where_the_reading_says_so():
    city = factories.heyuan(others_paid_by="institution")
    where, other = factories.institution(city), factories.institution(city)
    factories.heads(city, where, 1000)
    person = factories.member(city, balance="100.00")
    history.settled(city, where, person, on=date(2026, 3, 5), fund="280000.00")
    history.settled(city, other, person, on=date(2026, 3, 6), charged=where, fund="20000.00", from_account="30.00")
    items = pay(city, compute(city, "items", MARCH), now=AFTER)
    assert {line.institution: line.to_pay for line in items.lines.all()} == {other: Decimal("30.00")}
    year = pay(city, compute(city, "year_end", date(2026, 1, 1), now=AFTER), now=AFTER)
    assert year.total == Decimal("316000.00")
    assert trial_balance("payable_items") == {}
    assert trial_balance("payable_quota") == {}
    assert trial_balance() == {}
    assert disagreements(city) == []


def test_lower_january_advance_needs_a_recorded_decision_and_is_kept():
    city = factories.heyuan(january_advance="decided")
    where = factories.institution(city)
    factories.heads(city, where, 1000)
    run = compute(city, "advance", date(2026, 1, 1))
    act = {"run": run, "institution": where, "actor": city.reviewer, "now": AFTER}
    for amount, note in (("21333.34", "minutes 3"), ("-0.01", "minutes 3"), ("15000.00", " ")):
        with pytest.raises(DomainError):
            decide_advance(**act, amount=Decimal(amount), note=note)
    assert run.lines.get().to_pay == Decimal("21333.33")
    decide_advance(**act, amount=Decimal("15000.00"), note="minutes 3")
    assert compute(city, "advance", date(2026, 1, 1)).total == Decimal("15000.00")
    assert run.lines.get().facts["decision"] == "minutes 3"
    pay(city, run)
    assert disagreements(city) == []


def test_lower_january_advance_is_refused_under_the_reading_in_force(city):
    where = factories.institution(city)
    factories.heads(city, where, 1000)
    run = compute(city, "advance", date(2026, 1, 1))
    with pytest.raises(DomainError):
        decide_advance(
            run=run, institution=where, amount=Decimal("1.00"), note="minutes", actor=city.reviewer, now=AFTER
        )
    assert run.lines.get().to_pay == Decimal("21333.33")


def test_heads_learnt_late_change_the_year(city):
    where = factories.institution(city)
    factories.heads(city, where, 2)
    history.settled(city, where, factories.member(city), on=date(2026, 3, 1), fund="640.00")
    pay(city, compute(city, "year_end", date(2026, 1, 1), now=AFTER), now=AFTER)
    one = Selection.objects.order_by("id").first()
    one.counts_to = date(2026, 6, 1)
    one.save()
    kind = {"area": city.area, "kind": "year_end", "period": date(2026, 1, 1)}
    [late] = find_adjustments(**kind, actor=city.clerk, now=AFTER)
    assert late.amount == Decimal("-160.00")
    assert not late.visits.exists()
    assert "480.00" in late.reason
    assert find_adjustments(**kind, actor=city.clerk, now=AFTER) == []


def test_year_of_two_documents_is_settled_once_with_both_rates():
    city = factories.heyuan()
    factories.predecessor(city, "240")
    where = factories.institution(city)
    factories.heads(city, where, 12, year=2025)
    history.settled(city, where, factories.member(city), on=date(2025, 3, 1), fund="3280.00")
    line = compute(city, "year_end", date(2025, 1, 1), now=AFTER).lines.get()
    # 12 heads: 7 months at 240 and 5 at 320 a year.
    assert line.results["quota"] == 328000
    assert line.results["due"] == 328000


def test_year_of_two_documents_is_settled_in_two_parts_where_the_reading_says_so():
    city = factories.heyuan(mixed_year="split")
    factories.predecessor(city, "240")
    where = factories.institution(city)
    factories.heads(city, where, 12, year=2025)
    person = factories.member(city)
    history.settled(city, where, person, on=date(2025, 3, 1), fund="1680.00")
    history.settled(city, where, person, on=date(2025, 9, 1), fund="800.00")
    line = compute(city, "year_end", date(2025, 1, 1), now=AFTER).lines.get()
    # The first part is used up; the second at exactly half is paid as used.
    assert [span["own"] for span in line.facts["spans"]] == [168000, 80000]
    assert (line.results["quota"], line.results["due"]) == (328000, 248000)


def test_month_by_item_pays_what_was_accounted_and_carries_a_negative_month():
    city = factories.city_of("kaifeng")
    one, two = factories.institution(city), factories.institution(city)
    person = factories.member(city, balance="10.00")
    plain = {"charge": "fee_for_service"}
    history.settled(city, one, person, on=date(2023, 3, 6), fund="123456.78", from_account="10.00", **plain)
    visit = history.settled(city, two, person, on=date(2023, 3, 7), fund="50.00", **plain)
    run = pay(city, compute(city, "month", MARCH_2023))
    assert {line.institution: line.to_pay for line in run.lines.all()} == {
        one: Decimal("123456.78"),
        two: Decimal("50.00"),
    }
    assert pay(city, compute(city, "items", MARCH_2023)).total == Decimal("10.00")
    history.reversed(city, visit, on=date(2023, 4, 2))
    april = pay(city, compute(city, "month", date(2023, 4, 1)))
    assert april.lines.get().results["carried"] == {"employees_pool": -5000}
    assert trial_balance("payable_items") == {two.code: Decimal("-50.00")}
    history.settled(city, two, person, on=date(2023, 5, 7), fund="70.00", **plain)
    assert pay(city, compute(city, "month", date(2023, 5, 1))).total == Decimal("20.00")
    assert trial_balance("payable_items") == {}
    assert disagreements(city) == []
    with pytest.raises(DomainError):
        compute(city, "advance", MARCH_2023)


def test_month_of_a_shared_pool_is_split_over_every_agency_as_in_case_m04():
    city = factories.city_of("zhanjiang")
    factories.publish_pool(city, 2023, "1000000.00")
    one = factories.institution(city, code="H44160200001")
    two = factories.institution(city, code="H44160200002", county=city.other_county)
    three = factories.institution(city, code="H44160200003")
    person = factories.member(city)
    for where, fund in ((one, "600000.00"), (two, "400000.00"), (three, "200000.00")):
        history.settled(city, where, person, on=date(2023, 3, 6), charge="pool", fund=fund)
    here = pay(city, compute(city, "month", MARCH_2023))
    there = pay(city, compute(city, "month", MARCH_2023, county=city.other_county))
    assert {line.institution: line.to_pay for run in (here, there) for line in run.lines.all()} == {
        one: Decimal("475000.00"),
        two: Decimal("316666.66"),
        three: Decimal("158333.34"),
    }
    assert trial_balance("retention") == {
        one.code: Decimal("25000.00"),
        two.code: Decimal("16666.67"),
        three.code: Decimal("8333.33"),
    }
    assert trial_balance("payable_items") == {}
    assert trial_balance("overrun_borne") == {"": Decimal("200000.00")}
    assert disagreements(city) == []


@pytest.mark.parametrize(
    ("reading", "published", "settled"),
    [
        ("decided", None, "105000.00"),
        ("decided", "102.50", "102500.00"),
        ("decided", "110.00", "105000.00"),
        ("full", "102.50", "105000.00"),
    ],
)
def test_b7_a_decision_of_the_year_lowers_what_a_month_within_the_pool_is_settled_at(reading, published, settled):
    """Zhanjiang 24(一): at most 105 % of the use; another year's decision says nothing."""
    city = factories.city_of("zhanjiang", bonus=reading)
    factories.publish_pool(city, 2023, "1000000.00")
    factories.figure(city.area, "bonus_percent", 2022, "100.00", city.clerk, city.reviewer)
    if published:
        factories.figure(city.area, "bonus_percent", 2023, published, city.clerk, city.reviewer)
    where = factories.institution(city, kind="hospital")
    person = factories.member(city)
    history.settled(city, where, person, on=date(2023, 3, 5), fund="100000.00", charge="pool")
    run = pay(city, compute(city, "month", MARCH_2023))
    assert run.total == Decimal(settled) * Decimal("0.95")
    assert trial_balance("retention") == {where.code: Decimal(settled) * Decimal("0.05")}
    assert disagreements(city) == []


def test_month_of_a_shared_pool_is_refused_without_its_figures():
    city = factories.city_of("zhanjiang")
    person = factories.member(city)
    history.settled(city, factories.institution(city), person, on=date(2023, 3, 6), charge="pool", fund="1.00")
    with pytest.raises(RefusedError) as error:
        compute(city, "month", MARCH_2023)
    assert error.value.refusal.code == "figure_missing"
    assert city.rules.figures["levy_y_minus_2"].label in str(error.value) and "2021" in str(error.value)
    assert not Run.objects.exists()


def test_month_of_prepaid_capitation_keeps_a_deposit_and_defers_the_rest():
    city = factories.city_of("shaoguan")
    where = factories.institution(city)
    factories.heads(city, where, 3000, year=2024)
    person = factories.member(city, account=False)
    history.settled(city, where, person, on=date(2024, 5, 6), fund="11200.00")
    run = pay(city, compute(city, "month", date(2024, 5, 1)))
    line = run.lines.get()
    assert line.to_pay == Decimal("10000.00")
    assert (line.results["deposit"], line.results["deferred"]) == (56000, 64000)
    assert trial_balance("payable_quota") == {where.code: Decimal("640.00")}
    assert trial_balance("retention") == {where.code: Decimal("560.00")}
    assert trial_balance() == {}
    assert disagreements(city) == []
