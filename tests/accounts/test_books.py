"""Opening balances, recoveries, statements, the trial balance and the proof of the books."""

from datetime import UTC, date, datetime
from decimal import Decimal

import pytest
from django.db import connection

from accounts.models import Account, Journal
from accounts.queries import balances_agree, statement, trial_balance
from accounts.services import KeyReused, Overdrawn
from accounts.services.credits import credit_month
from accounts.services.recoveries import collect_recovery, outstanding, recover
from accounts.services.standing import load_opening_balances
from accounts.services.uses import reverse_use, use_account
from bureau.errors import DomainError
from bureau.jobs import services as jobs
from tests.accounts import factories
from tests.accounts.factories import FIRST, NOW


def wrong() -> dict[str, list[str]]:
    return {proof.code: proof.shown for proof in balances_agree() if proof.wrong}


def openings(city, balances, *, key="2025"):
    return load_opening_balances(key=key, area=city.area, balances=balances, on=FIRST, actor=city.clerk, now=NOW)


def test_opening_balances_open_accounts_in_one_journal(city):
    rich, poor = factories.member(), factories.member()
    assert openings(city, {rich.pk: Decimal("1234.56"), poor.pk: Decimal("0.00")}) == 1
    assert [account.balance for account in Account.objects.order_by("member")] == [Decimal("1234.56"), 0]
    journal = Journal.objects.get()
    assert (journal.kind, journal.entry_count, journal.posted_on) == ("opening", 2, FIRST)
    assert wrong() == {}


def test_opening_balances_twice_are_taken_over_once(city):
    person = factories.member()
    openings(city, {person.pk: Decimal("10.00")})
    before = factories.standing()
    assert openings(city, {person.pk: Decimal("10.00")}) == 0
    with pytest.raises(KeyReused):
        openings(city, {person.pk: Decimal("11.00")})
    with pytest.raises(DomainError, match=person.name):
        openings(city, {person.pk: Decimal("5.00")}, key="again")
    with pytest.raises(DomainError):
        openings(city, {factories.member().pk: Decimal("-5.00")}, key="negative")
    assert factories.standing() == before


def take_back(city, account, amount, *, key="R1", source="contribution", reason="wrong base"):
    return recover(
        key=key, account=account, amount=Decimal(amount), source=source, reason=reason, actor=city.clerk, now=NOW
    )


def test_recovery_beyond_the_balance_becomes_a_receivable(city):
    account = factories.account(city, balance="30.00")
    take_back(city, account, "100.00")
    account.refresh_from_db()
    assert (account.balance, outstanding(account.pk)) == (0, Decimal("70.00"))
    lines = trial_balance(area_id=city.area.pk, on=date(2026, 12, 31), by_holder=True)
    assert [(line.subject, line.holder, str(line.balance)) for line in lines] == [
        ("contribution_income", "", "100.00"),
        ("member_accounts", "", "0.00"),
        ("recoveries", f"account:{account.pk}", "-70.00"),
        ("transfer_income", "", "-30.00"),
    ]


def test_recovery_of_a_pool_credit_goes_back_to_the_pool(city):
    account = factories.account(city, balance="200.00")
    take_back(city, account, "102.79", source="pool")
    account.refresh_from_db()
    assert (account.balance, outstanding(account.pk)) == (Decimal("97.21"), 0)
    lines = trial_balance(area_id=city.area.pk, on=date(2026, 12, 31), by_holder=True)
    assert [(line.fund, line.subject, line.holder, str(line.balance)) for line in lines] == [
        ("employees_pool", "account_credits", "", "102.79"),
        ("employees_pool", "interfund", "personal_accounts", "-102.79"),
        ("personal_accounts", "interfund", "employees_pool", "102.79"),
        ("personal_accounts", "member_accounts", "", "97.21"),
        ("personal_accounts", "transfer_income", "", "-200.00"),
    ]


def test_recovery_twice_is_taken_once_though_the_balance_has_changed(city):
    account = factories.account(city, balance="30.00")
    first = take_back(city, account, "100.00")
    factories.move(city, account, "500.00")
    before = factories.standing()
    assert take_back(city, account, "100.00") == first
    with pytest.raises(KeyReused):
        take_back(city, account, "101.00")
    for bad in ({"amount": "0.00"}, {"amount": "1.00", "reason": ""}, {"amount": "1.00", "source": "elsewhere"}):
        with pytest.raises(DomainError):
            take_back(city, account, key="R2", **bad)
    assert factories.standing() == before


def test_receivable_is_collected_from_the_account_or_in_cash(city):
    account = factories.account(city, balance="30.00")
    take_back(city, account, "100.00")
    factories.move(city, account, "20.00")

    def collect(key, amount, from_account):
        return collect_recovery(
            key=key,
            account=account,
            amount=Decimal(amount),
            from_account=from_account,
            reason="notice 7",
            actor=city.clerk,
            now=NOW,
        )

    first = collect("C1", "20.00", True)
    assert collect("C1", "20.00", True) == first
    collect("C2", "45.00", False)
    account.refresh_from_db()
    assert (account.balance, outstanding(account.pk)) == (0, Decimal("5.00"))
    before = factories.standing()
    with pytest.raises(Overdrawn):
        collect("C3", "5.00", True)
    with pytest.raises(DomainError, match=r"5\.00"):
        collect("C4", "5.01", False)
    assert factories.standing() == before


def lived(city) -> Account:
    """An account with 100.00 from before, credits of January and February, a use and its reversal in March."""
    person = factories.member()
    factories.enrol(person, "active", FIRST)
    factories.benefits(person, FIRST)
    account = factories.account(city, person, balance="100.00")
    for month in (1, 2):
        factories.premium(person, date(2026, month, 1), "5000.00", paid_on=date(2026, 2, 10))
    now = datetime(2026, 2, 20, 2, 0, tzinfo=UTC)
    job = credit_month(area=city.area, month=date(2026, 2, 1), actor=city.clerk, now=now)
    jobs.work(job.pk, clock=lambda: now)
    made = use_account(
        key="K1",
        account=account,
        user=person,
        purpose="pharmacy_drug",
        payee="P44160200001",
        amount=Decimal("60.00"),
        on=date(2026, 3, 2),
        actor=city.clerk,
        now=datetime(2026, 3, 2, 2, 0, tzinfo=UTC),
    )
    reverse_use(use=made, actor=city.clerk, now=datetime(2026, 3, 3, 2, 0, tzinfo=UTC))
    return account


def test_statement_says_what_each_entry_was(city, django_assert_num_queries):
    account = lived(city)
    with django_assert_num_queries(1):
        year = statement(account_id=account.pk, starts_on=date(2026, 2, 1), ends_on=date(2026, 12, 31))
    assert (year.opening, year.closing) == (Decimal("100.00"), Decimal("300.00"))
    assert [
        (line.number, line.posted_on.isoformat(), line.kind, str(line.amount), str(line.balance)) for line in year.lines
    ] == [
        (2, "2026-02-20", "credit", "100.00", "200.00"),
        (3, "2026-02-20", "credit", "100.00", "300.00"),
        (4, "2026-03-02", "use", "-60.00", "240.00"),
        (5, "2026-03-03", "reversal", "60.00", "300.00"),
    ]
    january, february, used, reversed_ = year.lines
    assert [(line.month, line.credit_kind, line.article) for line in (january, february)] == [
        (date(2026, 1, 1), "normal", "7"),
        (date(2026, 2, 1), "normal", "7"),
    ]
    assert [(line.purpose, line.payee, line.relation, line.article) for line in (used, reversed_)] == [
        ("pharmacy_drug", "P44160200001", "self", "9(2)")
    ] * 2


@pytest.mark.parametrize(
    ("starts_on", "ends_on", "opening", "closing", "lines"),
    [
        (date(2025, 1, 1), date(2025, 12, 31), "0.00", "0.00", 0),
        (date(2026, 1, 1), date(2026, 1, 1), "0.00", "100.00", 1),
        (date(2026, 2, 20), date(2026, 3, 2), "100.00", "240.00", 3),
        (date(2026, 3, 3), date(2026, 3, 3), "240.00", "300.00", 1),
        (date(2026, 4, 1), date(2026, 4, 30), "300.00", "300.00", 0),
    ],
)
def test_statement_of_any_period_is_exact(city, starts_on, ends_on, opening, closing, lines):
    found = statement(account_id=lived(city).pk, starts_on=starts_on, ends_on=ends_on)
    assert (found.opening, found.closing, len(found.lines)) == (Decimal(opening), Decimal(closing), lines)


def test_trial_balance_adds_up_to_zero_in_each_fund(city):
    lived(city)
    lines = trial_balance(area_id=city.area.pk, on=date(2026, 3, 2))
    assert [(line.subject, str(line.debit), str(line.credit), str(line.balance)) for line in lines] == [
        ("contribution_income", "200.00", "0.00", "-200.00"),
        ("member_accounts", "60.00", "300.00", "240.00"),
        ("payable_items", "0.00", "60.00", "60.00"),
        ("transfer_income", "100.00", "0.00", "-100.00"),
    ]
    assert {line.fund for line in lines} == {"personal_accounts"}
    assert sum(line.balance for line in lines) == 0
    assert trial_balance(area_id=city.area.pk, on=date(2025, 12, 31)) == []


def test_books_agree(city):
    lived(city)
    assert [proof.asked for proof in balances_agree(city.area.pk)] == [4, 4, 4, 9, 1, 1, 2, 0]
    assert wrong() == {}


FORGED = {
    "balance": (
        "UPDATE accounts_account SET balance = balance + 1",
        "balances_add_up",
    ),
    "entry": (
        "UPDATE accounts_entry SET amount = amount + 1 WHERE account_id IS NOT NULL AND number = 1",
        "journals_balance",
    ),
    "missing entry": (
        "DELETE FROM accounts_entry WHERE subject = 'payable_items'",
        "journals_whole",
    ),
    "missing journal": (
        "DELETE FROM accounts_journal WHERE kind = 'use'",
        "entries_belong",
    ),
    "last entry": (
        "UPDATE accounts_entry SET balance_after = balance_after + 1 WHERE account_id IS NOT NULL AND number = 5",
        "balances_run_on",
    ),
    "credit": ("UPDATE accounts_credit SET amount = amount + 1", "credits_booked"),
}


@pytest.mark.parametrize("case", FORGED)
def test_forged_books_are_found(city, case):
    """With the guards switched off, as only the owner of the tables can."""
    sql, code = FORGED[case]
    lived(city)
    with connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
        for table in ("accounts_account", "accounts_journal", "accounts_entry", "accounts_credit"):
            cursor.execute(f"ALTER TABLE {table} DISABLE TRIGGER USER")
        cursor.execute(sql)
    assert code in wrong()
