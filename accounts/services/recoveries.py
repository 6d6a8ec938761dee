"""Taking back what was credited by mistake: what the account does not cover is a receivable (HY-19, G-19)."""

import datetime
from dataclasses import replace
from decimal import Decimal

from django.db import transaction
from django.db.models import Sum
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from accounts.models import Account, Credit, Entry, Fund, Journal, Subject
from accounts.services.ledger import (
    JournalRequest,
    Overdrawn,
    check_amount,
    control,
    lock_account,
    post,
    posted,
    to_account,
)
from bureau import audit
from bureau.errors import DomainError
from bureau.models import Staff

CONTRIBUTION, POOL = "contribution", "pool"


def holder_of(account_id: int) -> str:
    """The holder code of a personal account on the control accounts."""
    return f"account:{account_id}"


@transaction.atomic
def recover(
    *,
    key: str,
    account: Account,
    amount: Decimal,
    source: str,
    reason: str,
    actor: Staff,
    now: datetime.datetime,
) -> int:
    """Take back a credit: the balance as far as it goes, the rest as a receivable of the holder; return the journal.

    `source` is what had paid it: "contribution" or "pool". The same key again returns the first journal.
    """
    _check(amount, reason)
    if source not in (CONTRIBUTION, POOL):
        raise DomainError(_("Say whether the credit came from contributions or from the pool."), field="source")
    account = lock_account(account.pk)
    journal = _journal(key, account, f"recover {source} {amount:.2f}", now)
    if (known := posted(journal.key, journal.hash())) is not None:
        return known
    taken = min(account.balance, amount)
    entries = []
    if taken:
        entries.append(to_account(account.pk, -taken))
    if amount > taken:
        entries.append(control(Subject.RECOVERIES, taken - amount, holder=holder_of(account.pk)))
    if source == POOL:
        entries += [
            control(Subject.INTERFUND, amount, holder=Fund.EMPLOYEES_POOL),
            control(Subject.INTERFUND, -amount, fund=Fund.EMPLOYEES_POOL, holder=Fund.PERSONAL_ACCOUNTS),
            control(Subject.ACCOUNT_CREDITS, amount, fund=Fund.EMPLOYEES_POOL),
        ]
    else:
        entries.append(control(Subject.CONTRIBUTION_INCOME, amount))
    [journal_id] = post([replace(journal, entries=entries)], actor=actor, now=now)
    audit.record(
        "account.recover",
        actor=actor,
        now=now,
        subject=account,
        key=key,
        amount=str(amount),
        taken=str(taken),
        reason=reason,
    )
    return journal_id


@transaction.atomic
def recover_after_death(
    *, account: Account, died_on: datetime.date | None, actor: Staff, now: datetime.datetime
) -> Decimal:
    """Take back what was credited for months that began after the holder's death; return how much that was.

    Nothing where it has been taken back: recoveries since the death count, whoever recorded them.
    """
    if died_on is None:
        raise DomainError(_("No death of the holder is recorded."), field="account")
    total = Decimal(0)
    account = lock_account(account.pk)
    for source, credited, back in credited_after_death(account.pk, died_on):
        if credited > back:
            recover(
                key=f"death:{account.pk}:{source}:{credited}",
                account=account,
                amount=credited - back,
                source=source,
                reason=f"{died_on}",
                actor=actor,
                now=now,
            )
            total += credited - back
    return total


# What a recovery gives back to whom the credit came from.
_GIVEN_BACK = {CONTRIBUTION: Subject.CONTRIBUTION_INCOME, POOL: Subject.ACCOUNT_CREDITS}


def credited_after_death(account_id: int, died_on: datetime.date) -> list[tuple[str, Decimal, Decimal]]:
    """By source: yuan credited for months that began after a death, and yuan taken back since that day."""
    credits = Credit.objects.filter(account=account_id, month__gt=died_on)
    credited = dict(credits.order_by().values_list("source").annotate(Sum("amount")))
    since = Entry.objects.filter(
        journal__kind=Journal.Kind.RECOVERY, journal__source=holder_of(account_id), journal__posted_on__gte=died_on
    )
    return [
        (source, amount, since.filter(subject=_GIVEN_BACK[source]).aggregate(back=Sum("amount"))["back"] or Decimal(0))
        for source, amount in sorted(credited.items())
    ]


@transaction.atomic
def collect_recovery(
    *,
    key: str,
    account: Account,
    amount: Decimal,
    from_account: bool,
    reason: str,
    actor: Staff,
    now: datetime.datetime,
) -> int:
    """Book what comes in on a receivable: out of the account's balance, or paid into the bank."""
    _check(amount, reason)
    account = lock_account(account.pk)
    journal = _journal(key, account, f"collect {from_account} {amount:.2f}", now)
    if (known := posted(journal.key, journal.hash())) is not None:
        return known
    if (owed := outstanding(account.pk)) < amount:
        raise DomainError(_("Only %(owed)s yuan are outstanding."), field="amount", owed=owed)
    if from_account and account.balance < amount:
        raise Overdrawn
    entries = [
        to_account(account.pk, -amount) if from_account else control(Subject.BANK, -amount),
        control(Subject.RECOVERIES, amount, holder=holder_of(account.pk)),
    ]
    [journal_id] = post([replace(journal, entries=entries)], actor=actor, now=now)
    audit.record(
        "account.recovery_collect", actor=actor, now=now, subject=account, key=key, amount=str(amount), reason=reason
    )
    return journal_id


def outstanding(account_id: int) -> Decimal:
    """What the holder of an account still owes, in yuan."""
    entries = Entry.objects.filter(
        subject=Subject.RECOVERIES, holder=holder_of(account_id), fund=Fund.PERSONAL_ACCOUNTS
    )
    return -(entries.aggregate(total=Sum("amount"))["total"] or Decimal("0.00"))


def _check(amount: Decimal, reason: str) -> None:
    check_amount(amount)
    if not reason.strip():
        raise DomainError(_("Say why."), field="reason")


def _journal(key: str, account: Account, content: str, now: datetime.datetime) -> JournalRequest:
    """Without its entries yet: they depend on the balance, so the request alone tells a repeat."""
    return JournalRequest(
        key=f"recovery:{key}",
        area_id=account.area_id,
        kind=Journal.Kind.RECOVERY,
        posted_on=timezone.localdate(now),
        source=holder_of(account.pk),
        fingerprint=f"{account.pk} {content}",
    )
