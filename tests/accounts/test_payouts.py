"""Payouts: submitted, approved by another, paid; and what happens to the account meanwhile."""

from datetime import date
from decimal import Decimal

import pytest

from accounts.models import Payout
from accounts.queries import trial_balance
from accounts.services import Overdrawn
from accounts.services.ledger import AccountNotOpen
from accounts.services.payouts import Payee, approve_payout, pay_payout, return_payout, submit_payout
from accounts.services.recoveries import recover
from accounts.services.standing import close, freeze, reopen, unfreeze
from accounts.services.uses import use_account
from bureau.errors import DomainError, RefusedError
from tests.accounts import factories
from tests.accounts.factories import NOW

HOLDER = [Payee("张三", "工商银行", "6222000000000001")]


@pytest.fixture
def account(city):
    return factories.account(city, balance="812.34")


def submit(city, account, event="emigrated", payees=HOLDER, **changes) -> Payout:
    act = {"happened_on": date(2026, 6, 1), "papers": "出境证明", "actor": city.clerk, "now": NOW}
    return submit_payout(account=account, event=event, payees=payees, **(act | changes))


def book(city) -> dict[str, str]:
    return {
        line.subject + (f" {line.holder}" if line.holder else ""): str(line.balance)
        for line in trial_balance(area_id=city.area.pk, on=date(2026, 12, 31), by_holder=True)
        if line.balance
    }


def test_payout_goes_from_the_account_to_the_payable_to_the_bank(city, account):
    payout = submit(city, account)
    account.refresh_from_db()
    assert (payout.amount, payout.action, payout.article) == (Decimal("812.34"), "bank", "11(5)")
    assert (account.status, account.balance) == ("frozen", Decimal("812.34"))

    approve_payout(payout=payout, actor=city.reviewer, now=NOW)
    account.refresh_from_db()
    assert account.balance == 0
    assert book(city) == {"transfer_income": "-812.34", f"payable_payout payout:{payout.pk}": "812.34"}

    payout = pay_payout(payout=payout, actor=city.finance, now=NOW)
    account.refresh_from_db()
    assert (payout.status, payout.approved_by, payout.paid_by) == ("paid", city.reviewer, city.finance)
    assert book(city) == {"transfer_income": "-812.34", "bank": "812.34"}
    assert (account.status, account.status_reason) == ("closed", f"payout {payout.pk}")


def test_transfer_out_shows_as_turnover_of_transfers(city, account):
    payout = submit(city, account, "transfer_out_of_province")
    approve_payout(payout=payout, actor=city.reviewer, now=NOW)
    pay_payout(payout=payout, actor=city.finance, now=NOW)
    lines = {line.subject: line for line in trial_balance(area_id=city.area.pk, on=date(2026, 12, 31))}
    out = lines["transfer_expenditure"]
    assert (out.debit, out.credit, out.balance) == (Decimal("812.34"), Decimal("812.34"), Decimal("0.00"))
    assert lines["bank"].balance == Decimal("812.34")


def test_heirs_share_to_the_fen(city):
    account = factories.account(city, balance="100.00")
    heirs = [
        Payee("甲", "工商银行", "1", Decimal("33.3333")),
        Payee("乙", "建设银行", "2", Decimal("33.3333")),
        Payee("丙", "农业银行", "3", Decimal("33.3334")),
    ]
    payout = submit(city, account, "death", heirs)
    assert [(row["name"], row["share"], row["amount"]) for row in payout.payees] == [
        ("甲", "33.3333", "33.33"),
        ("乙", "33.3333", "33.33"),
        ("丙", "33.3334", "33.34"),
    ]


@pytest.mark.parametrize(
    "shares", [["50", "49.99"], ["50", "50.01"], ["100", "0"], ["120", "-20"], ["33.33335", "66.66665"], ["NaN", "50"]]
)
def test_shares_that_do_not_add_up_are_refused(city, account, shares):
    heirs = [Payee(f"继承人{n}", "工商银行", str(n), Decimal(share)) for n, share in enumerate(shares)]
    before = factories.standing()
    with pytest.raises(DomainError) as raised:
        submit(city, account, "death", heirs)
    assert raised.value.field == "payees"
    assert factories.standing() == before


@pytest.mark.parametrize(
    ("event", "payees"),
    [
        ("emigrated", []),
        ("emigrated", [Payee("张三", "", "1")]),
        ("emigrated", [Payee("甲", "工商银行", "1", Decimal(50)), Payee("乙", "工商银行", "2", Decimal(50))]),
    ],
    ids=["nobody", "no bank", "heirs of the living"],
)
def test_wrong_payees_are_refused(city, account, event, payees):
    before = factories.standing()
    with pytest.raises(DomainError):
        submit(city, account, event, payees)
    assert factories.standing() == before


def test_event_that_is_not_listed_is_refused(city, account):
    before = factories.standing()
    with pytest.raises(RefusedError) as raised:
        submit(city, account, "identity_cancelled")
    assert raised.value.refusal.code == "event_not_listed"
    with pytest.raises(DomainError, match=r"11\(1\)"):
        submit(city, account, "transfer_within_province")
    assert factories.standing() == before


def test_empty_account_and_second_payout_are_refused(city, account):
    empty = factories.account(city)
    submit(city, account)
    before = factories.standing()
    for each in (empty, account):
        with pytest.raises(DomainError) as raised:
            submit(city, each)
        assert raised.value.field == "account"
    assert factories.standing() == before


def test_submitter_cannot_approve(city, account):
    payout = submit(city, account)
    before = factories.standing()
    with pytest.raises(DomainError):
        approve_payout(payout=payout, actor=city.clerk, now=NOW)
    assert factories.standing() == before


def test_steps_out_of_order_are_refused(city, account):
    payout = submit(city, account)
    with pytest.raises(DomainError):
        pay_payout(payout=payout, actor=city.finance, now=NOW)
    approve_payout(payout=payout, actor=city.reviewer, now=NOW)
    before = factories.standing()
    with pytest.raises(DomainError):
        approve_payout(payout=payout, actor=city.finance, now=NOW)
    assert factories.standing() == before
    pay_payout(payout=payout, actor=city.finance, now=NOW)
    before = factories.standing()
    with pytest.raises(DomainError, match="已支付"):
        return_payout(payout=payout, note="no", actor=city.reviewer, now=NOW)
    assert factories.standing() == before


def test_each_step_twice_takes_effect_once(city, account):
    payout = submit(city, account)
    approve_payout(payout=payout, actor=city.reviewer, now=NOW)
    before = factories.standing()
    assert approve_payout(payout=payout, actor=city.reviewer, now=NOW) == payout
    assert factories.standing() == before
    pay_payout(payout=payout, actor=city.finance, now=NOW)
    before = factories.standing()
    pay_payout(payout=payout, actor=city.finance, now=NOW)
    assert factories.standing() == before


def test_returned_payout_leaves_the_account_as_it_was(city, account):
    payout = submit(city, account)
    payout = return_payout(payout=payout, note="papers missing", actor=city.reviewer, now=NOW)
    account.refresh_from_db()
    assert (payout.status, payout.note, account.status, account.balance) == (
        "returned",
        "papers missing",
        "open",
        Decimal("812.34"),
    )
    assert submit(city, account).status == "submitted"


def test_account_frozen_before_stays_frozen_after(city, account):
    freeze(account=account, reason="inquiry", actor=city.clerk, now=NOW)
    payout = submit(city, account)
    return_payout(payout=payout, note="wait", actor=city.reviewer, now=NOW)
    account.refresh_from_db()
    assert (account.status, account.status_reason) == ("frozen", "inquiry")


def test_nothing_leaves_while_a_payout_is_on_its_way(city, account):
    submit(city, account)
    before = factories.standing()
    with pytest.raises(AccountNotOpen):
        use_account(
            key="K",
            account=account,
            user=account.member,
            purpose="pharmacy_drug",
            payee="P44160200001",
            amount=Decimal("1.00"),
            on=date(2026, 12, 31),
            actor=city.clerk,
            now=NOW,
        )
    for change in (unfreeze, close):
        with pytest.raises(DomainError):
            change(account=account, reason="please", actor=city.clerk, now=NOW)
    assert factories.standing() == before


def test_credit_that_arrives_meanwhile_stays_for_another_application(city, account):
    """HY-19: the balance on the day."""
    payout = submit(city, account)
    factories.move(city, account, "102.79")
    approve_payout(payout=payout, actor=city.reviewer, now=NOW)
    pay_payout(payout=payout, actor=city.finance, now=NOW)
    account.refresh_from_db()
    assert account.balance == Decimal("102.79")
    assert submit(city, account).amount == Decimal("102.79")


def test_balance_that_shrank_meanwhile_is_not_paid_out(city, account):
    payout = submit(city, account)
    recover(
        key="R",
        account=account,
        amount=Decimal("0.01"),
        source="pool",
        reason="credited twice",
        actor=city.clerk,
        now=NOW,
    )
    before = factories.standing()
    with pytest.raises(Overdrawn):
        approve_payout(payout=payout, actor=city.reviewer, now=NOW)
    assert factories.standing() == before


def test_account_with_money_is_not_closed_and_an_empty_one_is(city, account):
    before = factories.standing()
    with pytest.raises(DomainError, match=r"812\.34"):
        close(account=account, reason="moved", actor=city.clerk, now=NOW)
    assert factories.standing() == before
    payout = submit(city, account)
    approve_payout(payout=payout, actor=city.reviewer, now=NOW)
    pay_payout(payout=payout, actor=city.finance, now=NOW)
    assert close(account=account, reason="moved", actor=city.clerk, now=NOW).status == "closed"
    with pytest.raises(DomainError):
        submit(city, account)
    assert reopen(account=account, reason="came back", actor=city.clerk, now=NOW).status == "open"


@pytest.mark.parametrize("number", ["6222\t000000000001", "6222\u200b00000001", "6222 x", "6" * 31])
def test_d5_payees_number_is_digits_alone(city, number):
    account = factories.account(city, balance="10.00")
    before = factories.standing()
    with pytest.raises(DomainError) as error:
        submit_payout(
            account=account,
            event="emigrated",
            happened_on=date(2026, 3, 1),
            payees=[Payee("张三", "工商银行", number)],
            actor=city.clerk,
            now=NOW,
        )
    assert (error.value.field, error.value.params) == ("payees", {"place": 1})
    assert factories.standing() == before


def test_d5_payees_number_is_stored_without_blanks(city):
    payout = submit_payout(
        account=factories.account(city, balance="10.00"),
        event="emigrated",
        happened_on=date(2026, 3, 1),
        payees=[Payee("张三", "工商银行", " 6222 0000 0000 0001 ")],
        actor=city.clerk,
        now=NOW,
    )
    assert payout.payees[0]["number"] == "6222000000000001"
