"""Days and months of the calendar."""

from calendar import monthrange
from datetime import date, timedelta

DAY = timedelta(days=1)


def first_of(day: date) -> date:
    return day.replace(day=1)


def last_of(day: date) -> date:
    return day.replace(day=monthrange(day.year, day.month)[1])


def next_month(day: date) -> date:
    return last_of(day) + DAY


def months_later(day: date, months: int) -> date:
    """The corresponding day; the month's last where it has none (民法典202)."""
    number = day.year * 12 + day.month - 1 + months
    year, month = number // 12, number % 12 + 1
    return date(year, month, min(day.day, monthrange(year, month)[1]))


def months_between(first: date, last: date) -> int:
    """Months from that of the first day to that of the last, both counted; 0 where the last comes before."""
    return max((last.year - first.year) * 12 + last.month - first.month + 1, 0)


def months_of(year: int) -> list[date]:
    return [date(year, number, 1) for number in range(1, 13)]
