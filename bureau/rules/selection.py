"""Choosing an institution: when, how many, with what reason, and which months its quota counts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date

from bureau.rules.errors import Refusal
from bureau.rules.format.edition import Edition
from bureau.rules.format.schema import Tree
from bureau.rules.money import round_half_up
from bureau.rules.periods import ONE_DAY, Span, count_months, last_day, next_month_start


@dataclass(frozen=True, slots=True)
class Choice:
    """An institution asked for: its kind, and the centre that a station belongs to."""

    institution: str
    kind: str = ""
    parent: str | None = None


@dataclass(frozen=True, slots=True)
class Request:
    """A first choice or a change for a year. `existing` holds what is selected for that year already;
    `existing_from` the first day whose months the replaced institution counts (1 January if None)."""

    change: bool
    on: date
    year: int
    choices: Sequence[Choice]
    existing: Sequence[Choice] = ()
    existing_from: date | None = None
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Decision:
    """What a request leads to. `counts` holds the first day of each capitation institution's months (None:
    no month of the year), `ends` the last day of those replaced; `months` and `budget` (fen) the year's
    capitation by institution, for those whose role carries it."""

    accepted: bool
    refusal: Refusal | None
    article: str
    benefit_from: date | None = None
    counts: dict[str, Span | None] = field(default_factory=dict)
    months: dict[str, int] = field(default_factory=dict)
    budget: dict[str, int] = field(default_factory=dict)


def window(edition: Edition, year: int) -> Span | None:
    """The days in which members choose for a year; None where the edition sets none (any day before it)."""
    tree = edition.at(date(year - 1, 12, 31)).get("selection", {})
    if "window" not in tree:
        return None
    return Span(_month_day(tree["window"]["from"], year - 1), _month_day(tree["window"]["to"], year - 1))


def decide(edition: Edition, request: Request) -> Decision:
    """Accept or refuse a request and say from when care and money move. Raises NoEdition."""
    if not edition.has("selection"):
        return Decision(False, Refusal("no_selection_rule"), "")
    tree = edition.part("selection", request.on)
    article = tree["article"]
    route = _route(edition, tree, request)
    code = _roles_refusal(tree, request) or _request_refusal(tree, request, route)
    if code:
        return Decision(False, Refusal(code, article), article)
    replaced = _replaced(tree, request)
    benefit_from = max(request.on, date(request.year, 1, 1))
    if request.change and route == "in_year" and tree.get("care_after_change") == "next_month":
        benefit_from = next_month_start(request.on)
    counts: dict[str, Span | None] = {}
    for choice in replaced:
        starts_on = request.existing_from or date(request.year, 1, 1)
        ends_on = counted_until(edition, event="change", on=request.on) if route == "in_year" else None
        counts[choice.institution] = _span(starts_on, ends_on or starts_on - ONE_DAY, request.year)
    starts_on = counted_from(edition, route="change" if request.change else route, on=request.on, year=request.year)
    for choice in request.choices:
        if _role(tree, choice).get("capitation", True):
            counts[choice.institution] = _span(starts_on, date(request.year, 12, 31), request.year)
    months = {
        name: count_months(span.starts_on, span.ends_on or date(request.year, 12, 31)) if span else 0
        for name, span in counts.items()
    }
    budget = {name: _budget(edition, request.on, number) for name, number in months.items()}
    return Decision(True, None, article, benefit_from, counts, months, budget)


def role_of(edition: Edition, on: date, choice: Choice) -> str:
    """The role that an institution would take; "" if none takes its kind."""
    return str(_role(edition.part("selection", on), choice).get("role", ""))


def counted_from(edition: Edition, *, route: str, on: date, year: int) -> date:
    """The first day whose months a new selection counts: `route` is window, in_year or change."""
    first = date(year, 1, 1)
    if on < first:
        return first
    if route == "in_year":
        reading = edition.at(on)["selection"].get("first_in_year", "next_month")
        if reading == "full_year":
            return first
        if reading == "this_month":
            return on.replace(day=1)
    return next_month_start(on)


def counted_until(edition: Edition, *, event: str, on: date) -> date:
    """The last day whose months a selection counts that ends by a change, a death or an exit (HY-16)."""
    if event != "change" and edition.at(on)["selection"].get("after_exit") == "before_month":
        return on.replace(day=1) - ONE_DAY
    return last_day(on.year, on.month)


def use_counts_for_new(edition: Edition, on: date) -> bool:
    """Whether care between a change and the end of that month uses the new institution's quota (HY-21)."""
    return bool(edition.part("selection", on).get("use_after_change", "new") == "new")


def renews(edition: Edition, on: date) -> bool:
    """Whether last year's choice runs on for members who made none (HY-10)."""
    return bool(edition.part("selection", on).get("renewal") == "automatic")


def heads_counted(edition: Edition, on: date) -> dict[str, bool]:
    """Whether heads count while filed as out of the area (HY-6) and while suspended (HY-22)."""
    tree = edition.part("selection", on)
    return {
        "filed_remote": bool(tree.get("counts_filed_remote", True)),
        "suspended": bool(tree.get("counts_suspended", True)),
    }


def _month_day(text: str, year: int) -> date:
    month, day = (int(part) for part in text.split("-"))
    return min(date(year, month, min(day, 28)) + (day - min(day, 28)) * ONE_DAY, last_day(year, month))


def _route(edition: Edition, tree: Tree, request: Request) -> str:
    """By the window for the coming year, inside the year, or neither ("")."""
    if request.on.year == request.year:
        return "in_year"
    span = window(edition, request.year)
    if request.on.year == request.year - 1 and (span is None or request.on in span):
        return "window"
    return ""


def _role(tree: Tree, choice: Choice) -> Tree:
    """The first role that takes an institution of this kind; empty if none does."""
    for role in tree["roles"]:
        kinds = role.get("kinds")
        if kinds is None or choice.kind in (kinds if isinstance(kinds, list) else [kinds]):
            return dict(role)
    return {}


def _roles_refusal(tree: Tree, request: Request) -> str:
    """Whether the institutions fit the roles: how many, of which kind, a station under its centre."""
    if not request.choices:
        return "none_chosen"
    filled: dict[str, list[Choice]] = {}
    for choice in request.choices:
        role = _role(tree, choice)
        if not role:
            return "type_not_allowed"
        filled.setdefault(role["role"], []).append(choice)
        if len(filled[role["role"]]) > role["count"]:
            return "too_many"
    chosen = {choice.institution for choice in request.choices}
    kept = {choice.institution for choice in request.existing} if request.change else set()
    for choice in request.choices:
        if not _role(tree, choice).get("capitation", True) and choice.parent is not None:
            centres = {c for c in chosen | kept if c != choice.institution}
            if centres and choice.parent not in centres:
                return "station_outside"
    return ""


def _request_refusal(tree: Tree, request: Request, route: str) -> str:
    if not route:
        return "outside_window"
    if not request.change:
        return "already_selected" if route == "in_year" and request.existing else ""
    if not request.existing:
        return "nothing_selected"
    if {c.institution for c in request.choices} <= {c.institution for c in request.existing}:
        return "same_institution"
    if tree.get("reason_required", True) and not request.reason.strip():
        return "no_reason"
    return ""


def _replaced(tree: Tree, request: Request) -> list[Choice]:
    """The selected institutions whose role a change gives to another, where the role carries capitation."""
    if not request.change:
        return []
    roles = {_role(tree, choice)["role"] for choice in request.choices}
    chosen = {choice.institution for choice in request.choices}
    replaced = []
    for choice in request.existing:
        role = _role(tree, choice) if choice.kind else tree["roles"][0]
        if role and role["role"] in roles and role.get("capitation", True) and choice.institution not in chosen:
            replaced.append(choice)
    return replaced


def _span(starts_on: date, ends_on: date, year: int) -> Span | None:
    ends_on = min(ends_on, date(year, 12, 31))
    return Span(starts_on, ends_on) if starts_on <= ends_on else None


def _budget(edition: Edition, on: date, months: int) -> int:
    """The quota of a number of months of one head; 0 where the payment method has no quota."""
    from bureau.rules.payment import quota_per_head

    return round_half_up(quota_per_head(edition, on) * months, 12)
