"""Runs a worked case against a rulebook. It maps facts and compares; it computes no rule of its own."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from datetime import date
from typing import Any

from bureau.rules import enrolment, selection
from bureau.rules import payment as provider
from bureau.rules.accounts import use as account_use
from bureau.rules.accounts.credits import monthly_credit
from bureau.rules.benefits import fund as benefits
from bureau.rules.benefits.program import program_of
from bureau.rules.benefits.visit import Care
from bureau.rules.cases.visits import run_visits
from bureau.rules.errors import NoEdition, Refused
from bureau.rules.format.edition import Edition, Rulebook
from bureau.rules.money import fen, whole_yuan, yuan
from bureau.rules.periods import month_start, months_between

Facts = dict[str, Any]
DAY = re.compile(r"\d{4}-\d{2}-\d{2}")


class CaseError(ValueError):
    """A case that cannot be run: an unknown kind, fact or value."""


class City:
    """The editions of a case's city."""

    def __init__(self, rulebook: Rulebook, city: str) -> None:
        self.editions = rulebook.of_city(city)
        if not self.editions:
            raise CaseError(f"no rulebook for the city {city!r}")

    def on(self, day: date, part: str = "") -> Edition:
        """The city's edition of a day; raises NoEdition."""
        for edition in self.editions:
            if edition.in_force(day, part):
                return edition
        raise NoEdition(day, self.editions[0].city)

    def undated(self, facts: Facts) -> tuple[Edition, date]:
        """For facts without a day: the first day of the latest edition; with `date` or `year`, that day's."""
        if "date" in facts:
            day = facts.pop("date")
            return self.on(day), day
        if "year" in facts:
            day = date(int(facts.pop("year")), 12, 31)
            return self.on(day), day
        return self.editions[0], self.editions[0].starts_on


def run_case(case: Mapping[str, Any], rulebook: Rulebook) -> list[str]:
    """The differences between what a case expects and what the rules give; empty if it passes.

    An unknown kind, fact or expected key is a difference, never ignored; notes are. A case may name `switches` that
    are read otherwise than chosen.
    """
    try:
        expected = _plain(case["expected"])
        if not isinstance(expected, Mapping) or not set(expected) - {"note"}:
            raise CaseError("nothing is expected; a case that shows nothing proves nothing")
        run = KINDS.get(case["kind"])
        if run is None:
            raise CaseError(f"unknown kind {case['kind']!r}")
        facts = {key: value for key, value in _plain(case["facts"]).items() if key not in ("note", "hypothetical")}
        city = City(rulebook, case["city"])
        if case.get("switches"):
            city = City(Rulebook(city.editions).with_switches(**case["switches"]), case["city"])
        actual = run(city, facts)
        if facts:
            raise CaseError(f"unknown facts {sorted(facts)}")
    except Refused as error:
        actual = _nothing(case["kind"]) | {"why": error.refusal.code}
    except (ValueError, LookupError, TypeError, AttributeError, ArithmeticError) as error:
        return [f"cannot be run: {type(error).__name__}: {error}"]
    found = compare(expected, actual)
    if found and any(line.get("why") == "no_edition" for line in actual.get("lines", ())):
        found.append("no edition is in force on some of the days; correct them")
    return found


def _plain(value: Any) -> Any:
    """A case's values with days written in quotes read as days."""
    if isinstance(value, Mapping):
        return {key: _plain(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_plain(item) for item in value]
    return date.fromisoformat(value) if isinstance(value, str) and DAY.fullmatch(value) else value


def _nothing(kind: str) -> Facts:
    """What a refusal answers beside its reason."""
    if kind == "selection":
        return {"accepted": False}
    return {"covered": False, "fund": "0.00"} if kind == "newborn" else {}


def compare(expected: Any, actual: Any, path: str = "") -> list[str]:
    """Every expected value against the actual one, key by key; amounts as yuan."""
    if isinstance(expected, Mapping):
        if not isinstance(actual, Mapping):
            return [f"{path or 'expected'}: expected a table, got {actual!r}"]
        found: list[str] = []
        named = {str(key): key for key in actual}  # a visit's number may be written in quotes
        for key, value in expected.items():
            here = f"{path}.{key}" if path else str(key)
            if key == "note":
                continue
            if key not in actual and str(key) not in named:
                found.append(f"{here}: expected {value!r}, got nothing (has {sorted(named)})")
            else:
                found.extend(compare(value, actual[key if key in actual else named[str(key)]], here))
        return found
    if isinstance(expected, list):
        if not isinstance(actual, list) or len(actual) != len(expected):
            return [f"{path}: expected {len(expected)} rows, got {actual!r}"]
        return [
            line
            for number, value in enumerate(expected, 1)
            for line in compare(value, actual[number - 1], f"{path}[{number}]")
        ]
    return [] if _same(expected, actual) else [f"{path}: expected {expected!r}, got {actual!r}"]


def _same(expected: Any, actual: Any) -> bool:
    if isinstance(expected, bool) or isinstance(actual, bool) or expected is None or actual is None:
        return expected is actual
    if expected == actual:
        return True
    if not isinstance(expected, (str, int)) or not isinstance(actual, (str, int)):
        return False
    try:  # amounts, as text or in whole yuan
        return fen(expected) == fen(actual)
    except ValueError:
        return False


def money(amount: int) -> str:
    return str(yuan(amount))


def _rule_version(city: City, facts: Facts) -> Facts:
    day = facts.pop("date")
    return {"in_force": any(edition.in_force(day) for edition in city.editions)}


def _cap_floor(city: City, facts: Facts) -> Facts:
    edition, _on = city.undated(facts)
    figure = next((figure for figure in edition.figures.values() if figure.of), None)
    if figure is None:
        raise CaseError("the edition has no figure with a floor")
    known = {figure.of: fen(facts.pop("avg_wage_y_minus_2"))}
    check = edition.check_figure(figure.code, fen(facts.pop("published_cap")), known)
    return {"floor": money(check.floor or 0), "valid": check.valid}


def _visits(city: City, facts: Facts) -> Facts:
    return run_visits(city.on, facts)


def _newborn(city: City, facts: Facts) -> Facts:
    birth, paid_on, on = facts.pop("birth"), facts.pop("paid_on"), facts.pop("cost_date")
    edition = city.on(on, "benefits")
    cover = enrolment.newborn_cover(edition, birth=birth, paid_on=paid_on)
    covered = cover.span is not None and on in cover.span
    tree = edition.at(on)
    classes = next(iter(tree["persons"].values()))
    care = Care(
        on=on,
        encounter="1",
        institution="",
        level=int(facts.pop("lvl", 1)),
        kind="",
        place=frozenset(tree["newborn"]["place"]) - ({"designated"} if not facts.pop("designated", True) else set()),
        standing=frozenset() if covered else frozenset({"not_enrolled"}),
        person_class=classes[0] if isinstance(classes, list) else classes,
        costs={"ordinary": fen(facts.pop("amt"))},
        birth=birth,
    )
    outcome = benefits.adjudicate(edition, care, benefits.counters(edition, care, ()))
    return {
        "within_six_months": cover.in_time,
        "covered": covered,
        "fund": money(outcome.fund),
        "self": money(outcome.self_pay),
        "why": outcome.refusal.code if outcome.refusal else None,
    }


def _published_example(city: City, facts: Facts) -> Facts:
    edition, on = city.undated(facts)
    facts.pop("age", None)  # told by the leaflet; no benefit term of the case depends on it
    total, other = fen(facts.pop("total_cost")), fen(facts.pop("other_fund_paid"))
    balance = fen(facts.pop("pa_credit"))
    person_class, plan = enrolment.insured_as(facts.pop("status"), facts.pop("plan", None) or "")
    care = Care(
        on=on,
        encounter="1",
        institution="",
        level=int(facts.pop("lvl")),
        kind="",
        place=frozenset({"local", "designated", "networked"}),
        standing=frozenset(),
        person_class=person_class,
        plan=plan,
        costs={"chronic_remainder" if other else "ordinary": total - other},
    )
    outcome = benefits.adjudicate(edition, care, benefits.counters(edition, care, ()))
    share = next((s for s in program_of(edition, care).shares if s.role == "pooled"), None)
    all_fund = outcome.fund + other
    account, cash = account_use.split(total - all_fund, balance)
    # The leaflet rounds the fund to whole yuan first and subtracts (CQ-6).
    shown = whole_yuan(all_fund)
    shown_account, shown_cash = account_use.split(total // 100 - shown, balance // 100)
    return {
        "pooled_fund": money(outcome.shares.get(share.fund, 0) if share else outcome.fund),
        "all_fund": money(all_fund),
        "pa_paid": money(account),
        "cash": money(cash),
        "pa_left": money(balance - account),
        "published": {
            "all_fund": shown,
            "pa_paid": shown_account,
            "cash": shown_cash,
            "pa_left": balance // 100 - shown_account,
        },
    }


def _selection(city: City, facts: Facts) -> Facts:
    on = facts.pop("date")
    existing = facts.pop("existing", None)
    kept = existing if isinstance(existing, list) else [existing] if existing is not None else []
    kind = facts.pop("request")
    if kind not in ("first", "change"):
        raise CaseError(f"unknown request {kind!r}")
    request = selection.Request(
        change=kind == "change",
        on=on,
        year=int(facts.pop("for_year")),
        choices=[_choice(item) for item in facts.pop("institutions")],
        existing=[_choice(item) for item in kept],
        existing_from=facts.pop("existing_from", None),
        reason=facts.pop("reason", None) or "",
    )
    decision = selection.decide(city.on(on), request)
    if decision.refusal:
        return {"accepted": False, "why": decision.refusal.code}
    return {
        "accepted": True,
        "benefit_from": decision.benefit_from,
        "months": decision.months,
        "budget": {name: money(amount) for name, amount in decision.budget.items()},
    }


def _choice(item: Any) -> selection.Choice:
    if isinstance(item, str):
        return selection.Choice(item)
    unknown = set(item) - {"id", "type", "parent"}
    if unknown:
        raise CaseError(f"unknown facts of an institution {sorted(unknown)}")
    return selection.Choice(item["id"], item.get("type", ""), item.get("parent"))


SEGMENT = {"from", "to", "status", "plan", "base", "paid", "made_up", "in_benefit", "reached_age_on"}


def _accrual(city: City, facts: Facts) -> Facts:
    birth = facts.pop("birth", None)
    amounts: dict[str, int] = {}
    for segment in facts.pop("segments"):
        unknown = set(segment) - SEGMENT
        if unknown:
            raise CaseError(f"unknown facts of a segment {sorted(unknown)}")
        person_class, plan = enrolment.insured_as(segment["status"], segment.get("plan") or "")
        for month in months_between(segment["from"], segment["to"]):
            credit = monthly_credit(
                city.on(month_start(month), "credits"),
                person_class=person_class,
                month=month,
                plan=plan,
                base=fen(segment["base"]) if segment.get("base") is not None else None,
                birth=birth,
                # A case that does not tell it speaks of who reached the age as the segment begins.
                reached_age_on=segment.get("reached_age_on", month_start(segment["from"])),
                paid=segment.get("paid", True),
                made_up=segment.get("made_up", False),
                in_benefit=segment.get("in_benefit", True),
            )
            if credit.refusal and credit.refusal.code == "fact_missing":
                raise CaseError(f"a fact is missing: {credit.refusal.params['fact']}")
            if month in amounts:
                raise CaseError(f"two segments cover {month}; a month earns one credit")
            amounts[month] = credit.amount
    first = amounts[min(amounts)] if amounts else 0
    return {"month_first": money(first), "total": money(sum(amounts.values()))}


def _use(city: City, facts: Facts) -> Facts:
    edition, on = city.undated(facts)
    result = account_use.use(
        edition,
        on=on,
        relation=facts.pop("relation"),
        purpose=facts.pop("purpose"),
        amount=fen(facts.pop("amount")),
        balance=fen(facts.pop("balance")),
        retired=bool(facts.pop("retired", False)),
    )
    why = result.refusal.code if result.refusal else None
    return {"allowed": result.allowed, "pay": money(result.pay), "cash": money(result.cash), "why": why}


def _payout(city: City, facts: Facts) -> Facts:
    edition, on = city.undated(facts)
    result = account_use.payout(
        edition,
        on=on,
        event=facts.pop("event"),
        applied=facts.pop("applied", True),
        balance=fen(facts.pop("balance")),
    )
    why = result.refusal.code if result.refusal else None
    return {"action": result.action, "amount": money(result.amount), "why": why}


# The facts and results of provider payments by their names in cases; amounts in yuan, the rest as it is.
AMOUNTS = {
    "advanced",
    "paid_to_others",
    "prev_actual",
    "fund",
    "pool",
    "paid",
    "deposit",
    "retained",
    "actual",
    "budget",
    "levy_y_minus_2",
    "remote_reserve",
    "emergency_reserve",
    "decided",
    "bonus_percent",
}
COUNTS = {"person_months", "headcount", "headcount_prev", "january_headcount", "insured", "score"}


def _payment(kind: str) -> Callable[[City, Facts], Facts]:
    def run(city: City, facts: Facts) -> Facts:
        month = facts.get("month")
        on = month_start(month) if month else None
        edition, on = (city.on(on, "provider"), on) if on else city.undated(facts)
        given: Facts = {} if month is None else {"month": facts.pop("month")}
        for name in list(facts):
            if name in AMOUNTS:
                given["quota" if name == "budget" else name] = _fen(facts.pop(name))
            elif name in COUNTS:
                given[name] = facts.pop(name)
        result = _shown(provider.compute(edition, on, kind, given))
        if kind == "quota":
            result = {"budget": result["quota"]}
        return result

    return run


def _fen(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {name: fen(amount) for name, amount in value.items()}
    return None if value is None else fen(value)


def _shown(result: Facts) -> Facts:
    return {name: _shown(value) if isinstance(value, dict) else money(value) for name, value in result.items()}


KINDS: dict[str, Callable[[City, Facts], Facts]] = {
    "rule_version": _rule_version,
    "cap_floor": _cap_floor,
    "visits": _visits,
    "newborn": _newborn,
    "published_example": _published_example,
    "selection": _selection,
    "capitation": _payment("quota"),
    "pa_accrual": _accrual,
    "pa_use": _use,
    "pa_payout": _payout,
    "fund_budget": _payment("fund_budget"),
    "advance": _payment("advance"),
    "month_settle": _payment("month_settlement"),
    "retention_release": _payment("retention_release"),
    "year_end": _payment("year_end"),
}
