"""Whose quota counts whom in which months: from when a choice was asked for and how it ended."""

from collections import defaultdict
from datetime import date, datetime
from functools import cache
from typing import Any

from tests.recompute.data.history import known_at
from tests.recompute.data.reading import Area
from tests.recompute.days import first_of, months_later, next_month
from tests.recompute.differences import Findings


class Heads:
    """Heads by institution and month, as the choices were known at a moment."""

    def __init__(self, area: Area):
        self.area = area
        self.of_month = cache(self._of_month)
        self._months = cache(self._months_at)

    def _of_month(self, month: date, at: datetime) -> dict[int, int]:
        return self._months(month.year, at).get(month, {})

    def _months_at(self, year: int, at: datetime) -> dict[date, dict[int, int]]:
        found: dict[date, dict[int, int]] = defaultdict(lambda: defaultdict(int))
        for versions in self.area.facts["institutions_selection"].values():
            rows = [row for row in known_at(versions, at) if row.year == year]
            for row, first, last in self.counted(rows):
                place = self.area.places[row.institution_id]
                while first <= last:
                    found[first][place.parent_id if place.kind == "station" else place.id] += 1
                    first = months_later(first, 1)
        return found

    def counted(self, rows: list[Any]) -> list[tuple[Any, date, date]]:
        """A member's choices of a year with the first and the last month that each counts."""
        primary = [row for row in rows if row.role == "primary" and row.area_id == self.area.code]
        found: list[tuple[Any, date, date]] = []
        for row in sorted(primary, key=lambda row: row.starts_on):
            new_year, end = date(row.year, 1, 1), date(row.year, 12, 1)
            # In the window for the coming year: from January. In the year, first or changed: from the month after.
            first = new_year if row.requested_on < new_year else next_month(row.requested_on)
            last = end
            if row.ends_on < date(row.year, 12, 31):
                following = [r for r in primary if r.starts_on > row.ends_on and (r.starts_on - row.ends_on).days == 1]
                # Replaced: through the month of the change; left or dead: through that month (HY-16).
                last = min(end, first_of(following[0].requested_on if following else row.ends_on))
            for _other, _first, before in found:
                if first <= before <= last:
                    first = next_month(before)  # a month counts for one institution alone
            if first <= last:
                found.append((row, first, last))
        return found


def compare(heads: Heads, findings: Findings) -> None:
    for versions in heads.area.facts["institutions_selection"].values():
        rows = [version.row for version in versions if version.until.year == 9999]
        for year in {row.year for row in rows}:
            of_year = [row for row in rows if row.year == year]
            counted = {row.id: (first, last) for row, first, last in heads.counted(of_year)}
            for row in of_year:
                if row.area_id == heads.area.code:
                    first, last = counted.get(row.id, (None, None))
                    record = f"selection:{row.id}"
                    findings.compare("selection", "counts_from", record, first, row.counts_from)
                    findings.compare("selection", "counts_to", record, last, row.counts_to)
