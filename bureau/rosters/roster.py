"""A kind of roster, declared once: its columns, the checks on a row, and where the domain refuses a row.

Everything else follows from the columns: the sheet that reads a file and its template, the staging table, the
comparison with what is recorded, what is inserted and updated, the export. A room declares its rosters in
`<room>/rosters`:

    class Suspensions(PersonRoster):
        kind = Column("类型", choice(...), attribute="kind", required=True, differs=_("…another kind…"))
        starts_on = Column("开始日期", date_, attribute="starts_on", required=True, days=PLANNED)
        ends_on = Column("结束日期", end_date, attribute="ends_on", days=LASTING, changes=always)

        class Meta:
            model = Suspension
            roster = "suspensions"
            label = _("Suspensions")
            key = ("member", "starts_on")
            spans = True
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from functools import cached_property
from operator import itemgetter
from typing import Any

from django.db import models
from django.db.models import QuerySet
from django.utils.translation import gettext_noop as _

from bureau.files import Sheet
from bureau.files.sheets import Check
from bureau.rosters.columns import Column, when_empty
from bureau.rosters.datasets import Datasets
from bureau.rosters.staging import STAGED, Batch, overlap

OVERLAPS_LINE = _("The days overlap those of line %(other)s.")
OVERLAPS_RECORD = _("The days overlap a record from %(first)s to %(last)s.")
DIFFERS = _("The record says %(recorded)s here; a roster does not change that.")


class Roster(Datasets):
    """Meta: `model`, the table that a line is a row of; `roster`, the kind in addresses and jobs; `label`; `key`, the
    fields of the model that say which record a line is about; `once`, the columns that no two lines of a file may
    share; `within_area`, whether another area's records are none of ours; `spans`, whether a record is days, one a day
    for the rest of the key; `writes`, what a load inserts, dependants first, where that is more than the model;
    `derived`, staged columns that checks work out; `scratch`, those that hooks fill in (both name → SQL type);
    `overlaps`, the sentence on days that meet recorded ones.
    """

    checks: tuple[Check, ...] = ()

    class Meta:
        key: tuple[str, ...] = ()
        once: tuple[str, ...] = ()
        within_area = False
        spans = False
        writes: tuple[type[models.Model], ...] = ()
        derived: Mapping[str, str] = {}
        scratch: Mapping[str, str] = {}
        overlaps = OVERLAPS_RECORD

    def __init_subclass__(cls, **more: Any):
        super().__init_subclass__(**more)
        for name, column in cls.fields.items():
            column.name = name

    # What a room says beyond its columns.

    def find(self, batch: Batch) -> None:
        """Fill in which records the lines mean (`s.<link>_id`); a line that names nobody is turned away."""

    def refusals(self, batch: Batch) -> None:
        """Turn away what the domain refuses; lines that say what is recorded are gone by then."""

    def agrees(self) -> str:
        """SQL: what else than the columns has to be so for a line about the record `t` to say nothing new."""
        return "TRUE"

    def stamps(self) -> Mapping[str, str]:
        """Columns of the table → SQL of what a new or changed record has besides: who entered it, say."""
        return {}

    def before(self, batch: Batch) -> None:
        """What has to be written before the rows themselves; the lines that are left are all written."""

    # What follows from the columns.

    @property
    def kind(self) -> str:
        return self._meta.roster

    @property
    def label(self):
        return self._meta.label

    @property
    def models(self) -> tuple[type[models.Model], ...]:
        return self._meta.writes or (self._meta.model,)

    @cached_property
    def sheet(self) -> Sheet:
        """What reads a file of this kind."""
        return Sheet(tuple(self.fields.values()), self.checks, self._meta.once)

    @cached_property
    def links(self) -> list[str]:
        """Foreign keys of the model through which columns go: `member` of `member__phone`."""
        heads = (column.attribute.split("__")[0] for column in self.fields.values() if "__" in (column.attribute or ""))
        return list(dict.fromkeys(heads))

    @cached_property
    def columns(self) -> dict[str, str]:
        """The staged columns → SQL types: those of cells, then what hooks fill in."""
        model = self._meta.model
        staged: dict[str, str] = {}
        for column in self._in_order():
            staged |= column.staged(model)
        staged |= self._meta.derived
        return staged | {f"{link}_id": "bigint" for link in self.links} | dict(self._meta.scratch)

    @cached_property
    def stage(self) -> Callable[[Mapping[str, Any]], tuple[Any, ...]]:
        """Checked values of a row → the staged columns of cells."""
        model, order = self._meta.model, self._in_order()
        one = [column.name for column in order if _is_one(column) and column.staged(model)]
        take = itemgetter(*one) if len(one) > 1 else lambda values: tuple(values[name] for name in one)
        split = [(column.name, column.stage) for column in order if not _is_one(column)]
        derived = list(self._meta.derived)
        if not split and not derived:
            return take

        def stage(values: Mapping[str, Any]) -> tuple[Any, ...]:
            staged = take(values)
            for name, parts in split:
                staged += parts(values[name])
            return staged + tuple([values[name] for name in derived]) if derived else staged

        return stage

    def _in_order(self) -> list[Column]:
        """Columns that stand for themselves first, so that a row is one `itemgetter`."""
        return sorted(self.fields.values(), key=lambda column: not _is_one(column))

    def terms(self, model: type[models.Model] | None = None, path: str = "") -> dict[str, Column]:
        """Columns of a table → the roster's columns that fill them: the roster's own table, or that at a path."""
        own = model is None
        found: dict[str, Column] = {}
        for column in self.fields.values():
            if column.attribute is None:
                continue
            head, _dot, _last = column.attribute.rpartition("__")
            if head == path:
                found |= dict.fromkeys(column.targets(self._meta.model), column)
            elif own and "__" not in head:
                found.setdefault(self._meta.model._meta.get_field(head).column, column)
        return found

    def said(self, target: str, column: Column, path: str = "") -> str:
        """SQL: what a staged line says for a column of the table."""
        if target == "area_id" and not path:
            return "%(area)s"
        head = (column.attribute or "").rpartition("__")[0]
        return f"s.{column.targets(self._meta.model)[target]}" if head == path else f"s.{target}"

    def new_record(self, model: type[models.Model] | None = None, path: str = "") -> dict[str, str]:
        """Columns of the table → SQL of what a new record has; of what the roster does not say, the model's default."""
        fields = (model or self._meta.model)._meta.concrete_fields
        values = {field.column: empty for field in fields if (empty := when_empty(field)) != "NULL"}
        values |= {target: new for target, new, _column in self._becoming(model, path, when_empty)}
        return values | ({"area_id": "%(area)s"} if any(field.column == "area_id" for field in fields) else {})

    def changed_record(
        self, model: type[models.Model] | None = None, path: str = "", record: str = "t"
    ) -> dict[str, str]:
        """Columns that a later file may change → SQL of what they become, over the line `s` and the record `t`."""
        becoming = self._becoming(model, path, lambda field: f"{record}.{field.column}")
        return {target: new for target, new, column in becoming if column.changes is not None}

    def _becoming(
        self, model: type[models.Model] | None, path: str, recorded: Callable[[models.Field], str]
    ) -> Iterable[tuple[str, str, Column]]:
        fields = {field.column: field for field in (model or self._meta.model)._meta.concrete_fields}
        for target, column in self.terms(model, path).items():
            said, empty = self.said(target, column, path), when_empty(fields[target])
            new = said if column.changes is None else column.changes(said, recorded(fields[target]))
            yield target, f"COALESCE({said}, {empty})" if new == said and empty != "NULL" else new, column

    def fixed(self) -> dict[str, tuple[Column, str]]:
        """Columns that no later file changes → the roster's column, and SQL of what the line says of the record `t`.

        An empty cell says nothing of what was recorded, unless the roster requires it.
        """
        key = self.key_columns()
        said = {
            target: (column, self.said(target, column))
            for target, column in self.terms().items()
            if column.changes is None and target not in key
        }
        return {
            target: (column, new if column.required else f"COALESCE({new}, t.{target})")
            for target, (column, new) in said.items()
        }

    def linked(self) -> dict[str, type[models.Model]]:
        """Tables beside the model's own that a load writes, by the foreign key that leads there."""
        related = {link: self._meta.model._meta.get_field(link).related_model for link in self.links}
        return {link: model for link, model in related.items() if model in self._meta.writes}

    @staticmethod
    def says(columns: Mapping[str, str], record: str = "t") -> str:
        """SQL: a record has already what its columns would become."""
        same = (f"{record}.{target} IS NOT DISTINCT FROM {new}" for target, new in columns.items())
        return " AND ".join(same) or "TRUE"

    @cached_property
    def same(self) -> str:
        """SQL: the record `t` is the one that the line `s` is about."""
        return " AND ".join([self.same_key("t", "s"), *self._within()])

    def same_key(self, one: str, other: str) -> str:
        """SQL: two lines, or a line and a record, are about the same."""
        fields = [self._meta.model._meta.get_field(name) for name in self._meta.key]
        equal = {field.column: "IS NOT DISTINCT FROM" if field.null else "=" for field in fields}
        return " AND ".join(f"{one}.{column} {sign} {other}.{column}" for column, sign in equal.items())

    def key_columns(self) -> list[str]:
        return [self._meta.model._meta.get_field(name).column for name in self._meta.key]

    def _within(self) -> list[str]:
        return ["t.area_id = %(area)s"] if self._meta.within_area else []

    def load(self, batch: Batch) -> None:
        """Bring the staged rows in, all at once."""
        self.find(batch)
        self.recognise(batch)
        self.refusals(batch)
        self.write(batch)

    def recognise(self, batch: Batch) -> None:
        """Find the records that lines are about, and drop the lines that say what is recorded."""
        table = self._meta.model._meta.db_table
        batch.run(f"UPDATE {STAGED} s SET record_id = t.id FROM {table} t WHERE {self.same}")
        recorded = self.changed_record() | {target: said for target, (_column, said) in self.fixed().items()}
        known = ["t.id = s.record_id", self.says(recorded)]
        tables = [f"{table} t"]
        for path, other in self.linked().items():
            known += [f"{path}.id = s.{path}_id", self.says(self.changed_record(other, path, path), path)]
            tables.append(f"{other._meta.db_table} {path}")
        batch.unchanged(" AND ".join([*known, self.agrees()]), using=", ".join(tables))

    def write(self, batch: Batch) -> None:
        """Turn away the lines that contradict what is recorded, change and insert the rest."""
        model, changes, mine = self._meta.model, self.changed_record(), "t.id = s.record_id"
        self.refuse_differences(batch)
        if self._meta.spans:
            batch.refuse_overlaps_in_file(
                "starts_on", OVERLAPS_LINE, *(key for key in self.key_columns() if key != "starts_on")
            )
        self._refuse_overlaps(batch, "t.id <> s.record_id")
        if changes:
            stamps = self.stamps()
            differs = "TRUE" if stamps else f"NOT ({self.says(changes)})"
            batch.update(model, {**changes, **stamps}, where=f"{mine} AND {differs}")
        # A line may take up days that another line of the file has just given free.
        self._refuse_overlaps(batch, "s.record_id IS NULL")
        self.before(batch)
        batch.insert(model, self.new_record() | dict(self.stamps()), where="s.record_id IS NULL")

    def _refuse_overlaps(self, batch: Batch, which: str) -> None:
        if self._meta.spans:
            same = [f"t.{column} = s.{column}" for column in self.key_columns() if column != "starts_on"]
            batch.refuse(
                "starts_on",
                self._meta.overlaps,
                " AND ".join([*same, *self._within(), overlap("t", "s"), which]),
                using=f"{self._meta.model._meta.db_table} t",
                places={"first": "t.starts_on", "last": "COALESCE(t.ends_on::text, '…')"},
            )

    def refuse_differences(self, batch: Batch) -> None:
        """Turn away the lines that contradict what no later file changes."""
        columns = {known.name: f"t.{target}" for target, known in self.terms().items()}
        for target, (column, said) in self.fixed().items():
            message, places = column.differs or DIFFERS, columns | {"recorded": f"t.{target}"}
            batch.refuse(
                column.name,
                message,
                f"t.id = s.record_id AND t.{target} IS DISTINCT FROM {said}",
                using=f"{self._meta.model._meta.db_table} t",
                places={name: value for name, value in places.items() if f"%({name})s" in message},
            )

    def get_queryset(self) -> QuerySet:
        """The records with what the columns' paths lead to."""
        paths = {path for column in self.fields.values() if (path := (column.attribute or "").rpartition("__")[0])}
        shown = {column.path: column.shows for column in self.fields.values() if column.shows is not None}
        return self._meta.model._default_manager.select_related(*paths).annotate(**shown).order_by("pk")


def _is_one(column: Column) -> bool:
    """Whether a cell is staged as it is, in one column."""
    return type(column).stage is Column.stage
