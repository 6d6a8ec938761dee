"""Attacks on the ledger in raw SQL: the database refuses each, and nothing has moved."""

from datetime import date

import pytest
from django.db import Error, connection, transaction

from accounts.models import ClosedMonth, Journal
from accounts.services.payouts import Payee, submit_payout
from tests.accounts import factories

JOURNAL = """
INSERT INTO accounts_journal (key, request_hash, area_id, kind, posted_on, source, entry_count, actor_id, posted_at)
SELECT '{key}', '', '441699', 'other', '{day}', 'attack:1', {count}, min(id), now() FROM bureau_staff RETURNING id
"""
ENTRIES = "INSERT INTO accounts_entry (journal_id, fund, subject, holder, account_id, amount, number, balance_after)"
MOVE = "UPDATE accounts_account SET balance = {balance}, last_number = {number} WHERE id = {account}"


def whole(entries: str, *, key="attack", day="2026-02-01", count=2, move="SELECT 1") -> str:
    """A journal with its entries in one statement, as accounts_post writes them; `{j}` stands for its number."""
    return (
        f"WITH j AS ({JOURNAL.format(key=key, day=day, count=count)}), moved AS ({move}) {ENTRIES} "
        + entries.replace("{j}", "(SELECT id FROM j)")
    )


@pytest.fixture
def book(city):
    """One account with 100.00 in one journal."""
    account = factories.account(city, balance="100.00")
    return city, account, Journal.objects.get()


def refused(sql: str, constraint: str) -> None:
    before = factories.standing()
    with pytest.raises(Error) as raised, transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")  # what the test itself has written stands in no one's way
        cursor.execute(sql)
    assert raised.value.__cause__.diag.constraint_name == constraint
    assert factories.standing() == before


def test_whole_journal_is_accepted(book):
    """The attacks below fail for their own fault, not for the way they are written."""
    _city, account, _journal = book
    with connection.cursor() as cursor:
        cursor.execute(
            whole(
                "VALUES ({j}, 'personal_accounts', 'bank', '', NULL, 10, NULL, NULL), "
                f"({{j}}, 'personal_accounts', 'member_accounts', '', {account.pk}, -10, 2, 90)",
                move=MOVE.format(balance=90, number=2, account=account.pk) + " RETURNING 1",
            )
        )
    account.refresh_from_db()
    assert (account.balance, account.last_number) == (90, 2)


def test_unbalanced_journal_is_refused(book):
    refused(
        whole(
            "VALUES ({j}, 'personal_accounts', 'bank', '', NULL, 10, NULL, NULL), "
            "({j}, 'personal_accounts', 'suspense', '', NULL, -9.99, NULL, NULL)"
        ),
        "journal_balances",
    )


def test_journal_balanced_in_total_but_not_in_each_fund_is_refused(book):
    refused(
        whole(
            "VALUES ({j}, 'personal_accounts', 'bank', '', NULL, 10, NULL, NULL), "
            "({j}, 'employees_pool', 'bank', '', NULL, -10, NULL, NULL)"
        ),
        "journal_balances",
    )


def test_empty_journal_is_refused(book):
    refused(JOURNAL.format(key="attack", day="2026-02-01", count=2), "journal_has_entries")
    refused(JOURNAL.format(key="attack", day="2026-02-01", count=0), "journal_not_empty")


def test_journal_with_fewer_entries_than_it_says_is_refused(book):
    refused(
        whole(
            "VALUES ({j}, 'personal_accounts', 'bank', '', NULL, 10, NULL, NULL), "
            "({j}, 'personal_accounts', 'suspense', '', NULL, -10, NULL, NULL)",
            count=3,
        ),
        "journal_entries_together",
    )


def test_entries_added_later_are_refused(book):
    _city, _account, journal = book
    refused(
        f"{ENTRIES} VALUES ({journal.pk}, 'personal_accounts', 'bank', '', NULL, 10, NULL, NULL), "
        f"({journal.pk}, 'personal_accounts', 'suspense', '', NULL, -10, NULL, NULL)",
        "journal_entries_together",
    )


def test_entries_without_a_journal_are_refused(book):
    refused(
        f"{ENTRIES} VALUES (999999, 'personal_accounts', 'bank', '', NULL, 10, NULL, NULL), "
        "(999999, 'personal_accounts', 'suspense', '', NULL, -10, NULL, NULL)",
        "journal_entries_together",
    )


def test_entry_without_its_balance_is_refused(book):
    _city, account, _journal = book
    refused(
        whole(
            "VALUES ({j}, 'personal_accounts', 'bank', '', NULL, 10, NULL, NULL), "
            f"({{j}}, 'personal_accounts', 'member_accounts', '', {account.pk}, -10, 2, 90)"
        ),
        "entry_runs_on",
    )


@pytest.mark.parametrize(
    ("number", "balance_after"), [(2, 95), (3, 90), (7, 90)], ids=["balance lies", "gap", "wide gap"]
)
def test_entry_that_does_not_run_on_is_refused(book, number, balance_after):
    _city, account, _journal = book
    refused(
        whole(
            "VALUES ({j}, 'personal_accounts', 'bank', '', NULL, 10, NULL, NULL), "
            f"({{j}}, 'personal_accounts', 'member_accounts', '', {account.pk}, -10, {number}, {balance_after})",
            move=MOVE.format(balance=balance_after, number=number, account=account.pk) + " RETURNING 1",
        ),
        "entry_runs_on",
    )


def test_entry_with_a_number_used_before_is_refused(book):
    _city, account, _journal = book
    refused(
        whole(
            "VALUES ({j}, 'personal_accounts', 'bank', '', NULL, 10, NULL, NULL), "
            f"({{j}}, 'personal_accounts', 'member_accounts', '', {account.pk}, -10, 1, 90)"
        ),
        "entry_number_once_in_account",
    )


def test_entry_on_an_account_that_is_not_there_is_refused(book):
    refused(
        whole(
            "VALUES ({j}, 'personal_accounts', 'bank', '', NULL, -10, NULL, NULL), "
            "({j}, 'personal_accounts', 'member_accounts', '', 999999, 10, 1, 10)"
        ),
        "entry_runs_on",
    )


def test_personal_money_without_an_account_is_refused(book):
    refused(
        whole(
            "VALUES ({j}, 'personal_accounts', 'bank', '', NULL, -10, NULL, NULL), "
            "({j}, 'personal_accounts', 'member_accounts', '', NULL, 10, NULL, NULL)"
        ),
        "entry_personal_or_control",
    )


@pytest.mark.parametrize("table", ["accounts_entry", "accounts_journal"])
@pytest.mark.parametrize(
    "attack",
    [
        "UPDATE {table} SET id = id",
        "DELETE FROM {table}",
        "DELETE FROM {table} WHERE id = 0",
        "TRUNCATE {table} CASCADE",
    ],
)
def test_change_of_what_is_posted_is_refused(book, table, attack):
    refused(attack.format(table=table), "posted_rows_stay")


def test_amount_of_an_entry_changed_on_conflict_is_refused(book):
    refused(
        f"{ENTRIES} SELECT journal_id, fund, subject, holder, account_id, amount, number, balance_after "
        "FROM accounts_entry ON CONFLICT (id) DO UPDATE SET amount = 1",
        "posted_rows_stay",
    )


def test_direct_change_of_a_balance_is_refused(book):
    _city, account, _journal = book
    refused(MOVE.format(balance=1000, number=1, account=account.pk), "account_agrees_with_entries")
    refused(MOVE.format(balance=100, number=2, account=account.pk), "account_agrees_with_entries")
    refused(MOVE.format(balance=0, number=0, account=account.pk), "account_agrees_with_entries")


def test_balance_put_back_to_an_earlier_entry_is_refused(book):
    city, account, _journal = book
    factories.move(city, account, "-40.00")
    refused(MOVE.format(balance=100, number=1, account=account.pk), "account_agrees_with_entries")


def test_account_opened_with_a_balance_is_refused(book):
    person = factories.member()
    refused(
        "INSERT INTO accounts_account (member_id, area_id, status, status_reason, balance, last_number, opened_on) "
        f"VALUES ({person.pk}, '441699', 'open', '', 5, 0, '2026-01-01')",
        "account_agrees_with_entries",
    )


def test_account_given_to_another_member_is_refused(book):
    _city, account, _journal = book
    person = factories.member()
    refused(f"UPDATE accounts_account SET member_id = {person.pk} WHERE id = {account.pk}", "posted_rows_stay")


def test_account_with_entries_deleted_is_refused(book):
    refused("DELETE FROM accounts_account", "posted_rows_stay")
    refused("TRUNCATE accounts_account CASCADE", "posted_rows_stay")


def test_overdrawn_account_is_refused(book):
    _city, account, _journal = book
    refused(MOVE.format(balance="-0.01", number=2, account=account.pk), "account_not_overdrawn")
    refused(
        whole(
            "VALUES ({j}, 'personal_accounts', 'bank', '', NULL, 100.01, NULL, NULL), "
            f"({{j}}, 'personal_accounts', 'member_accounts', '', {account.pk}, -100.01, 2, -0.01)"
        ),
        "entry_not_overdrawn",
    )


def test_second_journal_with_a_used_key_is_refused(book):
    _city, _account, journal = book
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT conname FROM pg_constraint WHERE conrelid = 'accounts_journal'::regclass AND contype = 'u'"
        )
        [(unique,)] = cursor.fetchall()
    refused(
        whole(
            "VALUES ({j}, 'personal_accounts', 'bank', '', NULL, 10, NULL, NULL), "
            "({j}, 'personal_accounts', 'suspense', '', NULL, -10, NULL, NULL)",
            key=journal.key,
        ),
        unique,
    )


def test_journal_in_a_closed_month_is_refused(book):
    city, _account, _journal = book
    ClosedMonth.objects.create(area=city.area, month=date(2026, 2, 1), closed_by=city.finance, closed_at=factories.NOW)
    entries = (
        "VALUES ({j}, 'personal_accounts', 'bank', '', NULL, 10, NULL, NULL), "
        "({j}, 'personal_accounts', 'suspense', '', NULL, -10, NULL, NULL)"
    )
    refused(whole(entries, day="2026-02-28"), "journal_month_open")
    with connection.cursor() as cursor:
        cursor.execute(whole(entries, day="2026-03-01"))


def payout_of(city, account):
    return submit_payout(
        account=account,
        event="emigrated",
        happened_on=date(2026, 6, 1),
        payees=[Payee("张三", "工商银行", "6222000000000001")],
        actor=city.clerk,
        now=factories.NOW,
    )


def test_payout_approved_by_its_submitter_is_refused(book):
    city, account, _journal = book
    payout = payout_of(city, account)
    approve = "UPDATE accounts_payout SET status = 'approved', approved_by_id = {who}, approved_at = now() {also}"
    refused(approve.format(who=city.clerk.pk, also=""), "payout_approved_by_another")
    # nor by changing first who submitted it
    refused(approve.format(who=city.clerk.pk, also=f", submitted_by_id = {city.reviewer.pk}"), "payout_as_submitted")
    refused(f"UPDATE accounts_payout SET submitted_by_id = {city.reviewer.pk}", "payout_as_submitted")
    refused(f"UPDATE accounts_payout SET status = 'paid', paid_by_id = {city.finance.pk}", "payout_step")
    refused("UPDATE accounts_payout SET amount = 1", "payout_as_submitted")
    refused("DELETE FROM accounts_payout", "posted_rows_stay")
    payout.refresh_from_db()
    assert payout.status == "submitted"


def test_payout_entered_as_paid_is_refused(book):
    city, account, _journal = book
    refused(
        "INSERT INTO accounts_payout (account_id, event, happened_on, action, article, amount, payees, papers, "
        "account_status, status, submitted_by_id, submitted_at, approved_by_id, approved_at, paid_by_id, paid_at, "
        "note) "
        f"VALUES ({account.pk}, 'death', '2026-01-01', 'bank', '', 100, '[]', '', 'open', 'paid', {city.clerk.pk}, "
        f"now(), {city.reviewer.pk}, now(), {city.finance.pk}, now(), '')",
        "payout_step",
    )
