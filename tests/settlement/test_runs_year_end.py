"""The year-end settlement through the database: articles 12 and 13(2)-(5), and late facts at a threshold."""

from datetime import UTC, date, datetime
from decimal import Decimal

import pytest

from accounts.models import Entry
from bureau.errors import DomainError, RefusedError
from settlement.models import Adjustment, Payment, Run
from settlement.services.runs.late import find_adjustments
from tests.settlement import factories, history
from tests.settlement.runs import approve, compute, disagreements, pay, trial_balance

pytestmark = pytest.mark.django_db

YEAR = date(2026, 1, 1)
AFTER = datetime(2027, 1, 10, 2, 0, tzinfo=UTC)
LATER = datetime(2027, 2, 10, 2, 0, tzinfo=UTC)


def quota(city, where, budget: str) -> None:
    """Heads of 2026 whose months come to the budget: 320000.00 is 1000 heads, 2586.67 is article 13(5)'s example."""
    match budget:
        case "320000.00":
            factories.heads(city, where, 1000)
        case "320.00":
            factories.heads(city, where, 1)
        case "2586.67":
            factories.heads(city, where, 7)
            factories.heads(city, where, 2, counts_from=date(2026, 1, 1), counts_to=date(2026, 5, 1))
            factories.heads(city, where, 1, counts_from=date(2026, 10, 1), counts_to=date(2026, 12, 1))


def settled_year(city, budget: str, actual: str, advanced: str, others: str = "0.00"):
    """The year-end line of an institution with a quota, a use (part of it by others) and what was advanced."""
    where, other = factories.institution(city), factories.institution(city)
    quota(city, where, budget)
    person = factories.member(city)
    own = Decimal(actual) - Decimal(others)
    if own:
        history.settled(city, where, person, on=date(2026, 6, 20), fund=own)
    if Decimal(others):
        history.settled(city, other, person, on=date(2026, 6, 21), charged=where, fund=others)
    if Decimal(advanced):
        history.advanced(city, where, date(2026, 7, 1), advanced)
    run = compute(city, "year_end", YEAR, now=AFTER)
    return run.lines.get(institution=where)


# budget, actual, advanced, paid to others: bonus, due, clearing, kept by the fund, borne by the institution
CASES = {
    "HY-E01": "320000.00 320000.00 250000.00 0.00 0.00 320000.00 70000.00 0.00 0.00",
    "HY-E02": "320000.00 256000.00 204800.00 0.00 51200.00 307200.00 102400.00 12800.00 0.00",
    "HY-E03": "320000.00 255999.99 204799.99 0.00 12800.00 268799.99 64000.00 51200.01 0.00",
    "HY-E04": "320000.00 192000.00 153600.00 0.00 25600.00 217600.00 64000.00 102400.00 0.00",
    "HY-E05": "320000.00 191999.99 153599.99 0.00 0.00 191999.99 38400.00 128000.01 0.00",
    "HY-E06": "320000.00 350000.00 256000.00 0.00 0.00 320000.00 64000.00 0.00 30000.00",
    "HY-E07": "320000.00 0.00 21333.33 0.00 0.00 0.00 -21333.33 320000.00 0.00",
    "HY-E08": "320000.00 288000.00 230400.00 0.00 25600.00 313600.00 83200.00 6400.00 0.00",
    "HY-E09": "320.00 255.99 0.00 0.00 12.80 268.79 268.79 51.21 0.00",
    "HY-E10": "2586.67 2069.33 1655.46 0.00 103.47 2172.80 517.34 413.87 0.00",
    "HY-E11": "320000.00 300000.00 200000.00 20000.00 16000.00 316000.00 96000.00 4000.00 0.00",
}


@pytest.mark.parametrize("case", CASES)
def test_year_end_case_gives_expected_amounts(city, case):
    budget, actual, advanced, others, bonus, due, clearing, kept, borne = CASES[case].split()
    line = settled_year(city, budget, actual, advanced, others)
    yuan = {name: Decimal(amount).scaleb(-2) for name, amount in line.results.items()}
    assert yuan == {
        "quota": Decimal(budget),
        "bonus": Decimal(bonus),
        "due": Decimal(due),
        "clearing": Decimal(clearing),
        "kept_by_fund": Decimal(kept),
        "borne_by_institution": Decimal(borne),
    }
    assert line.to_pay == Decimal(clearing)
    pay(city, line.run, now=AFTER)
    code = line.institution.code
    # Everything recorded against the quota and everything advanced is offset; what is owed back is a recovery.
    assert trial_balance("payable_quota") == {}
    assert trial_balance("advances") == {}
    owed = min(Decimal(clearing), 0)
    assert trial_balance("recoveries") == ({code: owed} if owed else {})
    paid = sum(payment.amount for payment in Payment.objects.filter(line=line))
    assert paid == max(Decimal(clearing), 0)
    assert trial_balance() == {}
    assert [found for found in disagreements(city) if "A fact is missing" not in found] == []


@pytest.mark.parametrize(("case", "budget"), [("HY-C01", "320000.00"), ("HY-C02", "2586.67"), ("HY-C03", "320.00")])
def test_capitation_case_gives_the_year_quota(city, case, budget):
    where = factories.institution(city)
    quota(city, where, budget)
    [line] = compute(city, "year_end", YEAR, now=AFTER).lines.all()
    assert line.results["quota"] == int(Decimal(budget) * 100)


def test_year_end_journal_shows_own_use_bonus_and_advances(city):
    line = settled_year(city, "320000.00", "300000.00", "200000.00", "20000.00")
    pay(city, line.run, now=AFTER)
    code = line.institution.code
    entries = Entry.objects.filter(journal__key=f"run:{line.run_id}:{code}")
    assert {(e.subject, e.holder): e.amount for e in entries} == {
        ("payable_quota", code): Decimal("-280000.00"),
        ("surplus_award", ""): Decimal("-16000.00"),
        ("advances", code): Decimal("200000.00"),
        ("bank", ""): Decimal("96000.00"),
    }
    assert {entry.journal.origin_year for entry in entries} == {2026}


def test_year_end_is_refused_before_the_year_is_over(city):
    factories.heads(city, factories.institution(city), 10)
    with pytest.raises(DomainError, match="2026-12-31"):
        compute(city, "year_end", YEAR, now=datetime(2026, 12, 31, 2, 0, tzinfo=UTC))
    assert not Run.objects.exists()


def test_year_end_2025_is_refused_without_the_older_document(city):
    factories.heads(city, factories.institution(city), 10, year=2025)
    with pytest.raises(RefusedError) as error:
        compute(city, "year_end", date(2025, 1, 1), now=AFTER)
    assert error.value.refusal.code == "no_edition"
    assert not Run.objects.exists()


def test_year_end_is_refused_while_an_advance_is_on_its_way_and_names_missing_months(city):
    where = factories.institution(city)
    factories.heads(city, where, 10)
    run = compute(city, "advance", date(2026, 1, 1))
    with pytest.raises(DomainError, match="2026-01"):
        compute(city, "year_end", YEAR, now=AFTER)
    pay(city, run)
    made = compute(city, "year_end", YEAR, now=AFTER)
    assert "2026-02" in made.note
    assert "2026-01" not in made.note
    assert made.lines.get().facts["spans"][0]["advanced"] == 21333
    approve(city, made, now=AFTER)
    with pytest.raises(DomainError):
        compute(city, "advance", date(2026, 2, 1), now=AFTER)


def test_reversal_over_the_threshold_gives_the_cliff_naming_its_visit(city):
    where = factories.institution(city)
    factories.heads(city, where, 1000)
    person = factories.member(city)
    history.settled(city, where, person, on=date(2026, 3, 2), fund="255999.99")
    last = history.settled(city, where, person, on=date(2026, 12, 30), fund="0.01")
    run = pay(city, compute(city, "year_end", YEAR, now=AFTER), now=AFTER)
    assert run.lines.get().to_pay == Decimal("307200.00")
    assert find_adjustments(area=city.area, kind="year_end", period=YEAR, actor=city.clerk, now=AFTER) == []

    reversal = history.reversed(city, last, on=date(2027, 1, 20))
    [late] = find_adjustments(area=city.area, kind="year_end", period=YEAR, actor=city.clerk, now=LATER)
    assert late.amount == Decimal("-38400.01")
    assert list(late.visits.all()) == [reversal]
    assert "80%" in late.reason
    assert "79.9999%" in late.reason
    assert "307200.00" in late.reason
    assert "268799.99" in late.reason
    assert find_adjustments(area=city.area, kind="year_end", period=YEAR, actor=city.clerk, now=LATER) == []
    assert Adjustment.objects.count() == 1

    # The next payments by item carry it: nothing is paid, the rest stays on the payable and carries on.
    items = pay(city, compute(city, "items", date(2027, 1, 1), now=LATER), now=LATER)
    line = items.lines.get()
    assert (line.amount, line.to_pay) == (0, 0)
    assert line.results == {"paid": {}, "carried": {"employees_pool": -3840001}}
    assert trial_balance("payable_quota") == {}
    assert trial_balance("payable_items") == {where.code: Decimal("-38400.01")}
    assert trial_balance("surplus_award") == {"": Decimal("-12800.00")}
    assert trial_balance() == {}
    assert disagreements(city) == []


def test_late_reversal_above_the_quota_moves_the_books_and_no_money(city):
    where = factories.institution(city)
    factories.heads(city, where, 1)
    person = factories.member(city)
    history.settled(city, where, person, on=date(2026, 3, 2), fund="400.00")
    last = history.settled(city, where, person, on=date(2026, 4, 2), fund="10.00")
    pay(city, compute(city, "year_end", YEAR, now=AFTER), now=AFTER)
    history.reversed(city, last, on=date(2027, 1, 20))
    [late] = find_adjustments(area=city.area, kind="year_end", period=YEAR, actor=city.clerk, now=LATER)
    assert late.amount == 0
    pay(city, compute(city, "items", date(2027, 1, 1), now=LATER), now=LATER)
    assert trial_balance("payable_quota") == {}
    assert trial_balance("overrun_borne") == {"": Decimal("80.00")}
    assert trial_balance() == {}
    assert disagreements(city) == []
