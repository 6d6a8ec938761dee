"""A visit as the rules see it, what earlier visits used, and what a visit is paid. Amounts in fen."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date

from bureau.rules.errors import Refusal, _

FUNDS: dict[str, str] = {
    "employees_pool": _("employees' pooled fund"),
    "large_claims": _("large-claims fund"),
    "residents_outpatient": _("residents' outpatient fund"),
    "residents": _("residents' fund"),
}
SPANS = {"visit": 0, "month": 1, "quarter": 2, "year": 3}
YEAR = SPANS["year"]


@dataclass(frozen=True, slots=True)
class Care:
    """One visit as the rules see it; costs in fen by cost class, after what is outside every catalogue.

    For a prescription filled outside, institution, level and kind are the prescriber's and the encounter is
    the one that prescribed. `encounter` is unique to the member. `place` and `standing` are flags (see
    `places.py`); `figures` are the published figures of the day in fen; `selected_level` is the level of
    the selected institution, for editions that read a referral's ratio from it. `level` is None where none is
    recorded on the day: unrated is a level of its own, 0.
    """

    on: date
    encounter: str
    institution: str
    level: int | None
    kind: str
    place: frozenset[str]
    standing: frozenset[str]
    person_class: str
    costs: Mapping[str, int]
    plan: str = ""
    birth: date | None = None
    selected_level: int | None = None
    figures: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Past:
    """What an earlier visit used, in fen; a reversal is the same row with every amount negative.

    `span` is the finest window the row can count in: an opening balance of the year ("year") says nothing
    about a month. `cost` is the in-policy cost that was adjudicated (0 for a refused visit), `fixed` the
    part of the fund that stands outside the caps.
    """

    on: date
    encounter: str = ""
    institution: str = ""
    place: frozenset[str] = frozenset({"local"})
    cost: int = 0
    fund: int = 0
    deductible: int = 0
    fixed: int = 0
    shares: Mapping[str, int] = field(default_factory=dict)
    span: str = "visit"

    def reversed(self) -> Past:
        """The row that gives back exactly what this one took (G-6)."""
        return Past(
            on=self.on,
            encounter=self.encounter,
            institution=self.institution,
            place=self.place,
            cost=-self.cost,
            fund=-self.fund,
            deductible=-self.deductible,
            fixed=-self.fixed,
            shares={fund: -amount for fund, amount in self.shares.items()},
            span=self.span,
        )


@dataclass(frozen=True, slots=True)
class Outcome:
    """What one visit is paid, in fen. fund + self_pay is the in-policy cost; out_of_policy comes on top.

    `cost` is what counts of the in-policy cost (0 if refused), `deductible` what the deductible took,
    `shares` the fund by paying fund, `fixed` the part paid as a fixed amount outside the caps, `binding` the
    id of the term that limited the fund. A fund of 0 always has a refusal that says why.
    """

    fund: int
    self_pay: int
    deductible: int
    out_of_policy: int
    cost: int
    charge: str
    refusal: Refusal | None
    shares: Mapping[str, int]
    fixed: int
    binding: str


def past_of(care: Care, outcome: Outcome) -> Past:
    """The row by which a settled visit counts in later ones."""
    return Past(
        on=care.on,
        encounter=care.encounter,
        institution=care.institution,
        place=care.place,
        cost=outcome.cost,
        fund=outcome.fund,
        deductible=outcome.deductible,
        fixed=outcome.fixed,
        shares=outcome.shares,
    )
