"""How a single record is checked and written: the model's own constraints, said in words."""

import datetime
from collections.abc import Sequence

from django.core.exceptions import NON_FIELD_ERRORS, ValidationError
from django.db import IntegrityError, models, transaction
from django.utils.translation import gettext_lazy as _

from bureau.errors import DomainError
from bureau.identifiers.names import is_damaged


def save(record: models.Model, *, fields: Sequence[str] | None = None) -> None:
    """Save a record that keeps its model's rules; DomainError names the first field that does not.

    `fields`: the only ones written, where the others are not the application's to change.
    The caller holds the lock of the record's owner, so that what was checked is true when it is written.
    """
    try:
        record.full_clean()
    except ValidationError as error:
        field, messages = next(iter(error.message_dict.items()))
        if field == NON_FIELD_ERRORS:
            raise DomainError(messages[0]) from None
        label = record._meta.get_field(field).verbose_name
        raise DomainError(_("%(label)s: %(problem)s"), field=field, label=label, problem=messages[0]) from None
    try:
        with transaction.atomic():
            record.save(force_insert=record._state.adding, update_fields=fields)
    except IntegrityError as error:
        raise DomainError(_("Someone recorded the same at this moment; look again.")) from error


def require_days(starts_on: datetime.date, ends_on: datetime.date | None, *, field: str = "ends_on") -> None:
    """Refuse days that run backwards, before a range of them is built."""
    if ends_on is not None and ends_on < starts_on:
        raise DomainError(_("The last day lies before the first."), field=field)


def require_name(name: str, *, field: str = "name") -> str:
    """A person's name with single blanks. Refused: an empty one, and one with characters that no name has."""
    name = " ".join(name.split())
    if not name:
        raise DomainError(_("Enter a name."), field=field)
    if is_damaged(name):
        raise DomainError(
            _("“%(value)s” is a damaged name; write it as it stands on the document."), field=field, value=name
        )
    return name


def locked(record: models.Model) -> models.Model:
    """The record as it is now, held until the transaction ends, so that acts on it come one by one."""
    return type(record)._default_manager.select_for_update(no_key=True).get(pk=record.pk)
