"""The terms of an edition compiled for one kind of visit, and kept: what the walk of benefits.py reads.

A program depends on the days between two changes of the edition, the level and kind of the institution,
the place, and the person's class, plan and (where a row asks) age; never on the member or the money.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

from bureau.rules.benefits.places import NO_PRESCRIPTION, holds, rule_for
from bureau.rules.benefits.visit import Care
from bureau.rules.enrolment import ALWAYS, group_of
from bureau.rules.errors import Refusal
from bureau.rules.format.edition import Edition
from bureau.rules.format.schema import Tree
from bureau.rules.money import UNIT, fen, millionths, round_half_up
from bureau.rules.periods import age_on

DEDUCTIBLE, COST_CAP, RATIO, CAP = 0, 1, 2, 3
CODES = {
    "visit": "visit_cap",
    "institution_day": "day_cap",
    "day": "day_cap",
    "month": "month_cap",
    "quarter": "quarter_cap",
    "year": "annual_cap",
    "period": "annual_cap",
}
UNRATED = 0
OVER_YEAR_END = timedelta(days=31)


@dataclass(frozen=True, slots=True)
class Limit:
    """A limit in fen: a number, a published figure, or a ratio of one."""

    article: str
    amount: int | None = None
    figure: str = ""
    ratio: int | None = None

    def value(self, figures: Mapping[str, int]) -> int | None:
        """The limit in fen; None where the figure is not known."""
        if self.amount is not None:
            return self.amount
        value = figures.get(self.figure)
        if value is None or self.ratio is None:
            return value
        return round_half_up(value * self.ratio, UNIT)


@dataclass(frozen=True, slots=True)
class Term:
    id: str
    kind: int
    article: str
    window: str
    code: str
    limit: Limit
    ceiling: Limit | None = None
    ratio: int = 0  # where no row asks for a cost class
    ratios: Mapping[str, int] = field(default_factory=dict)
    bands: tuple[tuple[int, int | None, int], ...] = ()


@dataclass(frozen=True, slots=True)
class Counter:
    """What to sum over earlier visits: `what` in the window, of visits with and without some flags."""

    key: str
    window: str
    what: str
    needs: frozenset[str] = frozenset()
    bars: frozenset[str] = frozenset()
    periods: tuple[tuple[date, date], ...] = ()


@dataclass(frozen=True, slots=True)
class Share:
    """A fund that pays: up to the figure `left`, only for members of some standing."""

    id: str
    fund: str
    article: str
    role: str
    left: str
    optional: bool
    standing: str


@dataclass(frozen=True, slots=True)
class Program:
    article: str
    refusal: Refusal | None
    charge: str
    place_article: str
    entitlement: tuple[tuple[str, Refusal], ...]
    costs: tuple[str, ...]
    prices: Mapping[str, tuple[int | None, str]]
    fixed: tuple[tuple[str, Limit], ...]
    terms: tuple[Term, ...]
    counters: tuple[Counter, ...]
    shares: tuple[Share, ...]


def program_of(edition: Edition, care: Care) -> Program:
    """The program of a visit, compiled on first use."""
    cache = edition.cache(care.on)
    asks_age = cache.get("asks age")
    if asks_age is None:
        asks_age = cache["asks age"] = _asks_age(edition.at(care.on)["benefits"])
    age = age_on(care.birth, care.on) if asks_age and care.birth is not None else None
    key = (care.level, care.person_class, care.plan, care.kind, care.place, age, care.selected_level)
    program: Program | None = cache.get(key)
    if program is None:
        program = cache[key] = _compile(edition, care, age)
    return program


def days_counted(edition: Edition | None, on: date) -> tuple[date, date]:
    """The first and the last day of care that may count with a visit of a day: its year and the periods around it.

    A month more on both sides, for an encounter whose prescription is filled after the end of the year.
    """
    first, last = date(on.year, 1, 1) - OVER_YEAR_END, date(on.year, 12, 31) + OVER_YEAR_END
    if edition is None:
        return first, last
    cache = edition.cache(on)
    around = cache.get("periods")
    if around is None:
        terms = edition.at(on)["benefits"]["terms"]
        periods = [row for raw in terms if raw.get("window") == "period" for row in raw["periods"]]
        around = cache["periods"] = [(row["from"], row["to"]) for row in periods if row["from"] <= on <= row["to"]]
    opens = [date(start.year, 1, 1) for start, _end in around]  # what was opened for a whole year
    return min([first, *opens]), max([last, *(end for _start, end in around)])


def _asks_age(node: Any) -> bool:
    if isinstance(node, dict):
        return "age_from" in node or "age_below" in node or any(_asks_age(value) for value in node.values())
    return isinstance(node, list) and any(_asks_age(item) for item in node)


def figure_codes(node: Any) -> set[str]:
    """The codes of all figures that a part of the rulebook names."""
    if isinstance(node, dict):
        named = {node[key] for key in ("figure", "of", "left") if isinstance(node.get(key), str)}
        return named.union(*(figure_codes(value) for value in node.values()))
    return set().union(*(figure_codes(item) for item in node)) if isinstance(node, list) else set()


def _compile(edition: Edition, care: Care, age: int | None) -> Program:
    tree = edition.at(care.on)
    benefits = tree["benefits"]
    place = rule_for(tree["places"], care.place)
    refusal, charge, level = None, "", care.level
    barred = next((code for flag, code in NO_PRESCRIPTION.items() if flag in care.place), None)
    if barred is not None:
        refusal = Refusal(barred, tree["prescription"]["article"] if barred == "prescription_outdated" else "")
    elif place is None:
        refusal = Refusal("place_not_covered", benefits["article"])
    elif "refuse" in place:
        refusal = Refusal(place["refuse"], place["article"])
    else:
        charge = place["charge"]
        if place.get("level") == "selected":
            if care.selected_level is None:
                refusal = Refusal("fact_missing", place["article"], {"fact": "selected_level"})
            else:
                level = care.selected_level
        elif level is None and place.get("without_level") == "unrated":
            level = UNRATED
    profile = {
        "level": level,
        "person": group_of(tree["persons"], care.person_class, care.plan),
        "plan": care.plan,
        "kind": care.kind,
        "place": care.place,
        "age": age,
    }
    costs = tuple(_listed(benefits["costs"]))
    terms: list[Term] = []
    counted: list[Counter] = []
    after_deductible = False
    for raw in benefits["terms"]:
        if holds(_listed(raw.get("when", [])), care.place) and _counted_on(raw, care.on):
            if _needs_level(raw.get("rows", []), profile, costs):
                refusal = refusal or Refusal("level_missing", raw["article"])
                continue
            term = _term(raw, profile, costs)
            if term is None:
                refusal = refusal or Refusal("class_not_covered", raw["article"])
                continue
            terms.append(term)
            counted.extend(_counters(raw, term, after_deductible))
            after_deductible = after_deductible or term.kind == DEDUCTIBLE
    prices: dict[str, tuple[int | None, str]] = {}
    for raw in benefits.get("prices", []):
        if _needs_level(raw["rows"], profile, costs):
            refusal = refusal or Refusal("level_missing", raw["article"])
        fitting = [row for row in raw["rows"] if _fits(row, profile)]
        if fitting:
            amount = fitting[0].get("amount")
            prices[raw["cost"]] = (None if amount is None else fen(amount), raw["article"])
            if amount is None:
                refusal = refusal or Refusal("figure_missing", raw["article"], {"figure": raw["cost"]})
    figures = edition.figures
    shares = tuple(
        Share(
            id=f"share {raw['fund']}",
            fund=raw["fund"],
            article=raw["article"],
            role=raw.get("role", ""),
            left=raw.get("left", ""),
            optional="left" in raw and figures[raw["left"]].optional,
            standing=raw.get("standing", ""),
        )
        for raw in _shares_at(place, benefits["shares"])
    )
    counted.extend(Counter(share.id, "year", share.fund) for share in shares if share.left)
    listed = [(raw["standing"], Refusal(raw["refuse"], raw["article"])) for raw in tree["entitlement"]]
    named = {standing for standing, _refusal in listed}
    always = [(code, Refusal(code, benefits["article"])) for code in ALWAYS if code not in named]
    return Program(
        article=benefits["article"],
        refusal=refusal,
        charge="" if refusal else charge,
        place_article=place["article"] if place else "",
        entitlement=tuple(always + listed),
        costs=costs + tuple(raw["cost"] for raw in benefits.get("fixed", [])),
        prices=prices,
        fixed=tuple((raw["cost"], limit_of(raw.get("amount"), raw)) for raw in benefits.get("fixed", [])),
        terms=tuple(terms),
        counters=tuple(counted),
        shares=shares,
    )


def _shares_at(place: Tree | None, shares: list[Tree]) -> list[Tree]:
    """Who pays: the fund that the place names stands in for the first one, without that one's own limit."""
    if place is None or place.get("fund", shares[0]["fund"]) == shares[0]["fund"]:
        return shares
    first = {key: value for key, value in shares[0].items() if key != "left"}
    return [first | {"fund": place["fund"], "article": place["article"]}, *shares[1:]]


def _counted_on(raw: Tree, on: date) -> bool:
    """Outside the periods of its window a term says nothing."""
    return raw.get("window") != "period" or any(row["from"] <= on <= row["to"] for row in raw["periods"])


def _term(raw: Tree, profile: Mapping[str, Any], costs: tuple[str, ...]) -> Term | None:
    """One term for a profile; None where no row of its table fits, or one fits that has no value on the day."""
    window = raw.get("window", "")
    plain = {key: raw[key] for key in ("amount", "ratio") if key in raw}
    rows = [row for row in raw.get("rows", [plain]) if _fits(row, profile)]
    if raw["kind"] == "ratio":
        if "bands" in raw:
            if any("over" not in band or "ratio" not in band for band in raw["bands"]):
                return None
            edges = [fen(band["over"]) for band in raw["bands"]]
            ratios = [millionths(band["ratio"]) for band in raw["bands"]]
            bands = tuple(zip(edges, [*edges[1:], None], ratios, strict=True))
            return Term(raw["id"], RATIO, raw["article"], window, "", Limit(raw["article"]), bands=bands)
        by_cost: dict[str, int] = {}
        for row in reversed(rows):
            ratio = millionths(row["ratio"]) if "ratio" in row else -1
            by_cost |= dict.fromkeys(_listed(row.get("cost", list(costs))), ratio)
        if not by_cost or min(by_cost.values()) < 0:
            return None
        ratio = next((millionths(row["ratio"]) for row in rows if "cost" not in row and "ratio" in row), 0)
        return Term(raw["id"], RATIO, raw["article"], window, "", Limit(raw["article"]), ratio=ratio, ratios=by_cost)
    if not rows:
        return None
    kind = DEDUCTIBLE if raw["kind"] == "deductible" else COST_CAP if raw["base"] == "cost" else CAP
    ceiling = raw.get("ceiling")
    return Term(
        id=raw["id"],
        kind=kind,
        article=raw["article"],
        window=window,
        code=raw.get("code", "below_deductible" if kind == DEDUCTIBLE else CODES[window]),
        limit=limit_of(rows[0].get("amount"), raw),
        ceiling=limit_of(ceiling.get("amount"), raw) if ceiling else None,
    )


def _counters(raw: Tree, term: Term, after_deductible: bool) -> Iterable[Counter]:
    flags = _listed(raw.get("counts", []))
    needs = frozenset(flag for flag in flags if not flag.startswith("!"))
    bars = frozenset(flag[1:] for flag in flags if flag.startswith("!"))
    periods = tuple((row["from"], row["to"]) for row in raw.get("periods", []))
    what = {DEDUCTIBLE: "deductible", CAP: "fund", RATIO: "net"}.get(term.kind)
    what = what or ("net" if after_deductible else "cost")
    if term.kind != RATIO or term.bands:
        yield Counter(term.id, term.window or "year", what, needs, bars, periods)
    if term.ceiling is not None:
        yield Counter(f"{term.id} ceiling", raw["ceiling"]["window"], what, needs, bars)


def limit_of(value: Any, raw: Tree) -> Limit:
    """A limit as the file writes it; a value that is absent on the day is a figure nobody can publish."""
    if isinstance(value, dict):
        ratio = millionths(value["ratio"]) if "ratio" in value else None
        return Limit(raw["article"], figure=value.get("figure") or value["of"], ratio=ratio)
    if value is None:
        return Limit(raw["article"], figure=str(raw.get("id", raw["article"])))
    return Limit(raw["article"], amount=fen(Decimal(value)))


def _needs_level(rows: Iterable[Tree], profile: Mapping[str, Any], costs: tuple[str, ...]) -> bool:
    """Whether a table cannot be decided because the institution has no level: a row that asks for one comes first."""
    if profile["level"] is not None:
        return False
    decided: set[str] = set()
    for row in rows:
        if _fits({key: value for key, value in row.items() if key != "level"}, profile):
            named = set(_listed(row.get("cost", list(costs))))
            if "level" in row and not named <= decided:
                return True
            decided |= named if "level" not in row else set()
    return False


def _fits(row: Tree, profile: Mapping[str, Any]) -> bool:
    """Whether a row's conditions hold for a profile."""
    for name in ("level", "person", "plan", "kind"):
        if name in row and profile[name] not in _listed(row[name]):
            return False
    age = profile["age"]
    if "age_from" in row and (age is None or age < row["age_from"]):
        return False
    if "age_below" in row and (age is None or age >= row["age_below"]):
        return False
    return "place" not in row or holds(_listed(row["place"]), profile["place"])


def _listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]
