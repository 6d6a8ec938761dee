"""Workbooks (XLSX) opened within bounds: what one would cost is seen before it is paid."""

from __future__ import annotations

import contextlib
import warnings
import zipfile
from collections.abc import Iterator
from functools import partial
from typing import BinaryIO, NamedTuple

from openpyxl.reader.excel import ExcelReader
from openpyxl.utils.datetime import CALENDAR_MAC_1904
from openpyxl.xml.constants import ARC_STYLE, SHARED_STRINGS

from bureau.files.problems import FileProblem
from bureau.files.problems import noop as _
from bureau.files.worksheets import Cells, Texts, Worksheet, formats_of_days, shared_texts

# Remarks of openpyxl on styles and extensions, which rosters do not need.
warnings.filterwarnings("ignore", module="openpyxl")

_MOST_UNPACKED = 2 * 1024**3
_MOST_UNPACKED_PART = 128 * 1024**2  # other than worksheets and shared texts
_MOST_READ_WHOLE = 512 * 1024  # the list of the parts, that of the worksheets, where each lies
_ALWAYS_UNPACKED, _MOST_TIMES = 2 * 1024**2, 100  # rosters shrink to a fifth or a twentieth, not to a hundredth
_MOST_PARTS, _LONGEST_DIRECTORY = 2_000, 1024**2
_MOST_SHEETS = 200
_STRICT, _LONGEST_START = b"http://purl.oclc.org/ooxml/", 64 * 1024


class Sheet(NamedTuple):
    """A worksheet by its title, its rows still unread."""

    title: str
    is_visible: bool
    part: Worksheet


class Book(NamedTuple):
    sheets: list[Sheet]
    since_1904: bool


class _Archive(zipfile.ZipFile):
    """Of which nothing large is read whole."""

    def read(self, name, pwd=None):  # type: ignore[no-untyped-def]
        if self.getinfo(getattr(name, "filename", name)).file_size > _MOST_READ_WHOLE:
            raise _too_large()
        return super().read(name, pwd)


def open_book(stream: BinaryIO) -> Book:
    """The workbook, its rows still unread. FileProblem for what is none, and for one beyond all bounds."""
    stream.seek(0)
    with damaged_as_problem():
        _require_short_directory(stream)
        archive = _Archive(stream)
        _require_bounds(archive)
        package = ExcelReader.__new__(ExcelReader)  # what it would read besides is not needed, and not bounded
        package.archive, package.valid_files = archive, archive.namelist()
        package.keep_vba = package.data_only = package.keep_links = package.rich_text = False
        package.read_only = True
        package.read_manifest()
        package.read_workbook()
        places = [
            (sheet.name, sheet.state, relation.target)
            for sheet, relation in package.parser.find_sheets()
            if "worksheet" in relation.Type and relation.target in package.valid_files
        ]
        if len(places) > _MOST_SHEETS:  # each is searched for the headings, and a thousand may be one and the same part
            raise FileProblem(
                "too_many_sheets", _("A roster has at most %(most)d worksheets; this file has more."), most=_MOST_SHEETS
            )
        texts, days, durations = Texts(), set[int](), set[int]()
        if (shared := package.package.find(SHARED_STRINGS)) is not None:
            with archive.open(shared.PartName[1:]) as part:
                texts = shared_texts(part)
        if ARC_STYLE in package.valid_files:
            with archive.open(ARC_STYLE) as part:
                days, durations = formats_of_days(part)
        since_1904 = package.wb.epoch == CALENDAR_MAC_1904
        cells = Cells(texts, days, durations, since_1904)
        return Book(
            [
                Sheet(title, state == "visible", Worksheet(partial(archive.open, place), cells))
                for title, state, place in places
            ],
            since_1904,
        )


def _require_short_directory(stream: BinaryIO) -> None:
    """zipfile builds an object of each part before anybody can count them."""
    end = zipfile._EndRecData(stream)  # type: ignore[attr-defined]
    if end and end[zipfile._ECD_SIZE] > _LONGEST_DIRECTORY:  # type: ignore[attr-defined]
        raise _too_large()
    stream.seek(0)


def _require_bounds(archive: zipfile.ZipFile) -> None:
    parts = archive.infolist()
    strict = any(
        part.filename.endswith("workbook.xml") and _STRICT in archive.open(part).read(_LONGEST_START) for part in parts
    )
    if not any(part.filename == "[Content_Types].xml" for part in parts):
        raise FileProblem("format", _("The file is neither CSV nor XLSX."))
    # Python reads no more of a part than these sizes say
    packed, unpacked = sum(part.compress_size for part in parts), sum(part.file_size for part in parts)
    if (
        len(parts) > _MOST_PARTS
        or unpacked > _MOST_UNPACKED
        or any(part.file_size > _MOST_UNPACKED_PART and not _may_be_large(part.filename) for part in parts)
    ):
        raise _too_large()
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


def _may_be_large(part: str) -> bool:
    return "worksheets/" in part or part.endswith("sharedStrings.xml")


def _too_large() -> FileProblem:
    return FileProblem("too_large", _("Unpacked, the file is too large; split it, or save it as CSV."))


@contextlib.contextmanager
def damaged_as_problem() -> Iterator[None]:
    """openpyxl, zipfile and expat raise some twenty kinds of error at damaged files; staff need one."""
    try:
        yield
    except FileProblem:
        raise
    except Exception as error:
        raise FileProblem("damaged_xlsx", _("The XLSX file is damaged; open it in Excel and save it again.")) from error
