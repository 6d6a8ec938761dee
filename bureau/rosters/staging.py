"""A roster's checked rows in a table of their own, and the set-based steps that loading is made of.

A load turns away what cannot be used (`refuse`), drops what is recorded already (`unchanged`), and writes the rest
(`insert`, `update`). In its SQL the staged rows are `s` of `roster_staged`, a name that stands for the upload's own
table; they have `line` (the line in the file) and `record_id` (for the record a line is about) beside the roster's
columns. All SQL here is written by programmers: no text of a file is ever part of it, and `%` is doubled.
"""

import datetime
import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from itertools import islice
from typing import Any, Protocol

from django.db import connection, models
from django.utils import timezone
from django.utils.translation import gettext_noop as _

from bureau import spans
from bureau.files import Problem, Row
from bureau.rosters import rejected
from bureau.rosters.models import Upload
from bureau.staff.models import Staff

STAGED, REFUSED = "roster_staged", "roster_refused"
ROWS_AT_ONCE = 10_000
SHOWN = 100  # rows of a step that a preview has
REPEATS_LINE = _("The line repeats line %(first)s.")


class Staged(Protocol):
    """What a batch asks of a roster; a `bureau.rosters.roster.Roster` gives it from its columns."""

    @property
    def columns(self) -> Mapping[str, str]: ...

    @property
    def stage(self) -> Callable[[dict[str, Any]], Sequence[Any]]: ...

    @property
    def models(self) -> tuple[type[models.Model], ...]: ...

    def load(self, batch: "Batch") -> None: ...


@dataclass(frozen=True)
class Shown:
    """What a line does to a table: `record` is None and `before` too where it creates one; values by column."""

    line: int
    model: type[models.Model]
    record: int | None
    before: dict[str, Any] | None
    after: dict[str, Any]


@dataclass
class Preview:
    """The first lines of each step of a load that create and that change something, in the order of the steps."""

    new: list[Shown] = field(default_factory=list)
    changed: list[Shown] = field(default_factory=list)


def overlap(one: str, other: str, first: str = "starts_on", last: str = "ends_on") -> str:
    """SQL: the days of two rows meet; an empty last day is open."""
    return f"daterange({one}.{first}, {one}.{last}, '[]') && daterange({other}.{first}, {other}.{last}, '[]')"


class Batch:
    """The rows of one upload on their way into the tables; lives within one transaction."""

    def __init__(
        self,
        upload: Upload,
        roster: Staged,
        *,
        actor: Staff,
        now: datetime.datetime,
        preview: Preview | None = None,
    ):
        self.upload = upload
        self.area_id: str = upload.area_id
        self.actor = actor
        self.now = now
        self.unchanged_rows = 0
        self.rejected_rows = 0
        self._turns: set[str] = set()
        self.goes_on = False  # `load` has left the staged rows to a job, which says at its end what became of them
        self.preview = preview  # what is to be shown of a load that is rolled back
        self._roster = roster
        self._always = {
            "area": self.area_id,
            "upload": upload.pk,
            "actor": actor.pk,
            "now": now,
            "today": timezone.localdate(now),
        }

    @property
    def columns(self) -> Mapping[str, str]:
        """The staged columns of this roster."""
        return self._roster.columns

    def run(self, sql: str, **params: Any) -> int:
        """Execute a statement; returns the rows touched. What `_always` names may stand in it: `%(area)s`, say."""
        with connection.cursor() as cursor:
            cursor.execute(self._named(sql), self._always | params)
            return cursor.rowcount

    def rows(self, sql: str, **params: Any) -> list[tuple]:
        """What a query gives."""
        with connection.cursor() as cursor:
            cursor.execute(self._named(sql), self._always | params)
            return cursor.fetchall()

    def value(self, sql: str, **params: Any) -> Any:
        """The single value that a query gives."""
        [(value,)] = self.rows(sql, **params)
        return value

    def _named(self, sql: str) -> str:
        """SQL with the tables of this upload in place of the names by which all rosters call them."""
        return sql.replace(STAGED, f"staging.upload_{self.upload.pk}").replace(
            REFUSED, f"staging.refused_{self.upload.pk}"
        )

    def refuse(
        self,
        field: str,
        message: str,
        where: str,
        *,
        using: str = "",
        places: Mapping[str, str] | None = None,
        **params: Any,
    ) -> int:
        """Turn away the staged rows that meet a condition; they are gone from `s` afterwards.

        `message` is a msgid whose %(name)s places are filled by the SQL expressions in `places`, as text;
        `using` lists other tables of the condition; `field` is the column of the sheet to blame, or empty.
        """
        filled = ", ".join(f"'{name}', ({expression})::text" for name, expression in (places or {}).items())
        return self.run(
            f"""
            WITH gone AS (
                DELETE FROM {STAGED} s {"USING " + using if using else ""} WHERE {where}
                RETURNING s.line, jsonb_build_object({filled}) AS params
            )
            INSERT INTO {REFUSED} (line, field, message, params)
            SELECT line, %(field)s, %(message)s, params FROM gone
            """,
            **{"field": field, "message": message} | params,
        )

    def refuse_overlaps_in_file(
        self, field: str, message: str, *keys: str, where: str = "TRUE", first: str = "starts_on", last: str = "ends_on"
    ) -> int:
        """Turn away rows whose days meet those of an earlier line with the same keys: %(other)s is that line."""
        same = " AND ".join(f"o.{key} = s.{key}" for key in keys)
        return self.refuse(
            field,
            message,
            f"{same} AND o.line < s.line AND {overlap('o', 's', first, last)} AND {where}",
            using=f"{STAGED} o",
            places={"other": "o.line"},
        )

    def unchanged(self, where: str, *, using: str = "", **params: Any) -> int:
        """Drop the staged rows that say what is recorded already, and count them."""
        count = self.run(f"DELETE FROM {STAGED} s {'USING ' + using if using else ''} WHERE {where}", **params)
        self.unchanged_rows += count
        return count

    def insert(
        self, model: type[models.Model], columns: Mapping[str, str], *, where: str = "TRUE", **params: Any
    ) -> int:
        """Create a record for each staged row that meets a condition: database column → SQL expression."""
        self._take_turn(model)
        if self.preview is not None:
            said = ", ".join(f"'{column}', {expression}" for column, expression in columns.items())
            self.preview.new += self._shown(
                model,
                f"""SELECT s.line, NULL, NULL, jsonb_build_object({said}) FROM {STAGED} s WHERE {where}
                    ORDER BY s.line LIMIT {SHOWN}""",
                params,
            )
        return self.run(
            f"""
            INSERT INTO {model._meta.db_table} (upload_id, {", ".join(columns)})
            SELECT %(upload)s, {", ".join(columns.values())} FROM {STAGED} s WHERE {where} ORDER BY s.line
            """,
            **params,
        )

    def update(
        self,
        model: type[models.Model],
        columns: Mapping[str, str],
        *,
        where: str,
        using: str = "",
        **params: Any,
    ) -> int:
        """Change records `t`, those that `where` joins to staged rows.

        Each record may be joined to one staged row only.
        """
        self._take_turn(model)
        table = model._meta.db_table
        tables = f"{STAGED} s{', ' + using if using else ''}"
        # In the order of their keys, as every room locks them.
        self.run(
            f"""
            SELECT t.id FROM {table} t WHERE t.id IN (SELECT t.id FROM {table} t, {tables} WHERE {where})
            ORDER BY t.id FOR NO KEY UPDATE
            """,
            **params,
        )
        self.show(model, columns, where=where, using=using, **params)
        changes = ", ".join(f"{column} = {expression}" for column, expression in columns.items())
        return self.run(f"UPDATE {table} t SET {changes} FROM {tables} WHERE {where}", **params)

    def show(
        self, model: type[models.Model], columns: Mapping[str, str], *, where: str, using: str = "", **params: Any
    ) -> None:
        """In a preview: what lines make of the records `t` that `where` joins to them. `update` does it by itself."""
        if self.preview is None:
            return
        before = ", ".join(f"'{column}', t.{column}" for column in columns)
        after = ", ".join(f"'{column}', {expression}" for column, expression in columns.items())
        others = f"{model._meta.db_table} t{', ' + using if using else ''}"
        self.preview.changed += self._shown(
            model,
            f"""SELECT s.line, t.id, jsonb_build_object({before}), jsonb_build_object({after})
                FROM {STAGED} s, {others} WHERE {where} ORDER BY s.line LIMIT {SHOWN}""",
            params,
        )
        self.run(f"UPDATE {STAGED} s SET changes = TRUE FROM {others} WHERE {where}", **params)

    def _shown(self, model: type[models.Model], sql: str, params: Mapping[str, Any]) -> list[Shown]:
        return [
            Shown(line, model, record, before and _exact(before), _exact(after))
            for line, record, before, after in self.rows(
                f"SELECT line, record, before::text, after::text FROM ({sql}) AS x (line, record, before, after)",
                **params,
            )
        ]

    def _take_turn(self, model: type[models.Model]) -> None:
        """Before dated rows are written: lock whom the lines are about in the order of their numbers, as all rooms do.

        The guard of one row a day locks them as well, but statement by statement.
        """
        for constraint in spans.declared(model):
            key = model._meta.get_field(constraint.keys[0])
            owner = key.related_model._meta.db_table
            if key.column in self.columns and owner not in self._turns:
                self._turns.add(owner)
                self.run(
                    f"""
                    SELECT FROM {owner} WHERE id IN (SELECT s.{key.column} FROM {STAGED} s)
                    ORDER BY id FOR NO KEY UPDATE
                    """
                )

    # What follows is for bureau.rosters.uploads.

    def fill(self, rows: Iterable[Row]) -> int:
        """Copy a file's rows into the tables of this upload; returns how many there were."""
        roster, count = self._roster, 0
        columns = {"row_key": "bigint", **roster.columns}
        if self.preview is not None:
            columns["changes"] = "boolean"
        self.run("SELECT bureau_stage(%(upload)s, %(columns)s::jsonb)", columns=json.dumps([*columns.items()]))
        for block in _blocks(rows):
            count += len(block)
            good = [(row.line, row.key, *roster.stage(row.values)) for row in block if not row.problems]
            if good:
                self._copy(STAGED, ["line", *columns][: len(good[0])], good)
            self.rejected_rows += rejected.keep(
                self.upload.pk, ((row.line, row.problems) for row in block if row.problems)
            )
        self.run(f"ANALYZE {STAGED}")
        self.refuse(
            "",
            REPEATS_LINE,
            "s.row_key = d.row_key AND s.line > d.first",
            using=f"(SELECT row_key, min(line) AS first FROM {STAGED} GROUP BY 1 HAVING count(*) > 1) d",
            places={"first": "d.first"},
        )
        return count

    def _copy(self, table: str, columns: Sequence[str], rows: Iterable[Sequence[Any]]) -> None:
        with (
            connection.cursor() as cursor,
            cursor.copy(self._named(f"COPY {table} ({', '.join(columns)}) FROM STDIN")) as copy,
        ):
            for row in rows:
                copy.write_row(row)

    def clear(self) -> None:
        self.run("SELECT bureau_unstage(%(upload)s)")

    def analyze(self) -> None:
        """Tell the planner of the tables that have just grown, before a minute later autovacuum does."""
        for model in self._roster.models:
            self.run(f"ANALYZE {model._meta.db_table}")

    def changed_rows(self) -> int:
        """In a preview: how many of the accepted rows change a record rather than create one."""
        return self.value(f"SELECT count(*) FROM {STAGED} WHERE changes")

    def accepted_rows(self) -> int:
        return self.value(f"SELECT count(*) FROM {STAGED}")

    def keep_refused(self) -> None:
        """Write down the rows that `load` has turned away, as those were that could not be read."""
        with connection.chunked_cursor() as cursor:
            cursor.execute(self._named(f"SELECT line, field, message, params::text FROM {REFUSED} ORDER BY line"))
            while block := cursor.fetchmany(ROWS_AT_ONCE):
                problems = (
                    (line, [Problem(line, field, "", "", message, json.loads(params))])
                    for line, field, message, params in block
                )
                self.rejected_rows += rejected.keep(self.upload.pk, problems)


def _exact(text: str) -> dict[str, Any]:
    """JSON without floats: amounts as they stand."""
    return json.loads(text, parse_float=Decimal)


def refuse_other_areas(batch: Batch) -> None:
    """The column `area` names the batch's area, one of its counties, or its whole prefecture (…00, …99)."""
    batch.refuse(
        "area",
        _("%(said)s is not a code of this area or its counties."),
        """s.area NOT IN (%(area)s, left(%(area)s, 4) || '00', left(%(area)s, 4) || '99')
           AND NOT EXISTS (SELECT FROM bureau_county c WHERE c.area_id = %(area)s AND c.code = s.area)""",
        places={"said": "s.area"},
    )


def _blocks(rows: Iterable[Row]) -> Iterator[list[Row]]:
    remaining = iter(rows)
    while block := list(islice(remaining, ROWS_AT_ONCE)):
        yield block
