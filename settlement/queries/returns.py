"""What an institution has done in a month, station by station, and who has not reported it."""

import datetime
from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal

from bureau.models import Area, County
from bureau.rules.edition import Edition
from bureau.rules.errors import NoEdition
from bureau.rules.periods import add_months, last_day
from bureau.services.editions import rulebook
from institutions.models import Institution
from settlement.models import MonthlyReturn
from settlement.queries.facts import fetch

# By day of settlement, as everything that institutions are paid by the month (G-17); a reversal takes its visit away.
# All that is owed to the centre: a referral that it pays back is on its own line.
WORK = """
SELECT CASE WHEN i.parent_id = v.payee_id THEN i.id ELSE v.payee_id END AS id,
       count(*) FILTER (WHERE v.reverses_id IS NULL) - count(*) FILTER (WHERE v.reverses_id IS NOT NULL) AS visits,
       count(DISTINCT v.member_id) AS members,
       sum(v.total) AS total, sum(v.in_policy) AS in_policy, sum(v.pooled) AS fund
  FROM settlement_visit v JOIN institutions_institution i ON i.id = v.institution_id
 WHERE v.payee_id = %(centre)s AND v.scheme = %(scheme)s AND v.settled_on BETWEEN %(first)s AND %(last)s
 GROUP BY 1
"""


@dataclass(frozen=True, slots=True)
class Workload:
    """What one place of a centre did in a month; amounts in yuan."""

    institution_id: int
    code: str
    name: str
    kind: str
    visits: int
    members: int
    total: Decimal
    in_policy: Decimal
    fund: Decimal


def workload(centre: Institution, scheme: str, month: datetime.date) -> list[Workload]:
    """工作完成量: the centre's own work and each of its stations', by which it settles with them (韶关 9(2)1).

    Stations without a visit are on the sheet with zeros.
    """
    params = {
        "centre": centre.pk,
        "scheme": scheme,
        "first": month.replace(day=1),
        "last": last_day(month.year, month.month),
    }
    done = {row["id"]: row for row in fetch(WORK, params)}
    idle = dict.fromkeys(("visits", "members"), 0) | dict.fromkeys(("total", "in_policy", "fund"), Decimal("0.00"))
    return [
        Workload(
            place.pk, place.code, place.name, place.kind, **{name: done.get(place.pk, idle)[name] for name in idle}
        )
        for place in [centre, *centre.stations.order_by("code")]
    ]


def due_on(edition: Edition, month: datetime.date) -> datetime.date | None:
    """The day of the next month by which a month's return is due; None where the edition asks for none."""
    following = add_months(month.replace(day=1), 1)
    rule = edition.part("provider", following).get("returns")
    return following.replace(day=rule["due_day"]) if rule else None


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
    try:
        due = due_on(rulebook(area.pk).on(area.pk, scheme, add_months(month, 1), "provider"), month)
    except NoEdition:
        return []
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
    received = received_on(places, month)
    return [
        Late(place, due, received.get(place.pk))
        for place in places.order_by("code")
        if place.pk not in received or received[place.pk] > due
    ]


def received_on(places: Iterable[Institution], month: datetime.date) -> dict[int, datetime.date]:
    returns = MonthlyReturn.objects.filter(institution__in=places, month=month.replace(day=1))
    standing = returns.exclude(status=MonthlyReturn.Status.RETURNED)
    return dict(standing.values_list("institution", "submitted_on"))
