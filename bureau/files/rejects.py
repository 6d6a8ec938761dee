"""The file of rejected rows that goes back to whoever sent a roster."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Sequence

from bureau.files.cells import Cell, shown
from bureau.files.problems import Problem
from bureau.files.problems import noop as _
from bureau.files.tables import Cell as Written
from bureau.files.tables import csv_texts

_NUMBER = re.compile(r"[+-]?[\d,]+(\.\d+)?%?", re.ASCII)
_LONG_NUMBER = re.compile(r"\d{12,}", re.ASCII)


def _safe(cell: Cell) -> str:
    """A cell that Excel takes as text where it would calculate, or cut the digits of an identity number."""
    text = shown(cell)
    if text[:1] in ("=", "+", "-", "@", "\t", "\r") and not _NUMBER.fullmatch(text):
        return "'" + text
    if _LONG_NUMBER.fullmatch(text):
        return text + "\t"  # keeps the cell a text, is not seen, and is dropped when the file comes back
    return text


def write_rejects(
    header: Sequence[str],
    rows: Iterable[tuple[int, Sequence[Cell], Sequence[Problem]]],
    translate: Callable[[str], str],
) -> Iterator[str]:
    """CSV of lines that have problems, line by line: their own cells, then line, fields and reasons.

    `header` is that of the `Rows` they were read from; empty, and so is each line's, where the cells are not kept.
    The file can be corrected and sent in again; the three added columns are then ignored.
    """

    def table() -> Iterator[list[Written]]:
        yield [*map(_safe, header), translate(_("Line")), translate(_("Field")), translate(_("Reason"))]
        for line, cells, problems in rows:
            own = [_safe(cell) for cell in cells[: len(header)]]
            own += [""] * (len(header) - len(own))
            fields = dict.fromkeys(problem.header for problem in problems if problem.header)
            reasons = [problem.text(translate) for problem in problems]
            yield [*own, line, "、".join(fields), " ".join(reasons)]

    for text in csv_texts(table()):
        yield text.replace("\0", "\ufffd")
