"""Rows as they were known at a moment.

Whoever decided something knew only what had been recorded by then. A row is known from the upload that brought it, or
from the first audit entry about it; what an upload or a person changed later is taken back step by step.
"""

from collections.abc import Iterable, Sequence
from datetime import UTC, date, datetime
from typing import Any, NamedTuple

EVER = datetime.min.replace(tzinfo=UTC)
NEVER = datetime.max.replace(tzinfo=UTC)


class Version(NamedTuple):
    """A row and the moments between which it stood so."""

    known: datetime
    until: datetime
    row: Any


class History:
    """When rows came and what they were before each change."""

    def __init__(self, uploads: dict[int, datetime]):
        self._uploads = uploads
        self._made: dict[tuple[str, int], datetime] = {}
        self._changes: dict[tuple[str, int], list[tuple[datetime, dict[str, Any]]]] = {}

    def made(self, table: str, row: int, at: datetime) -> None:
        self._made.setdefault((table, row), at)

    def changed(self, table: str, row: int, at: datetime, before: dict[str, Any]) -> None:
        self._changes.setdefault((table, row), []).append((at, before))

    def versions(self, table: str, rows: Iterable[Any]) -> list[Version]:
        """Every version of rows that have `id` and, where they may come from a file, `upload_id`."""
        found: list[Version] = []
        for row in rows:
            known = self._uploads.get(getattr(row, "upload_id", None)) or EVER
            if known is EVER:
                known = self._made.get((table, row.id), EVER)
            until = NEVER
            changes = sorted(self._changes.get((table, row.id), ()), key=lambda change: change[0])
            for at, before in reversed(changes):
                found.append(Version(max(at, known), until, row))
                until = at
                row = row._replace(**{name: _as(name, value) for name, value in before.items() if name in row._fields})
            found.append(Version(known, until, row))
        return found


def known_at(versions: Sequence[Version], at: datetime) -> list[Any]:
    return [version.row for version in versions if version.known <= at < version.until]


def in_force(versions: Sequence[Version], day: date, at: datetime) -> Any | None:
    """The row whose days, from starts_on to ends_on or until further notice, contain the day."""
    for known, until, row in versions:
        if known <= at < until and row.starts_on <= day and (row.ends_on is None or day <= row.ends_on):
            return row
    return None


def _as(name: str, value: Any) -> Any:
    """A value as the history keeps it (JSON), as the column has it."""
    if value == "" and name not in ("reason", "route", "plan", "person_type"):
        return None
    if isinstance(value, str) and len(value) >= 10 and value[4:5] == "-" and value[7:8] == "-":
        return date.fromisoformat(value[:10])
    if isinstance(value, str) and name.endswith("_id") and value.isdigit() and name != "area_id":
        return int(value)
    return value
