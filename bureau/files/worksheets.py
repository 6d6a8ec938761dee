"""What grows with a workbook, read in flat memory: the rows of a worksheet, the texts they share, the cells' formats.

openpyxl opens the package (bureau.files.workbooks); it would build a tree of each row, keep what stands between rows,
and every shared text as an object. Here expat reports elements as it meets them, and nothing is kept beyond a row.
"""

from __future__ import annotations

import re
from array import array
from collections.abc import Callable, Iterator
from functools import lru_cache
from typing import Any, BinaryIO
from xml.parsers import expat

from openpyxl.styles.numbers import BUILTIN_FORMATS, is_date_format, is_timedelta_format
from openpyxl.utils.cell import column_index_from_string
from openpyxl.utils.datetime import CALENDAR_MAC_1904, WINDOWS_EPOCH, from_excel, from_ISO8601

from bureau.files.cells import Cell
from bureau.files.problems import FileProblem
from bureau.files.problems import noop as _
from bureau.files.sheets import LONGEST_CELL, LONGEST_LINE, line_too_long

MOST_ROWS, MOST_COLUMNS = 1_048_576, 512
MOST_CELLS = 16_384  # of a row, in Excel
MOST_TEXTS, MOST_BYTES_OF_TEXTS = 4_000_000, 64 * 1024**2
MOST_FORMATS = 65_536
_DEEPEST = 32
_BLOCK = 64 * 1024
_LONGEST_TAG = 1024 * 1024
_MAIN = "http://schemas.openxmlformats.org/spreadsheetml/2006/main "
_ROW, _CELL, _VALUE, _FORMULA, _TEXT, _ITEM, _PHONETIC, _NUMBER_FORMAT, _CELL_FORMATS, _FORMAT = (
    _MAIN + name for name in ("row", "c", "v", "f", "t", "si", "rPh", "numFmt", "cellXfs", "xf")
)

Attributes = dict[str, str]


def _parse(
    source: BinaryIO,
    start: Callable[[str, Attributes], None],
    end: Callable[[str], None],
    text: Callable[[str], None] | None = None,
) -> Iterator[None]:
    """Report the elements of a part; gives back control after each block of it."""
    depth = fed = 0

    def opens(name: str, attributes: Attributes) -> None:
        nonlocal depth
        depth += 1
        if depth > _DEEPEST:
            raise ValueError("no worksheet is so deep")
        start(name, attributes)

    def closes(name: str) -> None:
        nonlocal depth
        depth -= 1
        end(name)

    def refuse(*_told: object) -> None:
        raise ValueError("a part of a workbook has no document type")

    parser = expat.ParserCreate(namespace_separator=" ")
    parser.buffer_text = True
    parser.StartElementHandler, parser.EndElementHandler = opens, closes
    parser.StartDoctypeDeclHandler = refuse
    if text is not None:
        parser.CharacterDataHandler = text
    while block := source.read(_BLOCK):
        parser.Parse(block)
        fed += len(block)
        if fed - parser.CurrentByteIndex > _LONGEST_TAG:  # expat holds what has not ended yet
            raise ValueError("no tag is so long")
        yield
    parser.Parse(b"", True)
    yield


class Texts:
    """The texts that cells share, by number: one after another in a row of bytes."""

    def __init__(self) -> None:
        self._bytes = bytearray()
        self._ends = array("I", [0])

    def append(self, text: str) -> None:
        self._bytes += text.encode()
        self._ends.append(len(self._bytes))
        if len(self._ends) > MOST_TEXTS + 1 or len(self._bytes) > MOST_BYTES_OF_TEXTS:
            raise FileProblem(
                "too_many_texts",
                _("The workbook has more than %(most)d different texts, or %(size)d MB of them; save it as CSV."),
                most=MOST_TEXTS,
                size=MOST_BYTES_OF_TEXTS >> 20,
            )

    def __len__(self) -> int:
        return len(self._ends) - 1

    def __getitem__(self, number: int) -> str:
        if not 0 <= number < len(self):
            raise ValueError("there is no such shared text")
        return self._bytes[self._ends[number] : self._ends[number + 1]].decode()


def shared_texts(source: BinaryIO) -> Texts:
    """The part sharedStrings.xml. Runs of a text are joined; how it is pronounced is left out."""
    texts, pieces = Texts(), [""]
    elements = length = 0
    in_text = in_phonetic = False

    def start(name: str, _attributes: Attributes) -> None:
        nonlocal elements, length, in_text, in_phonetic
        elements += 1
        if elements > 8 * MOST_TEXTS:
            raise ValueError("more elements than texts have")
        if name == _TEXT:
            in_text = not in_phonetic
        elif name == _ITEM:
            pieces.clear()
            length = 0
        elif name == _PHONETIC:
            in_phonetic = True

    def end(name: str) -> None:
        nonlocal in_text, in_phonetic
        if name == _TEXT:
            in_text = False
        elif name == _ITEM:
            texts.append(_unescaped("".join(pieces)))
        elif name == _PHONETIC:
            in_phonetic = False

    def text(data: str) -> None:
        nonlocal length
        if in_text and length <= LONGEST_CELL:  # what is longer is refused as it is
            pieces.append(data)
            length += len(data)

    for _block in _parse(source, start, end, text):
        pass
    return texts


def formats_of_days(source: BinaryIO) -> tuple[set[int], set[int]]:
    """The part styles.xml: which formats of cells are days or times, and which of these are durations."""
    codes = dict(BUILTIN_FORMATS)
    days: set[int] = set()
    durations: set[int] = set()
    count = 0
    in_cells = False

    def start(name: str, attributes: Attributes) -> None:
        nonlocal count, in_cells
        if name == _NUMBER_FORMAT:
            codes[int(attributes["numFmtId"])] = attributes["formatCode"]
        elif name == _CELL_FORMATS:
            in_cells = True
        elif name == _FORMAT and in_cells:
            code = codes.get(int(attributes.get("numFmtId", 0)))
            if _is_day(code):
                days.add(count)
            if _is_duration(code):
                durations.add(count)
            count += 1
        if len(codes) > MOST_FORMATS or count > MOST_FORMATS:
            raise ValueError("more formats than Excel has")

    def end(name: str) -> None:
        nonlocal in_cells
        if name == _CELL_FORMATS:
            in_cells = False

    for _block in _parse(source, start, end):
        pass
    return days, durations


_is_day = lru_cache(maxsize=1024)(is_date_format)
_ESCAPED = re.compile("_x([0-9A-Fa-f]{4})_")
_is_duration = lru_cache(maxsize=1024)(is_timedelta_format)


def _unescaped(text: str) -> str:
    """A text in which `_xHHHH_` stands for a sign that XML cannot carry."""
    return _ESCAPED.sub(lambda found: chr(int(found[1], 16)), text) if "_x" in text else text


class Cells:
    """What a cell's type, format and text mean in one workbook: the values that openpyxl gives."""

    def __init__(self, texts: Texts, days: set[int], durations: set[int], since_1904: bool):
        self._texts = texts
        self._days, self._durations = days, durations
        self._epoch = CALENDAR_MAC_1904 if since_1904 else WINDOWS_EPOCH

    def value(self, kind: str, style: str, text: str) -> Cell:
        if kind == "inlineStr":
            return _unescaped(text)
        if not text:
            return None
        if kind == "s":
            return self._texts[int(text)]
        if kind == "n":
            return self._number(text, int(style))
        if kind == "b":
            return bool(int(text))
        return from_ISO8601(text) if kind == "d" else text

    def _number(self, text: str, style: int) -> Cell:
        value: Any = float(text) if "." in text or "E" in text or "e" in text else int(text)
        if style not in self._days:
            return value
        try:
            return from_excel(value, self._epoch, timedelta=style in self._durations)
        except (OverflowError, ValueError):
            return "#VALUE!"


class Worksheet:
    """One worksheet's part: its rows, as often as they are asked for."""

    def __init__(self, open_part: Callable[[], BinaryIO], cells: Cells):
        self._open_part = open_part
        self._cells = cells

    def rows(self) -> Iterator[tuple[int, list[Cell]]]:
        """Number and native cells of each row that is not blank; formulas as texts that begin with `=`."""
        with self._open_part() as source:
            reading = _Rows(self._cells.value)
            for _block in _parse(source, reading.start, reading.end, reading.text):
                yield from reading.done
                reading.done.clear()


class _Rows:
    """Builds rows from what expat reports."""

    def __init__(self, value: Callable[[str, str, str], Cell]):
        self.done: list[tuple[int, list[Cell]]] = []
        self._value = value
        self._number = self._rows = self._next = 0
        self._cells: list[Cell] = []
        self._column = self._count = self._length = self._cell_length = 0
        self._kind = self._style = ""
        self._pieces: list[str] = []
        self._taking = self._is_formula = self._is_phonetic = self._in_row = False

    def start(self, name: str, attributes: Attributes) -> None:
        if name == _CELL:
            self._begin_cell(attributes)
        elif name == _VALUE:
            self._taking = self._kind != "inlineStr" and not self._is_formula
        elif name == _ROW:
            self._begin_row(attributes.get("r"))
        elif name == _TEXT:
            self._taking = self._kind == "inlineStr" and not self._is_formula and not self._is_phonetic
        elif name == _FORMULA:
            self._is_formula = self._taking = True
            self._pieces = ["="]
        elif name == _PHONETIC:
            self._is_phonetic = True

    def end(self, name: str) -> None:
        if name == _CELL:
            self._end_cell()
        elif name in (_VALUE, _TEXT, _FORMULA):
            self._taking = False
        elif name == _ROW:
            self._end_row()
        elif name == _PHONETIC:
            self._is_phonetic = False

    def text(self, data: str) -> None:
        if self._taking and self._cell_length <= LONGEST_CELL:  # what is longer is refused as it is
            self._pieces.append(data)
            self._cell_length += len(data)
            self._length += len(data)
            if self._length > LONGEST_LINE:
                raise line_too_long()

    def _begin_row(self, number: str | None) -> None:
        self._number = self._number + 1 if number is None else int(float(number))
        self._rows += 1
        self._cells, self._column, self._count, self._length = [], 0, 0, 0
        self._in_row = True
        if self._rows > MOST_ROWS:
            raise _too_many_cells()

    def _begin_cell(self, attributes: Attributes) -> None:
        place = attributes.get("r")
        self._column = self._column + 1 if place is None else _column(place.rstrip("0123456789"))
        self._kind, self._style = attributes.get("t", "n"), attributes.get("s", "0")
        self._pieces = []
        self._cell_length = 0
        self._is_formula = False
        self._count += 1
        if self._count > MOST_CELLS:
            raise _too_many_cells()

    def _end_cell(self) -> None:
        text = "".join(self._pieces)
        value = text if self._is_formula else self._value(self._kind, self._style, text)
        self._kind = ""
        if value is not None and value != "" and self._column <= MOST_COLUMNS and self._in_row:
            cells = self._cells
            if len(cells) < self._column:
                cells.extend([None] * (self._column - len(cells)))
            cells[self._column - 1] = value

    def _end_row(self) -> None:
        # Rows come in order; what repeats one or goes back is left out, as openpyxl does.
        if self._cells and self._next <= self._number <= MOST_ROWS:
            self.done.append((self._number, self._cells))
        self._next = max(self._next, self._number + 1)
        self._in_row = False


@lru_cache(maxsize=4096)
def _column(letters: str) -> int:
    return int(column_index_from_string(letters))


def _too_many_cells() -> FileProblem:
    return FileProblem(
        "too_many_cells",
        _("A worksheet has at most %(rows)d rows and %(cells)d cells in a row; this one has more."),
        rows=MOST_ROWS,
        cells=MOST_CELLS,
    )
