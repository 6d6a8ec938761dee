"""Days, months and anniversaries. A span includes both its ends, here and everywhere in the product."""

from __future__ import annotations

from calendar import monthrange
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta

ONE_DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Span:
    """From `starts_on` to `ends_on`, both included; `ends_on` None is open."""

    starts_on: date
    ends_on: date | None = None

    def __contains__(self, day: date) -> bool:
        return self.starts_on <= day and (self.ends_on is None or day <= self.ends_on)

    def meets(self, other: Span) -> bool:
        return (other.ends_on is None or self.starts_on <= other.ends_on) and (
            self.ends_on is None or other.starts_on <= self.ends_on
        )


def last_day(year: int, month: int) -> date:
    """The last day of a month."""
    return date(year, month, monthrange(year, month)[1])


def month_of(day: date) -> str:
    """The month of a day as YYYY-MM."""
    return f"{day.year:04d}-{day.month:02d}"


def month_start(month: str) -> date:
    """The first day of a month written YYYY-MM."""
    year, _, number = month.partition("-")
    if len(year) != 4 or len(number) != 2:
        raise ValueError(f"{month!r} is not a month; write YYYY-MM")
    return date(int(year), int(number), 1)


def month_end(month: str) -> date:
    """The last day of a month written YYYY-MM."""
    first = month_start(month)
    return last_day(first.year, first.month)


def next_month_start(day: date) -> date:
    """The first day of the month after the day's."""
    return date(day.year + day.month // 12, day.month % 12 + 1, 1)


def months_between(first: str, last: str) -> Iterator[str]:
    """Every month from first to last, both included."""
    day, end = month_start(first), month_start(last)
    while day <= end:
        yield month_of(day)
        day = next_month_start(day)


def count_months(starts_on: date, ends_on: date) -> int:
    """How many calendar months a span touches; 0 if it ends before it starts."""
    if ends_on < starts_on:
        return 0
    return (ends_on.year - starts_on.year) * 12 + ends_on.month - starts_on.month + 1


def add_months(day: date, months: int) -> date:
    """The corresponding day some months later, the month's last day where there is none (民法典 202)."""
    index = day.year * 12 + day.month - 1 + months
    year, month = index // 12, index % 12 + 1
    return date(year, month, min(day.day, monthrange(year, month)[1]))


def add_years(day: date, years: int) -> date:
    """The anniversary; 28 February stands in for a missing 29 February."""
    return add_months(day, 12 * years)


def expiry(starts_on: date, years: int) -> date:
    """The last day of a validity of some years: the day before the anniversary (G-13)."""
    return add_years(starts_on, years) - ONE_DAY


def age_on(birth: date, day: date) -> int:
    """Completed years of age on a day; a birthday counts from its own day."""
    years = day.year - birth.year
    return years if day >= add_years(birth, years) else years - 1


def quarter(day: date) -> Span:
    """The calendar quarter of a day."""
    first = 3 * ((day.month - 1) // 3) + 1
    return Span(date(day.year, first, 1), last_day(day.year, first + 2))
