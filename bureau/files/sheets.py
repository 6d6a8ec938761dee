"""What a roster looks like (Column, Sheet), and how its cells become checked rows."""

from __future__ import annotations

import datetime
import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from bureau.files.cells import Cell, Parser, clean, half_width, shown
from bureau.files.days import Days, from_1904
from bureau.files.problems import FileProblem, Problem, Refused
from bureau.files.problems import noop as _

LONGEST_CELL = 10_000
LONGEST_LINE = 256 * 1024  # characters; a reader holds a few lines at a time
HEADER_WITHIN = 10

# A check looks at a whole row, whose refused and blank cells are None. It may fill in what follows from other
# cells, and raises Refused(..., field=name) at the first thing wrong.
Check = Callable[[dict[str, Any]], None]


class Column(Protocol):
    """What reading asks of a column of a roster (bureau.rosters.columns): its names, and what its cells mean."""

    name: str  # in Python
    header: str  # in the file
    synonyms: tuple[str, ...]  # other headings it goes by
    parse: Parser
    required: bool
    instead: str  # a column that may be filled in instead of a required one; a check says where neither is
    default: Any
    days: Days | None  # of a column of days, months or moments: which of them it can mean


@dataclass(frozen=True)
class Sheet:
    """A roster: its columns, the checks on a row, and the names that no two rows may share together."""

    columns: tuple[Column, ...]
    checks: tuple[Check, ...] = ()
    key: tuple[str, ...] = ()

    @property
    def headers(self) -> list[str]:
        return [column.header for column in self.columns]


@dataclass(slots=True)
class Row:
    """One line of a roster. `values` has every column's name; with problems, the row must not be used.

    `key` is a hash of what no two rows may share, for whoever sees all rows; None where the sheet has no such names.
    """

    line: int
    values: dict[str, Any]
    problems: list[Problem]
    key: int | None = None


@dataclass(frozen=True)
class Header:
    """Where a sheet's columns stand in a file."""

    cells: list[str]
    places: dict[str, int]  # column name → index
    missing: list[str]  # headings of required columns
    twice: list[tuple[str, str]]  # headings that name the same column

    @property
    def matched(self) -> int:
        return len(self.places)


_BRACKETS = ("()", "[]", "{}", "【】", "〔〕", "〖〗", "〈〉", "《》")
_REMARK = re.compile("|".join(rf"\{first}[^\{first}\{last}]*\{last}" for first, last in _BRACKETS))


def heading(cell: Cell) -> str:
    """A heading without what varies: blanks, asterisks, remarks in brackets, a colon, width and case of letters."""
    plain = re.sub(r"[\s*\ufeff\u200b]+", "", half_width(shown(cell))).casefold().rstrip(":")
    said, found = _REMARK.subn("", plain)
    while found:  # brackets within brackets
        said, found = _REMARK.subn("", said)
    return said.rstrip(":") or plain


def find_header(rows: Iterable[Sequence[Cell]], sheet: Sheet) -> tuple[int, Header]:
    """The row among these that matches most of a sheet's headings, with its index; else the first row."""
    names = {
        heading(spelling): column.name
        for column in sheet.columns
        for spelling in (column.header, *column.synonyms, column.name)
    }
    best: tuple[int, Header] | None = None
    for number, cells in enumerate(rows):
        places: dict[str, int] = {}
        twice = []
        texts = [shown(cell).strip() for cell in cells]
        while texts and not texts[-1]:
            texts.pop()
        for index, text in enumerate(texts):
            name = names.get(heading(text)) if text else None
            if name is None:
                continue
            if name in places:
                twice.append((texts[places[name]], text))
            places.setdefault(name, index)
        missing = [
            column.header
            for column in sheet.columns
            if column.required and column.name not in places and column.instead not in places
        ]
        header = Header(texts, places, missing, twice)
        if best is None or header.matched > best[1].matched:
            best = (number, header)
    return best or (0, Header([], {}, [column.header for column in sheet.columns if column.required], []))


def require_header(header: Header) -> None:
    """Raise FileProblem unless all required columns are there, each once."""
    if header.missing:
        raise FileProblem(
            "headers",
            _("These columns are missing: %(missing)s. Found: %(found)s."),
            missing="、".join(header.missing),
            found="、".join(cell[:20] for cell in header.cells if cell)[:200],
        )
    if header.twice:
        first, second = header.twice[0]
        raise FileProblem(
            "duplicate_header",
            _("Two columns are headed %(first)s and %(second)s and mean the same; keep one."),
            first=first,
            second=second,
        )


def line_too_long() -> FileProblem:
    return FileProblem("line", _("A line has more than %(most)d characters; no roster does."), most=LONGEST_LINE)


_TOTALS = re.compile(r"(本页|本表|累计|总)?(合计|总计|小计|共计)(数|金额)?[:：]?")


class RowReader:
    """Turns the cells of lines into rows, for one file. Remembers nothing of a row."""

    def __init__(
        self, sheet: Sheet, header: Header, *, today: datetime.date, spill_is_wrong: bool, since_1904: bool = False
    ):
        self._today = today
        self._since_1904 = since_1904
        self._checks = sheet.checks
        self.header = header
        self._width = len(header.cells)
        self._spill_is_wrong = spill_is_wrong
        self.headings = {column.name: column.header for column in sheet.columns} | {
            name: header.cells[index] for name, index in header.places.items()
        }
        self._blank = {column.name: column.default for column in sheet.columns}
        self._plan = [
            (
                header.places[column.name],
                column.name,
                column.parse,
                column.required and column.instead not in header.places,
                column.days,
            )
            for column in sheet.columns
            if column.name in header.places
        ]
        self._key = sheet.key

    def problem(self, line: int, refused: Refused, name: str = "") -> Problem:
        name = name or refused.field
        return Problem(line, name, self.headings.get(name, ""), refused.code, refused.message, refused.params)

    def rejected(self, line: int, refused: Refused) -> Row:
        return Row(line, dict(self._blank), [self.problem(line, refused)])

    def row(self, line: int, cells: Sequence[Cell]) -> Row | None:
        """The row of these cells; None for blank lines, repeated headings and totals."""
        try:
            joined = "".join(cells)
        except TypeError:  # native values of XLSX
            joined = "".join(map(shown, cells))
        if not joined or joined.isspace() or self._is_furniture(cells):
            return None
        if unreadable := self._whole_line(cells, joined):
            return self.rejected(line, unreadable)
        values = self._blank.copy()
        problems: list[Problem] = []
        width = len(cells)
        for index, name, parse, required, days in self._plan:
            cell = cells[index] if index < width else None
            try:
                if cell.__class__ is str:
                    cell = clean(cell)
                if cell is None or cell == "":
                    if required:
                        raise Refused("required", _("The cell is empty."))
                    continue
                if days is not None:
                    values[name] = self._day(cell, parse, days)
                else:
                    values[name] = parse(cell)
            except Refused as refused:
                values[name] = None
                problems.append(self.problem(line, refused, name))
        for check in self._checks:
            try:
                check(values)
            except Refused as refused:
                if all(problem.field != refused.field for problem in problems):
                    problems.append(self.problem(line, refused))
        key = hash(tuple([values[name] for name in self._key])) if self._key and not problems else None
        return Row(line, values, problems, key)

    def _day(self, cell: Cell, parse: Parser, days: Days) -> Any:
        value = parse(from_1904(cell) if self._since_1904 else cell)
        if value is not None:
            days.require(value.date() if isinstance(value, datetime.datetime) else value, cell, self._today)
        return value

    def _is_furniture(self, cells: Sequence[Cell]) -> bool:
        first = cells[0] or next(filter(None, cells), "")
        if first.__class__ is not str:
            return False
        if "计" in first and _TOTALS.fullmatch("".join(first.split())):
            return True
        return first == self.header.cells[0] and [shown(cell).strip() for cell in cells][: self._width] == (
            self.header.cells
        )

    def _whole_line(self, cells: Sequence[Cell], joined: str) -> Refused | None:
        if "\0" in joined:
            return Refused("nul", _("The line contains NUL characters; the file is damaged."))
        if "\ufffd" in joined:
            return Refused("damaged", _("The line contains damaged characters; save the file again as UTF-8 or XLSX."))
        if len(joined) > LONGEST_CELL and any(len(shown(cell)) > LONGEST_CELL for cell in cells):
            return Refused("giant", _("A cell has more than %(maximum)d characters."), maximum=LONGEST_CELL)
        if self._spill_is_wrong and len(cells) > self._width and any(map(str.strip, cells[self._width :])):
            return Refused(
                "extra_cells",
                _("The line has %(found)d cells for %(expected)d headings; quote texts with a separator."),
                found=len(cells),
                expected=self._width,
            )
        return None
