"""Tables as files: the one place that writes CSV and XLSX, row by row, holding nothing of them.

A workbook is written as it is sent, so that no table lies in clear on a disk on its way to the file store; a library
would gather it in a temporary file or in memory (docs/decisions/exports.md).
"""

from __future__ import annotations

import codecs
import csv
import io
import re
import zipfile
from collections.abc import Callable, Iterable, Iterator, Sequence
from decimal import Decimal
from itertools import chain
from typing import TypeAlias, TypeVar
from xml.sax.saxutils import escape

from bureau.files.writing import marked, plain

Cell: TypeAlias = str | Decimal | int | None
Table: TypeAlias = Iterable[Sequence[Cell]]

CSV, GB18030, XLSX = "csv", "gb18030", "xlsx"
ENCODINGS = {CSV: "utf-8", GB18030: "gb18030"}
MOST_ROWS = 1_048_576  # of a worksheet, with its headings
LONGEST_TEXT = 32_767  # of a cell of one
_BLOCK = 64 * 1024


Row = TypeVar("Row")


class Counted:
    """Counts the rows that pass, and tells how many every so often."""

    def __init__(self, tell: Callable[[int], object] = lambda count: None, every: int = 10_000):
        self.count = 0
        self._tell, self._every = tell, every

    def __call__(self, rows: Iterable[Row]) -> Iterator[Row]:
        for row in rows:
            yield row
            self.count += 1
            if not self.count % self._every:
                self._tell(self.count)


def blocks(kind: str, rows: Table, title: str = "") -> Iterator[bytes]:
    """A file of one of the three kinds: CSV as UTF-8 with a mark or as GB18030, or a workbook."""
    return xlsx_blocks(rows, title) if kind == XLSX else csv_blocks(rows, ENCODINGS[kind])


def as_csv(table: Table) -> bytes:
    """A small table; texts that a spreadsheet would calculate are marked as texts."""
    safe = ([marked(cell) if isinstance(cell, str) else cell for cell in row] for row in table)
    return b"".join(csv_blocks(safe))


def as_xlsx(table: Table, title: str) -> bytes:
    """A small table as a workbook with one sheet; texts are texts there, whatever they begin with."""
    return b"".join(xlsx_blocks(table, title))


def csv_blocks(rows: Table, encoding: str = "utf-8") -> Iterator[bytes]:
    """CSV, some 64 KB at a time; UTF-8 begins with the mark by which spreadsheets know it."""
    if encoding == "utf-8":
        yield codecs.BOM_UTF8
    for text in csv_texts(rows):
        yield text.encode(encoding)


def csv_texts(rows: Table) -> Iterator[str]:
    """CSV, some 64 K characters at a time."""
    written = io.StringIO(newline="")
    writer = csv.writer(written)
    for row in rows:
        writer.writerow([cell if isinstance(cell, str) else plain(cell) for cell in row])
        if written.tell() >= _BLOCK:
            yield _taken(written)
    yield _taken(written)


def _taken(written: io.StringIO) -> str:
    text = written.getvalue()
    written.seek(0)
    written.truncate()
    return text


# Workbooks

_TYPES = (
    '<Types xmlns="http://schemas.openxmlformats.org/package/2006/content-types">'
    '<Default Extension="rels" ContentType="application/vnd.openxmlformats-package.relationships+xml"/>'
    '<Default Extension="xml" ContentType="application/xml"/>'
    '<Override PartName="/xl/workbook.xml" '
    'ContentType="application/vnd.openxmlformats-officedocument.spreadsheetml.sheet.main+xml"/>'
    '<Override PartName="/xl/styles.xml" '
    'ContentType="application/vnd.openxmlformats-officedocument.spreadsheetml.styles+xml"/>'
    '<Override PartName="/xl/worksheets/sheet1.xml" '
    'ContentType="application/vnd.openxmlformats-officedocument.spreadsheetml.worksheet+xml"/></Types>'
)
_RELATIONS = '<Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships">{}</Relationships>'
_RELATION = (
    '<Relationship Id="rId{}" Type="http://schemas.openxmlformats.org/officeDocument/2006/relationships/{}" '
    'Target="{}"/>'
)
_MAIN = 'xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"'
_BOOK = (
    f'<workbook {_MAIN} xmlns:r="http://schemas.openxmlformats.org/officeDocument/2006/relationships">'
    '<sheets><sheet name="{}" sheetId="1" r:id="rId1"/></sheets></workbook>'
)
# Formats: as it comes, headings, amounts with two decimals, and texts that stay texts when somebody edits them.
_PLAIN, _BOLD, _MONEY, _TEXT = range(4)
_STYLES = (
    f'<styleSheet {_MAIN}><fonts count="2"><font><sz val="11"/><name val="Calibri"/></font>'
    '<font><b/><sz val="11"/><name val="Calibri"/></font></fonts>'
    '<fills count="2"><fill><patternFill patternType="none"/></fill>'
    '<fill><patternFill patternType="gray125"/></fill></fills>'
    '<borders count="1"><border/></borders><cellStyleXfs count="1"><xf/></cellStyleXfs><cellXfs count="4">'
    '<xf numFmtId="0" fontId="0" xfId="0"/><xf numFmtId="49" fontId="1" xfId="0" applyFont="1"/>'
    '<xf numFmtId="4" fontId="0" xfId="0" applyNumberFormat="1"/>'
    '<xf numFmtId="49" fontId="0" xfId="0" applyNumberFormat="1"/></cellXfs>'
    '<cellStyles count="1"><cellStyle name="Normal" xfId="0" builtinId="0"/></cellStyles></styleSheet>'
)
_SHEET = (
    f'<worksheet {_MAIN}><sheetFormatPr defaultRowHeight="15"/>'
    '<cols><col min="1" max="{}" width="18" customWidth="1"/></cols><sheetData>'
)
_HEAD = '<?xml version="1.0" encoding="UTF-8" standalone="yes"?>\n'
# What XML cannot carry is written as _xHHHH_, and what looks like that with its first sign so.
_UNSAYABLE = re.compile("[\x00-\x08\x0b-\x1f\ud800-\udfff\ufffe\uffff]|_(?=x[0-9A-Fa-f]{4}_)")
_EDGES = (" ", "\t", "\n")


class _Sink(io.RawIOBase):
    """Where a ZIP archive is written that is sent as it grows."""

    def __init__(self) -> None:
        self.taken = bytearray()

    def writable(self) -> bool:
        return True

    def write(self, data) -> int:  # type: ignore[no-untyped-def]
        self.taken += data
        return len(data)

    def take(self) -> bytes:
        block = bytes(self.taken)
        self.taken.clear()
        return block


def xlsx_blocks(rows: Table, title: str = "") -> Iterator[bytes]:
    """A workbook with one sheet, headings bold: texts as texts, amounts (Decimal) with two decimals.

    At most MOST_ROWS rows: a worksheet has no more.
    """
    sink, rows = _Sink(), iter(rows)
    first = next(rows, [])
    with zipfile.ZipFile(sink, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as book:  # type: ignore[arg-type]
        parts = {
            "[Content_Types].xml": _TYPES,
            "_rels/.rels": _RELATIONS.format(_RELATION.format(1, "officeDocument", "xl/workbook.xml")),
            "xl/workbook.xml": _BOOK.format(escape(sheet_name(title), {'"': "&quot;"})),
            "xl/_rels/workbook.xml.rels": _RELATIONS.format(
                _RELATION.format(1, "worksheet", "worksheets/sheet1.xml") + _RELATION.format(2, "styles", "styles.xml")
            ),
            "xl/styles.xml": _STYLES,
        }
        for name, text in parts.items():
            book.writestr(name, _HEAD + text)
        with book.open("xl/worksheets/sheet1.xml", "w") as sheet:
            pending = [_HEAD, _SHEET.format(max(len(first), 1))]
            for number, row in enumerate(chain([first], rows), start=1):
                if number > MOST_ROWS:
                    raise OverflowError(f"a worksheet has {MOST_ROWS} rows at most")
                pending.append(_row(number, row))
                if len(pending) >= 500:
                    sheet.write("".join(pending).encode())
                    pending.clear()
                    if len(sink.taken) >= _BLOCK:
                        yield sink.take()
            pending.append("</sheetData></worksheet>")
            sheet.write("".join(pending).encode())
    yield sink.take()


def _row(number: int, row: Sequence[Cell]) -> str:
    cells = []
    for place, cell in enumerate(row):
        if cell is None or cell == "":
            continue
        at = f"{_column(place)}{number}"
        if isinstance(cell, str):
            cells.append(f'<c r="{at}" s="{_BOLD if number == 1 else _TEXT}" t="inlineStr"><is>{_text(cell)}</is></c>')
        else:
            cells.append(f'<c r="{at}" s="{_MONEY if isinstance(cell, Decimal) else _PLAIN}"><v>{cell}</v></c>')
    return f'<row r="{number}">{"".join(cells)}</row>'


def _text(text: str) -> str:
    if text[-1] == "\t":
        text = text[:-1]  # it keeps long numbers whole in CSV; a cell here is a text without it
    text = text[:LONGEST_TEXT]
    said = escape(_UNSAYABLE.sub(lambda found: f"_x{ord(found[0]):04X}_", text))
    return f'<t xml:space="preserve">{said}</t>' if text[:1] in _EDGES or text[-1:] in _EDGES else f"<t>{said}</t>"


def _column(place: int) -> str:
    """A, B … Z, AA … as worksheets count their columns."""
    try:
        return _COLUMNS[place]
    except IndexError:
        return _named(place)


def _named(place: int) -> str:
    name = ""
    place += 1
    while place:
        place, letter = divmod(place - 1, 26)
        name = chr(65 + letter) + name
    return name


_COLUMNS = tuple(map(_named, range(100)))


def sheet_name(title: str) -> str:
    """A name that a workbook accepts: at most 31 characters and none of those it reserves."""
    return "".join("-" if character in "[]:*?/\\'" else character for character in title)[:31] or "1"
