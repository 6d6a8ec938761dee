"""Rows of an edition's tables that can never count, and levels that fall between two rows: likely slips of the pen."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from bureau.rules.errors import _
from bureau.rules.format.edition import Edition
from bureau.rules.format.frame import Finding
from bureau.rules.format.schema import CONDITIONS, Tree

_AMONG = ("level", "person", "plan", "kind", "cost")


def look_over_rows(edition: Edition) -> list[Finding]:
    """A warning, with the edition's own article, for each such row and level on any of its days."""
    found: dict[tuple[object, ...], Finding] = {}
    for on in edition.days_of_change():
        benefits = edition.at(on)["benefits"]
        tables = [(f"benefits terms {term['id']}", term) for term in benefits["terms"] if "rows" in term]
        tables += [(f"benefits prices {price['cost']}", price) for price in benefits.get("prices", [])]
        for name, table in tables:
            for message, params in _slips(table["rows"]):
                article = table["article"]
                finding = Finding("warning", name, article, edition.document, article, message, params)
                found.setdefault((name, message, *params.values()), finding)
    return list(found.values())


def _slips(rows: Sequence[Tree]) -> Iterator[tuple[str, dict[str, str]]]:
    for number, row in enumerate(rows, 1):
        before = next((at for at, earlier in enumerate(rows[: number - 1], 1) if _covers(earlier, row)), None)
        if before is not None:
            shown = {"row": str(number), "before": str(before)}
            yield _("Row {row} can never count: row {before} takes all of it"), shown
        asked = _beside_level(row)
        same = [other for other in rows if "level" in other and _beside_level(other) == asked]
        named = sorted({level for other in same for level in _listed(other["level"])})
        for level in range(named[0], named[-1]) if named else ():
            if same[0] is row and not any(_covers(other, asked | {"level": level}) for other in rows):
                shown = {"level": str(level), "first": str(named[0]), "last": str(named[-1])}
                yield _("No row takes level {level}, between {first} and {last}: such a visit is refused"), shown


def _beside_level(row: Tree) -> Tree:
    return {key: _listed(row[key]) for key in (*CONDITIONS, "cost") if key in row and key != "level"}


def _covers(first: Tree, second: Tree) -> bool:
    """Whether everything that fits the second row fits the first."""
    if any(key in first and not set(_listed(second.get(key, [None]))) <= set(_listed(first[key])) for key in _AMONG):
        return False
    if not set(_listed(first.get("place", []))) <= set(_listed(second.get("place", []))):
        return False
    older = _age(second, "age_from", 0) >= _age(first, "age_from", 0)
    return older and _age(second, "age_below", 999) <= _age(first, "age_below", 999)


def _age(row: Tree, key: str, without: int) -> int:
    return int(_listed(row.get(key, without))[0])


def _listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]
