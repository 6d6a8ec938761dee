"""After a death: what heirs are paid, what is taken back first, and the account that is closed with it."""

from datetime import date
from decimal import Decimal

import pytest
from django.db import IntegrityError, connection, transaction

from accounts.models import Account, AccountUse, Entry, Freeze, Journal
from accounts.queries import trial_balance
from accounts.queries.after_death import used_after_death
from accounts.services.family import grant
from accounts.services.ledger import AccountClosed
from accounts.services.payouts import Payee, approve_payout, pay_payout, return_payout, submit_payout
from accounts.services.recoveries import credited_after_death, outstanding, recover, recover_after_death
from accounts.services.standing import close
from accounts.services.uses import reverse_use, use_account
from bureau.errors import DomainError
from members.models import Member
from members.services.people import record_death
from tests.accounts import factories
from tests.accounts.factories import NOW
from tests.accounts.test_credits import FEBRUARY, JANUARY, MARCH, at, insured, run

HEIR = [Payee("张小宁", "工商银行", "6222000000000001")]
DIED = date(2026, 2, 10)


@pytest.fixture
def pensioner(city):
    """Credited to June; the death of 10 February is learnt then. 1,996.24 in the account, 411.16 of it too much."""
    person = insured("retired")
    run(city, JANUARY)
    factories.move(city, person.accounts.get(), "1379.50")
    for month in (FEBRUARY, MARCH, date(2026, 4, 1), date(2026, 5, 1), date(2026, 6, 1)):
        run(city, month)
    assert person.accounts.get().balance == Decimal("1996.24")
    return record_death(member=person, on=DIED, actor=city.clerk, now=at(date(2026, 6, 25)))


def submit(city, account, event="death", **changes):
    act = {"happened_on": DIED, "papers": "死亡证明", "payees": HEIR, "actor": city.clerk, "now": NOW}
    return submit_payout(account=account, event=event, **(act | changes))


def paid_out(city, account, **changes):
    payout = submit(city, account, **changes)
    approve_payout(payout=payout, actor=city.reviewer, now=NOW)
    return pay_payout(payout=payout, actor=city.finance, now=NOW)


def balances(city) -> dict[str, str]:
    return {
        f"{line.fund} {line.subject}": str(line.balance)
        for line in trial_balance(area_id=city.area.pk, on=date(2026, 12, 31))
        if line.balance
    }


def test_a3_credits_after_the_death_are_taken_back_before_the_heirs_are_paid(city, pensioner):
    account = pensioner.accounts.get()
    assert credited_after_death(account.pk, DIED) == [("pool", Decimal("411.16"), Decimal(0))]
    payout = paid_out(city, account)
    assert (payout.amount, payout.payees[0]["amount"]) == (Decimal("1585.08"), "1585.08")
    account.refresh_from_db()
    assert (account.balance, account.status, account.status_reason) == (0, "closed", f"payout {payout.pk}")
    assert credited_after_death(account.pk, DIED) == [("pool", Decimal("411.16"), Decimal("411.16"))]
    back = Journal.objects.get(kind="recovery")
    assert sorted(back.entries.values_list("subject", "amount")) == [
        ("account_credits", Decimal("411.16")),
        ("interfund", Decimal("-411.16")),
        ("interfund", Decimal("411.16")),
        ("member_accounts", Decimal("-411.16")),
    ]
    assert balances(city)["employees_pool account_credits"] == "-205.58"  # January and February


def test_a3_what_a_clerk_took_back_before_is_not_taken_twice(city, pensioner):
    account = pensioner.accounts.get()
    act = {"account": account, "source": "pool", "reason": "死亡后计入", "actor": city.finance, "now": NOW}
    recover(key="R1", amount=Decimal("102.79"), month=MARCH, **act)
    assert recover_after_death(account=account, died_on=DIED, actor=city.finance, now=NOW) == Decimal("308.37")
    before = factories.standing()
    assert recover_after_death(account=account, died_on=DIED, actor=city.finance, now=NOW) == 0
    assert factories.standing() == before
    assert submit(city, account).amount == Decimal("1585.08")


def test_a3_what_the_balance_no_longer_covers_is_owed(city, pensioner):
    account = pensioner.accounts.get()
    factories.move(city, account, "-1900.00")
    before = factories.standing()
    with pytest.raises(DomainError) as raised:
        submit(city, account)
    assert raised.value.field == "account"
    assert factories.standing() == before
    assert recover_after_death(account=account, died_on=DIED, actor=city.finance, now=NOW) == Decimal("411.16")
    assert (Account.objects.get().balance, outstanding(account.pk)) == (0, Decimal("314.92"))


def test_a3_only_heirs_are_paid_after_a_death(city, pensioner):
    account = pensioner.accounts.get()
    before = factories.standing()
    with pytest.raises(DomainError) as raised:
        submit(city, account, "emigrated", payees=[Payee("张三", "工商银行", "6222000000000001")])
    assert (raised.value.field, "2026-02-10" in str(raised.value)) == ("event", True)
    assert factories.standing() == before


def test_a3_the_dead_let_nobody_use_the_account(city, pensioner):
    child = factories.member()
    factories.relative(pensioner, child, "child")
    act = {"account": pensioner.accounts.get(), "beneficiary": child, "actor": city.clerk, "now": NOW}
    before = factories.standing()
    with pytest.raises(DomainError, match="2026-02-10"):
        grant(starts_on=date(2026, 2, 11), **act)
    assert factories.standing() == before


def test_a3_an_account_that_goes_on_is_not_closed(city):
    """Settled out of the province: still insured here, credited every month, and paid out again on application."""
    person = insured("retired")
    run(city, JANUARY)
    account = person.accounts.get()
    paid_out(city, account, event="retiree_settled_out_of_province", happened_on=JANUARY)
    run(city, FEBRUARY)
    account.refresh_from_db()
    assert (account.status, account.balance) == ("open", Decimal("102.79"))


@pytest.mark.parametrize("event", ["emigrated", "enlisted", "transfer_out_of_province"])
def test_a3_an_account_paid_out_is_closed_whatever_the_event(city, event):
    account = factories.account(city, balance="100.00")
    paid_out(city, account, event=event, happened_on=date(2026, 6, 1))
    account.refresh_from_db()
    assert (account.status, account.balance) == ("closed", 0)


def test_a3_a_refund_to_a_closed_account_waits_there_to_be_paid_out(city):
    account = factories.account(city, balance="150.00")
    used = use_account(
        key="K1", account=account, user=account.member, purpose="pharmacy_drug", payee="P44160200001",
        amount=Decimal("60.00"), on=date(2026, 2, 1), actor=city.clerk, now=NOW,
    )  # fmt: skip
    Member.objects.filter(pk=account.member_id).update(died_on=DIED)
    assert paid_out(city, account).amount == Decimal("90.00")
    reversal = reverse_use(use=used, actor=city.clerk, now=NOW)
    account.refresh_from_db()
    assert (account.status, account.status_reason, account.balance) == (
        "frozen", f"use:{reversal.pk}", Decimal("60.00"),
    )  # fmt: skip
    assert Freeze.objects.get(cause="refund").frozen_by == city.clerk
    assert reverse_use(use=used, actor=city.clerk, now=NOW) == reversal
    payout = paid_out(city, account)
    account.refresh_from_db()
    assert (payout.amount, account.status, account.balance) == (Decimal("60.00"), "closed", 0)
    assert not Freeze.objects.filter(ended_at=None).exists()
    assert not Entry.objects.filter(subject="suspense").exists()


def test_a3_nothing_comes_into_a_closed_account(city):
    account = factories.account(city)
    close(account=account, reason="迁出", actor=city.clerk, now=NOW)
    before = factories.standing()
    with pytest.raises(AccountClosed):
        factories.move(city, account, "1.00")
    assert factories.standing() == before
    other = factories.account(city, balance="5.00")
    refused = pytest.raises(IntegrityError, match="account_closed_is_empty")
    with refused, transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("UPDATE accounts_account SET status = 'closed' WHERE id = %s", [other.pk])


def test_a3_death_learnt_after_a_payout_was_submitted_stops_its_approval(city):
    """Submitted with the 10 April as the day of death, which was 10 February: March and April are taken back first."""
    person = insured("retired")
    for month in (JANUARY, FEBRUARY, MARCH, date(2026, 4, 1)):
        run(city, month)
    account = person.accounts.get()
    payout = submit(city, account, happened_on=date(2026, 4, 10))
    assert payout.amount == Decimal("411.16")
    record_death(member=person, on=DIED, actor=city.clerk, now=NOW)
    before = factories.standing()
    with pytest.raises(DomainError) as refused:
        approve_payout(payout=payout, actor=city.reviewer, now=NOW)
    assert str(refused.value) == "扣除死亡后划入的金额后，账户仅余 205.58 元。请退回本支取申请后重新提交。"
    assert factories.standing() == before
    return_payout(payout=payout, note="死亡日期有误", actor=city.reviewer, now=NOW)
    again = paid_out(city, account)
    assert again.amount == Decimal("205.58")
    account.refresh_from_db()
    assert (account.balance, account.status) == (0, "closed")


def test_a3_payout_to_a_holder_who_has_died_meanwhile_is_not_approved(city):
    person = insured("retired")
    run(city, JANUARY)
    account = person.accounts.get()
    payout = submit(city, account, event="emigrated", happened_on=date(2026, 1, 20))
    record_death(member=person, on=DIED, actor=city.clerk, now=NOW)
    before = factories.standing()
    with pytest.raises(DomainError, match="2026-02-10"):
        approve_payout(payout=payout, actor=city.reviewer, now=NOW)
    assert factories.standing() == before


def test_a3_credit_after_the_death_while_the_payout_waits_is_taken_back(city):
    """The death was not on record when March was credited; the payout of the submission's balance stays right."""
    person = insured("retired")
    run(city, JANUARY)
    account = person.accounts.get()
    payout = submit(city, account)
    run(city, FEBRUARY)
    run(city, MARCH)
    payout.refresh_from_db()
    approve_payout(payout=payout, actor=city.reviewer, now=NOW)
    account.refresh_from_db()
    assert (payout.amount, account.balance) == (Decimal("102.79"), Decimal("102.79"))  # February's, due to the heirs
    assert Journal.objects.get(kind="recovery").entries.get(account=account).amount == Decimal("-102.79")


def test_a2_what_an_account_paid_after_a_death_learnt_later_is_listed_until_it_is_given_back(city):
    person = insured("retired")
    run(city, JANUARY)
    account = person.accounts.get()

    def buy(key, on):
        return use_account(
            key=key, account=account, user=person, purpose="pharmacy_drug", payee="P44160200001",
            amount=Decimal("20.00"), on=on, actor=city.clerk, now=at(date(2026, 3, 1)),
        )  # fmt: skip

    buy("before", DIED)
    after = buy("after", date(2026, 2, 11))
    assert not used_after_death(AccountUse.objects.all()).exists()
    record_death(member=person, on=DIED, actor=city.clerk, now=at(date(2026, 3, 5)))
    assert list(used_after_death(AccountUse.objects.all())) == [after]
    reverse_use(use=after, actor=city.clerk, now=at(date(2026, 3, 6)))
    assert not used_after_death(AccountUse.objects.all()).exists()
