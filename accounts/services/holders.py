"""Which edition governs an account on a day, and who its holder is to that edition."""

import datetime

from django.db.models import Q

from accounts.models import Account
from bureau.errors import RefusedError
from bureau.models import Scheme
from bureau.rules.edition import Edition
from bureau.rules.enrolment import group_of
from bureau.rules.errors import NoEdition, Refusal
from bureau.services.editions import rulebook
from members.models import Enrolment


def edition_of(account: Account, on: datetime.date) -> Edition:
    """The edition of the account's area that has rules for accounts on a day. Raises RefusedError without one."""
    book = rulebook(account.area_id)
    for scheme in Scheme.values:
        try:
            edition = book.on(account.area_id, scheme, on, "account")
        except NoEdition:
            continue
        if edition.has("account"):
            return edition
    raise RefusedError(Refusal("no_edition"))


def is_retired(account: Account, edition: Edition, on: datetime.date) -> bool:
    """Whether the holder draws retired benefits on a day."""
    classes = Enrolment.objects.filter(
        Q(ends_on__isnull=True) | Q(ends_on__gte=on), member=account.member_id, starts_on__lte=on
    ).values_list("person_class", flat=True)
    persons = edition.at(on)["persons"]
    return any(group_of(persons, person_class) == "retired" for person_class in classes)
