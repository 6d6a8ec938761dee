"""A list of the admin as its reader sees it, as a file: what search, filters, order and reach leave of the records.

Where the records are those of a roster, the file has the roster's headings and codes, so that it can be changed and
imported again. Any other list is written as it is shown: its labels as headings, values as texts, amounts as numbers.
"""

from __future__ import annotations

import datetime
import html
from collections.abc import Generator
from contextlib import closing
from decimal import Decimal, InvalidOperation
from itertools import chain
from typing import Any

from django.contrib.admin import ModelAdmin
from django.contrib.admin.options import IncorrectLookupParameters
from django.contrib.admin.utils import display_for_field, label_for_field, lookup_field
from django.contrib.admin.views.main import ALL_VAR, ORDER_VAR, PAGE_VAR, SEARCH_VAR
from django.core.exceptions import ObjectDoesNotExist
from django.db import DataError, models
from django.http import HttpRequest, QueryDict
from django.utils.html import strip_tags
from django.utils.safestring import SafeString
from django.utils.text import capfirst
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from bureau.errors import DomainError
from bureau.files import tables
from bureau.files.writing import as_text, plain
from bureau.identifiers.identity import numbers_in
from bureau.rosters import exports, uploads
from bureau.site.sections import EMPTY, is_amount
from bureau.staff.models import Staff

RECORDS_AT_ONCE = 2_000
LARGEST_WHOLE_NUMBER = 10**15  # of which a spreadsheet keeps every digit


class Listed:
    """What stands in a list for somebody, by the query of the list's address."""

    def __init__(self, desk: ModelAdmin, query: str, actor: Staff):
        request = HttpRequest()
        request.method, request.user = "GET", actor
        request.GET = QueryDict(query, mutable=True)
        for name in (PAGE_VAR, ALL_VAR):
            request.GET.pop(name, None)
        if numbers_in(" ".join(request.GET.getlist(SEARCH_VAR))):
            raise DomainError(_("An identity number stands in no address; nothing is searched by it here."))
        self.desk, self.model, self.query = desk, desk.model, request.GET.urlencode()
        self._request = request
        try:
            self._changes = desk.get_changelist_instance(request)
        except (IncorrectLookupParameters, DataError, ValueError):
            raise DomainError(_("The address of the list cannot be read; go back to the list.")) from None
        self.roster = uploads.of_records(self.model)

    @property
    def title(self) -> str:
        return str(capfirst(self.model._meta.verbose_name_plural))

    @property
    def count(self) -> int:
        """How many rows there are, counted no further than lists are."""
        return self._changes.result_count

    @property
    def names_documents(self) -> bool:
        """Whether the file has document numbers, masked or in full."""
        columns = self.roster.get_export_fields() if self.roster else ()
        return any(hasattr(column, "in_full") for column in columns)

    def words(self) -> str:
        """Search and filters as they are called on the page; nothing where the whole list is meant."""
        said, known = [], {ORDER_VAR}
        if term := self._request.GET.get(SEARCH_VAR):
            said.append(f"{gettext('Search')}: {term}")
        known.add(SEARCH_VAR)
        for spec in self._changes.filter_specs:
            if not any(name in self._request.GET for name in spec.expected_parameters()):
                continue
            chosen = [str(choice["display"]) for choice in spec.choices(self._changes) if choice.get("selected")]
            if chosen:
                said.append(f"{capfirst(spec.title)}: {', '.join(chosen)}")
                known.update(spec.expected_parameters())
        said += [f"{name}: {value}" for name, value in self._request.GET.items() if name not in known]
        return "; ".join(said)

    def blocks(self, kind: str, counted: tables.Counted, *, in_full: bool = False) -> Generator[bytes, None, None]:
        """The file, block by block, of a kind that `bureau.files.tables` names."""
        if self.roster is not None:
            title = self.title
            yield from exports.blocks(self.roster, self.records, kind, in_full=in_full, title=title, counted=counted)
            return
        with closing(self._rows()) as rows:
            yield from tables.blocks(kind, chain([self._headings()], counted(rows)), self.title)

    @property
    def records(self) -> models.QuerySet:
        found = self._changes.queryset
        if found.query.distinct:  # two records may have the same cells
            found = self.model._default_manager.filter(pk__in=found.order_by().values("pk")).order_by("-pk")
        return found

    def _columns(self) -> list[Any]:
        return [name for name in self._changes.list_display if name != "action_checkbox"]

    def _headings(self) -> list[str]:
        labels = (label_for_field(name, self.model, self.desk) for name in self._columns())
        return [as_text(str(capfirst(label))) for label in labels]

    def _rows(self) -> Generator[list[tables.Cell], None, None]:
        names = self._columns()
        for record in self.records.iterator(RECORDS_AT_ONCE):
            yield [cell(_value(self.desk, record, name)) for name in names]


def _value(desk: ModelAdmin, record: models.Model, name: Any) -> Any:
    try:
        field, _attribute, value = lookup_field(name, record, desk)
    except ObjectDoesNotExist:
        return None
    if field is None:
        return _amount(value) if is_amount(name) else value
    if isinstance(field, models.ForeignKey):
        return getattr(record, field.name)
    return display_for_field(value, field, EMPTY) if field.flatchoices else value


def _amount(shown: Any) -> Any:
    """What a column of amounts shows, as a number again."""
    try:
        return Decimal(str(shown).replace(",", ""))
    except InvalidOperation:
        return shown


def cell(value: Any) -> tables.Cell:
    """A value of a list as the cell of a file."""
    if value is None or value == EMPTY:
        return None
    if isinstance(value, bool):
        return gettext("Yes") if value else gettext("No")
    if isinstance(value, Decimal) or (isinstance(value, int) and abs(value) < LARGEST_WHOLE_NUMBER):
        return value
    if isinstance(value, datetime.date):
        return plain(value)
    text = str(value)
    return as_text(html.unescape(strip_tags(text)) if isinstance(value, SafeString) else text)
