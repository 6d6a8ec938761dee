"""Where an institution is paid: an account is entered by one person and counts once another has confirmed it.

Until then the one before it stands. What an institution is registered with counts at once: nothing has been paid there
yet, and whoever approves a run sees it. The database keeps the same rule.
"""

import datetime

from django.db import transaction
from django.db.models import QuerySet
from django.utils.translation import gettext_lazy as _

from bureau import audit
from bureau.errors import DomainError
from bureau.identifiers.bank_accounts import account_number
from bureau.models import Staff
from bureau.saving import locked, save
from bureau.staff import reach
from bureau.steps import mark_step, take_step
from institutions.models import AccountChange, Institution

ACCOUNT = ("account_name", "bank_name", "bank_account")


def said(account_name: str, bank_name: str, bank_account: str) -> dict[str, str]:
    """The three as they are stored. Raises DomainError for a number that is none; all three may be empty."""
    number = account_number(bank_account) if bank_account.strip() else ""
    if number is None:
        raise DomainError(_("A bank account has 8 to 30 digits."), field="bank_account")
    return dict(zip(ACCOUNT, (account_name.strip(), bank_name.strip(), number), strict=True))


@transaction.atomic
def change_account(
    *,
    institution: Institution,
    account_name: str,
    bank_name: str,
    bank_account: str,
    actor: Staff,
    now: datetime.datetime,
) -> AccountChange | None:
    """Enter another account of an institution; it waits for another person. None where it is the one that counts.

    A second entry takes the place of the first that still waits; the same one again changes nothing.
    """
    reach.require(actor.reach, institution)
    institution = locked(institution)
    wanted = said(account_name, bank_name, bank_account)
    change = institution.account_changes.filter(status=AccountChange.Status.OPEN).first()
    if change is None:
        if all(getattr(institution, name) == value for name, value in wanted.items()):
            return None
        change = AccountChange(institution=institution)
    elif all(getattr(change, name) == value for name, value in wanted.items()):
        return change
    mark_step(change, "institution.account", actor, now, **wanted)
    save(change)
    recorded("institution.account", change, actor, now)
    return change


@transaction.atomic
def confirm_account(*, change: AccountChange, actor: Staff, now: datetime.datetime) -> AccountChange:
    """Let an account count that another person entered. Runs that were approved with the one before wait for a new
    approval of it. Refused: whoever entered it, and a change that was dropped."""
    institution, change = both_locked(change)
    if change.status == AccountChange.Status.CONFIRMED:
        return change
    take_step(change, "institution.account_confirm", actor, now)
    for name in ACCOUNT:
        setattr(institution, name, getattr(change, name))
    save(institution)
    recorded("institution.account_confirm", change, actor, now)
    return change


@transaction.atomic
def drop_account(*, change: AccountChange, note: str, actor: Staff, now: datetime.datetime) -> AccountChange:
    """Not to let an entered account count; the one before it stands. Needs a reason."""
    if not note.strip():
        raise DomainError(_("Say why."), field="note")
    _institution, change = both_locked(change)
    if change.status == AccountChange.Status.DROPPED:
        return change
    take_step(change, "institution.account_drop", actor, now, note=note.strip()[:200])
    recorded("institution.account_drop", change, actor, now, note=change.note)
    return change


def both_locked(change: AccountChange) -> tuple[Institution, AccountChange]:
    """The institution first, as everywhere."""
    return locked(change.institution), locked(change)


def last_entered(numbers: QuerySet | list[int]) -> dict[int, int]:
    """By institution: who entered the account that counts now, where it was ever changed."""
    rows = AccountChange.objects.filter(institution__in=numbers, status=AccountChange.Status.CONFIRMED)
    return dict(rows.order_by("pk").values_list("institution_id", "entered_by_id"))


def recorded(act: str, change: AccountChange, actor: Staff, now: datetime.datetime, **detail: str) -> None:
    where = change.institution
    audit.record(
        act,
        actor=actor,
        now=now,
        subject=change,
        institution=where.code,
        bank=change.bank_name,
        ending=change.bank_account[-4:],
        **detail,
    )
