"""Workbooks (XLSX) opened within bounds: what one would cost is seen before openpyxl builds it."""

from __future__ import annotations

import contextlib
import io
import re
import zipfile
from collections.abc import Iterator
from typing import Any, BinaryIO

import openpyxl

from bureau.files.problems import FileProblem
from bureau.files.problems import noop as _

_MOST_UNPACKED = 2 * 1024**3
_MOST_UNPACKED_PART = 128 * 1024**2  # parts other than worksheets, which openpyxl reads whole
_ALWAYS_UNPACKED, _MOST_TIMES = 2 * 1024**2, 100  # rosters shrink to a fifth or a twentieth, not to a hundredth
_MOST_PARTS = 2_000
_MOST_SHEETS = 200
_SHEETS = re.compile(rb"<(?:[^\s<>/:]{1,60}:)?sheet[\s/>]")
_STRICT, _LONGEST_START = b"http://purl.oclc.org/ooxml/", 64 * 1024
MOST_ROWS, MOST_COLUMNS = 1_048_576, 512
_MOST_CELLS = 16_384  # of a row, in Excel
_ROWS_AND_CELLS = re.compile(rb"<(?:[^\s<>/:]{1,60}:)?(row|c)[\s/>]")


def open_book(stream: BinaryIO) -> Any:
    """The workbook, its rows still unread. FileProblem for what is none, and for one beyond all bounds."""
    stream.seek(0)
    with damaged_as_problem():
        with zipfile.ZipFile(stream) as archive:
            parts = archive.infolist()
            strict = any(
                part.filename.endswith("workbook.xml") and _STRICT in archive.open(part).read(_LONGEST_START)
                for part in parts
            )
        if not any(part.filename == "[Content_Types].xml" for part in parts):
            raise FileProblem("format", _("The file is neither CSV nor XLSX."))
        # Python reads no more of a part than these sizes say
        packed, unpacked = sum(part.compress_size for part in parts), sum(part.file_size for part in parts)
        if (
            len(parts) > _MOST_PARTS
            or unpacked > _MOST_UNPACKED
            or any(part.file_size > _MOST_UNPACKED_PART and "worksheets/" not in part.filename for part in parts)
        ):
            raise FileProblem("too_large", _("Unpacked, the file is too large; split it, or save it as CSV."))
        if unpacked > _ALWAYS_UNPACKED + _MOST_TIMES * packed:
            raise FileProblem(
                "zip_bomb",
                _("Unpacked, the file is more than %(times)d times as large; no roster is. Save it as CSV."),
                times=_MOST_TIMES,
            )
        if strict:
            raise FileProblem(
                "strict",
                _("The file was saved as “Strict Open XML Spreadsheet”; save it as “Excel Workbook (*.xlsx)”."),
            )
        with zipfile.ZipFile(stream) as archive:
            named = [part for part in parts if part.filename.endswith("workbook.xml")]
            _require_few(sum(len(_SHEETS.findall(archive.read(part))) for part in named))
        stream.seek(0)
        book = openpyxl.load_workbook(stream, read_only=True, data_only=False, keep_links=False)
        _require_few(len(book.worksheets))  # the part that lists them may have any name
        return book


def _require_few(sheets: int) -> None:
    """Each worksheet is searched for the headings, and a thousand of them may be one and the same part."""
    if sheets > _MOST_SHEETS:
        raise FileProblem(
            "too_many_sheets", _("A roster has at most %(most)d worksheets; this file has more."), most=_MOST_SHEETS
        )


@contextlib.contextmanager
def damaged_as_problem() -> Iterator[None]:
    """openpyxl, zipfile and expat raise some twenty kinds of error at damaged files; staff need one."""
    try:
        yield
    except FileProblem:
        raise
    except Exception as error:
        raise FileProblem("damaged_xlsx", _("The XLSX file is damaged; open it in Excel and save it again.")) from error


class Counted(io.RawIOBase):
    """A worksheet's XML on its way to the parser, which stops where it has more rows or cells in a row than Excel."""

    def __init__(self, source: BinaryIO):
        self._source = source
        self._tail = b""
        self._rows = self._cells = 0

    def read(self, size: int = -1) -> bytes:
        block = self._source.read(size)
        text, self._tail = self._tail + block, b""
        cut = text.rfind(b"<", max(len(text) - 64, 0))
        if cut >= 0 and b">" not in text[cut:] and not _ROWS_AND_CELLS.match(text, cut):
            text, self._tail = text[:cut], text[cut:]  # a tag that goes on in the next block
        first, *rows = b"".join(_ROWS_AND_CELLS.findall(text)).split(b"row")
        self._rows += len(rows)
        self._cells += len(first)
        most = max([self._cells, *map(len, rows)])
        if rows:
            self._cells = len(rows[-1])
        if most > _MOST_CELLS or self._rows > MOST_ROWS:
            raise FileProblem(
                "too_many_cells",
                _("A worksheet has at most %(rows)d rows and %(cells)d cells in a row; this one has more."),
                rows=MOST_ROWS,
                cells=_MOST_CELLS,
            )
        return block

    def close(self) -> None:
        self._source.close()
        super().close()
