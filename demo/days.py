"""Working days and days off, as the State Council's office announces them for each year that is lived."""

from __future__ import annotations

from datetime import date, timedelta

from bureau.rules.periods import ONE_DAY


def _days(*spans: tuple[str, str]) -> frozenset[date]:
    days = set()
    for first, last in spans:
        day, end = date.fromisoformat(first), date.fromisoformat(last)
        days |= {day + timedelta(days=number) for number in range((end - day).days + 1)}
    return frozenset(days)


HOLIDAYS = _days(
    ("2022-12-31", "2023-01-02"), ("2023-01-21", "2023-01-27"), ("2023-04-05", "2023-04-05"),
    ("2023-04-29", "2023-05-03"), ("2023-06-22", "2023-06-24"), ("2023-09-29", "2023-10-06"),
    ("2023-12-30", "2024-01-01"),
    ("2025-10-01", "2025-10-08"), ("2026-01-01", "2026-01-03"), ("2026-02-15", "2026-02-23"),
    ("2026-04-04", "2026-04-06"), ("2026-05-01", "2026-05-05"), ("2026-06-19", "2026-06-21"),
    ("2026-09-25", "2026-09-27"), ("2026-10-01", "2026-10-07"), ("2027-01-01", "2027-01-03"),
)  # fmt: skip
# Saturdays and Sundays on which people work for a holiday's sake.
EXCHANGED = frozenset(
    date.fromisoformat(day)
    for day in (
        "2023-01-28", "2023-01-29", "2023-04-23", "2023-05-06", "2023-06-25", "2023-10-07", "2023-10-08",
        "2025-09-28", "2025-10-11", "2026-01-04", "2026-02-14", "2026-02-28", "2026-05-09", "2026-09-20",
        "2026-10-10",
    )
)  # fmt: skip


def is_working(day: date) -> bool:
    return day in EXCHANGED or (day.weekday() < 5 and day not in HOLIDAYS)


def at_work(day: date) -> date:
    """The day itself, or the next one on which the office is open."""
    while not is_working(day):
        day += ONE_DAY
    return day


def crowd(day: date) -> float:
    """How many come to a clinic on such a day, against a plain Tuesday: Mondays are full, feast days are quiet."""
    if day in HOLIDAYS:
        return 0.35
    if not is_working(day):
        return 0.7 if day.weekday() == 5 else 0.5
    return (1.2, 1.0, 1.0, 0.95, 1.0, 0.9, 0.9)[day.weekday()]


# Gradual retirement: from 2025 on, men who would have retired at 60 do so a month later for every four months by
# which they were born after this month, and women who would have at 55 likewise, up to three years.
GRADUAL = {60: date(1965, 1, 1), 55: date(1970, 1, 1)}


def retires_on(birth: date, age: int) -> date:
    """The first day of the month after the statutory age, 60 or 55 before the change, has been reached."""
    since = (birth.year - GRADUAL[age].year) * 12 + birth.month - GRADUAL[age].month
    later = min(since // 4 + 1, 36) if since >= 0 else 0
    month = birth.month + later  # the month after the one in which the age is reached, from 0
    return date(birth.year + age + month // 12, month % 12 + 1, 1)
