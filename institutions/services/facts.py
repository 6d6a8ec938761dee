"""What choosing looks at, read for many members in a few queries, with the members locked first."""

import datetime
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from django.db import connection

from bureau.editions.rulebook import rulebook
from bureau.errors import RefusedError
from bureau.rules.errors import Refused
from bureau.rules.format.edition import Edition
from bureau.rules.periods import ONE_DAY, Span
from institutions.models import Selection


@dataclass(frozen=True, slots=True)
class Place:
    """An institution and the days on which it is designated."""

    kind: str
    parent_id: int | None
    area_id: str | None
    agreements: tuple[Span, ...]

    def designated(self, day: datetime.date) -> bool:
        return any(day in span for span in self.agreements)


@dataclass(frozen=True, slots=True)
class Enrolled:
    area_id: str
    scheme: str
    days: Span

    def in_fund_of(self, row: Selection) -> bool:
        return (self.area_id, self.scheme) == (row.area_id, row.scheme)


class Facts:
    """Members, their enrolments, selections and registrations, and the institutions that they name.

    The members are held until the transaction ends: two clerks cannot both choose for one.
    """

    def __init__(self, member_ids: Iterable[int], institution_ids: Iterable[int] = ()):
        members = sorted(set(member_ids))
        self.died_on: dict[int, datetime.date | None] = dict(
            _rows("SELECT id, died_on FROM members_member WHERE id = ANY(%s) ORDER BY id FOR NO KEY UPDATE", members)
        )
        self.selections: dict[int, list[Selection]] = defaultdict(list)
        named = set(institution_ids)
        for row in Selection.objects.raw(
            "SELECT * FROM institutions_selection WHERE member_id = ANY(%s) ORDER BY starts_on, id", [members]
        ):
            self.selections[row.member_id].append(row)
            named.add(row.institution_id)
        self._enrolled: dict[int, list[Enrolled]] = defaultdict(list)
        for member_id, area_id, scheme, starts_on, ends_on in _rows(
            """SELECT member_id, area_id, scheme, starts_on, ends_on FROM members_enrolment
               WHERE member_id = ANY(%s) ORDER BY starts_on""",
            members,
        ):
            self._enrolled[member_id].append(Enrolled(area_id, scheme, Span(starts_on, ends_on)))
        self._registrations: dict[int, list[Span]] = defaultdict(list)
        for member_id, starts_on, ends_on in _rows(
            """SELECT member_id, starts_on, ends_on FROM institutions_outofarearegistration
               WHERE member_id = ANY(%s)""",
            members,
        ):
            self._registrations[member_id].append(Span(starts_on, ends_on))
        self.places = _places(sorted(named))
        self._editions: dict[tuple, Edition] = {}

    def edition(self, area_id: str, scheme: str, on: datetime.date) -> Edition:
        """The edition whose selection rules are in force on a day; RefusedError where there is none."""
        key = (area_id, scheme, on)
        if key not in self._editions:
            try:
                self._editions[key] = rulebook(area_id).on(area_id, scheme, on)
            except Refused as refused:
                raise RefusedError(refused.refusal, field="requested_on") from refused
        return self._editions[key]

    def enrolled_on(self, member_id: int, day: datetime.date) -> Enrolled | None:
        return next((enrolled for enrolled in self._enrolled[member_id] if day in enrolled.days), None)

    def registered_on(self, member_id: int, area_id: str, day: datetime.date) -> bool:
        """Whether the member is registered out of an area; a registration is of the area of its first day."""
        spans = [span for span in self._registrations[member_id] if day in span]
        first = [self.enrolled_on(member_id, span.starts_on) for span in spans]
        return any(enrolled is None or enrolled.area_id == area_id for enrolled in first)

    def departure(self, row: Selection, today: datetime.date) -> tuple[datetime.date, str] | None:
        """The last day of a selection whose member has died or left its area and scheme by now, and which."""
        died_on = self.died_on.get(row.member_id)
        last_days = [e.days.ends_on or datetime.date.max for e in self._enrolled[row.member_id] if e.in_fund_of(row)]
        left_on = max(last_days, default=datetime.date.max)
        if died_on is not None and died_on <= min(today, left_on):
            return died_on, "death"
        if left_on < today:
            return left_on, "exit"
        return None

    def last_day_before(self, row: Selection, day: datetime.date) -> datetime.date:
        """The last day before a day on which the member was enrolled where a selection belongs."""
        yesterday = day - ONE_DAY
        return max(
            (
                min(enrolled.days.ends_on or yesterday, yesterday)
                for enrolled in self._enrolled[row.member_id]
                if enrolled.in_fund_of(row) and enrolled.days.starts_on < day
            ),
            default=row.starts_on - ONE_DAY,
        )


def _places(institution_ids: list[int]) -> dict[int, Place]:
    agreements: dict[int, list[Span]] = defaultdict(list)
    for institution_id, starts_on, ends_on in _rows(
        "SELECT institution_id, starts_on, ends_on FROM institutions_agreement WHERE institution_id = ANY(%s)",
        institution_ids,
    ):
        agreements[institution_id].append(Span(starts_on, ends_on))
    return {
        institution_id: Place(kind, parent_id, area_id, tuple(agreements[institution_id]))
        for institution_id, kind, parent_id, area_id in _rows(
            "SELECT id, kind, parent_id, area_id FROM institutions_institution WHERE id = ANY(%s)", institution_ids
        )
    }


def _rows(sql: str, keys: list[int]) -> Iterator[tuple]:
    with connection.cursor() as cursor:
        cursor.execute(sql, [keys])
        yield from cursor.fetchall()
