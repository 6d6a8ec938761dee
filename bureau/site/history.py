"""What became of a record, field by field, and what an act changed, in the words of the screens."""

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from django.apps import apps
from django.contrib import admin
from django.core.exceptions import ValidationError
from django.db import models
from django.http import HttpRequest
from django.utils.text import capfirst
from django.utils.translation import gettext_lazy as _

from bureau import audit
from bureau.history import acts
from bureau.history.models import Change
from bureau.history.watched import WATCHED, Watched
from bureau.models import AuditEntry, Staff
from bureau.site.acts import LABELS
from bureau.site.sections import EMPTY, ROWS_SHOWN, Cell, Panel, cell, link
from bureau.staff import reach, roles

NOTHING = Cell("")
NOT_KEPT = _("changed; what it held is not kept")


def deed(action: str) -> Any:
    """How the screens call an act."""
    return LABELS.get(audit.FORMER.get(action, action), action)


def models_by_table() -> dict[str, type[models.Model]]:
    return {model._meta.db_table: model for model in apps.get_models(include_auto_created=True)}


@dataclass(frozen=True, slots=True)
class Difference:
    """A field of a changed row, and what stood there before and after."""

    field: Any
    before: Any
    after: Any


class Reader:
    """Puts what changes keep, keys and codes, into the words of the screens. Other records are fetched together."""

    def __init__(self, request: HttpRequest, changes: Iterable[Change]):
        self._request = request
        models_of = models_by_table()
        self._fields = {
            table: {field.column: field for field in models_of[table]._meta.concrete_fields}
            for table in {change.table_name for change in changes} & models_of.keys()
        }
        wanted: dict[type[models.Model], set] = {}
        for change in changes:
            for column, value in [*(change.before or {}).items(), *(change.after or {}).items()]:
                field = self._field(change.table_name, column)
                if isinstance(field, models.ForeignKey) and value is not None:
                    wanted.setdefault(field.related_model, set()).add(value)
        self._others = {
            model: model._default_manager.in_bulk(keys)
            for model, keys in wanted.items()
            if roles.may_read(request.user, model._meta.label_lower) or model is Staff
        }

    def _field(self, table: str, column: str) -> models.Field | None:
        return self._fields.get(table, {}).get(column)

    def differences(self, change: Change) -> Iterator[Difference]:
        """The fields of a changed row that differ, or all of a removed one that had a value."""
        before, after = change.before or {}, change.after
        watched = WATCHED.get(change.table_name, Watched())
        for column, was in before.items():
            if column == watched.key:
                continue
            became = None if after is None else after.get(column)
            field = self._field(change.table_name, column)
            name = column if field is None else field.verbose_name
            if column in watched.sealed:
                yield Difference(name, NOT_KEPT, NOTHING)
            elif was != became and not (after is None and was in (None, "")):
                yield Difference(name, self.told(field, was), self.told(field, became))

    def told(self, field: models.Field | None, value: Any) -> Any:
        if value is None or value == "":
            return EMPTY
        if isinstance(field, models.ForeignKey):
            other = self._others.get(field.related_model, {}).get(field.target_field.to_python(value))
            return value if other is None else str(other)
        if field is not None and field.flatchoices:
            return dict(field.flatchoices).get(value, value)
        if isinstance(value, dict | list):
            return json.dumps(value, ensure_ascii=False)
        try:
            return cell(value if field is None else field.to_python(value))
        except ValidationError:
            return value


def history_panel(request: HttpRequest, record: models.Model) -> Panel | None:
    """When, who, by which act, and what each field held before and after; the last first."""
    table = record._meta.db_table
    if table not in WATCHED:
        return None
    changes = acts.of_row(table, int(record.pk), ROWS_SHOWN + 1)
    shown = changes[:ROWS_SHOWN]
    reader = Reader(request, shown)
    people = Staff.objects.in_bulk({change.actor for change in shown if change.actor is not None})
    entries = {change.entry for change in shown if change.entry is not None}
    told = reach.visible(AuditEntry, request.user.reach).filter(pk__in=entries).values_list("pk", flat=True)
    mine = set(told)
    trail = roles.may_read(request.user, AuditEntry._meta.label_lower)
    rows: list[list[Any]] = []
    for change in shown:
        when, who, act = cell(change.acted_at or change.at).text, EMPTY, EMPTY
        # An act beyond the reader's reach is not told, though the record is theirs to read.
        if change.entry in mine:
            who, act = str(people[change.actor]), deed(change.action)
            when = link(AuditEntry(pk=change.entry), when) if trail else when
        head = [when, who, act]
        if change.before is None:
            rows.append([*head, _("recorded"), NOTHING, NOTHING])
        for difference in reader.differences(change):
            rows.append([*head, capfirst(difference.field), difference.before, difference.after])
            head = [NOTHING] * len(head)
    return Panel(
        _("History"),
        [_("at"), _("actor"), _("action"), _("field"), _("before"), _("after")],
        rows,
        note=_("Earlier changes are not shown.") if len(changes) > ROWS_SHOWN else "",
    )


def counted_panel(request: HttpRequest, entry: AuditEntry) -> Panel:
    """How many records an act made, changed and removed."""
    named = models_by_table()
    rows = [
        [capfirst(named[table]._meta.verbose_name) if table in named else table, *counts]
        for table, *counts in acts.counted(entry.pk)
    ]
    return Panel(_("Records it wrote"), [_("kind"), _("made"), _("changed"), _("removed")], rows)


def changed_panel(request: HttpRequest, entry: AuditEntry) -> Panel:
    """What an act changed, field by field: of the records that the reader may see."""
    changes = [change for change in acts.of_act(entry.pk, ROWS_SHOWN + 1) if change.before is not None]
    seen = _seen(request, changes, entry)
    shown = [change for change in changes[:ROWS_SHOWN] if (change.table_name, change.first_row) in seen]
    reader = Reader(request, shown)
    rows = []
    for change in shown:
        head = seen[change.table_name, change.first_row]
        for difference in reader.differences(change):
            rows.append([head, capfirst(difference.field), difference.before, difference.after])
    return Panel(
        _("Fields it changed"),
        [_("record"), _("field"), _("before"), _("after")],
        rows,
        note=_("Further changes are not shown.") if len(changes) > ROWS_SHOWN else "",
    )


def _seen(request: HttpRequest, changes: Iterable[Change], entry: AuditEntry) -> dict[tuple[str, int], Any]:
    """The changed rows that the reader may see, with how each is named. What has been removed, and what has no page,
    goes with the act: it is shown to whoever reaches all that the act reaches."""
    named, wanted = models_by_table(), {}
    for change in changes:
        wanted.setdefault(change.table_name, set()).add(change.first_row)
    whole = reach.reaches(request.user.reach, entry) and request.user.county_id is None and (
        entry.area_id is not None or request.user.area_id is None
    )
    seen: dict[tuple[str, int], Any] = {}
    for table, keys in wanted.items():
        model = named.get(table)
        if model is None:
            continue
        known = admin.site.is_registered(model)
        desk = admin.site.get_model_admin(model) if known else None
        if desk is not None and not desk.has_view_permission(request):
            continue
        found = desk.get_queryset(request).in_bulk(sorted(keys)) if desk is not None else {}
        there = {int(key) for key in model._default_manager.filter(pk__in=keys).values_list("pk", flat=True)}
        title = capfirst(model._meta.verbose_name)
        for key, record in found.items():
            seen[table, int(key)] = link(record, f"{title} {record}")
        for key in keys - there if desk is not None else keys:
            if whole:
                seen[table, key] = f"{title} {key}"
    return seen
