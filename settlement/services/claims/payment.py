"""Paying approved claims by hand: an order to the bank for each fund, and what the bank returns."""

import datetime
from decimal import Decimal

from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from accounts.models import Fund, Journal, Subject
from accounts.services.ledger import EntryRequest, JournalRequest, post
from bureau import audit
from bureau.errors import DomainError
from bureau.identifiers.bank_accounts import account_number
from bureau.models import Staff
from bureau.staff import reach
from bureau.steps import require_step, take_step
from settlement.models import Claim, ClaimPayment, Visit
from settlement.services.claims.requests import BankAccount, check_account
from settlement.services.claims.steps import locked, put_account, recorded, require_presence_of

STANDING = (ClaimPayment.Status.ORDERED, ClaimPayment.Status.REISSUED)


def owed_on(visit: Visit) -> dict[str, Decimal]:
    """What each fund owes the member for a claim's visit, in yuan."""
    parts = {visit.pool: visit.pooled, Fund.LARGE_CLAIMS.value: visit.large_claims}
    return {fund: amount for fund, amount in parts.items() if amount}


@transaction.atomic
def pay_claim(*, claim: Claim, actor: Staff, now: datetime.datetime) -> Claim:
    """Order what an approved claim is owed, to the account it names. A paid claim is returned as it stands.

    Refused: a claim that nobody approved, one with nothing to pay, whoever entered it or its account, and an account
    that was named after the approval and that nobody has confirmed; a claim that a member is said to have brought who
    had died by then (it is reversed, and entered again for the heirs); care of a day after the member's death.
    """
    reach.require(actor.reach, claim)
    claim = locked(claim)
    if claim.status == Claim.Status.PAID:
        return claim
    require_step(claim, "claim.pay", actor)
    require_confirmed(claim)
    require_due(claim)
    owed = owed_on(claim.visit)
    if not owed:
        raise DomainError(_("There is nothing to pay on this claim."))
    for fund, amount in sorted(owed.items()):
        order(claim, fund, amount, ClaimPayment.Status.ORDERED, actor=actor, now=now)
    move(claim, "pay", owed, Subject.PAYABLE_PAYOUT, Subject.BANK, actor=actor, now=now)
    take_step(claim, "claim.pay", actor, now)
    return recorded(claim, "claim.pay", actor, now, ordered=str(sum(owed.values())))


@transaction.atomic
def return_claim_payment(*, payment: ClaimPayment, note: str, actor: Staff, now: datetime.datetime) -> ClaimPayment:
    """The bank sent the money back: it lies in suspense until it is ordered again.

    What comes back on a claim that was taken back settles its recovery.
    """
    if not note.strip():
        raise DomainError(_("Say why the bank returned the payment."), field="note")
    claim = locked(payment.claim)
    payment = ClaimPayment.objects.get(pk=payment.pk)
    if payment.status == ClaimPayment.Status.RETURNED:
        return payment
    take_step(payment, "claim_payment.return", actor, now, note=note.strip()[:200])
    back = Subject.RECOVERIES if claim.status == Claim.Status.REVERSED else Subject.SUSPENSE
    amounts = {payment.fund: payment.amount}
    move(claim, f"returned:{payment.pk}", amounts, Subject.BANK, back, actor=actor, now=now)
    audit.record("claim_payment.return", actor=actor, now=now, subject=payment, note=payment.note)
    return payment


@transaction.atomic
def reissue_claim_payment(*, payment: ClaimPayment, actor: Staff, now: datetime.datetime) -> ClaimPayment:
    """Order a returned payment again, to the account that the claim names now. Asked twice: the same order.

    Refused as paying it is.
    """
    claim = locked(payment.claim)
    payment = ClaimPayment.objects.get(pk=payment.pk)
    require_step(payment, "claim_payment.reissue", actor)
    if (first := claim.payments.filter(fund=payment.fund, status__in=STANDING).first()) is not None:
        return first
    require_step(claim, "claim_payment.reissue", actor)
    require_confirmed(claim)
    require_due(claim)
    again = order(claim, payment.fund, payment.amount, ClaimPayment.Status.REISSUED, actor=actor, now=now)
    amounts = {payment.fund: payment.amount}
    move(claim, f"reissued:{again.pk}", amounts, Subject.SUSPENSE, Subject.BANK, actor=actor, now=now)
    audit.record("claim_payment.reissue", actor=actor, now=now, subject=again, returned=payment.pk)
    return again


@transaction.atomic
def change_claim_account(*, claim: Claim, account: BankAccount, actor: Staff, now: datetime.datetime) -> Claim:
    """Name another account of the member or the proxy, where none was paid yet or the bank returned the payment.

    Nothing is paid to it before another person has confirmed it. Whoever changes it does not pay: whoever approved or
    paid the claim does not change it either.
    """
    reach.require(actor.reach, claim)
    claim = locked(claim)
    check_account(account, has_proxy=bool(claim.proxy_name))
    if (claim.pay_to, claim.bank_name, claim.bank_account) == (
        account.pay_to,
        account.bank_name.strip(),
        account_number(account.bank_account),
    ):
        return claim
    require_step(claim, "claim.account", actor)
    if claim.status == Claim.Status.PAID and not waiting(claim):
        raise DomainError(_("The claim is paid; its account changes only where the bank returned the payment."))
    put_account(claim, account, actor)
    take_step(claim, "claim.account", actor, now)
    return recorded(claim, "claim.account", actor, now, pay_to=claim.pay_to, ending=claim.bank_account[-4:])


@transaction.atomic
def confirm_claim_account(*, claim: Claim, actor: Staff, now: datetime.datetime) -> Claim:
    """Let the account that was named after the approval be paid. Refused: whoever named it."""
    claim = locked(claim)
    if claim.account_confirmed_by_id is not None:
        return claim
    take_step(claim, "claim.account_confirm", actor, now, account_confirmed_by=actor)
    return recorded(claim, "claim.account_confirm", actor, now, ending=claim.bank_account[-4:])


def waiting(claim: Claim) -> bool:
    """Whether the bank has returned a payment that was not ordered again."""
    ordered = set(claim.payments.filter(status__in=STANDING).values_list("fund", flat=True))
    return claim.payments.exclude(fund__in=ordered).exists()


def require_confirmed(claim: Claim) -> None:
    if claim.account_confirmed_by_id is None:
        raise DomainError(_("The account was changed after the approval: another person confirms it first."))


def require_due(claim: Claim) -> None:
    """Refuse an order that a death learnt since the approval forbids."""
    require_presence_of(claim)
    died_on = claim.member.died_on
    if died_on is not None and died_on < claim.care_on:
        raise DomainError(
            _("The member died on %(day)s, before the care: take the claim back."), field="care_on", day=died_on
        )


def order(
    claim: Claim, fund: str, amount: Decimal, status: str, *, actor: Staff, now: datetime.datetime
) -> ClaimPayment:
    return ClaimPayment.objects.create(
        claim=claim,
        fund=fund,
        amount=amount,
        account_name=claim.account_name,
        bank_name=claim.bank_name,
        bank_account=claim.bank_account,
        status=status,
        ordered_on=timezone.localdate(now),
        ordered_by=actor,
    )


def move(
    claim: Claim,
    act: str,
    amounts: dict[str, Decimal],
    debit: Subject,
    credit: Subject,
    *,
    actor: Staff,
    now: datetime.datetime,
) -> None:
    """Money of a claim, within each fund; the year of care stands beside the day of posting where they differ."""
    today = timezone.localdate(now)
    holder = f"member:{claim.member_id}"

    def entry(fund: str, subject: Subject, amount: Decimal) -> EntryRequest:
        return EntryRequest(Fund(fund), subject, "" if subject == Subject.BANK else holder, None, amount)

    journal = JournalRequest(
        key=f"claim:{claim.pk}:{act}",
        area_id=claim.area_id,
        kind=Journal.Kind.PAYOUT,
        posted_on=today,
        source=f"claim:{claim.pk}",
        entries=[
            one
            for fund, amount in sorted(amounts.items())
            for one in (entry(fund, debit, -amount), entry(fund, credit, amount))
        ],
        origin_year=claim.care_on.year if claim.care_on.year != today.year else None,
    )
    post([journal], actor=actor, now=now)
