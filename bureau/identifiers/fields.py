"""Column shapes and constraints that every room's models use."""

import json
import zlib
from typing import Any

from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _

from bureau.errors import DomainError
from bureau.identifiers import ciphers


class MoneyField(models.DecimalField):
    """Yuan with two decimals, as Decimal."""

    def __init__(self, *args, **kwargs):
        kwargs.setdefault("max_digits", 16)
        kwargs.setdefault("decimal_places", 2)
        super().__init__(*args, **kwargs)


class SealedField(models.BinaryField):
    """Bytes that name people: encrypted in the database and in its backups, clear in Python.

    Packed first, since what is encrypted cannot be packed any more.
    """

    PURPOSE = b"sealed field"

    def get_prep_value(self, value):
        value = super().get_prep_value(value)
        return None if value is None else ciphers.encrypt(zlib.compress(value, 1), self.PURPOSE)

    def from_db_value(self, value, expression, connection):
        if value is None:
            return None
        try:
            return zlib.decompress(ciphers.decrypt(value, self.PURPOSE))
        except ValueError:
            raise DomainError(_("What is stored cannot be read with this installation's key.")) from None


class SealedJSONField(SealedField):
    """The same for what JSON can say."""

    def get_prep_value(self, value: Any):
        return None if value is None else super().get_prep_value(json.dumps(value).encode())

    def from_db_value(self, value, expression, connection):
        content = super().from_db_value(value, expression, connection)
        return None if content is None else json.loads(content)


def ends_after_start(name: str, first="starts_on", last="ends_on"):
    return models.CheckConstraint(
        name=name,
        condition=Q(**{f"{last}__isnull": True}) | Q(**{f"{last}__gte": F(first)}),
        violation_error_message=_("The last day lies before the first."),
    )
