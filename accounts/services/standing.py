"""Opening accounts, what was in them before, and whether they may be used.

Each reason to freeze an account is a row of its own; the database turns the status with them
(`accounts/migrations/freezes.sql`).
"""

import datetime
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal

from django.db import connection, transaction
from django.utils.translation import gettext_lazy as _

from accounts.models import Account, Freeze, Journal, Payout, Subject
from accounts.services.ledger import JournalRequest, control, fingerprint, lock_account, post, posted, to_account
from bureau import audit
from bureau.editions.rulebook import rulebook
from bureau.errors import DomainError
from bureau.models import Area, Scheme, Staff
from bureau.rules.accounts.credits import may_hold, monthly_credit
from bureau.rules.errors import NoEdition
from bureau.rules.periods import month_of
from bureau.staff import reach
from members.models import Enrolment, Member

ON_ITS_WAY = (Payout.Status.SUBMITTED, Payout.Status.APPROVED)

KINDS_ENROLLED = """
SELECT DISTINCT scheme, person_class, plan FROM members_enrolment
WHERE area_id = %(area)s AND starts_on <= %(on)s
    AND coalesce(ends_on, 'infinity') >= date_trunc('year', %(on)s::timestamp)
"""

OPEN = """
INSERT INTO accounts_account (member_id, area_id, status, status_reason, balance, last_number, opened_on)
SELECT member_id, %(area)s, 'open', '', 0, 0, greatest(min(starts_on), date_trunc('year', %(on)s::timestamp)::date)
FROM members_enrolment
JOIN unnest(%(schemes)s::text[], %(classes)s::text[], %(plans)s::text[]) AS kind (scheme, person_class, plan)
    USING (scheme, person_class, plan)
WHERE area_id = %(area)s AND starts_on <= %(on)s
    AND coalesce(ends_on, 'infinity') >= date_trunc('year', %(on)s::timestamp)
GROUP BY member_id
ON CONFLICT (member_id, area_id) DO NOTHING
"""


def open_accounts(*, area_id: str, on: datetime.date, actor: Staff, now: datetime.datetime) -> int:
    """Open an account for every member who was enrolled this year up to `on` and has none; return how many.

    Who has one is the edition's: the classes and plans for which it has a credit at all.
    """
    reach.require_whole(actor.reach, area_id)
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(KINDS_ENROLLED, {"area": area_id, "on": on})
        kinds = [kind for kind in cursor.fetchall() if _has_account(area_id, *kind, on=on)]
        if not kinds:
            return 0
        schemes, classes, plans = (list(column) for column in zip(*kinds, strict=True))
        params = {"area": area_id, "on": on, "schemes": schemes, "classes": classes, "plans": plans}
        cursor.execute(OPEN, params)
        opened = cursor.rowcount
        if opened:
            audit.record("account.open", actor=actor, now=now, area_id=area_id, on=str(on), accounts=opened)
    return opened


def without_account(area_id: str, members: Iterable[int], *, on: datetime.date) -> list[int]:
    """Those of these members who can hold no account in an area: by class and plan, as far as they were enrolled
    there up to a day, the edition has none for them. Of who was enrolled there never, nothing is known."""
    enrolled = Enrolment.objects.filter(area=area_id, member__in=list(members), starts_on__lte=on)
    kinds: dict[int, set[tuple[str, str, str]]] = defaultdict(set)
    for member, *kind in enrolled.values_list("member", "scheme", "person_class", "plan"):
        kinds[member].add(tuple(kind))
    can = {kind: _may_hold(area_id, *kind, on=on) for kind in set().union(*kinds.values())}
    return sorted(member for member, had in kinds.items() if not any(can[kind] for kind in had))


def refuse_without_account(area_id: str, members: Iterable[int], *, on: datetime.date, field: str) -> None:
    """Raise DomainError, with a few names, where any of these members can hold no account."""
    found = without_account(area_id, members, on=on)
    if found:
        raise DomainError(
            _(
                "%(count)d members have no personal account by class and plan (pooled fund only, first level, "
                "residents), %(names)s among them: leave them out, or correct their enrolment."
            ),
            field=field,
            count=len(found),
            names="; ".join(str(member) for member in Member.objects.filter(pk__in=found[:5]).order_by("pk")),
        )


def _may_hold(area_id: str, scheme: str, person_class: str, plan: str, *, on: datetime.date) -> bool:
    """Where no edition says who has an account, nobody is turned away."""
    book, asked = rulebook(area_id), False
    for each in Scheme.values:
        try:
            edition = book.on(area_id, each, on, "credits")
        except NoEdition:
            continue
        asked = True
        if each == scheme and may_hold(edition, person_class=person_class, plan=plan, on=on):
            return True
    return not asked


def _has_account(area_id: str, scheme: Scheme, person_class: str, plan: str, *, on: datetime.date) -> bool:
    try:
        edition = rulebook(area_id).on(area_id, scheme, on, "credits")
        credit = monthly_credit(edition, person_class=person_class, plan=plan, month=month_of(on), base=0)
    except NoEdition:
        return False
    return credit.refusal is None or credit.refusal.code != "no_account"


@transaction.atomic
def load_opening_balances(
    *,
    key: str,
    area: Area,
    balances: Mapping[int, Decimal],
    on: datetime.date,
    actor: Staff,
    now: datetime.datetime,
) -> int:
    """Take over what members (by number) had in the accounts of the old system; opens accounts that are missing.

    One journal against transfers in; the same key with the same balances again does nothing. Returns how many
    accounts were given a balance. Refused: a negative amount, accounts in which something has been posted, and members
    who can hold no account.
    """
    if any(amount < 0 for amount in balances.values()):
        raise DomainError(_("An opening balance is not negative."), field="balances")
    content = fingerprint(area.pk, sorted((member, f"{amount:.2f}") for member, amount in balances.items()))
    journal_key = f"opening:{area.pk}:{key}"
    request = JournalRequest(journal_key, area.pk, Journal.Kind.OPENING, on, f"opening:{key}", fingerprint=content)
    if posted(journal_key, request.hash()) is not None:
        return 0
    refuse_without_account(area.pk, balances, on=on, field="balances")
    Account.objects.bulk_create(
        [Account(member_id=member, area=area, opened_on=on) for member in sorted(balances)],
        ignore_conflicts=True,
        batch_size=5000,
    )
    accounts = dict(Account.objects.filter(area=area, member__in=balances).values_list("member", "pk"))
    used = Account.objects.filter(pk__in=accounts.values(), last_number__gt=0).order_by("pk").first()
    if used is not None:
        raise DomainError(
            _("The account of %(member)s is in use; an opening balance comes first."), member=str(used.member)
        )
    entries = [to_account(accounts[member], amount) for member, amount in sorted(balances.items()) if amount]
    if entries:
        total = sum(entry.amount for entry in entries)
        request = JournalRequest(
            journal_key,
            area.pk,
            Journal.Kind.OPENING,
            on,
            f"opening:{key}",
            [control(Subject.TRANSFER_INCOME, -total), *entries],
            fingerprint=content,
        )
        post([request], actor=actor, now=now)
    audit.record("account.opening", actor=actor, now=now, area_id=area.pk, key=key, accounts=len(entries))
    return len(entries)


@transaction.atomic
def freeze(*, account: Account, reason: str, actor: Staff, now: datetime.datetime) -> Account:
    """Stop all use of an account for one more reason. Credits still arrive. The same reason again changes nothing."""
    reach.require(actor.reach, account)
    reason = _said(reason)
    account = lock_account(account.pk)
    _expect(account, Account.Status.OPEN, Account.Status.FROZEN)
    by_hand = {"account": account, "cause": Freeze.Cause.STAFF, "reason": reason}
    if Freeze.objects.filter(**by_hand, ended_at=None).exists():
        return account
    made = Freeze.objects.create(**by_hand, frozen_by=actor, frozen_at=now)
    audit.record("account.freeze", actor=actor, now=now, subject=account, reason=reason, freeze=made.pk)
    return lock_account(account.pk)


@transaction.atomic
def unfreeze(
    *, account: Account, reason: str, freeze: Freeze | None = None, actor: Staff, now: datetime.datetime
) -> Account:
    """End one freeze of an account; it is used again when no other is left.

    `freeze` says which where there are several. What a payout on its way has frozen ends with the payout alone.
    """
    reach.require(actor.reach, account)
    reason = _said(reason)
    account = lock_account(account.pk)
    open_now = list(account.freezes.filter(ended_at=None).order_by("pk"))
    if freeze is not None and freeze.pk not in {each.pk for each in open_now}:
        return account  # it has ended
    if not open_now:
        _expect(account, Account.Status.OPEN, Account.Status.FROZEN)
        if account.status == Account.Status.FROZEN:  # without a reason on record
            _turn(account, Account.Status.OPEN, "")
            audit.record("account.unfreeze", actor=actor, now=now, subject=account, reason=reason)
        return account
    ends = [each for each in open_now if each.payout_id is None and freeze in (None, each)]
    if not ends:
        raise DomainError(_("A payout of the account is on its way; finish or return it first."), field="status")
    if len(ends) > 1:
        raise DomainError(
            _("The account is frozen for several reasons: %(reasons)s. Say which of them has ended."),
            field="freeze",
            reasons="; ".join(each.reason for each in ends),
        )
    end_freeze(ends[0], reason=reason, actor=actor, now=now)
    audit.record("account.unfreeze", actor=actor, now=now, subject=account, reason=reason, freeze=ends[0].pk)
    return lock_account(account.pk)


def end_freeze(freeze: Freeze, *, reason: str, actor: Staff, now: datetime.datetime) -> None:
    """End a freeze; the caller holds the account's lock and writes the audit entry."""
    freeze.ended_by, freeze.ended_at, freeze.end_reason = actor, now, reason
    freeze.save(update_fields=["ended_by", "ended_at", "end_reason"])


@transaction.atomic
def close(*, account: Account, reason: str, actor: Staff, now: datetime.datetime) -> Account:
    """Close an empty account: it is neither used nor credited any more."""
    reach.require(actor.reach, account)
    reason = _said(reason)
    account = lock_account(account.pk)
    if account.status == Account.Status.CLOSED:
        return account
    _expect(account, Account.Status.OPEN)
    if Payout.objects.filter(account=account, status__in=ON_ITS_WAY).exists():
        raise DomainError(_("A payout of the account is on its way; finish or return it first."), field="status")
    if account.balance:
        raise DomainError(
            _("There are still %(balance)s yuan in the account; pay them out first."), balance=account.balance
        )
    return close_empty(account, reason=reason, actor=actor, now=now)


def close_empty(account: Account, *, reason: str, actor: Staff, now: datetime.datetime) -> Account:
    """Close an account in which nothing is left, whatever freezes it; the caller holds its lock."""
    _turn(account, Account.Status.CLOSED, reason)
    audit.record("account.close", actor=actor, now=now, subject=account, reason=reason)
    return account


@transaction.atomic
def reopen(*, account: Account, reason: str, actor: Staff, now: datetime.datetime) -> Account:
    """Take a closed account back into use; frozen, where a freeze was never ended."""
    reach.require(actor.reach, account)
    reason = _said(reason)
    account = lock_account(account.pk)
    if account.status != Account.Status.CLOSED:
        return account
    first = account.freezes.filter(ended_at=None).order_by("pk").first()
    if first is None:
        _turn(account, Account.Status.OPEN, "")
    else:
        _turn(account, Account.Status.FROZEN, first.reason)
    audit.record("account.reopen", actor=actor, now=now, subject=account, reason=reason)
    return account


@transaction.atomic
def take_refund(*, account_ids: Sequence[int], reason: str, actor: Staff, now: datetime.datetime) -> None:
    """Before money is given back to accounts: a closed one is taken back, frozen, until that money is paid out.

    So a refund that comes after the balance went to the heirs waits where the next payout finds it.
    """
    for account_id in sorted(set(account_ids)):
        account = lock_account(account_id)
        if account.status != Account.Status.CLOSED:
            continue
        Freeze.objects.create(
            account=account, cause=Freeze.Cause.REFUND, reason=reason[:200], frozen_by=actor, frozen_at=now
        )
        _turn(account, Account.Status.FROZEN, reason[:200])
        audit.record("account.refund", actor=actor, now=now, subject=account, reason=reason)


@transaction.atomic
def close_refunded(*, account_ids: Sequence[int], reason: str, actor: Staff, now: datetime.datetime) -> None:
    """After refunds were taken out of accounts again: those that only a refund had taken back are closed once empty."""
    for account_id in sorted(set(account_ids)):
        account = lock_account(account_id)
        freezes = list(account.freezes.filter(ended_at=None).order_by("pk"))
        if account.balance or not freezes or any(each.cause != Freeze.Cause.REFUND for each in freezes):
            continue
        for each in freezes:
            end_freeze(each, reason=reason[:200], actor=actor, now=now)
        close_empty(lock_account(account_id), reason=reason[:200], actor=actor, now=now)


def _said(reason: str) -> str:
    if not reason.strip():
        raise DomainError(_("Say why."), field="reason")
    return reason.strip()


def _expect(account: Account, *statuses: Account.Status) -> None:
    if account.status not in statuses:
        raise DomainError(_("The account is %(status)s."), field="status", status=account.get_status_display())


def _turn(account: Account, status: Account.Status, reason: str) -> None:
    account.status, account.status_reason = status, reason
    account.save(update_fields=["status", "status_reason"])
