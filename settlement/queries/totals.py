"""What a year has used of its total or its budget: reported, since the texts compute nothing from it."""

import datetime
from dataclasses import dataclass

from django.utils.translation import gettext_lazy as _

from bureau.editions.figures import figures, named
from bureau.errors import DomainError, RefusedError
from bureau.rules import payment as provider
from bureau.rules.errors import Refused
from bureau.rules.format.edition import Edition
from settlement.queries import run_facts as reading
from settlement.queries.facts import fetch
from settlement.queries.lines import charge_by_month, pooled_fund


@dataclass(frozen=True, slots=True)
class YearTotal:
    """In fen: the year's total (None where none is published), what was accounted, and what is over.

    `label` is what the edition calls the total, `year` the one for which it is published.
    """

    label: str
    year: int
    total: int | None
    used: int
    overrun: int

    @property
    def share(self) -> str:
        """What is used of the total, in percent, cut after one decimal so that it never shows a false edge."""
        if not self.total:
            return ""
        tenths = self.used * 1000 // self.total
        return f"{tenths // 10}.{tenths % 10}%"


def year_total(edition: Edition, on: datetime.date, *, until: datetime.date) -> YearTotal | None:
    """The year against its total, over all agencies; None where payment is under no total (KF-11, CQ-15)."""
    code = edition.part("provider", on).get("total")
    if not code:
        return None
    fund, charge = pooled_fund(edition, on), charge_by_month(edition, on)
    rows = reading.owed_by_item(edition.area, None, [fund], on.replace(month=1, day=1), until)
    used = sum(row.amount for row in rows if row.charge == charge)
    total = figures(edition.area, on).get(code)
    figure = edition.figures[code]
    overrun = 0
    if total is not None:
        overrun = provider.compute(edition, on, "year_end", {"quota": total, "actual": used})["overrun"]
    return YearTotal(figure.label, figure.year_for(on), total, used, overrun)


def year_budget(edition: Edition, on: datetime.date) -> dict[str, int]:
    """The year's pool from its published figures, in fen: budget, contingency, distributable and the slices.

    Raises RefusedError where the method has no pool or a figure is missing, which it names, and DomainError where
    the published figures do not go together.
    """
    try:
        return provider.compute(edition, on, "fund_budget", figures(edition.area, on))
    except Refused as refused:
        raise RefusedError(named(refused.refusal, edition, on)) from refused
    except ValueError as error:
        raise DomainError(_("The reserves exceed the year's budget; correct the published figures.")) from error


RESERVED = """
SELECT COALESCE(sum(pooled) FILTER (WHERE 'emergency' = ANY (place)), 0) * 100 AS emergency,
       COALESCE(sum(pooled) FILTER (WHERE NOT 'emergency' = ANY (place)), 0) * 100 AS remote
  FROM settlement_visit
 WHERE area_id = %(area)s AND scheme = %(scheme)s AND charge = 'fee_for_service'
   AND settled_on BETWEEN %(first)s AND %(last)s
"""


def reserves_used(edition: Edition, year: int) -> dict[str, tuple[int, int]]:
    """Reserve and use of care out of the area and of emergencies, in fen: name -> (reserved, used).

    What is over or under is settled against the contingency at the end of the year, by the bureau (ZJ-3).
    """
    days = {"first": datetime.date(year, 1, 1), "last": datetime.date(year, 12, 31)}
    [row] = fetch(RESERVED, {"area": edition.area, "scheme": edition.scheme} | days)
    published = figures(edition.area, days["last"])
    return {name: (published.get(f"{name}_reserve", 0), int(row[name])) for name in ("remote", "emergency")}
