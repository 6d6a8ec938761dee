"""A visit as the cities' rules see it, what was paid before it, and what is paid for it. Amounts in fen."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date
from fractions import Fraction

from tests.recompute.money import half_up

QUOTA = "selected_capitation"  # whose quota: the selected institution's
BY_ITEM = "fee_for_service"
DIRECT = "fund_direct"
POOL = "pool"


class Refused(Exception):
    """The fund does not pay, and why."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where care took place. A prescription filled outside has the place of the visit that wrote it.

    An institution outside every area kept here has its agreement elsewhere and counts as designated.
    """

    local: bool
    designated: bool
    selected: bool = False
    referral: bool = False
    emergency: bool = False
    prescription: bool = False
    pharmacy: bool = False
    filed: bool = False
    temporary: bool = False
    networked: bool = False
    by_hand_only: bool = False
    remote_selected: bool = False
    by_hand: bool = False
    newborn: bool = False
    outdated: bool = False


@dataclass(frozen=True, slots=True)
class Case:
    on: date
    encounter: str
    institution: int
    level: int | None
    kind: str
    place: Place
    person: str
    plan: str
    suspended: bool
    arrears: bool
    inpatient: bool
    large_claims: bool
    costs: Mapping[str, int]
    figures: Mapping[str, Mapping[int, int]]
    treated_at: str = ""  # the kind of who treated, or filled the prescription

    @property
    def retired(self) -> bool:
        return self.person == "retired"

    def figure(self, code: str, year: int | None = None) -> int:
        """A figure that the bureau publishes for a year. Raises KeyError where it has not."""
        return self.figures[code][self.on.year if year is None else year]

    def latest(self, code: str) -> int | None:
        """A figure that stands until another is published; None where none was."""
        years = [year for year in self.figures.get(code, {}) if year <= self.on.year]
        return self.figures[code][max(years)] if years else None


@dataclass(frozen=True, slots=True)
class Before:
    """What an earlier visit, a reversal, an adjustment or an opening balance has used."""

    on: date
    encounter: str = ""
    institution: int | None = None
    local: bool = True
    pooled: int = 0
    mutual: int = 0
    fixed: int = 0
    deductible: int = 0
    span: str = "visit"  # "year": an opening balance that says nothing of a month

    @property
    def capped(self) -> int:
        return self.pooled + self.mutual - self.fixed


@dataclass(frozen=True, slots=True)
class Paid:
    pooled: int = 0
    mutual: int = 0
    fixed: int = 0
    deductible: int = 0


@dataclass(slots=True)
class Past:
    """Everything that counts against a visit, summed anew for each question."""

    rows: list[Before] = field(default_factory=list)

    def of_year(self, case: Case) -> list[Before]:
        return [row for row in self.rows if row.on.year == case.on.year]

    def of_month(self, case: Case) -> list[Before]:
        return [row for row in self.of_year(case) if row.on.month == case.on.month and row.span != "year"]

    def of_day_there(self, case: Case) -> list[Before]:
        return [
            row
            for row in self.rows
            if row.on == case.on and row.institution == case.institution and row.span == "visit"
        ]

    def of_encounter(self, case: Case) -> list[Before]:
        return [row for row in self.rows if row.encounter == case.encounter and row.span == "visit"]


def capped(rows: Iterable[Before]) -> int:
    return sum(row.capped for row in rows)


def at_most(exact: Fraction, *limits: int) -> int:
    """The smallest of an exact amount and some limits, rounded once (G-7); a limit below zero is none left."""
    return half_up(min(exact, *(Fraction(max(limit, 0)) for limit in limits)))


def level_of(case: Case) -> int:
    """协议结算等级 on the day (G-10). Where none is recorded nobody can say a ratio."""
    if case.level is None:
        raise Refused("no level on the day")
    return case.level
