"""How institutions are paid: named methods with the edition's parameters, behind one door, `compute`.

Facts and results are plain JSON: fen as int, counts as int, scores as text, months as "YYYY-MM".
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import date
from typing import Any

from bureau.rules.benefits.trace import Step
from bureau.rules.errors import NoEdition, Refused, _
from bureau.rules.format.edition import Edition, Rulebook
from bureau.rules.format.schema import Tree
from bureau.rules.money import fen, round_half_up, yuan
from bureau.rules.payment import capitation, fee_for_service, pool_share, prepaid_capitation
from bureau.rules.periods import ONE_DAY, Span, month_end

ENGINE = 1
KINDS = ("quota", "advance", "month_settlement", "retention_release", "year_end", "fund_budget")

Facts = Mapping[str, Any]
Compute = Callable[[Tree, Facts, "list[Step] | None"], dict[str, Any]]

METHODS: dict[str, Mapping[str, Compute]] = {
    "capitation": capitation.KINDS,
    "prepaid_capitation": prepaid_capitation.KINDS,
    "pool_share": pool_share.KINDS,
    "fee_for_service": fee_for_service.KINDS,
}


def compute(edition: Edition, on: date, kind: str, facts: Facts, steps: list[Step] | None = None) -> dict[str, Any]:
    """One payment under the method in force on a day.

    Raises NoEdition outside the days in force, and Refused where the method has no such computation or a
    fact is missing: a figure that is not published, say. Any other missing key is a fault of the code and stays one.
    """
    tree = edition.part("provider", on)
    method = METHODS[tree["method"]].get(kind)
    if method is None:
        raise Refused("not_in_method", tree["article"])
    return method(tree, _Told(facts, tree["article"]), steps)


class _Told(dict[str, Any]):
    """The facts of one computation: one that is asked for and was not told is refused by its name."""

    def __init__(self, facts: Facts, article: str) -> None:
        super().__init__(facts)
        self.article = article

    def __missing__(self, fact: str) -> Any:
        raise Refused("fact_missing", self.article, fact=fact)


def kinds(edition: Edition, on: date) -> list[str]:
    """What the method in force on a day can compute."""
    return list(METHODS[edition.part("provider", on)["method"]])


def method(edition: Edition, on: date) -> str:
    """The name of the method in force on a day."""
    return str(edition.part("provider", on)["method"])


def retention_label(edition: Edition, on: date) -> str:
    """What the city calls the money it keeps back until the assessment; "" where it keeps none."""
    return str(edition.part("provider", on).get("retention", {}).get("label", ""))


def quota_per_head(edition: Edition, on: date) -> int:
    """The quota of one head for a year, in fen; 0 where the method has none."""
    return fen(edition.part("provider", on).get("quota", 0))


def year_quota(
    rulebook: Rulebook,
    *,
    area: str,
    scheme: str,
    person_months: Mapping[str, int],
    steps: list[Step] | None = None,
) -> int:
    """A year's quota in fen from person-months by month, each at the rate of its own day; rounded once, and carried on
    as it is printed (G-20).

    Raises NoEdition for a month that no loaded edition covers: a year of two documents is not cleared
    without the older one (HY-14).
    """
    by_rate: dict[tuple[str, str, int], int] = {}
    for month, number in sorted(person_months.items()):
        on = month_end(month)  # a month belongs to the document in force at its end
        edition = rulebook.on(area, scheme, on, "provider")
        article = str(edition.part("provider", on).get("quota_article", ""))
        key = (edition.document, article, quota_per_head(edition, on))
        by_rate[key] = by_rate.get(key, 0) + number
    quota = round_half_up(sum(rate * number for (*_by, rate), number in by_rate.items()), 12)
    if steps is not None:
        # Of several documents each has its part, which is no amount of its own: the parts are rounded together.
        alone = quota if len(by_rate) == 1 else None
        for (document, article, rate), number in by_rate.items():
            template = _("{months} person-months at {rate} a year under {document}")
            params = {"months": str(number), "rate": rate, "document": document}
            steps.append(Step("quota", article, template, params, alone))
        if alone is None and by_rate:
            parts = " + ".join(f"{number} × {yuan(rate)}" for (*_by, rate), number in by_rate.items())
            steps.append(Step("quota", article, _("A twelfth of {parts}"), {"parts": parts}, quota))
    return quota


def settlement_spans(rulebook: Rulebook, *, area: str, scheme: str, year: int) -> list[Span]:
    """The spans of a year that are settled at its end: the whole year, or one for each document (HY-14b).

    Raises NoEdition where some day of the year has no edition, under either reading.
    """
    last = date(year, 12, 31)
    edition = rulebook.on(area, scheme, last, "provider")
    starts = [date(year, 1, 1)]
    while True:
        current = rulebook.on(area, scheme, starts[-1], "provider")
        if current is edition:
            break
        following = [other.starts_on for other in rulebook.editions if _follows(other, area, scheme, starts[-1])]
        if not following:
            raise NoEdition(starts[-1], current.document)
        starts.append(min(following))
    if len(starts) == 1 or edition.part("provider", last).get("mixed_year") != "split":
        return [Span(starts[0], last)]
    ends = [start - ONE_DAY for start in starts[1:]]
    return [Span(start, end) for start, end in zip(starts, [*ends, last], strict=True)]


def _follows(edition: Edition, area: str, scheme: str, day: date) -> bool:
    return edition.area == area and edition.scheme == scheme and edition.starts_on > day


def receipt(edition: Edition, on: date, kind: str, facts: Facts) -> dict[str, Any]:
    """What a payment needs to be computed again, as plain JSON."""
    return {
        "engine": ENGINE,
        "edition": edition.content_hash,
        "on": on.isoformat(),
        "kind": kind,
        "facts": dict(facts),
    }


def replay(edition: Edition, receipt: Mapping[str, Any], steps: list[Step] | None = None) -> dict[str, Any]:
    """Compute a stored payment again. Raises ValueError for another edition's or engine's receipt."""
    if receipt["edition"] != edition.content_hash or receipt["engine"] != ENGINE:
        raise ValueError("the receipt was made by another edition or another engine version")
    return compute(edition, date.fromisoformat(receipt["on"]), receipt["kind"], receipt["facts"], steps)
