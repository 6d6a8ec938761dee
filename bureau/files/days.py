"""Days, months and moments of single cells, as people write them and as Excel makes them."""

from __future__ import annotations

import datetime
import re
from dataclasses import dataclass
from decimal import Decimal
from functools import lru_cache

from bureau.files.cells import Cell, half_width, short, shown
from bureau.files.problems import Refused
from bureau.files.problems import noop as _
from bureau.files.writing import month, plain

_YEAR_FIRST = re.compile(
    r"(\d{4})(?:-(\d{1,2})-|/(\d{1,2})/|\.(\d{1,2})\.| *年 *(\d{1,2}) *月 *)(\d{1,2}) *[日号]?"
    r"(?:(?: +|T)(\d{1,2}):(\d{2})(?::(\d{2})(?:\.\d+)?)?)?",
    re.ASCII,
)
_EIGHT_DIGITS = re.compile(r"(\d{4})(\d\d)(\d\d)(?: *(\d\d):?(\d\d):?(\d\d))?", re.ASCII)
_TWO_DIGIT_YEAR = re.compile(r"\d{1,2}[-/.年]\d{1,2}[-/.月]\d{1,2}日?|\d{6}", re.ASCII)
_SERIAL = re.compile(r"\d{5}(\.\d+)?", re.ASCII)
# Excel's 1900 system; right for every day after its false 29 February 1900.
_SERIAL_DAY_0 = datetime.datetime(1899, 12, 30)  # noqa: DTZ001 - a bureau's wall clock, as typed
_EARLIEST, _LATEST = 1900, 2100
_DAYS_TO_1904 = 1462  # between the first days of Excel's two calendars


@dataclass(frozen=True)
class Days:
    """What the days of a column can mean: from a day on, and until so many years after today."""

    first: datetime.date
    years_ahead: int = 0

    def require(self, day: datetime.date, cell: Cell, today: datetime.date) -> None:
        """Refuse another day, with the day as it was read. A bare number is a day of ours or next year at the most."""
        if self.first <= day <= today:
            return
        bare = _SERIAL.fullmatch(shown(cell).strip()) is not None
        ahead = min(self.years_ahead, 1) if bare else self.years_ahead
        last = datetime.date(today.year + ahead, 12, 31) if ahead else today
        if not self.first <= day <= last:
            raise Refused(
                "day_outside",
                _("“%(value)s” was read as %(day)s; here stand days from %(first)s to %(last)s."),
                value=short(cell),
                day=day.isoformat(),
                first=self.first.isoformat(),
                last=last.isoformat(),
            )


LIFE = Days(datetime.date(1900, 1, 1))  # births
PAST = Days(datetime.date(1990, 1, 1))  # what has happened: care, payments, requests
PLANNED = Days(datetime.date(1990, 1, 1), 5)  # what begins, and may be known before
LASTING = Days(datetime.date(1990, 1, 1), 50)  # last days
ENROLLED = Days(datetime.date(1950, 1, 1), 5)
OF_AGE = Days(datetime.date(1950, 1, 1), 50)  # which the law foretells


def from_1904(cell: Cell) -> Cell:
    """A bare number of a workbook that counts its days from 1904, as one that counts them from 1900."""
    if isinstance(cell, bool) or not isinstance(cell, int | float | str) or not _SERIAL.fullmatch(shown(cell).strip()):
        return cell
    return shown(Decimal(shown(cell).strip()) + _DAYS_TO_1904)


def _not_a_date(cell: Cell) -> Refused:
    return Refused("date", _("“%(value)s” is not a date; write it as 2026-01-05."), value=short(cell))


def _moment(cell: Cell) -> datetime.datetime:
    if isinstance(cell, str):
        value = half_width(cell)
        if match := _YEAR_FIRST.fullmatch(value):
            year, dashed, slashed, dotted, chinese, day, hour, minute, second = match.groups()
            month = dashed or slashed or dotted or chinese
        elif match := _EIGHT_DIGITS.fullmatch(value):
            year, month, day, hour, minute, second = match.groups()
        elif _SERIAL.fullmatch(value):
            return _SERIAL_DAY_0 + datetime.timedelta(seconds=round(float(value) * 86400))
        elif _TWO_DIGIT_YEAR.fullmatch(value):
            raise Refused(
                "two_digit_year",
                _("“%(value)s” lacks a year of four digits, or a month or day; write it as 2026-01-05."),
                value=short(cell),
            )
        else:
            raise _not_a_date(cell)
        try:
            return datetime.datetime(  # noqa: DTZ001
                int(year), int(month), int(day), int(hour or 0), int(minute or 0), int(second or 0)
            )
        except ValueError:
            raise Refused("no_such_day", _("There is no day “%(value)s”."), value=short(cell)) from None
    if isinstance(cell, datetime.datetime):
        return cell.replace(tzinfo=None, microsecond=0)
    if isinstance(cell, datetime.date):
        return datetime.datetime(cell.year, cell.month, cell.day)  # noqa: DTZ001
    if isinstance(cell, int | float) and not isinstance(cell, bool):
        return _moment(shown(cell))
    raise _not_a_date(cell)


def _plausible(moment: datetime.datetime, cell: Cell) -> datetime.datetime:
    if not _EARLIEST <= moment.year <= _LATEST:
        raise Refused(
            "date_range",
            _("“%(value)s” lies outside the years %(earliest)d to %(latest)d."),
            value=short(cell),
            earliest=_EARLIEST,
            latest=_LATEST,
        )
    return moment


@lru_cache(maxsize=4096, typed=True)
def date_(cell: Cell) -> datetime.date:
    """A day: 2026-01-05, 2026/1/5, 20260105, 2026年1月5日, a date cell or Excel's serial number.

    Numbers of four digits are refused: they are years far more often than serial numbers.
    """
    return _plausible(_moment(cell), cell).date()


@lru_cache(maxsize=4096, typed=True)
def end_date(cell: Cell) -> datetime.date | None:
    """A last day; None (open) for the 31 December of 2099, 2999 or 9999 that other systems write for an open end."""
    moment = _moment(cell)
    if moment.year in (2099, 2999, 9999) and (moment.month, moment.day) == (12, 31):
        return None
    return _plausible(moment, cell).date()


def moment(cell: Cell) -> datetime.datetime:
    """A date with a time of day (midnight if none is given), naive: the bureau's wall clock."""
    return _plausible(_moment(cell), cell)


_MONTH = re.compile(r"(\d{4})(?:(\d\d)|[-/](\d{1,2})|\.(\d\d)| *年 *(\d{1,2}) *月份?)", re.ASCII)


@lru_cache(maxsize=4096, typed=True)
def month_(cell: Cell) -> datetime.date:
    """A month as its first day: 202601, 2026-01, 2026年1月, or any day of it.

    2026.1 is refused: Excel writes it for October as well as for January.
    """
    if isinstance(cell, int | float) and not isinstance(cell, bool):
        cell = shown(cell)
    if isinstance(cell, str) and (match := _MONTH.fullmatch(half_width(cell))):
        year, month = int(match[1]), int(match[2] or match[3] or match[4] or match[5])
        if _EARLIEST <= year <= _LATEST and 1 <= month <= 12:
            return datetime.date(year, month, 1)
    try:
        return _plausible(_moment(cell), cell).date().replace(day=1)
    except Refused:
        raise Refused("month", _("“%(value)s” is not a month; write it as 202601."), value=short(cell)) from None


for _parser in (date_, end_date, moment):
    _parser.write = plain  # type: ignore[attr-defined]
month_.write = month  # type: ignore[attr-defined]
