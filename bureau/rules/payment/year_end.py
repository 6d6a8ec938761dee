"""The year-end settlement of a quota, shared by the methods that pay one (bands, surplus, overrun)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction
from typing import Any

from bureau.rules.benefits.trace import Step
from bureau.rules.errors import _
from bureau.rules.format.schema import Tree
from bureau.rules.money import UNIT, fen, millionths, percent, round_half_up


@dataclass(frozen=True, slots=True)
class YearEnd:
    """A year's quota and use settled, in fen: award out of the surplus, total, and what the rest becomes."""

    award: int
    total: int
    kept: int
    borne: int


def settle_year(rule: Tree, *, quota: int, use: int, steps: list[Step] | None) -> YearEnd:
    """Over the quota: the quota, the rest is the institution's. Else the use and the band's share of what is left.

    Bands are tested exactly, `use ≥ at_least × quota`, never on a displayed percentage (HY-13) unless the
    edition's reading says so.
    """
    if use > quota:
        if steps is not None:
            over = {"use": use, "quota": quota, "over": use - quota}
            template = _("Use {use} exceeds the quota {quota}; {over} is the institution's own")
            article = str(rule.get("over_article", rule["article"]))
            steps.append(Step("over_quota", article, template, over, quota))
        return YearEnd(0, quota, 0, use - quota)
    band = next(band for band in rule["bands"] if _reaches(rule, use, quota, millionths(band["at_least"])))
    ratio = millionths(band["award"])
    award = round_half_up((quota - use) * ratio, UNIT)
    if steps is not None:
        article = band.get("article", rule["article"])
        edge, usage = percent(millionths(band["at_least"])), shown_usage(use, quota)
        template = _("Use {use} of quota {quota} is {usage}, at least {edge}")
        params: dict[str, object] = {"use": use, "quota": quota, "edge": edge, "usage": usage}
        steps.append(Step("band", article, template, params, use))
        params = {"ratio": percent(ratio), "surplus": quota - use}
        steps.append(Step("award", article, _("{ratio} of the surplus {surplus} is awarded"), params, award))
    return YearEnd(award, use + award, quota - use - award, 0)


def shown_usage(use: int, quota: int) -> str:
    """Use in percent of the quota, cut (not rounded) after six decimals so that it never shows a false edge."""
    return percent(use * UNIT // quota) if quota else "-"


def _reaches(rule: Tree, use: int, quota: int, edge: int) -> bool:
    if rule.get("usage_test", "exact") == "displayed" and quota:
        return round_half_up(use * 10_000, quota) * (UNIT // 10_000) >= edge
    return use * UNIT >= edge * quota


def others_paid(rule: Tree, facts: Mapping[str, Any]) -> int:
    """What others were paid on this quota. Where the institution pays them itself (a switch of the city): only what
    the fund paid to members who claimed by hand."""
    if rule.get("others_paid_by", "fund") == "institution":
        return int(facts.get("paid_to_members", 0))
    return int(facts.get("paid_to_others", 0))


def quota_of(tree: Tree, facts: Mapping[str, Any], steps: list[Step] | None) -> dict[str, Any]:
    """A year's quota from person-months, rounded once (HY-12, SG-6). Facts: person_months."""
    rate, months = fen(tree["quota"]), int(facts["person_months"])
    quota = round_half_up(rate * months, 12)
    if steps is not None:
        params = {"months": str(months), "rate": rate}
        template = _("{months} person-months at {rate} a year")
        steps.append(Step("quota", tree["quota_article"], template, params, quota))
    return {"quota": quota}


def release(rule: Tree, retained: int, score: object) -> int:
    """What an assessment releases of a retention: by score bands, or in proportion to the score of 100."""
    value = Fraction(Decimal(str(score)))
    if not 0 <= value <= 100:
        raise ValueError(f"the score {score} is not between 0 and 100")
    for band in rule.get("scores", []):
        if value >= band["at_least"]:
            return round_half_up(retained * millionths(band["ratio"]), UNIT)
    exact = value / 100 * retained
    return round_half_up(exact.numerator, exact.denominator)
