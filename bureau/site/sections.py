"""Tables below a record: its related records as their own lists show them, and figures worked out for it."""

import datetime
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any
from urllib.parse import urlencode

from django.contrib import admin
from django.contrib.admin.utils import display_for_field, display_for_value, label_for_field, lookup_field
from django.core.exceptions import ObjectDoesNotExist
from django.db import models
from django.db.models import QuerySet
from django.http import HttpRequest
from django.urls import reverse
from django.utils import timezone
from django.utils.functional import Promise
from django.utils.html import format_html
from django.utils.text import capfirst
from django.utils.translation import gettext

ROWS_SHOWN = 20
EMPTY = "–"


@dataclass(frozen=True)
class Cell:
    text: Any
    numeric: bool = False


def cell(value: Any) -> Cell:
    """A value as it is shown: amounts with two decimals, days as 2026-03-01."""
    if isinstance(value, Cell):
        return value
    if value is None or value == "":
        return Cell(EMPTY)
    if isinstance(value, Decimal):
        return Cell(f"{value:,.2f}", numeric=True)
    if isinstance(value, bool):
        return Cell(gettext("Yes") if value else gettext("No"))
    if isinstance(value, int):
        return Cell(str(value), numeric=True)
    if isinstance(value, datetime.datetime):
        return Cell(timezone.localtime(value).strftime("%Y-%m-%d %H:%M"))
    if isinstance(value, datetime.date):
        return Cell(value.isoformat())
    if isinstance(value, models.Model):
        return Cell(link(value))
    return Cell(value)


def link(record: models.Model | None, text: Any = None) -> Any:
    """A link to a record's page."""
    if record is None:
        return EMPTY
    url = reverse(f"admin:{record._meta.app_label}_{record._meta.model_name}_change", args=[record.pk])
    return format_html('<a href="{}">{}</a>', url, record if text is None else text)


@dataclass
class Panel:
    """A titled table of plain values, or a sentence."""

    title: str | Promise
    headers: Sequence[str | Promise] = ()
    rows: Iterable[Sequence[Any]] = ()
    note: str | Promise = ""
    foot: Sequence[Any] = ()
    more: str = ""
    empty: bool = field(init=False, default=False)

    def __post_init__(self):
        self.rows = [[cell(value) for value in row] for row in self.rows]
        self.foot = [cell(value) if value != "" else Cell("") for value in self.foot]
        self.empty = not self.rows and bool(self.headers)
        shown = [*self.rows, *([self.foot] if self.foot else [])] or [[Cell("")] * len(self.headers)]
        numeric = [any(one.numeric for one in column) for column in zip(*shown, strict=True)]
        self.heads = [Cell(header, n) for header, n in zip(self.headers, numeric, strict=True)]
        self.rows = [[Cell(one.text, n) for one, n in zip(row, numeric, strict=True)] for row in self.rows]


Rows = Callable[[models.Model], QuerySet]


@dataclass(frozen=True)
class Section:
    """The records of another model that belong to this one, by a foreign key's name or as `rows` says."""

    model: type[models.Model]
    via: str = ""
    rows: Rows | None = None
    title: str | Promise = ""
    columns: Sequence[str] = ()
    without: Sequence[str] = ()

    def panel(self, request: HttpRequest, record: models.Model) -> Panel | None:
        desk = admin.site.get_model_admin(self.model)
        if not desk.has_view_permission(request):
            return None
        found = desk.get_queryset(request)
        found = self.rows(record) & found if self.rows else found.filter(**{self.via: record})
        found = found.order_by("-pk")
        if desk.list_select_related and desk.list_select_related is not True:
            found = found.select_related(*desk.list_select_related)
        names = [
            name
            for name in self.columns or desk.get_list_display(request)
            if name != self.via and name not in self.without
        ]
        records = list(found[: ROWS_SHOWN + 1])
        more = ""
        if len(records) > ROWS_SHOWN and self.via:
            url = reverse(f"admin:{self.model._meta.app_label}_{self.model._meta.model_name}_changelist")
            more = f"{url}?{urlencode({f'{self.via}__{record._meta.pk.name}__exact': record.pk})}"
        return Panel(
            self.title or capfirst(self.model._meta.verbose_name_plural),
            [label_for_field(name, self.model, desk) for name in names],
            [_row(desk, row, names) for row in records[:ROWS_SHOWN]],
            more=more,
        )


def _row(desk: admin.ModelAdmin, record: models.Model, names: Sequence[Any]) -> list[Any]:
    first, *others = [value_of(desk, record, name) for name in names]
    return [link(record, cell(first).text), *others]


def is_amount(name: Any) -> bool:
    return getattr(name, "__name__", str(name)).endswith("_amount")


def value_of(desk: admin.ModelAdmin, record: models.Model, name: Any) -> Any:
    """What a column of a list shows of a record."""
    try:
        model_field, attribute, value = lookup_field(name, record, desk)
    except ObjectDoesNotExist:
        return None
    if is_amount(name):
        return Cell(value, numeric=True)
    if model_field is None:
        return display_for_value(value, EMPTY, boolean=True) if getattr(attribute, "boolean", False) else value
    if isinstance(model_field, models.ForeignKey):
        return getattr(record, model_field.name)
    if model_field.flatchoices:
        return display_for_field(value, model_field, EMPTY)
    return value
