"""Files into rows: finds the format, the encoding, the separator and the headings, then streams."""

from __future__ import annotations

import codecs
import contextlib
import csv
import datetime
import io
import itertools
import os
from collections.abc import Iterator, Sequence
from typing import Any, BinaryIO
from zoneinfo import ZoneInfo

from bureau.files.cells import Cell
from bureau.files.problems import FileProblem, Refused
from bureau.files.problems import noop as _
from bureau.files.sheets import (
    HEADER_WITHIN,
    LONGEST_CELL,
    LONGEST_LINE,
    Header,
    Row,
    RowReader,
    Sheet,
    find_header,
    line_too_long,
    require_header,
)
from bureau.files.workbooks import damaged_as_problem, open_book
from bureau.files.worksheets import Worksheet

Content = bytes | str | os.PathLike[str] | BinaryIO
Line = tuple[int, Sequence[Cell], Refused | None]  # its number, its cells, and what is wrong with it as a whole
Opened = tuple[RowReader, str, Iterator[Line]]

_HERE = ZoneInfo("Asia/Shanghai")
_BLOCK = 1024 * 1024
_MOST_PIECES = 4 * 1024 * 1024 // LONGEST_LINE
_GIANT = "…" * (LONGEST_CELL + 1) + "\n"
_HEAD_LINES = 60
_SEPARATORS = (",", "\t", ";", "，", "|")


class Rows:
    """An opened roster: iterate once, for its rows or for its lines as they stand.

    `header` is the line of headings as the file has it, `headings` what each column is headed there, `source` the
    worksheet or the encoding that was read.
    """

    def __init__(self, reader: RowReader, source: str, lines: Iterator[Line], files: contextlib.ExitStack):
        self.header = reader.header.cells
        self.headings = reader.headings
        self.source = source
        self._reader = reader
        self._lines = lines
        self._files = files

    def __iter__(self) -> Iterator[Row]:
        reader = self._reader
        with self._files:
            for line, cells, refused in self._lines:
                row = reader.row(line, cells) if refused is None else reader.rejected(line, refused)
                if row is not None:
                    yield row

    def lines(self) -> Iterator[tuple[int, Sequence[Cell]]]:
        """Number and cells of each line below the headings, whatever it says."""
        with self._files:
            for line, cells, _refused in self._lines:
                yield line, cells


def read_rows(name: str, content: Content, sheet: Sheet, *, today: datetime.date | None = None) -> Rows:
    """Open a roster as CSV (UTF-8, GB18030 or UTF-16) or XLSX, whatever its name says.

    `today` is the day by which its days are judged, the present one in Shanghai if not given.

    `content` is the bytes, a path, or a binary file that can seek (left open). The headings are found and
    checked at once; rows follow one at a time in constant memory, but for about 100 bytes a row where the
    sheet has a key, and for the shared texts of XLSX. Blank lines, repeated headings and totals are no rows.
    Raises FileProblem here, and while rows are read if the file proves damaged further on.
    """
    with contextlib.ExitStack() as files:
        if isinstance(content, bytes | bytearray | memoryview):
            stream: BinaryIO = io.BytesIO(content)
        elif isinstance(content, str | os.PathLike):
            stream = files.enter_context(open(content, "rb"))
        else:
            stream = content
        reader, source, lines = _opened(name, stream, sheet, today or datetime.datetime.now(_HERE).date())
        return Rows(reader, source, lines, files.pop_all())


def _opened(name: str, stream: BinaryIO, sheet: Sheet, today: datetime.date) -> Opened:
    stream.seek(0)
    start = stream.read(4096)
    if len(start) < 4096 and not start.strip(b"\xef\xbb\xbf\xff\xfe \t\r\n\0"):
        raise FileProblem("empty", _("The file is empty."))
    if start.startswith(b"PK"):
        return _read_xlsx(stream, sheet, today)
    if start.startswith(b"\xd0\xcf\x11\xe0"):
        raise FileProblem(
            "xls", _("This is an old .xls file or one with a password; save it as .xlsx without a password.")
        )
    if start.lstrip(b"\xef\xbb\xbf \t\r\n").startswith(b"<"):
        raise FileProblem("web_page", _("This is a web page saved under another name; save it as .xlsx."))
    binary = b"\0" in start and not start.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE))
    return _read_csv(stream, sheet, today, doubtful=binary or name.lower().endswith((".xlsx", ".xlsm", ".xls")))


def _read_csv(stream: BinaryIO, sheet: Sheet, today: datetime.date, *, doubtful: bool) -> Opened:
    best: tuple[Header, str, str, int] | None = None
    encodings, bad_line = _encodings(stream)
    for encoding in encodings:
        head = list(itertools.islice(_text(stream, encoding), _HEAD_LINES))
        for separator in _SEPARATORS:
            numbered = [
                (line, cells) for line, cells, _refused in _records(iter(head), separator) if any(map(str.strip, cells))
            ][:HEADER_WITHIN]
            index, header = find_header([cells for _line, cells in numbered], sheet)
            if best is None or (not header.missing, header.matched) > (not best[0].missing, best[0].matched):
                best = (header, encoding, separator, numbered[index][0] if numbered else 0)
        if best is not None and not best[0].missing:
            break
    assert best is not None
    header, encoding, separator, header_line = best
    if header.missing and not header.matched:
        if doubtful:
            raise FileProblem("format", _("The file is neither CSV nor XLSX."))
        if bad_line:
            raise FileProblem(
                "encoding",
                _("Line %(line)d is neither UTF-8 nor GB18030 text; save the file as CSV UTF-8 or as XLSX."),
                line=bad_line,
            )
    require_header(header)
    reader = RowReader(sheet, header, today=today, spill_is_wrong=True)
    lines = _records(_text(stream, encoding), separator)
    return reader, encoding, (line for line in lines if line[0] > header_line)


def _encodings(stream: BinaryIO) -> tuple[list[str], int]:
    """Encodings to try, those first that fit every byte; and, if none fits, the first line that does not.

    A file cut within a character still fits. One pass for UTF-8, a second only where that fails.
    """
    stream.seek(0)
    start = stream.read(2)
    if start in (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE):
        candidates = ["utf-16"]
    else:
        candidates = ["utf-8-sig", "gb18030"]
    bad_lines = {}
    for encoding in candidates:
        decoder = codecs.getincrementaldecoder(encoding)()
        stream.seek(0)
        line = 1
        while block := stream.read(_BLOCK):
            try:
                decoder.decode(block)
            except UnicodeDecodeError as error:
                bad_lines[encoding] = line + error.object[: error.start].count(b"\n")
                break
            line += block.count(b"\n")
        if encoding not in bad_lines:
            return [encoding, *bad_lines], 0
    return sorted(candidates, key=bad_lines.__getitem__, reverse=True), max(bad_lines.values())


def _text(stream: BinaryIO, encoding: str) -> Iterator[str]:
    """The physical lines from the start, with their ends; bytes that do not decode become U+FFFD.

    Of a line that is too long the beginning is given, and a cell that is refused for its length.
    """
    stream.seek(0)
    text = io.TextIOWrapper(io.BufferedReader(_Unclosed(stream), _BLOCK), encoding, errors="replace", newline="")
    while line := text.readline(LONGEST_LINE):
        if len(line) == LONGEST_LINE and line[-1] not in "\r\n":
            for _piece in range(_MOST_PIECES):
                piece = text.readline(LONGEST_LINE)
                if len(piece) < LONGEST_LINE or piece[-1] in "\r\n":
                    break
            else:
                raise FileProblem("line", _("A line is longer than 4 MB; the file is not CSV."))
            line += _GIANT
        yield line


class _Unclosed(io.RawIOBase):
    """A view of a file whose end of life leaves the file open."""

    def __init__(self, stream: BinaryIO):
        self._stream = stream

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        block = self._stream.read(len(buffer))
        buffer[: len(block)] = block
        return len(block)


class _Lines:
    """Physical lines for csv.reader, which remembers those of the record that is being read."""

    def __init__(self, lines: Iterator[str]):
        self._lines = lines
        self._again: list[str] = []
        self.record: list[str] = []
        self.length = 0
        self.number = 0
        self.ended = False

    def __iter__(self) -> _Lines:
        return self

    def __next__(self) -> str:
        try:
            line = self._again.pop() if self._again else next(self._lines)
        except StopIteration:
            self.ended = True
            raise
        self.number += 1
        self.record.append(line)
        self.length += len(line)
        if self.length > 2 * LONGEST_LINE:
            raise line_too_long()
        return line

    def begin(self) -> int:
        """The number of the line with which the next record begins."""
        self.record.clear()
        self.length = 0
        return self.number + 1

    def read_again_after_first(self) -> None:
        """Give the lines of the record once more, but for its first."""
        self._again.extend(reversed(self.record[1:]))
        self.number -= len(self.record) - 1
        self.ended = False


def _records(lines: Iterator[str], separator: str) -> Iterator[Line]:
    """First line, cells and what is wrong with the line, for each record.

    A quotation mark that nothing closes would swallow the rest of the file: its line is refused, and reading
    goes on with the line after it.
    """
    source = _Lines(lines)
    record = source.record
    reader = csv.reader(source, delimiter=separator)
    while True:
        line = source.begin()
        try:
            cells = next(reader)
        except StopIteration:
            return
        except csv.Error:  # a cell beyond csv's own limit of 131,072 characters
            if len(record) == 1:
                yield (
                    line,
                    [record[0][:200]],
                    Refused("giant", _("A cell has more than %(maximum)d characters."), maximum=LONGEST_CELL),
                )
                continue
            unclosed = True
        else:
            unclosed = source.ended or (len(record) > 1 and max(map(len, cells)) > LONGEST_CELL)
        if unclosed:
            source.read_again_after_first()
            yield (
                line,
                [record[0].rstrip("\r\n")],
                Refused(
                    "unclosed",
                    _("A quotation mark is opened here and never closed; perhaps the file was cut off."),
                ),
            )
        else:
            yield line, cells, None


def _read_xlsx(stream: BinaryIO, sheet: Sheet, today: datetime.date) -> Opened:
    book = open_book(stream)
    best: tuple[Header, Any, int] | None = None
    for worksheet in book.sheets:
        if not worksheet.is_visible:
            continue
        numbered = list(itertools.islice(_rows(worksheet.part), HEADER_WITHIN))
        index, header = find_header([cells for _line, cells in numbered], sheet)
        if best is None or (not header.missing, header.matched) > (not best[0].missing, best[0].matched):
            best = (header, worksheet, numbered[index][0] if numbered else 0)
        if not header.missing:
            break
    if best is None or not best[0].cells:
        raise FileProblem("empty", _("The file is empty."))
    header, worksheet, header_line = best
    require_header(header)
    reader = RowReader(sheet, header, today=today, spill_is_wrong=False, since_1904=book.since_1904)
    lines = ((line, cells, None) for line, cells in _rows(worksheet.part) if line > header_line)
    return reader, worksheet.title, lines


def _rows(worksheet: Worksheet) -> Iterator[tuple[int, Sequence[Cell]]]:
    with damaged_as_problem():
        yield from worksheet.rows()
