"""The rows of a roster that were turned away: written down with their reasons, and given back as a file.

A row's cells stay in the original; the file of rejected rows is made from it when it is asked for.
"""

import contextlib
import json
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from typing import Any

from django.db import connection
from django.utils import translation
from django.utils.translation import gettext

from bureau.files import FileProblem, Problem, Sheet, read_rows, write_rejects
from bureau.identifiers import sealed_files
from bureau.identifiers.fields import SealedJSONField
from bureau.identifiers.identity import without_numbers
from bureau.rosters import originals
from bureau.rosters.models import RejectedRow, Upload

ROWS_AT_ONCE = 2_000
NOT_KEPT = "…"

_seal = SealedJSONField().get_prep_value


def keep(upload_id: int, rows: Iterable[tuple[int, Sequence[Problem]]]) -> int:
    """Write down lines with what is wrong with them, in the caller's transaction; returns how many.

    The texts that fill a sentence may be a cell's or a person's: they are sealed, and dropped with the original.
    """
    count, remaining = 0, iter(rows)
    while block := list(islice(remaining, ROWS_AT_ONCE)):
        with (
            connection.cursor() as cursor,
            cursor.copy("COPY bureau_rejectedrow (upload_id, line, problems, quoted) FROM STDIN") as copy,
        ):
            for line, problems in block:
                copy.write_row((upload_id, line, *_apart(problems)))
        count += len(block)
    return count


def rejects_of(upload: Upload, sheet: Sheet) -> Iterator[bytes]:
    """The file of rejected rows, piece by piece: CSV (UTF-8 with BOM), to be corrected and sent in again.

    Once the original is dropped it has the lines and reasons alone.
    """
    language = translation.get_language()

    def translate(message: str) -> str:
        with translation.override(language):
            return gettext(message)

    headings = {column.name: column.header for column in sheet.columns}
    with contextlib.ExitStack() as files:
        try:
            opened = read_rows(upload.name, files.enter_context(originals.opened(upload)), sheet)
        except FileProblem:
            alone = ((line, (), problems) for line, problems in _read(upload, headings))
            return _encoded(write_rejects((), alone, translate))
        except sealed_files.Unreadable:
            raise originals.unreadable() from None
        until_read = files.pop_all()
    rejected = _read(upload, headings | opened.headings)

    def with_cells() -> Iterator[tuple[int, Sequence[Any], list[Problem]]]:
        with until_read:
            lines = opened.lines()
            for line, problems in rejected:
                yield line, next((cells for number, cells in lines if number == line), ()), problems

    return _encoded(write_rejects(opened.header, with_cells(), translate))


def problems_of(upload: Upload, sheet: Sheet) -> Iterator[tuple[int, list[Problem]]]:
    """The lines that were turned away with what is wrong with them, under the roster's own headings."""
    return _read(upload, {column.name: column.header for column in sheet.columns})


def _encoded(lines: Iterable[str]) -> Iterator[bytes]:
    yield b"\xef\xbb\xbf"
    remaining = iter(lines)
    while block := list(islice(remaining, ROWS_AT_ONCE)):
        yield "".join(block).encode(errors="replace")


def _apart(problems: Iterable[Problem]) -> tuple[str, bytes | None]:
    """Problems for the table: what names nobody as JSON, and what may, sealed."""
    plain, quoted = [], []
    for problem in problems:
        numbers = {name: value for name, value in problem.params.items() if type(value) is int}
        texts = {
            name: str(value).replace("\0", "\ufffd") for name, value in problem.params.items() if name not in numbers
        }
        plain.append({"field": problem.field, "message": without_numbers(problem.message), "params": numbers})
        quoted.append(texts)
    return json.dumps(plain), _seal(quoted) if any(quoted) else None


def _read(upload: Upload, headings: dict[str, str]) -> Iterator[tuple[int, list[Problem]]]:
    """The rows written down, by line."""
    after, rows = 0, RejectedRow.objects.filter(upload=upload).order_by("line")
    while block := list(rows.filter(line__gt=after)[:ROWS_AT_ONCE]):
        for row in block:
            quoted = row.quoted or [{}] * len(row.problems)
            yield row.line, [
                _problem(row.line, said, texts, headings)
                for said, texts in zip(row.problems, quoted, strict=True)
            ]
        after = block[-1].line


def _problem(line: int, said: dict[str, Any], texts: dict[str, str], headings: dict[str, str]) -> Problem:
    params = defaultdict(lambda: NOT_KEPT, texts | said["params"])
    return Problem(line, said["field"], headings.get(said["field"], ""), "", said["message"], params)
