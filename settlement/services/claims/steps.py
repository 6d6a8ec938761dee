"""零星报销: a paid bill is entered with its papers, checked and approved by others, and then owed to the member.

What the fund pays is decided by the desk's own path when the claim is approved, by the rules of the date of care
(G-3): deductibles, caps and counters are those of visits, because an approved claim is a visit.

Locks are taken in one order: the claim, the member, invoices.
"""

import datetime
from collections.abc import Iterable

from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from bureau import audit
from bureau.errors import DomainError, RefusedError
from bureau.identifiers.bank_accounts import account_number
from bureau.identifiers.identity import DOCUMENT_KINDS, DOCUMENT_MESSAGES, document_number_problem, kind_of
from bureau.models import Area, Staff
from bureau.saving import require_name, save
from bureau.staff import reach
from bureau.steps import mark_step, require_step, take_step
from members import identity
from members.models import Member, Relative
from settlement.models import Claim, ClaimPayment
from settlement.queries.facts import fen
from settlement.services.claims.requests import BILL, BankAccount, ClaimRequest, Proxy, bill_of
from settlement.services.visits import locking
from settlement.services.visits.desk import Desk, Quote
from settlement.services.visits.invoices import InvoiceNumber, free, register_for_claim, require_unused
from settlement.services.visits.requests import BY_HAND, VisitRequest
from settlement.services.visits.reversals import take_back
from settlement.services.visits.settling import KeyReused, settle_visit

COPIED = (*BILL, "received_on", "institution", "prescriber")


# Quotes -------------------------------------------------------------------------------------------------------------


def quote_claim(asked: ClaimRequest, *, area_id: str, claim_id: int | None = None, now: datetime.datetime) -> Quote:
    """What a claim would be paid as it is written, before it is entered or corrected. Moves nothing."""
    asked.check(timezone.localdate(now))
    require_unused(asked.invoices, claim_id=claim_id)
    require_presence(asked.member.pk, asked.received_on, has_proxy=asked.proxy is not None)
    return quote_bill(asked.visit(claim_id), area_id=area_id, now=now)


def quote_bill(bill: VisitRequest, *, area_id: str, now: datetime.datetime) -> Quote:
    """What the fund would pay for a bill by hand now, with its trace. Takes no lock and moves nothing.

    Raises DomainError where the bill was settled by card or belongs to another area.
    """
    bill.check(timezone.localdate(now))
    return Desk.open([bill], lock=False, area_id=area_id).decide(bill)


# Entering -----------------------------------------------------------------------------------------------------------


@transaction.atomic
def enter_claim(*, key: str, area: Area, asked: ClaimRequest, actor: Staff, now: datetime.datetime) -> Claim:
    """Record a claim as received, with its papers; its invoices are used from now on.

    The same key and content again returns the first claim. Raises DomainError for a bill that cannot be claimed: its
    invoice or its encounter was settled, the member was enrolled elsewhere, an amount or the account makes no sense.
    Papers that are missing can be handed in later, by a correction; the claim is not checked without them.
    """
    asked.check(timezone.localdate(now))
    locking.lock_members([asked.member.pk])
    request_hash = asked.fingerprint()
    if (first := Claim.objects.filter(key=key).first()) is not None:
        if first.request_hash == request_hash:
            return first
        raise KeyReused(_("Number %(key)s has been used for another claim."), field="key", key=key)
    require_payable(asked.visit(), area.pk)
    require_presence(asked.member.pk, asked.received_on, has_proxy=asked.proxy is not None)
    claim = Claim(key=key, request_hash=request_hash, area=area, member=asked.member)
    write(claim, "claim.enter", asked, actor=actor, now=now)
    register_for_claim(claim.pk, asked.invoices)
    return recorded(claim, "claim.enter", actor, now, total=str(claim.total), invoices=written(asked.invoices))


@transaction.atomic
def correct_claim(*, claim: Claim, asked: ClaimRequest, actor: Staff, now: datetime.datetime) -> Claim:
    """Enter a received or returned claim anew, papers handed in later included; it is received again.

    The member stays. Invoices that are left out are free again.
    """
    reach.require(actor.reach, claim)
    asked.check(timezone.localdate(now))
    claim = locked(claim)
    require_step(claim, "claim.correct", actor)
    if asked.member.pk != claim.member_id:
        raise DomainError(_("A claim stays its member's: refuse it and enter another."), field="member")
    locking.lock_members([claim.member_id])
    require_payable(asked.visit(claim.pk), claim.area_id)
    require_presence(claim.member_id, asked.received_on, has_proxy=asked.proxy is not None)
    before = {str(invoice): invoice for invoice in claim.invoices.filter(freed_at=None)}
    write(claim, "claim.correct", asked, actor=actor, now=now)
    kept = set(before) & set(written(asked.invoices))
    for name in set(before) - kept:
        before[name].freed_at = now
        before[name].save(update_fields=["freed_at"])
    register_for_claim(claim.pk, [invoice for invoice in asked.invoices if str(invoice) not in kept])
    return recorded(claim, "claim.correct", actor, now, total=str(claim.total), invoices=written(asked.invoices))


def require_payable(bill: VisitRequest, area_id: str) -> None:
    """Refuse a bill whose encounter was settled by card, or whose member was enrolled elsewhere."""
    desk = Desk.open([bill], lock=False, area_id=area_id)
    desk.area_of(bill)
    desk.refuse_paid_already(bill)


def require_presence(member_id: int, received_on: datetime.date, *, has_proxy: bool) -> None:
    """A claim that names no proxy was brought by the member, who was alive then; heirs are named as a proxy."""
    died_on = Member.objects.values_list("died_on", flat=True).get(pk=member_id)
    if died_on is not None and died_on < received_on and not has_proxy:
        raise DomainError(
            _("The member died on %(day)s, before the claim was received: name the heir who made it as the proxy."),
            field="proxy_name",
            day=died_on,
        )


def require_presence_of(claim: Claim) -> None:
    require_presence(claim.member_id, claim.received_on, has_proxy=bool(claim.proxy_name))


def write(claim: Claim, act: str, asked: ClaimRequest, *, actor: Staff, now: datetime.datetime) -> None:
    for name in COPIED:
        setattr(claim, name, getattr(asked, name))
    claim.in_policy = asked.visit().in_policy
    claim.papers = [paper for paper in Claim.Paper.values if paper in asked.papers]
    name_proxy(claim, asked.proxy)
    put_account(claim, asked.account, actor)
    mark_step(claim, act, actor, now, reason="")
    save(claim)


def name_proxy(claim: Claim, proxy: Proxy | None) -> None:
    """Write down the proxy; the document's number is encrypted, as members' are."""
    if proxy is None:
        claim.proxy_name = claim.proxy_relation = claim.proxy_document_kind = claim.proxy_document_last4 = ""
        claim.proxy_document_cipher = None
        return
    number = proxy.document_number.strip().upper()
    if not proxy.name.strip():
        raise DomainError(_("Write the name of the proxy."), field="proxy_name")
    require_name(proxy.name, field="proxy_name")
    if proxy.relation not in Relative.Relation.values:
        raise DomainError(_("Say what the proxy is to the member."), field="proxy_relation")
    if proxy.document_kind not in DOCUMENT_KINDS:
        raise DomainError(_("Say which document the proxy showed."), field="proxy_document_kind")
    stays = not number and (claim.proxy_name, claim.proxy_document_kind) == (proxy.name.strip(), proxy.document_kind)
    if not stays:
        if not number:
            raise DomainError(_("Write the number of the proxy's document."), field="proxy_document_number")
        if problem := document_number_problem(proxy.document_kind, number):
            raise DomainError(
                _(DOCUMENT_MESSAGES[problem]),
                field="proxy_document_number",
                length=len(number),
            )
        claim.proxy_document_cipher = identity.encrypt(number)
        claim.proxy_document_last4 = identity.last4(number)
    claim.proxy_name, claim.proxy_relation = proxy.name.strip(), proxy.relation
    claim.proxy_document_kind = kind_of(proxy.document_kind, number) if number else proxy.document_kind


def put_account(claim: Claim, account: BankAccount, actor: Staff) -> None:
    """Name an account, which nobody has confirmed yet: the approval of the claim does."""
    claim.pay_to, claim.account_by, claim.account_confirmed_by = account.pay_to, actor, None
    claim.account_name, claim.bank_name = claim.account_holder, account.bank_name.strip()
    claim.bank_account = account_number(account.bank_account)


# Checking and deciding ----------------------------------------------------------------------------------------------


@transaction.atomic
def check_claim(*, claim: Claim, actor: Staff, now: datetime.datetime) -> Claim:
    """A second person has compared the claim with its papers. Refused: who entered it, and a paper that is missing."""
    claim = locked(claim)
    if claim.status == Claim.Status.CHECKED and claim.checked_by_id == actor.pk:
        return claim
    require_step(claim, "claim.check", actor)
    require_presence_of(claim)
    if missing := claim.papers_missing:
        raise DomainError(
            _("These papers are missing: %(papers)s."),
            field="papers",
            papers="; ".join(str(Claim.Paper(paper).label) for paper in missing),
        )
    take_step(claim, "claim.check", actor, now)
    return recorded(claim, "claim.check", actor, now)


@transaction.atomic
def approve_claim(*, claim: Claim, actor: Staff, now: datetime.datetime) -> Claim:
    """Settle a checked claim by the rules of the date of care; what the fund pays is owed to the member, and paid to
    the account that the claim names now.

    Refused: who entered or checked it; a bill that was settled by card meanwhile; and what the rules refuse, by
    name (RefusedError: no edition in force, not designated, no benefit period …). A bill that only uses up the
    deductible, or meets a cap that is used up, is approved with nothing to pay.
    """
    claim = locked(claim)
    if claim.status in (Claim.Status.APPROVED, Claim.Status.PAID) and claim.approved_by_id == actor.pk:
        return claim
    require_step(claim, "claim.approve", actor)
    require_presence_of(claim)
    bill = bill_of(claim)
    locking.lock_members([claim.member_id])
    outcome = quote_bill(bill, area_id=claim.area_id, now=now).decision.outcome
    if outcome.refusal is not None and not outcome.charge:
        raise RefusedError(outcome.refusal)
    visit = settle_visit(bill, actor=actor, now=now, area_id=claim.area_id)
    account = {"account_name": claim.account_holder, "account_confirmed_by": actor}
    take_step(claim, "claim.approve", actor, now, visit=visit, **account)
    return recorded(claim, "claim.approve", actor, now, visit=visit.pk, fund=str(visit.pooled + visit.large_claims))


@transaction.atomic
def return_claim(*, claim: Claim, note: str, actor: Staff, now: datetime.datetime) -> Claim:
    """Send a claim back for a paper or a correction; its invoices stay with it."""
    claim = locked(claim)
    if claim.status == Claim.Status.RETURNED and claim.reason == kept(note):
        return claim
    require_step(claim, "claim.return", actor)
    return closed(claim, note, "claim.return", field="note", actor=actor, now=now)


@transaction.atomic
def refuse_claim(*, claim: Claim, reason: str, actor: Staff, now: datetime.datetime) -> Claim:
    """Refuse to pay a claim, or end one that was withdrawn; its invoices are free again.

    Refused: whoever entered it, and no reason.
    """
    claim = locked(claim)
    if claim.status == Claim.Status.REFUSED and claim.reason == kept(reason):
        return claim
    require_step(claim, "claim.refuse", actor)
    claim = closed(claim, reason, "claim.refuse", field="reason", actor=actor, now=now)
    free(claim_id=claim.pk, now=now)
    return claim


@transaction.atomic
def reverse_claim(*, claim: Claim, reason: str, actor: Staff, now: datetime.datetime) -> Claim:
    """Take an approved claim back: fund and counters get back what they gave, invoices are free again.

    What was paid becomes a recovery from the member; money that the bank had returned is in suspense no more.
    """
    claim = locked(claim)
    if claim.status == Claim.Status.REVERSED:
        return claim
    require_step(claim, "claim.take_back", actor)
    holder = f"member:{claim.member_id}"
    paid = []
    for order in claim.payments.order_by("id"):
        standing = claim.payments.filter(fund=order.fund).order_by("id").last()
        if order == standing:
            subject = "suspense" if order.status == ClaimPayment.Status.RETURNED else "recoveries"
            amount = fen(order.amount)
            paid += [
                (order.fund, "payable_payout", holder, None, amount),
                (order.fund, subject, holder, None, -amount),
            ]
    take_back(claim.visit_id, key=f"{BY_HAND}{claim.pk}:reversed", reason=reason, actor=actor, now=now, paid=paid)
    claim = closed(claim, reason, "claim.take_back", field="reason", actor=actor, now=now)
    free(claim_id=claim.pk, now=now)
    return claim


def closed(claim: Claim, reason: str, act: str, *, field: str, actor: Staff, now: datetime.datetime) -> Claim:
    if not reason.strip():
        raise DomainError(_("Say why."), field=field)
    take_step(claim, act, actor, now, reason=kept(reason))
    return recorded(claim, act, actor, now, reason=claim.reason)


def kept(reason: str) -> str:
    """As much of a reason as a claim has room for."""
    return reason.strip()[:300]


def locked(claim: Claim) -> Claim:
    return Claim.objects.select_for_update(no_key=True).get(pk=claim.pk)


def written(invoices: Iterable[InvoiceNumber]) -> list[str]:
    return [str(invoice) for invoice in invoices]


def recorded(claim: Claim, act: str, actor: Staff, now: datetime.datetime, **detail) -> Claim:
    audit.record(act, actor=actor, now=now, subject=claim, **detail)
    return claim
