"""Freezes: each reason is a row of its own, and what one act froze no other opens."""

import threading
from datetime import date
from decimal import Decimal

import pytest
from django.db import IntegrityError, connection, transaction

from accounts.models import Account, Freeze, Payout
from accounts.services.ledger import AccountNotOpen
from accounts.services.payouts import Payee, approve_payout, pay_payout, return_payout, submit_payout
from accounts.services.standing import close, freeze, reopen, unfreeze
from accounts.services.uses import use_account
from bureau.errors import DomainError
from tests.accounts import factories
from tests.accounts.factories import NOW

HOLDER = [Payee("张三", "工商银行", "6222000000000001")]


@pytest.fixture
def account(city):
    return factories.account(city, balance="812.34")


def submit(city, account) -> Payout:
    return submit_payout(
        account=account, event="emigrated", happened_on=date(2026, 6, 1), payees=HOLDER, actor=city.clerk, now=NOW
    )


def rows(account) -> list[tuple]:
    found = account.freezes.order_by("pk")
    return [(row.cause, row.reason, row.frozen_by.username, row.ended_by and row.ended_by.username) for row in found]


def status(account) -> tuple[str, str]:
    account.refresh_from_db()
    return account.status, account.status_reason


def refused(sql: str, name: str) -> None:
    with pytest.raises(IntegrityError) as raised, transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(sql)
    assert raised.value.__cause__.diag.constraint_name == name


def test_e7_a_freeze_during_a_payout_outlives_it(city, account):
    payout = submit(city, account)
    freeze(account=account, reason="司法冻结", actor=city.reviewer, now=NOW)
    return_payout(payout=payout, note="缺材料", actor=city.reviewer, now=NOW)
    assert status(account) == ("frozen", "司法冻结")
    assert rows(account) == [
        ("payout", f"payout {payout.pk}", "clerk", "reviewer"),
        ("staff", "司法冻结", "reviewer", None),
    ]
    unfreeze(account=account, reason="解除", actor=city.clerk, now=NOW)
    assert status(account) == ("open", "")


def test_e7_each_reason_ends_for_itself(city, account):
    for reason in ("核查", "司法冻结", "核查"):
        freeze(account=account, reason=reason, actor=city.clerk, now=NOW)
    inquiry, court = account.freezes.order_by("pk")
    before = factories.standing()
    with pytest.raises(DomainError) as raised:
        unfreeze(account=account, reason="done", actor=city.clerk, now=NOW)
    assert raised.value.field == "freeze"
    assert factories.standing() == before
    for _ in range(2):  # delivered twice
        unfreeze(account=account, freeze=inquiry, reason="查清", actor=city.reviewer, now=NOW)
        assert status(account) == ("frozen", "司法冻结")
    with pytest.raises(AccountNotOpen):
        use_account(
            key="K", account=account, user=account.member, purpose="pharmacy_drug", payee="P44160200001",
            amount=Decimal("1.00"), on=date(2026, 12, 31), actor=city.clerk, now=NOW,
        )  # fmt: skip
    unfreeze(account=account, reason="解除", actor=city.reviewer, now=NOW)
    assert status(account) == ("open", "")
    court.refresh_from_db()
    assert (court.ended_by, court.ended_at, court.end_reason) == (city.reviewer, NOW, "解除")


def test_e7_a_payout_is_not_opened_by_hand(city, account):
    payout = submit(city, account)
    before = factories.standing()
    for act in ({}, {"freeze": account.freezes.get()}):
        with pytest.raises(DomainError):
            unfreeze(account=account, reason="please", actor=city.reviewer, now=NOW, **act)
    with pytest.raises(DomainError):
        close(account=account, reason="please", actor=city.reviewer, now=NOW)
    assert factories.standing() == before
    approve_payout(payout=payout, actor=city.reviewer, now=NOW)
    pay_payout(payout=payout, actor=city.finance, now=NOW)
    assert status(account)[0] == "closed"
    reopen(account=account, reason="回来了", actor=city.clerk, now=NOW)
    assert status(account) == ("open", "")


def test_e7_a_payout_waits_for_a_freeze_by_hand(city, account):
    """Nothing leaves a frozen account, whichever was first: the freeze or the payout."""
    freeze(account=account, reason="核查", actor=city.clerk, now=NOW)
    payout = submit(city, account)
    freeze(account=account, reason="司法冻结", actor=city.reviewer, now=NOW)
    inquiry, court = account.freezes.filter(cause="staff").order_by("pk")
    before = factories.standing()
    with pytest.raises(DomainError) as refused:
        approve_payout(payout=payout, actor=city.reviewer, now=NOW)
    assert str(refused.value) == "账户已被人工冻结（核查; 司法冻结）：请先解除冻结，或退回本支取申请。"
    assert factories.standing() == before
    for one in (inquiry, court):
        unfreeze(account=account, freeze=one, reason="解除", actor=city.reviewer, now=NOW)
    approve_payout(payout=payout, actor=city.reviewer, now=NOW)
    freeze(account=account, reason="司法冻结", actor=city.reviewer, now=NOW)
    before = factories.standing()
    with pytest.raises(DomainError, match="司法冻结"):
        pay_payout(payout=payout, actor=city.finance, now=NOW)
    assert factories.standing() == before
    return_payout(payout=payout, note="司法冻结", actor=city.reviewer, now=NOW)
    assert (*status(account), account.balance) == ("frozen", "司法冻结", Decimal("812.34"))


def test_e7_the_database_keeps_the_status_with_its_rows(city, account):
    payout = submit(city, account)
    freeze(account=account, reason="核查", actor=city.clerk, now=NOW)
    opened = f"UPDATE accounts_account SET status = 'open', status_reason = '' WHERE id = {account.pk}"
    frozen = "account_frozen_while_a_freeze_is_open"
    refused(opened, frozen)
    ended = f"ended_at = now(), ended_by_id = {city.clerk.pk}"
    of_payout, by_hand = account.freezes.order_by("pk")
    refused(f"UPDATE accounts_freeze SET {ended} WHERE id = {of_payout.pk}", "freeze_of_payout_stays")
    refused(f"UPDATE accounts_freeze SET reason = 'another', {ended} WHERE id = {by_hand.pk}", "freeze_step")
    refused(f"UPDATE accounts_freeze SET account_id = {factories.account(city).pk}, {ended}", "freeze_step")
    refused(f"UPDATE accounts_freeze SET ended_at = now() WHERE id = {by_hand.pk}", "freeze_ended_by_somebody")
    refused("DELETE FROM accounts_freeze", "posted_rows_stay")
    return_payout(payout=payout, note="x", actor=city.reviewer, now=NOW)
    refused(opened, frozen)
    refused(f"UPDATE accounts_freeze SET ended_at = NULL, ended_by_id = NULL WHERE id = {of_payout.pk}", "freeze_step")
    with connection.cursor() as cursor:
        cursor.execute(f"UPDATE accounts_freeze SET {ended} WHERE id = {by_hand.pk}")
    assert status(account) == ("open", "")
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO accounts_freeze (account_id, cause, reason, frozen_by_id, frozen_at, end_reason) "
            "VALUES (%s, 'staff', '核查', %s, now(), '')",
            [account.pk, city.clerk.pk],
        )
    assert status(account) == ("frozen", "核查")


@pytest.mark.django_db(transaction=True)
class TestRaces:
    def test_e7_a_freeze_and_the_end_of_a_payout_at_once(self):
        city = factories.heyuan()
        for number in range(8):
            account = factories.account(city, balance="10.00")
            payout = submit(city, account)
            acts = [
                lambda payout=payout: return_payout(payout=payout, note="x", actor=city.reviewer, now=NOW),
                lambda account=account: freeze(account=account, reason="核查", actor=city.clerk, now=NOW),
                lambda account=account: freeze(account=account, reason="司法冻结", actor=city.clerk, now=NOW),
            ]
            at_once(acts[number % 3 :] + acts[: number % 3])
            account.refresh_from_db()
            assert account.status == "frozen"
            assert set(account.freezes.filter(ended_at=None).values_list("reason", flat=True)) == {"核查", "司法冻结"}

    def test_e7_raw_sql_that_opens_waits_for_a_freeze_under_way(self):
        city = factories.heyuan()
        account = factories.account(city)
        answers: list = []

        def opens():
            try:
                with connection.cursor() as cursor:
                    cursor.execute("UPDATE accounts_account SET status = 'open' WHERE id = %s", [account.pk])
            except IntegrityError as error:
                answers.append(error.__cause__.diag.constraint_name)
            finally:
                connection.close()

        thread = threading.Thread(target=opens)
        with transaction.atomic():
            freeze(account=account, reason="核查", actor=city.clerk, now=NOW)
            thread.start()
            thread.join(0.3)
            assert thread.is_alive()
        thread.join()
        assert answers == ["account_frozen_while_a_freeze_is_open"]
        assert Account.objects.get().status == "frozen"
        assert Freeze.objects.count() == 1


def at_once(acts) -> None:
    start, errors = threading.Barrier(len(acts)), []

    def run(act):
        try:
            connection.ensure_connection()
            start.wait()
            act()
        except Exception as error:
            errors.append(error)
        finally:
            connection.close()

    threads = [threading.Thread(target=run, args=[act]) for act in acts]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert errors == []
