"""What was credited after a death is taken back once, whatever else is taken back, and given back if it was not so."""

from datetime import date
from decimal import Decimal
from pathlib import Path

import pytest
from django.db import connection

import accounts
from accounts.models import CreditRecovery, Journal
from accounts.queries import trial_balance
from accounts.services.ledger import KeyReused
from accounts.services.payouts import Payee, approve_payout, pay_payout, return_payout, submit_payout
from accounts.services.recoveries import (
    collect_recovery,
    credited_after_death,
    give_back,
    outstanding,
    recover,
    recover_after_death,
)
from accounts.services.standing import load_opening_balances
from bureau.errors import DomainError
from bureau.models import AuditEntry
from members.models import Member
from settlement.queries.proofs.books import check_books
from tests.accounts import factories
from tests.accounts.factories import NOW
from tests.accounts.test_credits import FEBRUARY, JANUARY, MARCH, insured, run

APRIL, MAY, JUNE = (date(2026, month, 1) for month in (4, 5, 6))
DIED = date(2026, 2, 10)
MONTH = Decimal("102.79")


@pytest.fixture
def account(city):
    """1,379.50 from before and six months of 102.79, February's the last that was due: 1,996.24, 411.16 too much."""
    person = insured("retired")
    load_opening_balances(key="O", area=city.area, balances={person.pk: Decimal("1379.50")}, on=date(2026, 1, 1),
                          actor=city.clerk, now=NOW)  # fmt: skip
    for month in (JANUARY, FEBRUARY, MARCH, APRIL, MAY, JUNE):
        run(city, month)
    held = person.accounts.get()
    assert held.balance == Decimal("1996.24")
    die(held, DIED)
    return held


def die(account, on: date | None) -> None:
    """What a correction of the record leaves: another day of death, or none."""
    Member.objects.filter(pk=account.member_id).update(died_on=on)
    account.refresh_from_db()


def by_hand(city, account, amount: str, key="R1", **changes):
    act = {"source": "pool", "reason": "重复划入", "actor": city.finance, "now": NOW}
    return recover(key=key, account=account, amount=Decimal(amount), **(act | changes))


def after_death(city, account, died_on=DIED) -> Decimal:
    return recover_after_death(account=account, died_on=died_on, actor=city.finance, now=NOW)


def back(city, account, month=None) -> Decimal:
    return give_back(account=account, month=month, reason="死亡登记有误", actor=city.finance, now=NOW)


def submit(city, account):
    return submit_payout(
        account=account, event="death", happened_on=DIED, payees=[Payee("张小宁", "工商银行", "6222000000000001")],
        actor=city.clerk, now=NOW,
    )  # fmt: skip


def paid_out(city, account) -> Decimal:
    payout = approve_payout(payout=submit(city, account), actor=city.reviewer, now=NOW)
    return pay_payout(payout=payout, actor=city.finance, now=NOW).amount


def stands(account) -> tuple[Decimal, Decimal, str]:
    account.refresh_from_db()
    return account.balance, outstanding(account.pk), account.status


def pool(city) -> Decimal:
    """What the pool has spent on credits, as it stands."""
    lines = trial_balance(area_id=city.area.pk, on=date(2026, 12, 31))
    return -sum((line.balance for line in lines if line.subject == "account_credits"), Decimal(0))


def months(account) -> list[tuple[str, str]]:
    rows = CreditRecovery.objects.filter(account=account).order_by("pk")
    return [(f"{row.month:%m}", str(row.amount)) for row in rows]


def clean(city) -> bool:
    wrong = {proof.code: proof.shown for proof in check_books(city.area.pk) if proof.wrong}
    assert wrong == {}
    return True


def refused(act, message: str, field: str) -> None:
    before = (factories.standing(), CreditRecovery.objects.count())
    with pytest.raises(DomainError) as raised:
        act()
    assert (str(raised.value), raised.value.field) == (message, field)
    assert (factories.standing(), CreditRecovery.objects.count()) == before


@pytest.mark.parametrize("amount", ["100.00", "411.16", "0.01", "500.00"])
def test_a3_recovery_for_another_reason_lessens_nothing(city, account, amount):
    by_hand(city, account, amount)
    assert credited_after_death(account.pk, DIED) == [("pool", Decimal("411.16"), Decimal(0))]
    assert paid_out(city, account) == Decimal("1996.24") - Decimal(amount) - Decimal("411.16")
    assert stands(account) == (0, 0, "closed")
    assert pool(city) == Decimal("616.74") - Decimal(amount) - Decimal("411.16")
    assert clean(city)


def test_a3_credits_taken_back_by_hand_in_part_are_taken_back_for_the_rest(city, account):
    by_hand(city, account, "100.00")
    by_hand(city, account, "50.00", key="R2", month=MARCH)
    by_hand(city, account, "102.79", key="R3", month=JUNE)
    assert credited_after_death(account.pk, DIED) == [("pool", Decimal("411.16"), Decimal("152.79"))]
    assert after_death(city, account) == Decimal("258.37")
    assert months(account) == [
        ("03", "50.00"), ("06", "102.79"), ("03", "52.79"), ("04", "102.79"), ("05", "102.79"),
    ]  # fmt: skip
    for _ in range(2):
        assert after_death(city, account) == 0
    assert paid_out(city, account) == Decimal("1485.08")
    assert clean(city)


def test_a3_no_more_of_a_month_is_taken_back_than_was_credited(city, account):
    by_hand(city, account, "50.00", month=MARCH)
    refused(
        lambda: by_hand(city, account, "52.80", key="R2", month=MARCH),
        "2026-03 由该来源划入的金额，尚可收回 52.79 元。", "amount",
    )  # fmt: skip
    refused(
        lambda: by_hand(city, account, "1.00", key="R2", month=MARCH, source="contribution"),
        "2026-03 由该来源划入的金额，尚可收回 0.00 元。", "amount",
    )  # fmt: skip
    refused(
        lambda: by_hand(city, account, "1.00", key="R2", month=date(2026, 7, 1)),
        "2026-07 由该来源划入的金额，尚可收回 0.00 元。", "amount",
    )  # fmt: skip
    before = (factories.standing(), months(account))
    by_hand(city, account, "50.00", month=MARCH)  # delivered twice
    with pytest.raises(KeyReused):
        by_hand(city, account, "50.00", month=APRIL)
    assert (factories.standing(), months(account)) == before


def test_a3_what_was_taken_back_of_a_month_before_the_death_was_known_counts(city, account):
    """April was credited by mistake and taken back; then the death of February is learnt."""
    die(account, None)
    by_hand(city, account, "102.79", month=APRIL)
    by_hand(city, account, "102.79", key="R2", month=JANUARY)
    die(account, DIED)
    assert after_death(city, account) == Decimal("308.37")
    assert stands(account)[0] == Decimal("1996.24") - 2 * MONTH - Decimal("308.37")


def test_a3_credits_that_come_after_a_first_run_are_taken_back_by_the_next(city, account):
    die(account, None)
    assert after_death(city, account) == Decimal("411.16")
    run(city, date(2026, 7, 1))
    assert after_death(city, account) == MONTH
    assert stands(account) == (Decimal("1585.08"), 0, "open")
    assert clean(city)


def test_a3_earlier_day_of_death_takes_more_back(city, account):
    assert after_death(city, account) == Decimal("411.16")
    die(account, date(2026, 1, 20))
    assert paid_out(city, account) == Decimal("1482.29")
    assert months(account)[-1] == ("02", "102.79")
    assert (pool(city), clean(city)) == (MONTH, True)


def test_a3_later_day_of_death_gives_back_what_was_due_before_it(city, account):
    by_hand(city, account, "100.00")
    assert after_death(city, account) == Decimal("411.16")
    die(account, date(2026, 4, 10))
    assert paid_out(city, account) == Decimal("1485.08") + 2 * MONTH
    assert months(account)[-2:] == [("03", "-102.79"), ("04", "-102.79")]
    entry = AuditEntry.objects.get(action="account.give_back")
    assert (entry.actor, entry.detail["amount"], entry.detail["months"]) == (
        city.clerk, "205.58", {"2026-03": "102.79", "2026-04": "102.79"},
    )  # fmt: skip
    assert (stands(account), clean(city)) == ((0, 0, "closed"), True)


def test_a3_day_of_death_to_and_fro(city, account):
    for day, balance in (
        (DIED, "1585.08"), (date(2026, 4, 10), "1790.66"), (DIED, "1585.08"), (date(2026, 6, 30), "1996.24"),
        (date(2026, 1, 5), "1482.29"), (DIED, "1585.08"), (DIED, "1585.08"),
    ):  # fmt: skip
        after_death(city, account, day)
        assert stands(account) == (Decimal(balance), 0, "open")
    assert clean(city)


def test_a3_alive_after_all_has_everything_back(city, account):
    by_hand(city, account, "100.00")
    after_death(city, account)
    refused(
        lambda: back(city, account, MARCH),
        "该月始于持有人死亡（2026-02-10）之后，其划入不予返还。", "month",
    )  # fmt: skip
    assert back(city, account) == 0  # nothing is given back of a death that stands
    die(account, None)
    assert back(city, account) == Decimal("411.16")
    assert stands(account) == (Decimal("1896.24"), 0, "open")  # the 100.00 had another reason
    before = factories.standing()
    assert back(city, account) == 0
    assert factories.standing() == before
    assert pool(city) == Decimal("516.74")
    journal = Journal.objects.order_by("-pk").first()
    assert sorted(journal.entries.values_list("fund", "subject", "amount")) == [
        ("employees_pool", "account_credits", Decimal("-411.16")),
        ("employees_pool", "interfund", Decimal("411.16")),
        ("personal_accounts", "interfund", Decimal("-411.16")),
        ("personal_accounts", "member_accounts", Decimal("411.16")),
    ]
    assert (journal.kind, journal.source, journal.actor) == ("recovery", f"account:{account.pk}", city.finance)
    assert clean(city)


def test_a3_giving_back_lessens_first_what_is_still_owed(city, account):
    """96.24 came out of the account, 314.92 is owed, 100.00 of it has been paid: 214.92 is forgiven, 196.24 paid in."""
    factories.move(city, account, "-1900.00")
    after_death(city, account)
    assert stands(account) == (0, Decimal("314.92"), "open")
    collect_recovery(key="C", account=account, amount=Decimal("100.00"), from_account=False, reason="家属交回",
                     actor=city.finance, now=NOW)  # fmt: skip
    die(account, None)
    assert back(city, account) == Decimal("411.16")
    assert stands(account) == (Decimal("196.24"), 0, "open")


def test_a3_given_back_to_a_closed_account_waits_there(city, account):
    """Heirs were paid, and the holder is alive: month by month, or all at once; the account is frozen till then."""
    paid_out(city, account)
    die(account, None)
    assert back(city, account) == 0  # the day by which heirs were paid still counts
    assert back(city, account, MARCH) == MONTH
    assert back(city, account, MARCH) == 0
    assert stands(account) == (MONTH, 0, "frozen")
    refused(lambda: back(city, account, FEBRUARY), "该月划入没有收回过。", "month")
    assert account.freezes.get(ended_at=None).cause == "refund"
    assert clean(city)


def test_a3_payout_returned_that_named_a_death_gives_back_on_request(city, account):
    """No death is recorded: the application alone spoke of one."""
    die(account, None)
    payout = submit(city, account)
    assert payout.amount == Decimal("1585.08")
    assert back(city, account) == 0
    return_payout(payout=payout, note="人还在世", actor=city.reviewer, now=NOW)
    assert back(city, account) == Decimal("411.16")
    assert stands(account) == (Decimal("1996.24"), 0, "open")
    assert clean(city)


def test_a3_mistaken_recovery_of_a_month_is_given_back(city, account):
    die(account, None)
    by_hand(city, account, "60.00", month=MARCH)
    assert back(city, account) == 0
    assert back(city, account, MARCH) == Decimal("60.00")
    by_hand(city, account, "102.79", key="R2", month=MARCH)
    assert stands(account)[0] == Decimal("1893.45")
    assert clean(city)


def test_a3_rows_that_say_what_was_taken_back_are_not_forged(city, account, as_application):
    from tests.attacks.attack import refused as not_done

    journal = by_hand(city, account, "500.00")
    elsewhere = Journal.objects.filter(kind="opening").first().pk
    insert = (
        "INSERT INTO accounts_creditrecovery (account_id, month, source, amount, after_death, journal_id)"
        " VALUES ({}, '{}', 'pool', {}, true, {})"
    )
    not_done(insert.format(account.pk, "2026-03-01", "102.80", journal), "23000", "credit_recovery_within_credit")
    not_done(insert.format(account.pk, "2026-03-01", "-0.01", journal), "23000", "credit_recovery_within_credit")
    not_done(insert.format(account.pk, "2026-03-01", "1.00", elsewhere), "23000", "credit_recovery_of_a_recovery")
    not_done(insert.format(account.pk, "2026-03-02", "1.00", journal), "23514", "credit_recovery_month_first_day")
    not_done("UPDATE accounts_creditrecovery SET amount = 1", "42501")
    not_done("DELETE FROM accounts_creditrecovery", "42501")


def test_a3_recoveries_from_before_are_taken_over_month_by_month(city, account):
    """Under the rule of then: whatever was taken back since the death, first what came first."""
    by_hand(city, account, "50.00")
    by_hand(city, account, "100.00", key="R2")
    after_death(city, account)
    sql = (Path(accounts.__file__).parent / "migrations" / "credit_recoveries.sql").read_text("utf-8")
    with connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
        cursor.execute("ALTER TABLE accounts_creditrecovery DISABLE TRIGGER USER")
        cursor.execute("DELETE FROM accounts_creditrecovery")
        cursor.execute(sql.partition("SET CONSTRAINTS")[0])
    rows = CreditRecovery.objects.order_by("journal_id", "month").values_list("journal__key", "month__month", "amount")
    assert [(key, month, str(amount)) for key, month, amount in rows] == [
        ("recovery:R1", 3, "50.00"),
        ("recovery:R2", 3, "52.79"),
        ("recovery:R2", 4, "47.21"),
        (f"recovery:death:{account.pk}:0", 4, "55.58"),
        (f"recovery:death:{account.pk}:0", 5, "102.79"),
        (f"recovery:death:{account.pk}:0", 6, "102.79"),
    ]
