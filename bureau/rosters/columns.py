"""A column of a roster, said once: what it is called in files, how its cells are read and written, what it becomes.

`attribute` is the library's path from the roster's model (`starts_on`, `member__phone`). The path's last field is the
column of the database that the cell stands for, so its type is that field's. A column without one is checked only.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from django.db import connection, models
from django.db.models.expressions import Combinable
from import_export.fields import Field
from import_export.widgets import Widget

from bureau.files.cells import Cell, Parser, clean
from bureau.files.days import Days
from bureau.files.writing import Writer, writer_of

# What a later file makes of a recorded value: SQL of what the line says and of what was recorded.
Change = Callable[[str, str], str]


def given(said: str, recorded: str) -> str:
    """An empty cell is no change."""
    return f"COALESCE({said}, {recorded})"


def always(said: str, recorded: str) -> str:
    """An empty cell clears what was recorded."""
    return said


class CellWidget(Widget):
    """A cell for the library: a parser of ours, and its inverse."""

    def __init__(self, parse: Parser, write: Writer):
        super().__init__(coerce_to_string=True)
        self.parse = parse
        self.write = write

    def clean(self, value: Cell, row: Any = None, **more: Any) -> Any:
        if isinstance(value, str):
            value = clean(value)
        return None if value in (None, "") else self.parse(value)

    def render(self, value: Any, obj: Any = None, **more: Any) -> str:
        return self.write(value)


class Column(Field):
    """`header` and `synonyms` are its headings; `parse` and `write` its cells, `write` the inverse of the parser.

    `changes` is what a later file may do to a recorded value: `given`, `always`, another SQL of the kind, or None:
    a line that says otherwise is turned away with `differs`, a msgid in which columns may stand as %(name)s.
    `sql` is the type of a column without attribute that is staged all the same, for what stands in hooks. `shows` is
    an expression over the roster's model: what the export says in a column whose cell is no record's own. `instead`
    is another column that may be filled in instead of this one, which is required.
    """

    def __init__(
        self,
        header: str,
        parse: Parser,
        synonyms: tuple[str, ...] = (),
        *,
        attribute: str | None = None,
        required: bool = False,
        default: Any = None,
        days: Days | None = None,
        changes: Change | None = None,
        differs: str = "",
        write: Writer | None = None,
        sql: str | None = None,
        shows: Combinable | None = None,
        instead: str = "",
    ):
        super().__init__(
            attribute=attribute,
            column_name=header,
            widget=CellWidget(parse, write or writer_of(parse)),
            default=default,
        )
        self.name = ""  # the roster's attribute, which it says when it is declared
        self.parse = parse
        self.synonyms = synonyms
        self.required = required
        self.days = days
        self.changes = changes
        self.differs = differs
        self.sql = sql
        self.shows = shows
        self.instead = instead

    @property
    def header(self) -> str:
        return self.column_name

    @property
    def path(self) -> str | None:
        """Where the records of `Roster.get_queryset` have what the export says; None for what is only checked."""
        return self.attribute if self.shows is None else f"shown_{self.name}"

    def get_value(self, instance: models.Model) -> Any:
        return super().get_value(instance) if self.shows is None else getattr(instance, f"shown_{self.name}")

    def field(self, model: type[models.Model]) -> models.Field | None:
        """The field at the end of the path from a roster's model; None without a path."""
        if self.attribute is None:
            return None
        *links, last = self.attribute.split("__")
        for link in links:
            model = model._meta.get_field(link).related_model
        return model._meta.get_field(last)

    def staged(self, model: type[models.Model]) -> Mapping[str, str]:
        """The staged columns of a cell, with their SQL types."""
        field = self.field(model)
        kind = self.sql if field is None else sql_type(field)
        return {} if kind is None else {self.name: kind}

    def stage(self, value: Any) -> tuple[Any, ...]:
        """A checked value as those columns; only called where there is more than one."""
        return (value,)

    def targets(self, model: type[models.Model]) -> Mapping[str, str]:
        """Columns of the table in which the path ends → the staged columns that they come from."""
        field = self.field(model)
        return {} if field is None else {field.column: self.name}


def sql_type(field: models.Field) -> str:
    """The type in which a field's values are staged; lengths are the parser's to check."""
    if isinstance(field, models.CharField | models.TextField):
        return "text"
    if isinstance(field, models.ForeignKey):
        return sql_type(field.target_field)
    if isinstance(field, models.DateTimeField):
        return "timestamp"
    kind = field.db_type(connection)
    return {"integer": "int"}.get(kind, kind)


def when_empty(field: models.Field) -> str:
    """SQL: what a new record has where the roster says nothing."""
    if field.null:
        return "NULL"
    if field.has_db_default():
        return f"({field.db_default.sql})"
    if field.has_default():
        value = field.get_default()
        return str(value).upper() if isinstance(value, bool) else f"'{value}'"
    return "''" if isinstance(field, models.CharField | models.TextField) else "NULL"
