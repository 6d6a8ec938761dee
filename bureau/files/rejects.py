"""The file of rejected rows that goes back to whoever sent a roster."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Callable, Iterable, Sequence

from bureau.files.cells import Cell, shown
from bureau.files.problems import noop as _
from bureau.files.sheets import Row

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


def write_rejects(header: Sequence[str], rows: Iterable[Row], translate: Callable[[str], str]) -> bytes:
    """CSV (UTF-8 with BOM) of the rows that have problems: their own cells, then line, fields and reasons.

    `header` is that of the `Rows` they were read from. Each rejected line is one line here. The file can be
    corrected and sent in again; the three added columns are then ignored.
    """
    out = io.StringIO(newline="")
    writer = csv.writer(out)
    added = [translate(_("Line")), translate(_("Field")), translate(_("Reason"))]
    writer.writerow([*map(_safe, header), *added])
    for row in rows:
        if not row.problems:
            continue
        cells = [_safe(cell) for cell in row.raw[: len(header)]]
        cells += [""] * (len(header) - len(cells))
        fields = dict.fromkeys(problem.header for problem in row.problems if problem.header)
        reasons = [problem.text(translate) for problem in row.problems]
        writer.writerow([*cells, row.line, "、".join(fields), " ".join(reasons)])
    return out.getvalue().replace("\0", "\ufffd").encode("utf-8-sig", errors="replace")
