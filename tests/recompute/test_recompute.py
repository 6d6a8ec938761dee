"""A small city of the demonstration, computed again by code of its own; and wrong rows, which that code finds."""

import ast
import datetime
import sys
from collections.abc import Iterator
from io import StringIO
from pathlib import Path
from typing import Any

import pytest

from tests.recompute.computing import compute
from tests.recompute.differences import Difference

MEMBERS = 100
CITIES = {"heyuan": "441699", "shaoguan": "440299"}


def test_nothing_of_the_product_is_imported():
    """Only the standard library, the database driver and a cipher: no rule, no model and no setting is shared."""
    allowed = sys.stdlib_module_names | {"psycopg", "cryptography"}
    for path in Path(__file__).parent.rglob("*.py"):
        if path.name.startswith("test_"):
            continue
        text = path.read_text()
        for node in ast.walk(ast.parse(text)):
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            if isinstance(node, ast.ImportFrom) and not node.level:
                names = [node.module or ""]
            others = [name for name in names if not f"{name}.".startswith("tests.recompute.")]
            assert all(name.partition(".")[0] in allowed for name in others), f"{path}: {names}"
        assert "import_module" not in text and "__import__" not in text and ".toml" not in text


@pytest.fixture(scope="module", params=CITIES)
def lived(request: pytest.FixtureRequest, django_db_setup: None, django_db_blocker: Any) -> Iterator[str]:
    """A city that has lived its year, within a transaction that is rolled back at the end."""
    from django.core.management import call_command
    from django.db import transaction

    with django_db_blocker.unblock(), transaction.atomic():
        options = {"members": MEMBERS, "today": datetime.date(2027, 1, 20), "stdout": StringIO()}
        call_command("demo", city=[request.param], **options)
        yield CITIES[request.param]
        transaction.set_rollback(True)


def differences(area: str) -> list[Difference]:
    from django.db import connection

    connection.ensure_connection()
    [findings] = compute(connection.connection, [area])
    return findings.differences


@pytest.mark.django_db
def test_nothing_differs(lived: str):
    assert [str(difference) for difference in differences(lived)] == []


def planted(area: str, table: str, change: str, where: str) -> tuple[int, list[Difference]]:
    """What is found when the owner of the tables changes one row past every guard; afterwards it is as it was."""
    from django.db import connection, transaction

    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
        cursor.execute(f"ALTER TABLE {table} DISABLE TRIGGER USER")
        cursor.execute(
            f"UPDATE {table} SET {change} WHERE id = (SELECT max(id) FROM {table} t WHERE {where}) RETURNING id", [area]
        )
        [(number,)] = cursor.fetchall()
        found = differences(area)
        transaction.set_rollback(True)
    return number, found


OF_RUNS = "run_id IN (SELECT id FROM settlement_run WHERE area_id = %s AND kind IN ('advance', 'month'))"
OF_BOOKS = "journal_id IN (SELECT id FROM accounts_journal WHERE area_id = %s)"
OF_ACCOUNTS = "account_id IN (SELECT id FROM accounts_account WHERE area_id = %s)"

# What is changed, in which row, and the codes under which it is found: of the row itself, or of what is named.
PLANTS = {
    "a visit paid more by the fund and less in cash": (
        "settlement_visit",
        "pooled = pooled + 0.01, cash = cash - 0.01",
        "area_id = %s AND pooled > 0 AND cash > 1 AND reverses_id IS NULL",
        {("visit.pooled", "visit:{}"), ("visit.cash", "visit:{}")},
    ),
    "a visit owed to somebody else": (
        "settlement_visit",
        "payee_id = (SELECT max(id) FROM institutions_institution)",
        "area_id = %s AND pooled > 0 AND payee_id IS NOT NULL AND reverses_id IS NULL",
        {("visit.payee", "visit:{}")},
    ),
    "a bill that costs more than its file says": (
        "settlement_visit",
        "total = total + 1, own_expense = own_expense + 1, cash = cash + 1",
        "area_id = %s AND upload_id IS NOT NULL AND cash > 1 AND reverses_id IS NULL AND account + family = 0",
        {("file.total", "visit:{}"), ("file.own_expense", "visit:{}")},
    ),
    "a choice that counts for fewer months": (
        "institutions_selection",
        "counts_to = counts_from",
        "area_id = %s AND year = 2026 AND counts_to > counts_from",
        {("selection.counts_to", "selection:{}")},
    ),
    "a line of a run paid more": (
        "settlement_line",
        "to_pay = to_pay + 0.01, amount = amount + 0.01",
        f"{OF_RUNS} AND to_pay > 0",
        {("run {kind}.to_pay", "line:{}")},
    ),
    "money in the bank that nobody sent": (
        "accounts_entry",
        "amount = amount + 0.01",
        f"{OF_BOOKS} AND subject = 'bank' AND fund <> 'personal_accounts'",
        {("books.bank", "{fund} bank")},
    ),
}
OF_HOLDERS = {
    "a credit of a fen more": (
        "accounts_credit",
        "amount = amount + 0.01",
        OF_ACCOUNTS,
        {("credit.amount", "credit:{}")},
    ),
    "a balance out of nothing": (
        "accounts_account",
        "balance = balance + 1",
        "area_id = %s",
        {("account.balance", "account:{}")},
    ),
    "a purchase that the account paid less of": (
        "accounts_accountuse",
        "paid = paid - 0.01, cash = cash + 0.01",
        f"{OF_ACCOUNTS} AND paid > 1",
        {("use.paid", "use:{}"), ("use.cash", "use:{}")},
    ),
}


@pytest.mark.django_db
def test_a3_payout_returned_after_its_approval_differs_in_nothing(lived: str):
    from django.db import transaction

    from accounts.models import Account
    from accounts.services.payouts import Payee, approve_payout, return_payout, submit_payout
    from bureau.models import Staff

    if lived == CITIES["shaoguan"]:
        pytest.skip("residents have no accounts")
    after = [datetime.datetime(2027, 1, day, 2, tzinfo=datetime.UTC) for day in (25, 26, 27)]
    clerk, reviewer = (Staff.objects.filter(area=lived, groups__name=role).first() for role in ("clerk", "reviewer"))
    with transaction.atomic():
        account = Account.objects.filter(area=lived, status="open", balance__gt=0, member__died_on=None).first()
        payout = submit_payout(
            account=account, event="emigrated", happened_on=datetime.date(2026, 12, 1),
            payees=[Payee("张三", "工商银行", "6222000000000001")], actor=clerk, now=after[0],
        )  # fmt: skip
        approve_payout(payout=payout, actor=reviewer, now=after[1])
        assert differences(lived) == []
        return_payout(payout=payout, note="x", actor=reviewer, now=after[2])
        assert differences(lived) == []
        account.refresh_from_db()
        assert account.balance == payout.amount
        transaction.set_rollback(True)


@pytest.mark.django_db
@pytest.mark.parametrize("plant", PLANTS)
def test_a_wrong_row_is_found(lived: str, plant: str):
    table, change, where, expected = PLANTS[plant]
    number, found = planted(lived, table, change, where)
    names = {"kind": "advance", "fund": "employees_pool"}
    if lived == CITIES["shaoguan"]:
        names = {"kind": "month", "fund": "residents_outpatient"}
    wanted = {(code.format(**names), record.format(number, **names)) for code, record in expected}
    assert wanted <= {(difference.code, difference.record) for difference in found}


@pytest.mark.django_db
@pytest.mark.parametrize("plant", OF_HOLDERS)
def test_a_wrong_row_of_an_account_is_found(lived: str, plant: str):
    if lived == CITIES["shaoguan"]:
        pytest.skip("residents have no accounts")
    table, change, where, expected = OF_HOLDERS[plant]
    number, found = planted(lived, table, change, where)
    assert {(code, record.format(number)) for code, record in expected} <= {(d.code, d.record) for d in found}
