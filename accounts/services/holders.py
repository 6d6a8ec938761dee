"""Which edition governs an account on a day, what the account pays, and who its holder is to that edition."""

import datetime
from dataclasses import dataclass

from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from accounts.models import Account
from accounts.services.ledger import AccountNotOpen
from bureau.editions.rulebook import rulebook
from bureau.errors import DomainError, RefusedError
from bureau.models import Scheme
from bureau.rules.accounts import use as account_use
from bureau.rules.enrolment import group_of
from bureau.rules.errors import NoEdition, Refusal
from bureau.rules.format.edition import Edition, Rulebook
from members.models import Enrolment


@dataclass(frozen=True, slots=True)
class Purse:
    """An account that is asked to pay: how it stands, its balance in fen, and its holder's day of death."""

    area_id: str
    status: str
    balance: int
    died_on: datetime.date | None
    reason: str = ""


def draw(
    purse: Purse,
    edition: Edition,
    *,
    on: datetime.date,
    relation: str,
    purpose: str,
    amount: int,
    user_died_on: datetime.date | None = None,
    retired: bool = False,
) -> account_use.Use:
    """What an account pays of a bill (fen): at the desk, out of a file and in any other use, by this rule alone.

    `edition` is that of the account's own area (`edition_for`), and nothing else about the holder counts: an
    enrolment may have ended, the person treated may be insured elsewhere or nowhere, the fund may have refused. The
    day is that of the care or purchase. What the edition does not allow comes back as a refusal; what bars the
    account itself is raised: the holder or the person treated had died before that day, AccountNotOpen.
    """
    answer = account_use.use(
        edition, on=on, relation=relation, purpose=purpose, amount=amount, balance=purse.balance, retired=retired
    )
    if not answer.allowed:
        return answer
    if purse.died_on is not None and purse.died_on < on:
        raise DomainError(_("The holder had died; the balance is paid out to the heirs."), field="account")
    if user_died_on is not None and user_died_on < on:
        raise DomainError(_("The person treated had died on %(day)s."), field="user", day=user_died_on)
    if purse.status != Account.Status.OPEN:
        raise AccountNotOpen(purse.status, purse.reason)
    return answer


def edition_for(book: Rulebook, area_id: str, on: datetime.date) -> Edition | None:
    """The edition of an area, of whichever scheme, that has rules for accounts on a day; None without one."""
    for scheme in Scheme.values:
        try:
            edition = book.on(area_id, scheme, on, "account")
        except NoEdition:
            continue
        if edition.has("account"):
            return edition
    return None


def edition_of(account: Account, on: datetime.date) -> Edition:
    """The edition of the account's area that has rules for accounts on a day. Raises RefusedError without one."""
    edition = edition_for(rulebook(account.area_id), account.area_id, on)
    if edition is None:
        raise RefusedError(Refusal("no_edition"))
    return edition


def is_retired(account: Account, edition: Edition, on: datetime.date) -> bool:
    """Whether the holder draws retired benefits on a day."""
    classes = Enrolment.objects.filter(
        Q(ends_on__isnull=True) | Q(ends_on__gte=on), member=account.member_id, starts_on__lte=on
    ).values_list("person_class", flat=True)
    persons = edition.at(on)["persons"]
    return any(group_of(persons, person_class) == "retired" for person_class in classes)
