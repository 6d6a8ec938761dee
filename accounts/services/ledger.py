"""The one way into the ledger from Python: journals by request, and refusals in words."""

import datetime
import hashlib
import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from decimal import Decimal

from django.db import IntegrityError, connection, transaction
from django.utils.translation import gettext_lazy as _
from django.utils.translation import gettext_noop

from accounts.models import Account, Fund, Journal, Subject
from accounts.queries.months import closed_months
from bureau.errors import DomainError
from bureau.models import Staff
from bureau.rules.periods import month_of

POST = """
SELECT n, journal_id FROM accounts_post(
    %s::text[], %s::text[], %s::text[], %s::text[], %s::date[], %s::int[], %s::text[], %s::bigint, %s::timestamptz,
    %s::int[], %s::text[], %s::text[], %s::text[], %s::bigint[], %s::numeric[])
ORDER BY n
"""


class KeyReused(DomainError):
    """The key belongs to an act with other contents."""

    def __init__(self, key: str):
        super().__init__(_("The key %(key)s has been used for something else."), key=key, field="key")


class Overdrawn(DomainError):
    """An account would go below zero."""

    def __init__(self):
        super().__init__(_("The balance of the account does not cover this."), field="amount")


MONTH_CLOSED = gettext_noop("The accounting month %(month)s is closed: post it into an open month, or reopen that one.")


class MonthClosed(DomainError):
    """The accounting month of the posting is closed. `field` names the day in the words of the act."""

    def __init__(self, *days: datetime.date, field: str = "posted_on"):
        super().__init__(_(MONTH_CLOSED), field=field, month=", ".join(sorted({month_of(day) for day in days})))


def require_open_month(area_id: str, day: datetime.date, *, field: str = "posted_on") -> None:
    """Raise MonthClosed where the books of a day's month are closed, before anything is worked out for it."""
    if day.replace(day=1) in closed_months(area_id):
        raise MonthClosed(day, field=field)


class AccountClosed(DomainError):
    """Nothing comes into an account that is closed."""

    def __init__(self):
        super().__init__(_("The account is closed; reopen it first."), field="account")


class AccountNotOpen(DomainError):
    """Nothing leaves an account that is frozen or closed."""

    def __init__(self, status: str, reason: str):
        super().__init__(
            _("The account is %(status)s: %(reason)s"),
            field="account",
            status=Account.Status(status).label,
            reason=reason,
        )


def refusal(error: IntegrityError, days: Iterable[datetime.date]) -> DomainError | None:
    """What the database refused of journals of these days, in words; None where it is a fault of the caller's."""
    name = error.__cause__.diag.constraint_name or ""
    if name == "journal_month_open":
        return MonthClosed(*days)
    if name == "account_closed_is_empty":
        return AccountClosed()
    return Overdrawn() if name in ("account_not_overdrawn", "entry_not_overdrawn") else None


@dataclass(frozen=True, slots=True)
class EntryRequest:
    """One entry. `amount` in yuan, positive for credit (贷); `account_id` with subject member_accounts alone."""

    fund: Fund
    subject: Subject
    holder: str
    account_id: int | None
    amount: Decimal


@dataclass(frozen=True, slots=True)
class JournalRequest:
    """One journal. Where its entries depend on how things stand, `fingerprint` tells a repeat from another act."""

    key: str
    area_id: str
    kind: Journal.Kind
    posted_on: datetime.date
    source: str
    entries: Sequence[EntryRequest] = field(default_factory=list)
    origin_year: int | None = None
    fingerprint: str = ""

    def hash(self) -> str:
        if self.fingerprint:
            return fingerprint(self.area_id, self.kind, self.fingerprint)
        entries = [[e.fund, e.subject, e.holder, e.account_id, f"{e.amount:.2f}"] for e in self.entries]
        return fingerprint(self.area_id, self.kind, self.posted_on, self.source, self.origin_year, entries)


def fingerprint(*content) -> str:
    """What tells the same request, sent again, from another one."""
    return hashlib.sha256(json.dumps(content, default=str).encode()).hexdigest()


def posted(key: str, request_hash: str) -> int | None:
    """The journal of an act that was posted before, None if it was not. Raises KeyReused for another act."""
    found = Journal.objects.filter(key=key).values_list("pk", "request_hash").first()
    if found is None:
        return None
    if found[1] != request_hash:
        raise KeyReused(key)
    return found[0]


def post(journals: Sequence[JournalRequest], *, actor: Staff, now: datetime.datetime) -> list[int]:
    """Post journals in one statement and return their ids in order; all of them or none.

    A journal that was posted before with the same content is left as it is, and its id returned. Raises KeyReused,
    Overdrawn or MonthClosed; nothing has moved then. Entries that do not balance are a fault of the caller's and
    raise IntegrityError.
    """
    hashes = [journal.hash() for journal in journals]
    while True:
        ids = [posted(journal.key, content) for journal, content in zip(journals, hashes, strict=True)]
        missing = [n for n, found in enumerate(ids) if found is None]
        if not missing:
            return [found for found in ids if found is not None]
        try:
            with transaction.atomic():
                made = _write([journals[n] for n in missing], [hashes[n] for n in missing], actor.pk, now)
        except IntegrityError as error:
            if (refused := refusal(error, [journals[n].posted_on for n in missing])) is not None:
                raise refused from error
            name = error.__cause__.diag.constraint_name or ""
            # Somebody posted the same key a moment ago: look again, unless the call itself holds it twice.
            if not name.startswith("accounts_journal_key") or len({j.key for j in journals}) < len(journals):
                raise
        else:
            for n, journal_id in zip(missing, made, strict=True):
                ids[n] = journal_id
            return [found for found in ids if found is not None]


def _write(journals: Sequence[JournalRequest], hashes: list[str], actor_id: int, now: datetime.datetime) -> list[int]:
    entries = [(place, entry) for place, journal in enumerate(journals, start=1) for entry in journal.entries]
    params = [
        _array(journal.key for journal in journals),
        _array(hashes),
        _array(journal.area_id for journal in journals),
        _array(journal.kind for journal in journals),
        _array(journal.posted_on for journal in journals),
        _array(journal.origin_year for journal in journals),
        _array(journal.source for journal in journals),
        actor_id,
        now,
        _array(place for place, entry in entries),
        _array(entry.fund for place, entry in entries),
        _array(entry.subject for place, entry in entries),
        _array(entry.holder for place, entry in entries),
        _array(entry.account_id for place, entry in entries),
        _array(entry.amount for place, entry in entries),
    ]
    with connection.cursor() as cursor:
        cursor.execute(POST, params)
        return [journal_id for _place, journal_id in cursor]


def _array(values: Iterable) -> str:
    """An array as PostgreSQL writes it: the driver's own way, value by value, takes as long as the posting."""
    return "{" + ",".join("NULL" if value is None else _quoted(str(value)) for value in values) + "}"


def _quoted(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'


def check_amount(amount: Decimal) -> None:
    """Raise DomainError for what is no positive amount of yuan and fen."""
    if not amount.is_finite() or amount <= 0 or amount != round(amount, 2):
        raise DomainError(_("Write an amount in yuan above 0, with at most two decimals."), field="amount")


def lock_account(account_id: int) -> Account:
    """The account as it stands, held until the end of the transaction."""
    return Account.objects.select_for_update(no_key=True).get(pk=account_id)


def to_account(account_id: int, amount: Decimal) -> EntryRequest:
    """Into a personal account, or out of it with a negative amount."""
    return EntryRequest(Fund.PERSONAL_ACCOUNTS, Subject.MEMBER_ACCOUNTS, "", account_id, amount)


def control(
    subject: Subject, amount: Decimal, *, fund: Fund = Fund.PERSONAL_ACCOUNTS, holder: str = ""
) -> EntryRequest:
    """An entry on a control account; of the personal accounts fund unless told otherwise."""
    return EntryRequest(fund, subject, holder, None, amount)
