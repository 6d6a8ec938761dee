"""Taking back what was credited by mistake: what the account does not cover is a receivable (HY-19, G-19)."""

import datetime
from collections import defaultdict
from dataclasses import replace
from decimal import Decimal

from django.db import transaction
from django.db.models import Sum
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from accounts.models import INHERITED, Account, Credit, CreditRecovery, Entry, Fund, Journal, Payout, Subject
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
from accounts.services.standing import take_refund
from bureau import audit
from bureau.errors import DomainError
from bureau.models import Staff
from bureau.staff import reach

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
    month: datetime.date | None = None,
    actor: Staff,
    now: datetime.datetime,
) -> int:
    """Take back a credit: the balance as far as it goes, the rest as a receivable of the holder; return the journal.

    `source` is what had paid it: "contribution" or "pool". `month` says whose credit it is, as far as it is that of a
    month: no more than is left of it. The same key again returns the first journal.
    """
    reach.require(actor.reach, account)
    check_amount(amount)
    _check_reason(reason)
    if source not in (CONTRIBUTION, POOL):
        raise DomainError(_("Say whether the credit came from contributions or from the pool."), field="source")
    account = lock_account(account.pk)
    month = month and month.replace(day=1)
    content = f"recover {source} {amount:.2f}" + (f" {month}" if month else "")
    journal = _journal(key, account, content, now)
    if (known := posted(journal.key, journal.hash())) is not None:
        return known
    months: dict[datetime.date, Decimal] = {}
    if month is not None:
        left = _left(account.pk).get((source, month), Decimal("0.00"))
        if left < amount:
            raise DomainError(
                _("Of the credit of %(month)s from there, %(left)s yuan are left to take back."),
                field="amount",
                month=f"{month:%Y-%m}",
                left=left,
            )
        months[month] = amount
    died_on = account.member.died_on
    after_death = died_on is not None and month is not None and month > died_on
    return _book(account, journal, source, amount, months, after_death, key, reason, actor, now)


@transaction.atomic
def recover_after_death(
    *, account: Account, died_on: datetime.date | None, actor: Staff, now: datetime.datetime
) -> Decimal:
    """Take back what was credited for months that began after the holder's death; return how much that was.

    What was taken back already of those credits is not taken twice, and what was taken back for an earlier day of
    death than this one is given back. Recoveries for other reasons count for nothing.
    """
    reach.require(actor.reach, account)
    if died_on is None:
        raise DomainError(_("No death of the holder is recorded."), field="account")
    account = lock_account(account.pk)
    _give_back(account, _taken_for_death(account.pk, died_on), f"{died_on}", actor, now)
    months: dict[str, dict[datetime.date, Decimal]] = defaultdict(dict)
    for (source, month), left in sorted(_left(account.pk).items()):
        if month > died_on and left > 0:
            months[source][month] = left
    for source, amounts in months.items():
        account, key = lock_account(account.pk), _next_key("death", account.pk)
        total = sum(amounts.values(), Decimal(0))
        journal = _journal(key, account, f"recover {source} {total:.2f}", now)
        _book(account, journal, source, total, amounts, True, key, f"{died_on}", actor, now)
    return sum((sum(amounts.values()) for amounts in months.values()), Decimal(0))


@transaction.atomic
def give_back(
    *, account: Account, month: datetime.date | None = None, reason: str, actor: Staff, now: datetime.datetime
) -> Decimal:
    """Give back what was taken back: of one month's credit, or without a month all for a death that was not then.

    It lessens what the holder still owes; the rest goes into the account, where a closed one is taken back for it.
    Returns how much it was; nothing where it has been given back. Refused: a month that began after the recorded
    death, and one of which nothing was ever taken back.
    """
    reach.require(actor.reach, account)
    _check_reason(reason)
    account = lock_account(account.pk)
    if month is None:
        return _give_back(account, _taken_for_death(account.pk, _death_of(account)), reason, actor, now)
    died_on = account.member.died_on
    month = month.replace(day=1)
    if died_on is not None and month > died_on:
        raise DomainError(
            _("The month began after the holder's death on %(day)s: its credit stays taken back."),
            field="month",
            day=died_on,
        )
    of_month = account.credit_recoveries.filter(month=month)
    if not of_month.exists():
        raise DomainError(_("Of this month's credit nothing was taken back."), field="month")
    net = of_month.order_by().values_list("source", "month", "after_death").annotate(Sum("amount"))
    return _give_back(account, list(net), reason, actor, now)


Taken = tuple[str, datetime.date, bool, Decimal]  # source, month, because of a death, yuan


def _taken_for_death(account_id: int, died_on: datetime.date | None) -> list[Taken]:
    """What was taken back because of a death, of months that began before a day of death, or of all without one."""
    rows = CreditRecovery.objects.filter(account=account_id, after_death=True)
    if died_on is not None:
        rows = rows.filter(month__lte=died_on)
    return list(rows.order_by().values_list("source", "month", "after_death").annotate(Sum("amount")))


def _give_back(account: Account, taken: list[Taken], reason: str, actor: Staff, now: datetime.datetime) -> Decimal:
    total = Decimal(0)
    months: dict[tuple[str, bool], dict[datetime.date, Decimal]] = defaultdict(dict)
    for source, month, after_death, amount in sorted(taken):
        if amount:
            months[source, after_death][month] = -amount
            total += amount
    for (source, after_death), amounts in months.items():
        account, key = lock_account(account.pk), _next_key("back", account.pk)
        back = sum(amounts.values(), Decimal(0))
        journal = _journal(key, account, f"recover {source} {back:.2f}", now)
        _book(account, journal, source, back, amounts, after_death, key, reason, actor, now)
    return total


def _death_of(account: Account) -> datetime.date | None:
    """The recorded day of the holder's death, else that by which heirs are or were paid."""
    paid = account.payouts.filter(action=INHERITED).exclude(status=Payout.Status.RETURNED)
    return account.member.died_on or paid.order_by("-pk").values_list("happened_on", flat=True).first()


def _next_key(act: str, account_id: int) -> str:
    """Under the account's lock: each of these acts does what there is left to do, so that none is repeated."""
    return f"{act}:{account_id}:{CreditRecovery.objects.filter(account=account_id).count()}"


def _left(account_id: int) -> dict[tuple[str, datetime.date], Decimal]:
    """By source and month: yuan credited and not taken back."""
    of_account = {"account": account_id}
    found: dict[tuple[str, datetime.date], Decimal] = defaultdict(Decimal)
    for sign, rows in ((1, Credit.objects.filter(**of_account)), (-1, CreditRecovery.objects.filter(**of_account))):
        for source, month, amount in rows.order_by().values_list("source", "month").annotate(Sum("amount")):
            found[source, month] += sign * amount
    return found


def credited_after_death(account_id: int, died_on: datetime.date) -> list[tuple[str, Decimal, Decimal]]:
    """By source: yuan credited for months that began after a death, and yuan of them that were taken back."""
    after = {"account": account_id, "month__gt": died_on}
    back = CreditRecovery.objects.filter(**after).order_by().values_list("source").annotate(Sum("amount"))
    taken = dict(back)
    credited = Credit.objects.filter(**after).order_by("source").values_list("source").annotate(Sum("amount"))
    return [(source, amount, taken.get(source, Decimal(0))) for source, amount in credited]


def _book(
    account: Account,
    journal: JournalRequest,
    source: str,
    amount: Decimal,
    months: dict[datetime.date, Decimal],
    after_death: bool,
    key: str,
    reason: str,
    actor: Staff,
    now: datetime.datetime,
) -> int:
    """Post a recovery, or with a negative amount the opposite; the account is locked, the journal without entries."""
    if amount > 0:
        taken = min(account.balance, amount)
    else:
        taken = amount + min(outstanding(account.pk), -amount)
        if taken:
            take_refund(account_ids=[account.pk], reason=reason, actor=actor, now=now)
    entries = []
    if taken:
        entries.append(to_account(account.pk, -taken))
    if amount != taken:
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
    CreditRecovery.objects.bulk_create(
        CreditRecovery(
            account=account,
            month=month,
            source=source,
            amount=part,
            after_death=after_death,
            journal_id=journal_id,
        )
        for month, part in months.items()
    )
    audit.record(
        "account.recover" if amount > 0 else "account.give_back",
        actor=actor,
        now=now,
        subject=account,
        key=key,
        amount=str(abs(amount)),
        taken=str(abs(taken)),
        months={f"{month:%Y-%m}": str(abs(part)) for month, part in months.items()},
        reason=reason,
    )
    return journal_id


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
    reach.require(actor.reach, account)
    check_amount(amount)
    _check_reason(reason)
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


def _check_reason(reason: str) -> None:
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
