"""A payout that was approved and must not be paid any more: refused, and returned into the account."""

import threading
from datetime import date
from decimal import Decimal

import pytest
from django.db import connection, transaction

from accounts.models import Freeze, Journal
from accounts.queries import trial_balance
from accounts.services.ledger import MonthClosed
from accounts.services.months import close_month
from accounts.services.payouts import Payee, approve_payout, pay_payout, return_payout, submit_payout
from accounts.services.recoveries import collect_recovery, outstanding, recover
from accounts.services.standing import freeze, load_opening_balances
from bureau.errors import DomainError
from bureau.models import AuditEntry
from members.services.people import record_death
from settlement.queries.proofs.books import check_books
from tests.accounts import factories
from tests.accounts.factories import NOW
from tests.accounts.test_credits import FEBRUARY, JANUARY, MARCH, at, insured, run

HOLDER = [Payee("张三", "工商银行", "6222000000000001")]
HEIR = [Payee("张小宁", "工商银行", "6222000000000002")]
DIED = date(2026, 2, 10)


def submit(city, account, event="emigrated", **changes):
    act = {"happened_on": DIED, "payees": HEIR if event == "death" else HOLDER, "actor": city.clerk, "now": NOW}
    return submit_payout(account=account, event=event, **(act | changes))


def approved(city, account, event="emigrated", **changes):
    return approve_payout(payout=submit(city, account, event, **changes), actor=city.reviewer, now=NOW)


def pay(city, payout):
    return pay_payout(payout=payout, actor=city.finance, now=NOW)


def give_back(city, payout, note="持有人已死亡"):
    return return_payout(payout=payout, note=note, actor=city.reviewer, now=NOW)


def refused(act, message: str, field: str) -> None:
    before = factories.standing()
    with pytest.raises(DomainError) as raised:
        act()
    assert (str(raised.value), raised.value.field) == (message, field)
    assert factories.standing() == before


def control(city) -> dict[str, str]:
    lines = trial_balance(area_id=city.area.pk, on=date(2026, 12, 31), by_holder=True)
    return {line.subject: str(line.balance) for line in lines if line.balance}


def wrong(city) -> dict[str, list[str]]:
    """What the proofs find; the town itself is written by the test, without an audit entry."""
    found = (proof for proof in check_books(city.area.pk) if proof.wrong and proof.code != "changes_told")
    return {proof.code: proof.shown for proof in found}


def filled(city, balance: str):
    person = factories.member()
    load_opening_balances(
        key=f"O{person.pk}", area=city.area, balances={person.pk: Decimal(balance)}, on=date(2026, 1, 1),
        actor=city.clerk, now=NOW,
    )  # fmt: skip
    return person.accounts.get()


@pytest.fixture
def account(city):
    """With its record, so that every proof of the books holds."""
    return filled(city, "812.34")


@pytest.mark.parametrize("event", ["emigrated", "enlisted", "transfer_out_of_province"])
def test_a3_approved_before_the_death_was_learnt_is_not_paid_but_returned(city, account, event):
    payout = approved(city, account, event)
    record_death(member=account.member, on=DIED, actor=city.clerk, now=NOW)
    refused(
        lambda: pay(city, payout),
        "账户持有人已于 2026-02-10 死亡：请退回本支取申请，余额支付给继承人。",
        "event",
    )
    returned = give_back(city, payout)
    account.refresh_from_db()
    assert (returned.status, returned.note, returned.returned_by, returned.returned_at) == (
        "returned", "持有人已死亡", city.reviewer, NOW,
    )  # fmt: skip
    assert (returned.approved_by, returned.paid_by) == (city.reviewer, None)
    assert (account.status, account.balance) == ("open", Decimal("812.34"))
    assert control(city) == {"member_accounts": "812.34", "transfer_income": "-812.34"}
    back = Journal.objects.get(key=f"payout:{payout.pk}:return")
    assert (back.kind, back.source, back.actor) == ("payout", f"payout:{payout.pk}", city.reviewer)
    assert sorted(back.entries.values_list("subject", "holder", "account", "amount")) == [
        ("member_accounts", "", account.pk, Decimal("812.34")),
        ("payable_payout", f"payout:{payout.pk}", None, Decimal("-812.34")),
    ]
    entry = AuditEntry.objects.get(action="payout.return")
    assert (entry.actor, entry.record_id, entry.detail) == (city.reviewer, str(payout.pk), {"note": "持有人已死亡"})
    refused(lambda: pay(city, payout), "该支取已退回。", "status")
    assert wrong(city) == {}
    heirs = approved(city, account, "death")
    pay(city, heirs)
    account.refresh_from_db()
    assert (heirs.amount, account.balance, account.status) == (Decimal("812.34"), 0, "closed")
    assert control(city) == {"bank": "812.34", "transfer_income": "-812.34"}
    assert wrong(city) == {}


def test_a3_returned_twice_is_returned_once(city, account):
    payout = approved(city, account)
    give_back(city, payout)
    before = factories.standing()
    assert give_back(city, payout).status == "returned"
    assert give_back(city, payout, note="again").note == "持有人已死亡"
    assert factories.standing() == before
    assert submit(city, account).amount == Decimal("812.34")


def test_a3_no_reason_and_a_closed_month_return_nothing(city, account):
    payout = approved(city, account)
    refused(lambda: give_back(city, payout, note=" "), "请说明退回原因。", "note")
    close_month(area=city.area, month=date(2026, 11, 1), actor=city.finance, now=NOW)
    before = factories.standing()
    with pytest.raises(MonthClosed):
        return_payout(payout=payout, note="x", actor=city.reviewer, now=at(date(2026, 11, 30)))
    assert factories.standing() == before


def test_a3_what_froze_the_account_otherwise_stays(city, account):
    payout = approved(city, account)
    freeze(account=account, reason="司法冻结", actor=city.clerk, now=NOW)
    give_back(city, payout)
    account.refresh_from_db()
    assert (account.status, account.status_reason, account.balance) == ("frozen", "司法冻结", Decimal("812.34"))
    assert Freeze.objects.get(payout=payout).ended_by == city.reviewer


def test_a3_credit_taken_back_after_the_approval_is_not_paid_to_the_holder(city, account):
    """Taken back a day earlier, it would have lessened the balance: now it is owed, and the whole stands ready."""
    payout = approved(city, account)
    recover(key="R", account=account, amount=Decimal("102.79"), source="pool", reason="重复划入", actor=city.finance,
            now=NOW)  # fmt: skip
    assert outstanding(account.pk) == Decimal("102.79")
    refused(
        lambda: pay(city, payout),
        "应收回款项尚欠 102.79 元：请退回本支取申请，从账户收回后重新提交。",
        "amount",
    )
    give_back(city, payout)
    refused(
        lambda: submit(city, account), "持有人尚欠应收回款项 102.79 元，请先从账户收回。", "account"
    )
    collect_recovery(key="C", account=account, amount=Decimal("102.79"), from_account=True, reason="抵扣",
                     actor=city.finance, now=NOW)  # fmt: skip
    again = approved(city, account)
    pay(city, again)
    assert again.amount == Decimal("709.55")
    assert control(city) == {
        "account_credits": "102.79", "interfund": "102.79", "bank": "709.55", "transfer_income": "-812.34",
    }  # fmt: skip


def test_a3_what_is_owed_may_stay_where_later_credits_cover_it(city, account):
    payout = approved(city, account)
    recover(key="R", account=account, amount=Decimal("50.00"), source="pool", reason="重复划入", actor=city.finance,
            now=NOW)  # fmt: skip
    factories.move(city, account, "50.00")
    assert pay(city, payout).status == "paid"
    account.refresh_from_db()
    assert (account.balance, account.status) == (Decimal("50.00"), "open")


def test_a3_heirs_approved_by_a_later_day_of_death_are_not_paid_what_came_after_the_right_one(city):
    """Approved with the 10 April; the death is recorded for 10 February before the bank has paid."""
    person = insured("retired")
    for month in (JANUARY, FEBRUARY, MARCH, date(2026, 4, 1)):
        run(city, month)
    account = person.accounts.get()
    payout = approved(city, account, "death", happened_on=date(2026, 4, 10))
    assert payout.amount == Decimal("411.16")
    record_death(member=person, on=DIED, actor=city.clerk, now=NOW)
    refused(
        lambda: pay(city, payout),
        "扣除死亡后划入的金额后，账户仅余 205.58 元。请退回本支取申请后重新提交。",
        "amount",
    )
    give_back(city, payout)
    again = approved(city, account, "death")
    assert (again.amount, pay(city, again).status) == (Decimal("205.58"), "paid")
    account.refresh_from_db()
    assert (account.balance, account.status, outstanding(account.pk)) == (0, "closed", 0)


def test_a3_credit_of_a_month_after_the_death_that_came_since_the_approval_is_taken_back(city):
    person = insured("retired")
    run(city, JANUARY)
    account = person.accounts.get()
    payout = approved(city, account, "death")
    run(city, FEBRUARY)
    run(city, MARCH)
    assert pay(city, payout).amount == Decimal("102.79")
    account.refresh_from_db()
    assert account.balance == Decimal("102.79")  # February's, due to the heirs
    assert Journal.objects.get(kind="recovery").entries.get(account=account).amount == Decimal("-102.79")


def test_a3_holder_who_is_enrolled_elsewhere_or_here_again_is_paid_as_approved(city):
    """A payout is asked for an event, proved by papers: enrolment is not what it rests on. Staff return it."""
    person = insured("retired")
    run(city, JANUARY)
    payout = approved(city, person.accounts.get(), "transfer_out_of_province")
    person.enrolments.update(ends_on=DIED)
    assert pay(city, payout).status == "paid"


@pytest.mark.django_db(transaction=True)
def test_a3_paid_and_returned_at_once_exactly_one_happens():
    city = factories.heyuan()
    outcomes = []
    for number in range(10):
        account = filled(city, "10.00")
        payout = approved(city, account)
        acts = [lambda payout=payout: pay(city, payout), lambda payout=payout: give_back(city, payout)]
        errors = at_once(acts[number % 2 :] + acts[: number % 2])
        account.refresh_from_db()
        payout.refresh_from_db()
        outcomes.append(payout.status)
        expected = {"paid": (0, "closed"), "returned": (Decimal("10.00"), "open")}
        assert (account.balance, account.status) == expected[payout.status]
        [error] = errors
        assert (type(error), error.field) == (DomainError, "status")
        steps = set(Journal.objects.filter(source=f"payout:{payout.pk}").values_list("key", flat=True))
        last = "pay" if payout.status == "paid" else "return"
        assert steps == {f"payout:{payout.pk}:approve", f"payout:{payout.pk}:{last}"}
    assert set(outcomes) <= {"paid", "returned"}
    assert wrong(city) == {}


def at_once(acts) -> list[Exception]:
    start, errors = threading.Barrier(len(acts)), []

    def go(act):
        try:
            connection.ensure_connection()
            start.wait()
            act()
        except Exception as error:
            errors.append(error)
        finally:
            connection.close()

    threads = [threading.Thread(target=go, args=[act]) for act in acts]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return errors


def test_a3_steps_in_sql_come_with_their_journals_or_not_at_all(city, account, as_application):
    """As the application's role: approved, paid and returned without a journal, from a wrong step, by nobody."""
    from tests.attacks.attack import ran
    from tests.attacks.attack import refused as not_done

    who = city.reviewer.pk
    payout = submit(city, account)
    one = f"WHERE id = {payout.pk}"
    returns = f"UPDATE accounts_payout SET status = 'returned', returned_by_id = {who}, returned_at = now()"
    pays = f"UPDATE accounts_payout SET status = 'paid', paid_by_id = {city.finance.pk}, paid_at = now()"
    approves = f"UPDATE accounts_payout SET status = 'approved', approved_by_id = {who}, approved_at = now() {one}"
    not_done(approves, "23000", "payout_booked")
    not_done(f"UPDATE accounts_payout SET returned_by_id = {who}, returned_at = now() {one}", "23000",
             "payout_as_submitted")  # fmt: skip
    approve_payout(payout=payout, actor=city.reviewer, now=NOW)
    not_done(f"{returns} {one}", "23000", "payout_booked")
    not_done(f"{pays} {one}", "23000", "payout_booked")
    not_done(f"UPDATE accounts_payout SET status = 'returned' {one}", "23514", "payout_steps_in_order")
    not_done(f"{returns}, approved_by_id = NULL, approved_at = NULL {one}", "23000", "payout_as_submitted")
    not_done(f"{returns}, paid_by_id = {who} {one}", "23000", "payout_as_submitted")
    not_done(f"UPDATE accounts_payout SET status = 'submitted' {one}", "23000", "payout_step")
    not_done(f"UPDATE accounts_payout SET approved_by_id = {city.finance.pk} {one}", "23000",
             "payout_as_submitted")  # fmt: skip
    # the journal to the account of another, for which the payout does not become returned
    other = factories.account(city)
    forged = (
        "SELECT accounts_post(ARRAY['payout:{id}:return'], ARRAY[''], ARRAY['441699'], ARRAY['payout'],"
        " ARRAY['2026-12-31'::date], ARRAY[NULL::int], ARRAY['payout:{id}'], {who}, now(), ARRAY[1, 1],"
        " ARRAY['personal_accounts', 'personal_accounts'], ARRAY['payable_payout', 'member_accounts'],"
        " ARRAY['payout:{id}', ''], ARRAY[NULL, {account}]::bigint[], ARRAY[-812.34, 812.34])"
    )
    with transaction.atomic():
        ran(forged.format(id=payout.pk, who=who, account=other.pk))
        not_done(f"{returns} {one}", "23000", "payout_booked")
        transaction.set_rollback(True)
    give_back(city, payout)
    for step in (pays, "UPDATE accounts_payout SET status = 'approved', returned_by_id = NULL, returned_at = NULL"):
        not_done(f"{step} {one}", "23000", "payout_step")
    again = approved(city, account)
    pay(city, again)
    not_done(f"{returns} WHERE id = {again.pk}", "23000", "payout_step")
    not_done("DELETE FROM accounts_payout", "42501")
