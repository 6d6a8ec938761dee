"""Records as the rows of their roster: the cells in which they are imported, written by PostgreSQL.

The same as the library's `Roster.export`, for any number of records: nothing but the statement's result is held.
"""

from __future__ import annotations

from collections.abc import Generator, Iterator
from contextlib import closing
from itertools import chain
from typing import Any

from django.db import connection, models
from django.db.models import F, Func, QuerySet
from django.db.models.expressions import Combinable
from psycopg import ClientCursor

from bureau.files import tables, writing
from bureau.rosters.columns import Column
from bureau.rosters.roster import Roster

ROWS_AT_ONCE = 2_000
_TEXT = "CASE WHEN {x} <> '' AND strpos({marked}, left({x}, 1)) > 0 THEN '''' || {x} "
_TEXT += "WHEN {x} ~ '^{long}$' THEN {x} || chr(9) ELSE {x} END"


def cell(column: Column, model: type[models.Model]) -> Combinable:
    """SQL of a column's cell, as text: the writer's twin."""
    value = F(column.attribute) if column.shows is None else column.shows
    if (own := getattr(column, "cell", None)) is not None:
        return own(value)
    return Func(value, template=_template(column, column.field(model)), output_field=models.TextField())


def _template(column: Column, field: models.Field | None) -> str:
    write, x = column.widget.write, "%(expressions)s"
    if isinstance(write, writing.Words):
        words = " ".join(f"WHEN {_literal(value)} THEN {_literal(word)}" for value, word in write.words.items())
        return f"CASE {x} {words} ELSE ({x})::text END"
    if write is writing.month:
        return f"to_char({x}, 'YYYYMM')"
    if write is writing.as_text:
        return _TEXT.format(x=x, marked=_literal(writing.MARKED), long=writing.LONG_NUMBER)
    if write is writing.plain and isinstance(field, models.DateTimeField):
        return f"to_char({x} AT TIME ZONE '{writing.HERE.key}', 'YYYY-MM-DD HH24:MI:SS')"
    if write is writing.plain:
        return f"({x})::text"
    raise NotImplementedError(f"{column.name}: SQL does not know how this column is written")


def _literal(value: Any) -> str:
    if isinstance(value, bool):
        return str(value).upper()
    return str(value) if isinstance(value, int) else "'" + str(value).replace("'", "''").replace("%", "%%") + "'"


def rows(roster: Roster, records: QuerySet, *, in_full: bool = False) -> Generator[list[str], None, None]:
    """The cells of each record. `in_full`: documents in clear, for who may see them; otherwise masked."""
    columns = roster.get_export_fields()
    sealed = [(n, column) for n, column in enumerate(columns) if in_full and hasattr(column, "in_full")]
    with connection.chunked_cursor() as cursor:
        cursor.execute(*_statement(roster, records, columns, dict(sealed)))
        while block := cursor.fetchmany(ROWS_AT_ONCE):
            for record in block:
                cells = ["" if cell is None else cell for cell in record]
                for n, column in sealed:
                    cells[n] = column.widget.write(column.in_full(record[n]))
                yield cells


def blocks(
    roster: Roster,
    records: QuerySet,
    kind: str = tables.CSV,
    *,
    in_full: bool = False,
    title: str = "",
    counted: tables.Counted | None = None,
) -> Iterator[bytes]:
    """A file of the records under the roster's headings, as `bureau.files.tables` names its kinds, block by block.

    Masked CSV is PostgreSQL's own; everything else passes through here row by row.
    """
    counted = counted or tables.Counted()
    headings = [column.header for column in roster.get_export_fields()]
    if in_full or kind == tables.XLSX:
        with closing(rows(roster, records, in_full=in_full)) as found:
            yield from tables.blocks(kind, chain([headings], counted(found)), title)
        return
    encoding = tables.ENCODINGS[kind]
    yield from tables.csv_blocks([headings], encoding)
    sql, params = _statement(roster, records, roster.get_export_fields(), {})
    with connection.cursor() as cursor:
        asked = ClientCursor(cursor.connection).mogrify(sql, params)
        with cursor.copy(f"COPY ({asked}) TO STDOUT (FORMAT csv)") as copy:
            for row in counted(copy):
                yield bytes(row) if encoding == "utf-8" else str(row, "utf-8").encode(encoding)


def _statement(
    roster: Roster, records: QuerySet, columns: list[Column], sealed: dict[int, Column]
) -> tuple[str, tuple[Any, ...]]:
    model = roster._meta.model
    cells = {
        f"cell_{n}": F(column.sealed_path) if n in sealed else cell(column, model) for n, column in enumerate(columns)
    }
    return records.select_related(None).annotate(**cells).values_list(*cells).query.sql_with_params()
