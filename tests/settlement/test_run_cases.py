"""Every worked case of a payment or a budget of the four cities beside Heyuan, through runs, books and their proof."""

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import pytest

from bureau.editions.figures import confirm_figure, enter_figure
from bureau.rules.money import fen, yuan
from settlement.queries.totals import year_budget
from tests.settlement import factories, history
from tests.settlement.cases import cases
from tests.settlement.runs import compute, disagreements, pay, trial_balance

pytestmark = pytest.mark.django_db

OTHERS = ("chongqing", "kaifeng", "shaoguan", "zhanjiang")
AFTER = datetime(2025, 1, 20, 2, tzinfo=UTC)
MONTH = date(2024, 5, 1)


def told(kind, *keys):
    """The cases of a kind as the editions are read here; other readings are tried in test_runs_methods."""
    found = ((key, case) for key in keys for case in cases(key, kind))
    return [pytest.param(key, case, id=case["id"]) for key, case in found if "switches" not in case]


def publish(city, on: date, **figures: str) -> None:
    """Figures that count on a day, confirmed."""
    for code, value in figures.items():
        year = on.year - city.rules.figures[code].years_back
        act = {"area": city.area, "code": code, "year": year, "value": Decimal(value), "document": "年度决定"}
        figure = enter_figure(**act, actor=city.clerk, now=AFTER)
        confirm_figure(figure=figure, actor=city.reviewer, now=AFTER)


def books_are_clean(city) -> None:
    assert trial_balance() == {}
    assert disagreements(city) == []


@pytest.mark.parametrize(("key", "case"), told("month_settle", "chongqing", "kaifeng", "zhanjiang"))
def test_month_settlement_case(key, case):
    """Institutions lie by turns with two agencies; each agency pays its own."""
    facts, expected = case["facts"], case["expected"]
    city = factories.city_of(key)
    charge = "fee_for_service"
    if "pool" in facts:
        charge = "pool"
        factories.publish_pool(city, MONTH.year, facts["pool"])
    publish(city, MONTH, **{name: facts[name] for name in ("bonus_percent",) if name in facts})
    person = factories.member(city, starts_on=date(2024, 1, 1), account=False)
    places = {}
    for number, (name, used) in enumerate(sorted(facts["actual"].items())):
        county = (city.county, city.other_county)[number % 2]
        kind = "pharmacy" if name.startswith("P") else "hospital"
        places[name] = factories.institution(city, name, kind=kind, level=2, county=county, since=date(2024, 1, 1))
        act = {"person": person, "charge": charge}
        if Decimal(used) < 0:  # more was taken back in the month than was settled
            before = MONTH - timedelta(days=1)
            visit = history.settled(city, places[name], on=before, fund=-Decimal(used), **act)
            history.reversed(city, visit, on=MONTH)
        elif Decimal(used):
            history.settled(city, places[name], on=date(2024, 5, 6), fund=used, **act)
    runs = [pay(city, compute(city, "month", MONTH, county=county)) for county in (city.county, city.other_county)]
    lines = {line.institution.name: line for run in runs for line in run.lines.all()}
    parts = {"settled", "paid", "retained"} & expected.keys()
    for part in parts:
        found = {name: lines[name].results[part] if name in lines else 0 for name in places}
        assert found == {name: fen(amount) for name, amount in expected[part].items()}
    settled = sum(line.results["settled"] for line in lines.values())
    assert settled == sum(fen(amount) for amount in expected["settled"].values())
    assert settled == fen(expected.get("total_settled", yuan(settled)))
    assert fen(sum(run.total for run in runs)) == sum(line.results["paid"] for line in lines.values())
    books_are_clean(city)


@pytest.mark.parametrize(("key", "case"), told("month_settle", "shaoguan") + told("advance", "shaoguan"))
def test_month_of_a_prepaid_quota_case(key, case):
    city = factories.city_of(key)
    where = factories.institution(city, since=date(2024, 1, 1))
    month = date.fromisoformat(f"{case['facts'].get('month', '2024-05')}-01")
    counted = month if month.month == 1 else (month - timedelta(days=1)).replace(day=1)
    if case["facts"]["headcount_prev"]:
        only = {"counts_from": counted, "counts_to": counted}
        factories.heads(city, where, case["facts"]["headcount_prev"], year=month.year, **only)
    fund = Decimal(case["facts"].get("fund", "0.00"))
    if fund > 0:
        person = factories.member(city, account=False, starts_on=date(2024, 1, 1))
        history.settled(city, where, person, on=month.replace(day=6), fund=fund)
    run = pay(city, compute(city, "month", month))
    results = run.lines.get().results if run.lines.exists() else {}
    expected = {"prepay" if name == "advance" else name: fen(value) for name, value in case["expected"].items()}
    assert {name: results.get(name, 0) for name in expected} == expected
    books_are_clean(city)


@pytest.mark.parametrize(("key", "case"), told("capitation", "shaoguan"))
def test_capitation_case(key, case):
    months = case["facts"]["person_months"]
    city = factories.city_of(key)
    where = factories.institution(city, since=date(2024, 1, 1))
    factories.heads(city, where, months // 12, year=2024)
    if months % 12:
        factories.heads(city, where, 1, year=2024, starts_on=date(2024, 12, 1).replace(month=13 - months % 12))
    run = compute(city, "year_end", date(2024, 1, 1), now=AFTER)
    assert run.lines.get().results["quota"] == fen(case["expected"]["budget"])


def spread(actual: Decimal, paid: Decimal) -> list[Decimal]:
    """Twelve months that come to a year's use and, at a prepayment of 10000.00, to what the year has paid."""
    if actual == Decimal("129000.00"):
        return [Decimal("12500.00")] * 6 + [Decimal("9000.00")] * 6
    month = (actual / 12).quantize(Decimal("0.01"))
    return [month] * 11 + [actual - 11 * month]


# What a year has paid must be what twelve months of whole fen can pay.
YEARS = [param for param in told("year_end", "shaoguan") if param.values[1]["facts"]["budget"] == "150000.00"]


@pytest.mark.parametrize(("key", "case"), YEARS)
def test_year_end_of_a_prepaid_quota_case(key, case):
    """3000 heads, twelve monthly settlements paid one after the other, the assessment, and the year."""
    facts, expected = case["facts"], case["expected"]
    city = factories.city_of(key)
    where = factories.institution(city, since=date(2024, 1, 1))
    heads = Decimal(facts["budget"]) / 50
    factories.heads(city, where, int(heads), year=2024)
    person = factories.member(city, account=False, starts_on=date(2024, 1, 1))
    actual = Decimal(facts["actual"])
    for number, fund in enumerate(spread(actual, Decimal(facts["paid"])), 1):
        if fund:
            history.settled(city, where, person, on=date(2024, number, 6), fund=fund)
        pay(city, compute(city, "month", date(2024, number, 1), now=AFTER), now=AFTER)
    factories.score(city, where, 2024, facts["score"])
    run = pay(city, compute(city, "year_end", date(2024, 1, 1), now=AFTER), now=AFTER)
    line = run.lines.get()
    [span] = line.facts["spans"]
    assert (yuan(span["paid"]), line.results["quota"]) == (Decimal(facts["paid"]), fen(facts["budget"]))
    assert {name: line.results[name] for name in expected} == {name: fen(value) for name, value in expected.items()}
    assert line.to_pay == Decimal(expected["clearing"])
    assert trial_balance("retention") == trial_balance("payable_quota") == {}
    assert sum(trial_balance("retention_forfeited").values()) == Decimal(expected["deposit_forfeited"])
    books_are_clean(city)


@pytest.mark.parametrize(("key", "case"), told("retention_release", "zhanjiang"))
def test_retention_release_case(key, case):
    """What a month has kept back, released by the assessment in the next year."""
    facts, expected = case["facts"], case["expected"]
    city = factories.city_of(key)
    factories.publish_pool(city, 2024, "5000000.00")
    where = factories.institution(city, since=date(2024, 1, 1))
    person = factories.member(city, account=False, starts_on=date(2024, 1, 1))
    used = Decimal(facts["retained"]) / Decimal("0.05") / Decimal("1.05")
    history.settled(city, where, person, on=date(2024, 5, 6), charge="pool", fund=used.quantize(Decimal("0.01")))
    month = pay(city, compute(city, "month", MONTH))
    assert yuan(month.lines.get().results["retained"]) == Decimal(facts["retained"])
    factories.score(city, where, 2024, facts["score"])
    run = pay(city, compute(city, "year_end", date(2024, 1, 1), now=AFTER), now=AFTER)
    assert run.total == Decimal(expected["released"])
    assert sum(trial_balance("retention_forfeited").values()) == Decimal(expected["forfeited"])
    assert trial_balance("retention") == {}
    books_are_clean(city)


@pytest.mark.parametrize(("key", "case"), told("fund_budget", "zhanjiang"))
def test_budget_case_from_published_figures(key, case):
    city = factories.city_of(key)
    publish(city, date(2023, 3, 1), **case["facts"])
    budget = year_budget(city.rules, date(2023, 3, 1))
    assert {name: budget[name] for name in case["expected"]} == {
        name: fen(value) for name, value in case["expected"].items()
    }


@pytest.mark.parametrize("kind", ["month_settle", "fund_budget", "year_end", "retention_release", "advance"])
def test_the_cases_are_there(kind):
    assert sum(len(cases(key, kind)) for key in OTHERS) >= 2
