"""What others ask of this room: who counts where, who was chosen, who is designated and at which level."""

import datetime
from collections.abc import Iterable
from dataclasses import dataclass

from django.db import connection
from django.db.models import Q

from institutions.models import Agreement, Assessment, Institution, Level, OutOfAreaRegistration, Selection


def in_force(day: datetime.date) -> Q:
    """Rows whose days, from starts_on to ends_on or until further notice, contain the day."""
    return Q(starts_on__lte=day) & (Q(ends_on__isnull=True) | Q(ends_on__gte=day))


def selection_on(member_id: int, day: datetime.date, *, role: str = Selection.Role.PRIMARY) -> Selection | None:
    return Selection.objects.filter(in_force(day), member_id=member_id, role=role).select_related("institution").first()


def level_on(institution_id: int, day: datetime.date) -> int | None:
    """协议结算等级 on a day; None where none is recorded (the caller refuses, it does not guess)."""
    return Level.objects.filter(in_force(day), institution_id=institution_id).values_list("level", flat=True).first()


# SQL: an institution `i` is designated on a day. One outside every area kept here has its agreement elsewhere, which is
# not ours to know: it is not asked for one here. To be filled with a day.
DESIGNATED = """(i.area_id IS NULL OR EXISTS (
           SELECT FROM institutions_agreement g WHERE g.institution_id = i.id
              AND {day} BETWEEN g.starts_on AND COALESCE(g.ends_on, 'infinity')))"""


def designated_on(institution: Institution, day: datetime.date) -> bool:
    """As DESIGNATED, for one institution."""
    return institution.area_id is None or Agreement.objects.filter(in_force(day), institution=institution).exists()


def scores(institution_ids: Iterable[int], year: int) -> dict[int, str]:
    """年度考核 scores of a year, 0 to 100 as text: {institution id: score}; only what is confirmed counts."""
    rows = Assessment.objects.filter(institution__in=list(institution_ids), year=year, confirmed_at__isnull=False)
    return {institution_id: str(score) for institution_id, score in rows.values_list("institution_id", "score")}


def scores_waiting(institution_ids: Iterable[int], year: int) -> set[int]:
    """Which institutions have a score of a year that nobody has confirmed."""
    rows = Assessment.objects.filter(institution__in=list(institution_ids), year=year, confirmed_at=None)
    return set(rows.values_list("institution_id", flat=True))


def registered_out_of_area(member_id: int, day: datetime.date) -> OutOfAreaRegistration | None:
    return OutOfAreaRegistration.objects.filter(in_force(day), member_id=member_id).first()


# A village station's heads are inside its centre's account (Heyuan, article 12).
_ACCOUNT = "CASE WHEN i.kind = 'station' THEN i.parent_id ELSE i.id END"

_COUNTED = f"""
    FROM institutions_selection s
    JOIN institutions_institution i ON i.id = s.institution_id
    JOIN institutions_institution a ON a.id = {_ACCOUNT}
    WHERE s.role = 'primary' AND s.area_id = %(area)s AND s.scheme = %(scheme)s
      AND s.counts_from <= %(last)s AND s.counts_to >= %(first)s
      AND (%(county)s::text IS NULL OR a.county_id = %(county)s)
    GROUP BY a.id ORDER BY a.id"""


def heads(area_id: str, scheme: str, month: datetime.date, *, county_id: str | None = None) -> dict[int, int]:
    """Heads that each institution counts in a month: {institution id: heads}; one without heads is left out.

    `month` is any day of it. Village stations count with their centre. With `county_id`, only the
    institutions that this agency pays.
    """
    first = month.replace(day=1)
    with connection.cursor() as cursor:
        cursor.execute(
            f"SELECT a.id, count(*) {_COUNTED}",
            {"area": area_id, "scheme": scheme, "first": first, "last": first, "county": county_id},
        )
        return dict(cursor.fetchall())


def person_months(
    area_id: str,
    scheme: str,
    year: int,
    *,
    first_month: int = 1,
    last_month: int = 12,
    county_id: str | None = None,
) -> dict[int, int]:
    """Person-months of each institution over some months of a year: {institution id: months} (HY-12).

    The sum of `heads` over these months. A year that two documents share is asked for in two parts (HY-14).
    """
    first, last = datetime.date(year, first_month, 1), datetime.date(year, last_month, 1)
    with connection.cursor() as cursor:
        cursor.execute(
            f"""SELECT a.id, sum(
                    extract(year FROM least(s.counts_to, %(last)s)) * 12
                    + extract(month FROM least(s.counts_to, %(last)s))
                    - extract(year FROM greatest(s.counts_from, %(first)s)) * 12
                    - extract(month FROM greatest(s.counts_from, %(first)s)) + 1
                )::bigint {_COUNTED}""",
            {"area": area_id, "scheme": scheme, "first": first, "last": last, "county": county_id},
        )
        return dict(cursor.fetchall())


@dataclass(frozen=True, slots=True)
class DoubleFundedHead:
    """A head that counts at home in months in which its member is registered out of the area (HY-6)."""

    member_id: int
    institution_id: int
    selection_id: int
    registration_id: int
    first_month: datetime.date
    last_month: datetime.date
    months: int


def double_funded_heads(area_id: str, scheme: str, year: int) -> list[DoubleFundedHead]:
    """Heads counted at home while their members are registered out of the area, to be looked at (HY-6).

    They count: the text counts who was chosen. The report says for which months both pay.
    """
    with connection.cursor() as cursor:
        cursor.execute(
            """SELECT member_id, institution_id, selection_id, registration_id, first, last,
                      (extract(month FROM last) - extract(month FROM first) + 1)::int
               FROM (
                   SELECT s.member_id, s.institution_id, s.id AS selection_id, r.id AS registration_id,
                          greatest(s.counts_from, date_trunc('month', r.starts_on::timestamp))::date AS first,
                          least(s.counts_to, date_trunc('month', r.ends_on::timestamp))::date AS last
                   FROM institutions_selection s
                   JOIN institutions_outofarearegistration r ON r.member_id = s.member_id
                   WHERE s.role = 'primary' AND s.area_id = %(area)s AND s.scheme = %(scheme)s
                     AND s.year = %(year)s AND s.counts_from IS NOT NULL
               ) both_paid
               WHERE first <= last
               ORDER BY member_id, first""",
            {"area": area_id, "scheme": scheme, "year": year},
        )
        return [DoubleFundedHead(*row) for row in cursor.fetchall()]


def not_yet_selected(area_id: str, scheme: str, year: int, on: datetime.date) -> int:
    """How many members enrolled on a day have chosen no institution for the year."""
    with connection.cursor() as cursor:
        cursor.execute(
            """SELECT count(*) FROM members_enrolment e
               JOIN members_member m ON m.id = e.member_id AND m.died_on IS NULL
               WHERE e.area_id = %(area)s AND e.scheme = %(scheme)s
                 AND e.starts_on <= %(on)s AND (e.ends_on IS NULL OR e.ends_on >= %(on)s)
                 AND NOT EXISTS (
                     SELECT FROM institutions_selection s
                     WHERE s.member_id = e.member_id AND s.role = 'primary' AND s.area_id = %(area)s
                       AND s.scheme = %(scheme)s AND s.year = %(year)s
                 )""",
            {"area": area_id, "scheme": scheme, "year": year, "on": on},
        )
        return cursor.fetchone()[0]
