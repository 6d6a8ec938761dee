"""The facts of a payment run, for all institutions of an agency at once. Nothing is decided here.

Amounts are in fen. Which month a visit belongs to (G-17): in monthly runs that of its settlement, and a reversal is a
visit of its own; in the year a reversal goes back to the month of the visit that it takes back, so that a year which
has been settled shows what became of it. A village station's visits count in its centre's account (article 12).
"""

import datetime
import json
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from institutions import queries as choices
from institutions.models import Institution
from settlement.models import Adjustment, Line, Run
from settlement.queries.facts import fetch

ACCOUNT = "CASE WHEN c.kind = 'station' THEN c.parent_id ELSE c.id END"

# Among the payees on a quota: members whose claims by hand the fund has paid.
CLAIMS = "claims"

QUOTA_USE = f"""
SELECT a.id AS institution, COALESCE(p.code, '{CLAIMS}') AS payee,
       COALESCE(v.charged_institution_id = v.payee_id, false) AS own,
       date_trunc('month', {{day}}::timestamp)::date AS month, (sum(v.pooled) * 100)::bigint AS fund
  FROM settlement_visit v
  LEFT JOIN settlement_visit o ON o.id = v.reverses_id
  JOIN institutions_institution c ON c.id = v.charged_institution_id
  JOIN institutions_institution a ON a.id = {ACCOUNT}
  LEFT JOIN institutions_institution p ON p.id = v.payee_id
 WHERE v.area_id = %(area)s AND v.scheme = %(scheme)s AND v.pooled <> 0
   AND v.settled_on >= %(first)s AND {{day}} BETWEEN %(first)s AND %(last)s
   AND (%(county)s::text IS NULL OR a.county_id = %(county)s)
 GROUP BY 1, 2, 3, 4
"""
BY_SETTLEMENT = QUOTA_USE.format(day="v.settled_on")
BY_VISIT = QUOTA_USE.format(day="COALESCE(o.settled_on, v.settled_on)")


@dataclass(slots=True)
class QuotaUse:
    """The pooled fund's money on one institution's quota in a month: its own care, and others' by their codes."""

    own: int = 0
    others: dict[str, int] = field(default_factory=dict)

    @property
    def total(self) -> int:
        return self.own + sum(self.others.values())


Uses = dict[int, dict[datetime.date, QuotaUse]]


def quota_use(
    area_id: str,
    county_id: str | None,
    scheme: str,
    first: datetime.date,
    last: datetime.date,
    *,
    reversals_go_back: bool = False,
) -> Uses:
    """Use of each institution's quota by month: institution → month → QuotaUse."""
    uses: Uses = defaultdict(lambda: defaultdict(QuotaUse))
    params = {"area": area_id, "county": county_id, "scheme": scheme, "first": first, "last": last}
    for row in fetch(BY_VISIT if reversals_go_back else BY_SETTLEMENT, params):
        use = uses[row["institution"]][row["month"]]
        if row["own"]:
            use.own += row["fund"]
        else:
            use.others[row["payee"]] = use.others.get(row["payee"], 0) + row["fund"]
    return uses


OWED = """
SELECT i.id AS institution, i.code, e.fund,
       CASE WHEN e.fund = 'personal_accounts' THEN 'account' ELSE COALESCE(NULLIF(v.charge, ''), j.kind) END AS charge,
       v.charged_institution_id IS NOT NULL AND e.fund <> 'personal_accounts' AS on_quota,
       (sum(e.amount) * 100)::bigint AS amount
  FROM accounts_journal j
  JOIN accounts_entry e ON e.journal_id = j.id AND e.subject = 'payable_items'
  JOIN institutions_institution i ON i.code = e.holder
  LEFT JOIN settlement_visit v
         ON v.id = CASE WHEN j.source LIKE 'visit:%%' THEN substr(j.source, 7)::bigint END
 WHERE j.area_id = %(area)s AND j.posted_on BETWEEN %(first)s AND %(last)s AND j.kind <> 'run'
   AND e.fund = ANY(%(funds)s::text[])
   AND (%(county)s::text IS NULL OR i.county_id = %(county)s)
 GROUP BY 1, 2, 3, 4, 5
"""


@dataclass(frozen=True, slots=True)
class Owed:
    """What is owed to one institution by item in one fund; `on_quota`: it counts against another's quota."""

    institution: int
    code: str
    fund: str
    charge: str
    on_quota: bool
    amount: int


def owed_by_item(
    area_id: str, county_id: str | None, funds: Sequence[str], first: datetime.date, last: datetime.date
) -> list[Owed]:
    """Everything posted as payable by item on some days, without what runs paid and adjusted.

    Read from the books, so that it is all there: fund money of every charge, account money of visits and purchases.
    """
    params = {"area": area_id, "county": county_id, "funds": list(funds), "first": first, "last": last}
    return [Owed(**row) for row in fetch(OWED, params)]


def heads_by_month(
    area_id: str, county_id: str | None, scheme: str, year: int, months: range
) -> dict[int, dict[str, int]]:
    """Person-months: institution → month as YYYY-MM → heads."""
    found: dict[int, dict[str, int]] = defaultdict(dict)
    for number in months:
        month = datetime.date(year, number, 1)
        for institution, heads in choices.heads(area_id, scheme, month, county_id=county_id).items():
            found[institution][f"{month:%Y-%m}"] = heads
    return found


@dataclass(frozen=True, slots=True)
class MonthSettled:
    """What a month's settlement paid an institution, and what it kept back until the assessment."""

    paid: int
    retained: int


ADVANCED = """
SELECT l.institution_id AS institution, r.period AS month, (l.to_pay * 100)::bigint AS amount
  FROM settlement_line l JOIN settlement_run r ON r.id = l.run_id
 WHERE r.area_id = %(area)s AND r.scheme = %(scheme)s AND r.kind = 'advance' AND r.status = 'paid'
   AND r.county_id = %(county)s AND r.period BETWEEN %(first)s AND %(last)s AND l.to_pay <> 0
"""


def advances_paid(
    area_id: str, county_id: str, scheme: str, first: datetime.date, last: datetime.date
) -> dict[int, dict[datetime.date, int]]:
    """Advances paid for some months: institution → month → fen."""
    params = {"area": area_id, "county": county_id, "scheme": scheme, "first": first, "last": last}
    found: dict[int, dict[datetime.date, int]] = defaultdict(dict)
    for row in fetch(ADVANCED, params):
        found[row["institution"]][row["month"]] = row["amount"]
    return found


def months_settled(
    area_id: str, county_id: str, scheme: str, first: datetime.date, last: datetime.date
) -> dict[int, dict[datetime.date, MonthSettled]]:
    """What the monthly settlements of some months have paid and kept back, with what late facts made of it."""
    runs = {
        "area": area_id, "county": county_id, "scheme": scheme, "kind": Run.Kind.MONTH,
        "status": Run.Status.PAID, "period__range": (first, last),
    }  # fmt: skip
    known = list(
        Line.objects.filter(**{f"run__{name}": value for name, value in runs.items()}).values_list(
            "institution", "run__period", "results"
        )
    )
    # The last adjustment of an institution's month says what it comes to now.
    known += Adjustment.objects.filter(**{f"origin__{name}": value for name, value in runs.items()}).order_by(
        "id"
    ).values_list("institution", "origin__period", "results")
    found: dict[int, dict[datetime.date, MonthSettled]] = defaultdict(dict)
    for institution, month, results in known:
        kept = results.get("deposit", results.get("retained", 0))
        found[institution][month] = MonthSettled(results["paid"], kept)
    return found


CARRIED = """
SELECT DISTINCT ON (l.institution_id) l.institution_id AS institution, l.results -> 'carried' AS carried
  FROM settlement_line l JOIN settlement_run r ON r.id = l.run_id
 WHERE r.area_id = %(area)s AND r.scheme = %(scheme)s AND r.kind = %(kind)s
   AND (%(county)s::text IS NULL OR r.county_id = %(county)s) AND r.status IN ('approved', 'paid')
 ORDER BY l.institution_id, r.approved_at DESC, r.id DESC
"""


def carried_on(area_id: str, county_id: str | None, scheme: str, kind: str) -> dict[int, dict[str, int]]:
    """What the last approved run of a kind could not set off: institution → fund → fen below zero."""
    params = {"area": area_id, "county": county_id, "scheme": scheme, "kind": kind}
    rows = fetch(CARRIED, params)  # Django has JSON come as text
    return {row["institution"]: carried for row in rows if (carried := json.loads(row["carried"] or "{}"))}


def carried_into(nets: Sequence[int]) -> int:
    """What earlier months leave below zero: each counts as zero and the rest carries on (G-17)."""
    carried = 0
    for net in nets:
        carried = min(0, carried + net)
    return carried


def codes(numbers: Iterable[int]) -> dict[int, str]:
    """Codes of institutions by their numbers."""
    return dict(Institution.objects.filter(pk__in=list(numbers)).values_list("pk", "code"))


def paid_by(county_id: str, numbers: Iterable[int]) -> set[int]:
    """Which of these institutions an agency pays."""
    return set(Institution.objects.filter(pk__in=list(numbers), county_id=county_id).values_list("pk", flat=True))
