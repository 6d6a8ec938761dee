"""The visits of a worked case: a chain of events with reversals, and its replay."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import date
from typing import Any

from bureau.rules.benefits.fund import adjudicate, counters, refused, replay_chain
from bureau.rules.benefits.program import program_of
from bureau.rules.benefits.visit import Care, Outcome, Past, past_of
from bureau.rules.enrolment import in_hospital, insured_as
from bureau.rules.errors import NoEdition
from bureau.rules.format.edition import Edition
from bureau.rules.money import UNIT, fen, round_half_up, yuan
from bureau.rules.periods import Span

Facts = dict[str, Any]

# Where an event of a case took place, as the flags of places.py. A prescription whose visit is not told is the
# selected institution's.
PLACES: dict[str, frozenset[str]] = {
    name: frozenset(flags.split())
    for name, flags in {
        "selected": "local designated selected",
        "nonselected": "local designated",
        "designated": "local designated",
        "referral": "local designated referral",
        "pharmacy_rx": "local designated selected prescription",
        "pharmacy": "local designated pharmacy",
        "emergency": "local designated emergency",
        "nondesignated": "local",
        "nondesignated_emergency": "local emergency",
        "remote": "designated networked filed",
        "remote_filed": "designated networked filed",
        "remote_temporary": "designated networked filed temporary",
        "remote_unfiled": "designated networked",
        "remote_selected": "designated networked filed remote_selected",
        "remote_nonselected": "designated networked filed",
        "remote_emergency": "emergency",
        "remote_networked": "designated networked",
        "remote_by_hand_only": "designated networked by_hand_only",
        "remote_manual": "designated hand_claim",
        "remote_filed_manual": "designated filed hand_claim",
    }.items()
}
FEES = ("general_fee", "consultation_fee")
EVENT = {"n", "d", "inst", "lvl", "rel", "amt", "rx", "origin", "type", "encounter", "selected_lvl", "costs", *FEES}
MEMBER = {"status", "status_from", "plan", "plan_from", "inpatient", "arrears", "suspended", "birth", "mutual"}
OPENING = {"annual_paid", "month_paid", "remote_paid", "deductible_used", "other_fund_not_counted"}


@dataclass(slots=True)
class Settled:
    """One visit of the chain as it stands."""

    care: Care
    outcome: Outcome
    edition: Edition | None
    reversed: bool = False


def run_visits(edition_on: Callable[[date, str], Edition], facts: Facts) -> Facts:
    """Settle a case's events in order; lines, the year's use after the last event, and the replay."""
    member, params = facts.pop("member"), dict(facts.pop("params", None) or {})
    params.pop("hypothetical", None)
    _known(member, MEMBER, "member")
    events = facts.pop("events")
    past = _opening(facts.pop("opening", None) or {}, events[0]["d"])
    opening = list(past)
    unused = set(params)
    settled: dict[Any, Settled] = {}
    lines: list[Facts] = []
    last: Settled | None = None
    for event in events:
        if "reverse" in event:
            _known(event, {"reverse", "d"}, "reversal")
            last = settled[event["reverse"]]
            lines.append(_reversal(event["reverse"], last, past))
            continue
        if event["n"] in settled:
            raise ValueError(f"two events have the number {event['n']!r}; give each its own")
        care = _care(member, event, settled)
        try:
            edition = edition_on(care.on, "benefits")
            care = _with_params(edition, care, member, params, unused)
            visit = Settled(care, adjudicate(edition, care, counters(edition, care, past)), edition)
        except NoEdition as error:
            visit = Settled(care, refused(care, error.refusal), None)
        past.append(past_of(care, visit.outcome))
        last = settled[event["n"]] = visit
        lines.append({"n": event["n"], **_line(visit)})
    if unused and all(visit.edition is not None for visit in settled.values()):
        raise ValueError(f"no term of the edition uses the parameters {sorted(unused)}")
    survivors = {n: visit.care for n, visit in settled.items() if not visit.reversed}
    replayed = replay_chain(lambda on: edition_on(on, "benefits"), list(survivors.values()), opening)
    return {
        "lines": lines,
        "annual_paid": str(yuan(_annual(last, past))),
        "replay": {n: str(yuan(outcome.fund)) for n, outcome in zip(survivors, replayed, strict=True)},
    }


def _known(given: Mapping[str, Any], known: set[str], what: str) -> None:
    unknown = set(given) - known - {"note"}
    if unknown:
        raise ValueError(f"unknown facts of the {what}: {sorted(unknown)}")


def _opening(opening: Mapping[str, Any], on: date) -> list[Past]:
    """What was used before the first event, as opening rows of its year or month."""
    _known(opening, OPENING, "opening")
    given = {name: fen(amount) for name, amount in opening.items() if name != "note" and amount is not None}
    month, remote = given.get("month_paid", 0), given.get("remote_paid", 0)
    year, other = given.get("annual_paid", month + remote), given.get("other_fund_not_counted", 0)
    return [
        Past(on=on, fund=month, span="month"),
        Past(on=on, fund=remote, place=frozenset(), span="year"),
        Past(on=on, fund=year - month - remote, deductible=given.get("deductible_used", 0), span="year"),
        Past(on=on, fund=other, fixed=other, span="year"),
    ]


def _care(member: Mapping[str, Any], event: Mapping[str, Any], settled: Mapping[Any, Settled]) -> Care:
    """A visit as the rules see it; a prescription filled outside takes its prescriber's facts."""
    _known(event, EVENT, f"event {event.get('n')}")
    on = event["d"]
    person_class, plan = insured_as(_dated(member, "status", on), _dated(member, "plan", on))
    standing = {name for name in ("arrears", "suspended") if any(on in Span(*days) for days in member.get(name) or ())}
    if any(in_hospital(on, *stay) for stay in member.get("inpatient") or ()):
        standing.add("inpatient")
    if not person_class:
        standing.add("not_enrolled")
    fees = {name: fen(event[name]) for name in FEES if event.get(name) is not None}
    costs = {} if fees and "amt" not in event else {_cost_class(event): fen(event["amt"])}
    costs |= fees | {name: fen(amount) for name, amount in (event.get("costs") or {}).items()}
    care = Care(
        on=on,
        encounter=str(event.get("encounter") or event["n"]),
        institution=event.get("inst") or "",
        level=_level(event),
        kind=event.get("type") or "",
        place=PLACES[event["rel"]],
        standing=frozenset(standing),
        person_class=person_class,
        plan=plan,
        birth=member.get("birth"),
        selected_level=event.get("selected_lvl"),
        costs=costs,
    )
    if event.get("rx") is None:
        return care
    by = settled[event["rx"]].care
    return replace(
        care,
        encounter=by.encounter,
        institution=by.institution,
        level=by.level,
        kind=by.kind,
        place=by.place | {"prescription"},
    )


def _level(event: Mapping[str, Any]) -> int | None:
    """The level of an event's institution; with `rx` the prescriber's counts. Null: none is recorded on the day."""
    level = event["lvl"] if event.get("rx") is None else event.get("lvl")
    return None if level is None else int(level)


def _cost_class(event: Mapping[str, Any]) -> str:
    """What any other fund has left over is one class of cost, whichever fund it was (问14)."""
    origin = str(event.get("origin") or "ordinary")
    return "chronic_remainder" if origin.endswith("_remainder") else origin


def _dated(member: Mapping[str, Any], name: str, on: date) -> str:
    """A member's status or plan on a day, from a single value or a dated list."""
    rows = [row for row in member.get(f"{name}_from") or () if row["from"] <= on]
    if member.get(f"{name}_from"):
        return str(max(rows, key=lambda row: row["from"])[name]) if rows else ""
    return str(member.get(name) or "")


def _with_params(
    edition: Edition, care: Care, member: Mapping[str, Any], params: Mapping[str, Any], unused: set[str]
) -> Care:
    """The care with the case's parameters under the names that the edition gives its figures.

    An average wage gives the cap where the edition makes one of the other. `mutual` of a member says whether the
    second fund stands in; a case that tells what is left of it says so too.
    """
    program = program_of(edition, care)
    figures: dict[str, int] = {}
    standing = set(care.standing)

    def given(name: str, figure: str) -> bool:
        if not figure or params.get(name) is None:
            return False
        value = params[name]
        figures[figure] = fen(value[care.on.year] if isinstance(value, Mapping) else value)
        unused.discard(name)
        return True

    for term in program.terms:
        if term.code == "annual_cap" and term.limit.ratio is not None:
            given("avg_wage_y_minus_2", term.limit.figure)
        elif term.code == "annual_cap" and not given("annual_cap", term.limit.figure):
            figure = edition.figures.get(term.limit.figure)
            if figure is not None and figure.equal and given("avg_wage_y_minus_2", figure.of):
                figures[figure.code] = round_half_up(figures[figure.of] * figure.ratio, UNIT)
    for share in program.shares:
        enrolled = given(f"{share.role}_left", share.left)
        if share.standing and member.get(share.role, enrolled):
            standing.add(share.standing)
    for name, limit in program.fixed:
        given(name, limit.figure)
    return replace(care, figures=figures, standing=frozenset(standing))


def _reversal(number: Any, visit: Settled, past: list[Past]) -> Facts:
    """Give back exactly what the visit took (G-6); a second reversal takes nothing."""
    if visit.reversed:
        return {"reverse": number, "fund": "0.00", "self": "0.00", "why": "already_reversed"}
    visit.reversed = True
    past.append(past_of(visit.care, visit.outcome).reversed())
    outcome = visit.outcome
    return {
        "reverse": number,
        "fund": str(yuan(-outcome.fund)),
        "self": str(yuan(-outcome.self_pay)),
        "deductible": str(yuan(-outcome.deductible)),
    }


def _line(visit: Settled) -> Facts:
    outcome = visit.outcome
    line: Facts = {
        "fund": str(yuan(outcome.fund)),
        "self": str(yuan(outcome.self_pay)),
        "deductible": str(yuan(outcome.deductible)),
        "out_of_policy": str(yuan(outcome.out_of_policy)),
        "charge": outcome.charge or None,
        "why": outcome.refusal.code if outcome.refusal else None,
    }
    if visit.edition is not None:
        for share in program_of(visit.edition, visit.care).shares:
            if share.role:
                line[f"from_{share.role}"] = str(yuan(outcome.shares.get(share.fund, 0)))
    return line


def _annual(last: Settled | None, past: list[Past]) -> int:
    """What has been used of the yearly cap, as the last event's visit meets it."""
    if last is None or last.edition is None:
        return 0
    used = counters(last.edition, last.care, past)
    return next((used[term.id] for term in program_of(last.edition, last.care).terms if term.code == "annual_cap"), 0)
