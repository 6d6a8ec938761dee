"""What an institution has done in a month, station by station, and who has not reported it."""

import datetime
from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal

from bureau.editions.rulebook import rulebook
from bureau.models import Area, County
from bureau.rules.errors import NoEdition
from bureau.rules.format.edition import Edition
from bureau.rules.periods import add_months, last_day
from institutions.models import Institution
from settlement.models import MonthlyReturn
from settlement.queries.facts import fetch

# By day of settlement, as everything that institutions are paid by the month (G-17); a reversal takes its visit away.
# All that is owed to the centre: a referral that it pays back is on its own line. The row without an id is the total,
# in which a member who went to several places is one.
WORK = """
SELECT CASE WHEN i.parent_id = v.payee_id THEN i.id ELSE v.payee_id END AS id,
       count(*) FILTER (WHERE v.reverses_id IS NULL) - count(*) FILTER (WHERE v.reverses_id IS NOT NULL) AS visits,
       count(DISTINCT v.member_id) AS members,
       COALESCE(sum(v.total), 0.00) AS total, COALESCE(sum(v.in_policy), 0.00) AS in_policy,
       COALESCE(sum(v.pooled), 0.00) AS fund
  FROM settlement_visit v JOIN institutions_institution i ON i.id = v.institution_id
 WHERE v.payee_id = %(centre)s AND v.scheme = %(scheme)s AND v.settled_on BETWEEN %(first)s AND %(last)s
 GROUP BY ROLLUP (1)
"""


@dataclass(frozen=True, slots=True)
class Work:
    """Visits less reversals, the members they were for, and amounts in yuan."""

    visits: int = 0
    members: int = 0
    total: Decimal = Decimal("0.00")
    in_policy: Decimal = Decimal("0.00")
    fund: Decimal = Decimal("0.00")


@dataclass(frozen=True, slots=True)
class Workload:
    """What a centre did in a month: itself first, then each of its stations, and all of them together."""

    places: list[tuple[Institution, Work]]
    total: Work


def workload(centre: Institution, scheme: str, month: datetime.date) -> Workload:
    """工作完成量: the centre's own work and each of its stations', by which it settles with them (韶关 9(2)1).

    Stations without a visit are on the sheet with zeros.
    """
    params = {
        "centre": centre.pk,
        "scheme": scheme,
        "first": month.replace(day=1),
        "last": last_day(month.year, month.month),
    }
    done = {row.pop("id"): Work(**row) for row in fetch(WORK, params)}
    places = [centre, *centre.stations.order_by("code")]
    return Workload([(place, done.get(place.pk, Work())) for place in places], done[None])


def due_on(edition: Edition, month: datetime.date) -> datetime.date | None:
    """The day of the next month by which a month's return is due; None where the edition asks for none."""
    following = add_months(month.replace(day=1), 1)
    rule = edition.part("provider", following).get("returns")
    return following.replace(day=rule["due_day"]) if rule else None


def due_in(area_id: str, scheme: str, month: datetime.date) -> datetime.date | None:
    """The day on which a month's return of an area and scheme is due; None where no edition asks for one."""
    try:
        return due_on(rulebook(area_id).on(area_id, scheme, add_months(month, 1), "provider"), month)
    except NoEdition:
        return None


def schemes_reporting(area_id: str, month: datetime.date) -> list[str]:
    """The schemes of an area whose institutions report a month."""
    schemes = sorted({edition.scheme for edition in rulebook(area_id).editions})
    return [scheme for scheme in schemes if due_in(area_id, scheme, month) is not None]


@dataclass(frozen=True, slots=True)
class Late:
    """An institution whose return was due: received late, or not at all (`submitted_on` None)."""

    institution: Institution
    due_on: datetime.date
    submitted_on: datetime.date | None


EXPECTED = """
SELECT DISTINCT a.id
  FROM institutions_selection s
  JOIN institutions_institution i ON i.id = s.institution_id
  JOIN institutions_institution a ON a.id = CASE WHEN i.kind = 'station' THEN i.parent_id ELSE i.id END
 WHERE s.role = 'primary' AND s.area_id = %(area)s AND s.scheme = %(scheme)s
   AND s.starts_on <= %(last)s AND s.ends_on >= %(first)s
UNION
SELECT v.payee_id FROM settlement_visit v
 WHERE v.area_id = %(area)s AND v.scheme = %(scheme)s AND v.settled_on BETWEEN %(first)s AND %(last)s
   AND v.payee_id IS NOT NULL AND v.charge = 'selected_capitation'
"""


def late_returns(
    *, area: Area, scheme: str, month: datetime.date, today: datetime.date, county: County | None = None
) -> list[Late]:
    """Who was chosen or worked in a month and has not reported it in time, as of a day; nobody before it is due.

    A return that was sent back counts as not received until it comes again.
    """
    due = due_in(area.pk, scheme, month)
    if due is None or today <= due:
        return []
    params = {
        "area": area.pk,
        "scheme": scheme,
        "first": month.replace(day=1),
        "last": last_day(month.year, month.month),
    }
    places = Institution.objects.filter(pk__in=[row["id"] for row in fetch(EXPECTED, params)], area=area)
    if county is not None:
        places = places.filter(county=county)
    received = received_on(places, scheme, month)
    return [
        Late(place, due, received.get(place.pk))
        for place in places.order_by("code")
        if place.pk not in received or received[place.pk] > due
    ]


def received_on(places: Iterable[Institution], scheme: str, month: datetime.date) -> dict[int, datetime.date]:
    returns = MonthlyReturn.objects.filter(institution__in=places, scheme=scheme, month=month.replace(day=1))
    standing = returns.exclude(status=MonthlyReturn.Status.RETURNED)
    return dict(standing.values_list("institution", "submitted_on"))
