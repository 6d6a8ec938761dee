"""个人账户支取 and transfer (条 on 账户清退): submitted by one person, approved by another, then paid.

Until it is paid it can be returned: what was approved goes back into the account.
"""

import datetime
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from decimal import Decimal

from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from accounts.models import INHERITED, Account, Freeze, Journal, Payout, Subject
from accounts.services.holders import edition_of
from accounts.services.ledger import EntryRequest, JournalRequest, Overdrawn, control, lock_account, post, to_account
from accounts.services.recoveries import outstanding, recover_after_death
from accounts.services.standing import ON_ITS_WAY, close_empty, end_freeze
from bureau import audit
from bureau.errors import DomainError, RefusedError
from bureau.identifiers.bank_accounts import account_number
from bureau.models import Staff
from bureau.rules.accounts import use as account_use
from bureau.rules.money import apportion, fen, millionths, yuan
from bureau.saving import require_name
from bureau.staff import reach
from bureau.steps import require_step, take_step

TRANSFER = "transfer"
WHOLE = Decimal(100)


@dataclass(frozen=True, slots=True)
class Payee:
    """Who is paid: the member, an heir, the agency of the new area. `share` in percent of the balance."""

    name: str
    bank: str
    number: str
    share: Decimal = WHOLE


def submit_payout(
    *,
    account: Account,
    event: str,
    happened_on: datetime.date,
    payees: Sequence[Payee],
    papers: str = "",
    applied: bool = True,
    actor: Staff,
    now: datetime.datetime,
) -> Payout:
    """Ask for the balance of the day to be paid out or transferred (HY-19); the account is frozen meanwhile.

    Heirs share by percent, to the fen by largest remainders; what was credited for months after the death is taken
    back first. Credits that arrive later stay in the account, for another application. Raises RefusedError where the
    edition keeps the balance in the account, and DomainError for shares that are not 100 percent, several payees
    where nobody inherits, an empty account, a payout under way, anybody but heirs where the holder has died, and a
    holder who still owes what was taken back from the account.
    """
    reach.require(actor.reach, account)
    today = timezone.localdate(now)
    if happened_on > today:
        raise DomainError(_("The day is still to come."), field="happened_on")
    edition = edition_of(account, today)
    with transaction.atomic():
        account = lock_account(account.pk)
        if Payout.objects.filter(account=account, status__in=ON_ITS_WAY).exists():
            raise DomainError(_("The account already has a payout on its way."), field="account")
        if account.status == Account.Status.CLOSED:
            raise DomainError(_("The account is closed; reopen it first."), field="account")
        answer = account_use.payout(edition, on=today, event=event, applied=applied, balance=fen(account.balance))
        if answer.refusal is not None:
            raise RefusedError(answer.refusal, field="event")
        died_on = account.member.died_on
        if died_on is not None and answer.action != INHERITED:
            raise DomainError(
                _("The holder died on %(day)s: the balance is paid out to the heirs."), field="event", day=died_on
            )
        if answer.action == INHERITED:
            died_on = account.member.died_on or happened_on
            recover_after_death(account=account, died_on=died_on, actor=actor, now=now)
            account = lock_account(account.pk)
            answer = account_use.payout(edition, on=today, event=event, applied=applied, balance=fen(account.balance))
        if answer.action == "keep":
            raise DomainError(
                _("On this event the balance stays in the account (article %(article)s)."),
                field="event",
                article=answer.article,
            )
        if answer.amount == 0:
            raise DomainError(_("There is nothing in the account to pay out."), field="account")
        if owed := outstanding(account.pk):
            raise DomainError(
                _("The holder still owes %(owed)s yuan that were taken back: collect them out of the account first."),
                field="account",
                owed=owed,
            )
        payout = Payout.objects.create(
            account=account,
            event=event,
            happened_on=happened_on,
            action=answer.action,
            article=answer.article,
            amount=yuan(answer.amount),
            payees=_shares(payees, answer.amount, several=answer.action == INHERITED),
            papers=papers,
            account_status=account.status,
            submitted_by=actor,
            submitted_at=now,
        )
        Freeze.objects.create(
            account=account,
            cause=Freeze.Cause.PAYOUT,
            reason=f"payout {payout.pk}",
            payout=payout,
            frozen_by=actor,
            frozen_at=now,
        )
        audit.record(
            "payout.submit",
            actor=actor,
            now=now,
            subject=payout,
            event=event,
            amount=str(payout.amount),
        )
    return payout


def approve_payout(*, payout: Payout, actor: Staff, now: datetime.datetime) -> Payout:
    """Move the amount out of the account to what is payable. Refused to whoever submitted it.

    Refused as well where it would not be submitted so any more: `_require_due`. The payout is then returned, and
    submitted anew.
    """
    with transaction.atomic():
        payout, account = _locked(payout)
        if payout.status == Payout.Status.APPROVED and payout.approved_by_id == actor.pk:
            return payout
        require_step(payout, "payout.approve", actor)
        _require_due(payout, account, actor, now)
        entries = [
            to_account(account.pk, -payout.amount),
            control(Subject.PAYABLE_PAYOUT, payout.amount, holder=f"payout:{payout.pk}"),
        ]
        _post(payout, "approve", account, entries, actor, now)
        take_step(payout, "payout.approve", actor, now)
        audit.record("payout.approve", actor=actor, now=now, subject=payout)
    return payout


def return_payout(*, payout: Payout, note: str, actor: Staff, now: datetime.datetime) -> Payout:
    """Send a payout that was not paid back with a note. What was approved is in the account again.

    What froze the account for it ends, other freezes stay. Refused: a payout that was paid.
    """
    if not note.strip():
        raise DomainError(_("Say why it is returned."), field="note")
    with transaction.atomic():
        payout, account = _locked(payout)
        if payout.status == Payout.Status.RETURNED:
            return payout
        require_step(payout, "payout.return", actor)
        if payout.status == Payout.Status.APPROVED:
            entries = [
                control(Subject.PAYABLE_PAYOUT, -payout.amount, holder=f"payout:{payout.pk}"),
                to_account(account.pk, payout.amount),
            ]
            _post(payout, "return", account, entries, actor, now)
        take_step(payout, "payout.return", actor, now, note=note)
        _end_freezes(payout, actor, now)
        audit.record("payout.return", actor=actor, now=now, subject=payout, note=note)
    return payout


def pay_payout(*, payout: Payout, actor: Staff, now: datetime.datetime) -> Payout:
    """Record that the bank has paid an approved payout, and close the account, unless the holder goes on being insured.

    What froze it for the payout ends. An account that money has reached meanwhile stays as it is. Refused where the
    payout would not be approved so any more (`_require_due`): it is returned, and submitted anew.
    """
    with transaction.atomic():
        payout, account = _locked(payout)
        if payout.status == Payout.Status.PAID:
            return payout
        require_step(payout, "payout.pay", actor)
        _require_due(payout, account, actor, now)
        entries = [
            control(Subject.PAYABLE_PAYOUT, -payout.amount, holder=f"payout:{payout.pk}"),
            control(Subject.BANK, payout.amount),
        ]
        if payout.action == TRANSFER:
            # Through the expenditure, so that its turnover shows what was transferred out.
            entries += [
                control(Subject.TRANSFER_EXPENDITURE, payout.amount),
                control(Subject.TRANSFER_EXPENDITURE, -payout.amount),
            ]
        _post(payout, "pay", account, entries, actor, now)
        take_step(payout, "payout.pay", actor, now)
        _end_freezes(payout, actor, now)
        account = lock_account(account.pk)
        if account.balance == 0 and payout.event not in account_use.GOES_ON:
            close_empty(account, reason=f"payout {payout.pk}", actor=actor, now=now)
        audit.record("payout.pay", actor=actor, now=now, subject=payout)
    return payout


def _require_due(payout: Payout, account: Account, actor: Staff, now: datetime.datetime) -> None:
    """Refuse to approve or pay what is not due as it was submitted, by what is known now of death, freezes and debts.

    Before heirs are paid, what was credited for months after the death meanwhile is taken back. What the event was
    and what the edition said of it stay as they were submitted.
    """
    died_on = account.member.died_on
    if payout.action != INHERITED:
        if died_on is not None:
            raise DomainError(
                _("The holder died on %(day)s: return the payout, and pay the balance out to the heirs."),
                field="event",
                day=died_on,
            )
    else:
        recover_after_death(account=account, died_on=died_on or payout.happened_on, actor=actor, now=now)
        account = lock_account(account.pk)
    by_hand = account.freezes.filter(cause=Freeze.Cause.STAFF, ended_at=None).order_by("pk")
    if reasons := list(by_hand.values_list("reason", flat=True)):
        raise DomainError(
            _("The account is frozen by hand (%(reasons)s): end that first, or return the payout."),
            field="account",
            reasons="; ".join(reasons),
        )
    owed = outstanding(account.pk)
    left = account.balance - owed
    if payout.status == Payout.Status.APPROVED:
        left += payout.amount
    if left >= payout.amount:
        return
    if payout.action == INHERITED:
        raise DomainError(
            _(
                "Without what was credited after the death %(balance)s yuan are left: return the payout and submit it "
                "anew."
            ),
            field="amount",
            balance=max(left, Decimal("0.00")),
        )
    if not owed:
        raise Overdrawn
    raise DomainError(
        _(
            "Of what was taken back %(owed)s yuan are still owed: return the payout, collect them out of the account "
            "and submit it anew."
        ),
        field="amount",
        owed=owed,
    )


def _locked(payout: Payout) -> tuple[Payout, Account]:
    """Account first, then payout, as everywhere."""
    account = lock_account(payout.account_id)
    return Payout.objects.select_for_update(no_key=True).get(pk=payout.pk), account


def _end_freezes(payout: Payout, actor: Staff, now: datetime.datetime) -> None:
    """The payout's own freeze, and what was waiting for a payout; a freeze by hand is not for it to end."""
    mine = Freeze.objects.filter(account=payout.account_id, ended_at=None).exclude(cause=Freeze.Cause.STAFF)
    if payout.status == Payout.Status.RETURNED:
        mine = mine.filter(payout=payout)
    for freeze in mine.order_by("pk"):
        end_freeze(freeze, reason=f"payout {payout.pk}", actor=actor, now=now)


def _shares(payees: Sequence[Payee], amount: int, *, several: bool) -> list[dict]:
    if not payees:
        raise DomainError(_("Name who is paid."), field="payees")
    if len(payees) > 1 and not several:
        raise DomainError(_("Only an inherited balance goes to several payees."), field="payees")
    for place, payee in enumerate(payees, start=1):
        if payee.name.strip():
            require_name(payee.name, field="payees")
        if not (payee.name.strip() and payee.bank.strip() and payee.number.strip()):
            raise DomainError(
                _("Payee %(place)d: name, bank and account number are needed."), field="payees", place=place
            )
        # Passbooks and other agencies have numbers of any length.
        if account_number(payee.number, shortest=1) is None:
            raise DomainError(
                _("Payee %(place)d: an account number is written in digits alone."), field="payees", place=place
            )
        if not payee.share.is_finite() or payee.share <= 0 or payee.share != round(payee.share, 4):
            raise DomainError(
                _("Payee %(place)d: write a share above 0 percent, with at most four decimals."),
                field="payees",
                place=place,
            )
    total = sum(payee.share for payee in payees)
    if total != WHOLE:
        raise DomainError(_("The shares come to %(total)s percent, not to 100."), field="payees", total=total)
    parts = apportion(amount, {f"{place:04d}": millionths(payee.share) for place, payee in enumerate(payees)})
    return [
        asdict(payee)
        | {
            "number": account_number(payee.number, shortest=1),
            "share": str(payee.share),
            "amount": str(yuan(parts[f"{place:04d}"])),
        }
        for place, payee in enumerate(payees)
    ]


def _post(
    payout: Payout, step: str, account: Account, entries: list[EntryRequest], actor: Staff, now: datetime.datetime
) -> None:
    journal = JournalRequest(
        key=f"payout:{payout.pk}:{step}",
        area_id=account.area_id,
        kind=Journal.Kind.PAYOUT,
        posted_on=timezone.localdate(now),
        source=f"payout:{payout.pk}",
        entries=entries,
    )
    post([journal], actor=actor, now=now)
