"""Column shapes and constraints that every room's models use."""

from django.contrib.postgres.constraints import ExclusionConstraint
from django.contrib.postgres.fields import RangeOperators
from django.db import models
from django.db.models import BigIntegerField, F, Func, Q, Value
from django.db.models.functions import Cast
from django.utils.translation import gettext_lazy as _


class MoneyField(models.DecimalField):
    """Yuan with two decimals, as Decimal."""

    def __init__(self, *args, **kwargs):
        kwargs.setdefault("max_digits", 16)
        kwargs.setdefault("decimal_places", 2)
        super().__init__(*args, **kwargs)


def days(first="starts_on", last="ends_on") -> Func:
    """The inclusive range of days of a row; an empty end means until further notice."""
    return Func(F(first), F(last), Value("[]"), function="daterange")


def one_at_a_time(name: str, *keys: str, first="starts_on", last="ends_on", condition=None, message=None):
    """At most one row a day for the same keys.

    A range of one number stands for its equality, since the embedded PostgreSQL has no btree_gist; an area's code is
    six digits.
    """
    numbers = [Cast(F(key), BigIntegerField()) if key == "area" else F(key) for key in keys]
    same = [(Func(key, key, Value("[]"), function="int8range"), RangeOperators.OVERLAPS) for key in numbers]
    return ExclusionConstraint(
        name=name,
        expressions=[*same, (days(first, last), RangeOperators.OVERLAPS)],
        condition=condition,
        violation_error_message=message or _("These days overlap those of another record."),
    )


def ends_after_start(name: str, first="starts_on", last="ends_on"):
    return models.CheckConstraint(
        name=name,
        condition=Q(**{f"{last}__isnull": True}) | Q(**{f"{last}__gte": F(first)}),
        violation_error_message=_("The last day lies before the first."),
    )
