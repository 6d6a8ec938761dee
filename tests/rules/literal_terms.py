"""A slow, literal reading of any edition's text for visits, in exact fractions of a yuan.

Reads the TOML by itself and shares no code with the engine: no compiled program, no counters, no fen. Every
sum is taken again over the whole history, every table is looked up again, every date is compared again.
"""

import tomllib
from dataclasses import dataclass, field
from datetime import date, timedelta
from fractions import Fraction
from math import floor
from typing import Any

NOTHING = Fraction(0)
CAPPED = {
    "visit": "visit_cap",
    "institution_day": "day_cap",
    "day": "day_cap",
    "month": "month_cap",
    "quarter": "quarter_cap",
    "year": "annual_cap",
    "period": "annual_cap",
}


@dataclass(frozen=True)
class Bill:
    on: date
    encounter: str
    institution: str
    level: int | None
    kind: str
    place: frozenset[str]
    standing: frozenset[str]
    person_class: str
    plan: str
    birth: date | None
    selected_level: int | None
    costs: dict[str, Fraction]
    figures: dict[str, Fraction]
    opening: bool = False  # what was counted of a year before the first visit: no visit of any month or day


@dataclass(frozen=True)
class Paid:
    bill: Bill
    fund: Fraction
    self_pay: Fraction
    deductible: Fraction
    out_of_policy: Fraction
    why: str  # the code of the refusal; empty where something is paid
    fixed: Fraction = NOTHING
    counted_cost: Fraction = NOTHING
    shares: dict[str, Fraction] = field(default_factory=dict)
    charge: str = ""


class NotPaid(Exception):
    """The code of what refuses the visit: a place, a standing, a row or a figure that is not there."""


def rounded(exact: Fraction) -> Fraction:
    return Fraction(floor(exact * 100 + Fraction(1, 2)), 100)


class Text:
    """One edition's text with its chosen readings."""

    def __init__(self, toml: str, **choices: str) -> None:
        self.tree = tomllib.loads(toml, parse_float=Fraction)
        self.choices = {name: switch["chosen"] for name, switch in self.tree.get("switches", {}).items()} | choices
        self.starts_on = self.tree["starts_on"]
        years = self.tree.get("valid_years", 100)
        last = self.starts_on.replace(year=self.starts_on.year + years) - timedelta(1)
        self.ends_on = self.tree.get("ends_on", last)

    def pay(self, history: list[Paid], bill: Bill) -> Paid:
        """What a visit is paid, given every visit before it that still stands."""
        benefits = self.tree["benefits"]
        inside, outside = self.policy_range(benefits, bill)
        cost = sum(inside.values(), NOTHING)
        try:
            self.entitled(bill)
            level = self.placed(bill)
            self.covered(benefits, bill, level)
            if not cost:
                raise NotPaid("cost_not_covered" if outside else "no_cost")
            return self.walk(benefits, history, bill, level, inside, outside)
        except NotPaid as refusal:
            return Paid(bill, NOTHING, cost, NOTHING, outside, str(refusal))

    def value(self, value: Any, on: date) -> Any:
        """A value as it reads on a day; None where it has none."""
        if isinstance(value, dict) and "switch" in value:
            chosen = self.choices[value["switch"]]
            return self.value(value[chosen], on) if len(value) > 1 else chosen
        if isinstance(value, list) and value and isinstance(value[0], dict) and "value" in value[0]:
            begun = [row for row in value if row["from"] <= on]
            if not begun or ("to" in begun[-1] and on > begun[-1]["to"]):
                return None
            return self.value(begun[-1]["value"], on)
        return value

    def listed(self, items: list[dict[str, Any]], on: date) -> list[dict[str, Any]]:
        """The tables of a list that count on a day under the chosen readings."""
        return [
            item
            for item in items
            if item.get("starts_on", on) <= on <= item.get("ends_on", on)
            and all(self.choices[name] == option for name, option in item.get("reading", {}).items())
        ]

    def policy_range(self, benefits: dict[str, Any], bill: Bill) -> tuple[dict[str, Fraction], Fraction]:
        named = [*benefits["costs"], *(item["cost"] for item in self.listed(benefits.get("fixed", []), bill.on))]
        inside, outside = {}, NOTHING
        for name, amount in bill.costs.items():
            kept = amount
            for price in self.listed(benefits.get("prices", []), bill.on):
                if price["cost"] == name:
                    row = self.first(price["rows"], bill, self.level_of(bill))
                    if row is not None and self.value(row.get("amount"), bill.on) is not None:
                        kept = min(amount, Fraction(self.value(row["amount"], bill.on)))
            if name not in named:
                kept = NOTHING
            inside[name] = kept
            outside += amount - kept
        return inside, outside

    def level_of(self, bill: Bill) -> int | None:
        rule = self.place_rule(bill)
        if bill.level is None and rule and "charge" in rule and rule.get("level") != "selected":
            return 0 if rule.get("without_level") == "unrated" else None
        if rule is None or rule.get("level") != "selected" or "refuse" in rule or bill.selected_level is None:
            return bill.level
        return bill.selected_level

    def place_rule(self, bill: Bill) -> dict[str, Any] | None:
        rules = self.listed(self.tree["places"], bill.on)
        rule = next((rule for rule in rules if flags_hold(rule["when"], bill.place)), None)
        return rule and {key: self.value(value, bill.on) for key, value in rule.items()}

    def placed(self, bill: Bill) -> int | None:
        for flag, why in (("unwritten", "prescription_unknown"), ("outdated", "prescription_outdated")):
            if flag in bill.place:
                raise NotPaid(why)
        rule = self.place_rule(bill)
        if rule is None or "refuse" in rule:
            raise NotPaid("place_not_covered" if rule is None else rule["refuse"])
        if rule.get("level") == "selected" and bill.selected_level is None:
            raise NotPaid("fact_missing")
        return self.level_of(bill)

    def entitled(self, bill: Bill) -> None:
        listed = {item["standing"]: item["refuse"] for item in self.listed(self.tree.get("entitlement", []), bill.on)}
        everywhere = [name for name in ("not_enrolled", "no_benefit_period", "suspended") if name not in listed]
        for standing, code in ({name: name for name in everywhere} | listed).items():
            if standing in bill.standing:
                raise NotPaid(code)

    def covered(self, benefits: dict[str, Any], bill: Bill, level: int | None) -> None:
        """Every table has a row for the visit, and the row a value on the day."""
        rated = False
        for term in self.terms(benefits, bill):
            self.known(term.get("rows", []), benefits, bill, level)
            if term["kind"] == "ratio":
                self.rated(term, [], bill, level, {}, NOTHING, rated)
                rated = True
            else:
                self.cell(term, bill, level)
        for price in self.listed(benefits.get("prices", []), bill.on):
            self.known(price["rows"], benefits, bill, level)
            row = self.first(price["rows"], bill, level)
            if row is not None and self.value(row.get("amount"), bill.on) is None:
                raise NotPaid("figure_missing")

    def known(self, rows: list[dict[str, Any]], benefits: dict[str, Any], bill: Bill, level: int | None) -> None:
        """No class of cost meets a row that asks for a level, where there is none, before a row that takes it."""
        if level is not None:
            return
        rows = [
            row
            for row in self.listed(rows, bill.on)
            if self.fits({key: value for key, value in row.items() if key != "level"}, bill, level)
        ]
        classes = {*benefits["costs"], *(cost for row in rows for cost in row.get("cost", []))}
        for name in classes:
            row = next((row for row in rows if name in row.get("cost", benefits["costs"])), None)
            if row is not None and "level" in row:
                raise NotPaid("level_missing")

    def first(self, rows: list[dict[str, Any]], bill: Bill, level: int | None) -> dict[str, Any] | None:
        return next((row for row in self.listed(rows, bill.on) if self.fits(row, bill, level)), None)

    def fits(self, row: dict[str, Any], bill: Bill, level: int | None) -> bool:
        persons = {name: self.value(classes, bill.on) for name, classes in self.tree["persons"].items()}
        group = next((name for name, classes in persons.items() if bill.person_class in classes), None)
        for key, actual in (("level", level), ("person", group), ("plan", bill.plan), ("kind", bill.kind)):
            wanted = self.value(row[key], bill.on) if key in row else actual
            if actual not in (wanted if isinstance(wanted, list) else [wanted]):
                return False
        if "age_from" in row and (bill.birth is None or age(bill.birth, bill.on) < row["age_from"]):
            return False
        if "age_below" in row and (bill.birth is None or age(bill.birth, bill.on) >= row["age_below"]):
            return False
        return "place" not in row or flags_hold(row["place"], bill.place)

    def limit(self, value: Any, bill: Bill) -> Fraction:
        value = self.value(value, bill.on)
        if isinstance(value, dict):
            figure = bill.figures.get(value.get("figure") or value["of"])
            if figure is None:
                raise NotPaid("figure_missing")
            return rounded(figure * value["ratio"]) if "of" in value else figure
        if value is None:
            raise NotPaid("figure_missing")
        return Fraction(value)

    def walk(
        self,
        benefits: dict[str, Any],
        history: list[Paid],
        bill: Bill,
        level: int | None,
        inside: dict[str, Fraction],
        outside: Fraction,
    ) -> Paid:
        cost = sum(inside.values(), NOTHING)
        left, fixed = dict(inside), NOTHING
        for item in self.listed(benefits.get("fixed", []), bill.on):
            if item["cost"] in left:
                fixed += min(left.pop(item["cost"]), self.limit(item["amount"], bill))
        deductible, fund, rated, borne, why = NOTHING, NOTHING, False, False, "rounds_to_nothing"
        for term in self.terms(benefits, bill):
            kind = term["kind"]
            if kind == "ratio":
                fund = self.rated(term, history, bill, level, left, fund, rated)
                rated = True
                continue
            amount = self.limit(self.cell(term, bill, level), bill)
            before = [paid for paid in history if self.counts(term, term["window"], paid, bill)]
            if kind == "cap" and term["base"] == "fund":
                used = sum((paid.fund - paid.fixed for paid in before), NOTHING)
                if fund > max(amount - used, NOTHING):
                    fund, why = max(amount - used, NOTHING), term.get("code", CAPPED[term["window"]])
                continue
            if kind == "deductible":
                room = amount - sum((paid.deductible for paid in before), NOTHING)
                if "ceiling" in term:
                    ceiling = term["ceiling"]
                    within = [paid for paid in history if self.counts(term, ceiling["window"], paid, bill)]
                    most = self.limit(ceiling["amount"], bill)
                    room = min(room, most - sum((paid.deductible for paid in within), NOTHING))
                taken = min(max(room, NOTHING), sum(left.values(), NOTHING))
                deductible += taken
                borne = True
                if taken and taken == sum(left.values(), NOTHING):
                    why = term.get("code", "below_deductible")
            else:
                used = sum((paid.counted_cost - (paid.deductible if borne else 0) for paid in before), NOTHING)
                taken = max(sum(left.values(), NOTHING) - max(amount - used, NOTHING), NOTHING)
                if taken:
                    why = term.get("code", CAPPED[term["window"]])
            for name in benefits["costs"]:
                if name in left:
                    part = min(left[name], taken)
                    left[name] -= part
                    taken -= part
        payable = rounded(fund) + fixed
        shares = self.shares(benefits, history, bill, payable)
        paid = sum(shares.values(), NOTHING)
        why = "" if paid else "fund_cap" if payable else why
        rule = self.place_rule(bill) or {}
        return Paid(
            bill, paid, cost - paid, deductible, outside, why, min(fixed, paid), cost, shares, rule["charge"]
        )

    def terms(self, benefits: dict[str, Any], bill: Bill) -> list[dict[str, Any]]:
        listed = [
            {key: self.value(value, bill.on) if key == "window" else value for key, value in term.items()}
            for term in self.listed(benefits["terms"], bill.on)
            if flags_hold(term.get("when", []), bill.place)
        ]
        return [
            term
            for term in listed
            if term.get("window") != "period" or any(span["from"] <= bill.on <= span["to"] for span in term["periods"])
        ]

    def cell(self, term: dict[str, Any], bill: Bill, level: int | None) -> Any:
        if "rows" not in term:
            return term.get("amount")
        row = self.first(term["rows"], bill, level)
        if row is None:
            raise NotPaid("class_not_covered")
        return row.get("amount")

    def rated(
        self,
        term: dict[str, Any],
        history: list[Paid],
        bill: Bill,
        level: int | None,
        left: dict[str, Fraction],
        fund: Fraction,
        rated: bool,
    ) -> Fraction:
        if "bands" in term:
            before = [paid for paid in history if self.counts(term, term.get("window", "year"), paid, bill)]
            start = sum((paid.counted_cost - paid.deductible for paid in before), NOTHING)
            return self.banded(self.listed(term["bands"], bill.on), start, start + sum(left.values(), NOTHING), bill)
        if "ratio" in term:
            ratio = self.value(term["ratio"], bill.on)
            if ratio is None:
                raise NotPaid("class_not_covered")
            return ratio * (fund if rated else sum(left.values(), NOTHING))
        rows = [row for row in self.listed(term["rows"], bill.on) if self.fits(row, bill, level)]
        if rated:
            if not rows or self.value(rows[0].get("ratio"), bill.on) is None:
                raise NotPaid("class_not_covered")
            return fund * self.value(rows[0]["ratio"], bill.on)
        classes = self.tree["benefits"]["costs"]
        if not any("cost" not in row or row["cost"] for row in rows):
            raise NotPaid("class_not_covered")
        total = NOTHING
        for name in {*classes, *(cost for row in rows for cost in row.get("cost", []))}:
            row = next((row for row in rows if name in row.get("cost", classes)), None)
            if row is None:
                continue
            ratio = self.value(row.get("ratio"), bill.on)
            if ratio is None:
                raise NotPaid("class_not_covered")
            total += left.get(name, NOTHING) * ratio
        return total

    def banded(self, bands: list[dict[str, Any]], start: Fraction, end: Fraction, bill: Bill) -> Fraction:
        total = NOTHING
        for number, band in enumerate(bands):
            ratio = self.value(band["ratio"], bill.on)
            if ratio is None:
                raise NotPaid("class_not_covered")
            upper = min(end, Fraction(bands[number + 1]["over"])) if number + 1 < len(bands) else end
            total += max(upper - max(start, Fraction(band["over"])), NOTHING) * ratio
        return total

    def shares(
        self, benefits: dict[str, Any], history: list[Paid], bill: Bill, payable: Fraction
    ) -> dict[str, Fraction]:
        shares: dict[str, Fraction] = {}
        items = self.listed(benefits["shares"], bill.on)
        elsewhere = (self.place_rule(bill) or {}).get("fund", items[0]["fund"])
        if elsewhere != items[0]["fund"]:  # another book pays, which has no such limit
            items[0] = {key: value for key, value in items[0].items() if key == "standing"} | {"fund": elsewhere}
        for item in items:
            part = payable
            if "standing" in item and item["standing"] not in bill.standing:
                part = NOTHING
            elif "left" in item and payable:
                figure = next(figure for figure in self.tree.get("figures", []) if figure["code"] == item["left"])
                most = bill.figures.get(item["left"])
                if most is None and not figure.get("optional"):
                    raise NotPaid("figure_missing")
                if most is not None:
                    year = [paid for paid in history if paid.bill.on.year == bill.on.year]
                    used = sum((paid.shares.get(item["fund"], NOTHING) for paid in year), NOTHING)
                    part = min(payable, max(most - used, NOTHING))
            shares[item["fund"]] = part
            payable -= part
        return shares

    def from_accounts(
        self, rest: Fraction, pharmacy: bool, purses: list[tuple[str, Fraction]]
    ) -> list[Fraction]:
        """What each account in turn pays of the rest; `purses`: the patient's relation to the holder, the balance."""
        account = self.tree.get("account", {})
        purpose = "pharmacy_drug" if pharmacy else "hospital_selfpay"
        named = [item for item in account.get("purposes", []) if item["purpose"] == purpose]
        if any(item["purpose"] == purpose for item in account.get("excluded", [])):
            named = []
        paid = []
        for relation, balance in purses:
            may = bool(named) and relation in named[0].get("relations", account["relations"])
            paid.append(min(rest, balance) if may else NOTHING)
            rest -= paid[-1]
        return paid

    def counts(self, term: dict[str, Any], window: str, paid: Paid, bill: Bill) -> bool:
        """Whether an earlier visit counts in a term's window around this one."""
        one, other = paid.bill, bill
        if not flags_hold(term.get("counts", []), one.place) or (one.opening and window not in ("year", "period")):
            return False
        if window == "visit":
            return one.encounter == other.encounter
        if window == "institution_day":
            return (one.on, one.institution) == (other.on, other.institution)
        if window == "day":
            return one.on == other.on
        if window == "period":
            return any(
                (span["from"] <= one.on or (one.opening and one.on.year == span["from"].year))
                and one.on <= span["to"]
                and span["from"] <= other.on <= span["to"]
                for span in term["periods"]
            )
        if window == "month":
            return (one.on.year, one.on.month) == (other.on.year, other.on.month)
        if window == "quarter":
            return (one.on.year, (one.on.month + 2) // 3) == (other.on.year, (other.on.month + 2) // 3)
        assert window == "year"
        return one.on.year == other.on.year


def flags_hold(flags: str | list[str], place: frozenset[str]) -> bool:
    flags = [flags] if isinstance(flags, str) else flags
    return all((flag[1:] not in place) if flag.startswith("!") else (flag in place) for flag in flags)


def age(birth: date, on: date) -> int:
    """Completed years; a birthday of 29 February is kept on the 28th where there is none."""
    years = on.year - birth.year
    day = 28 if (birth.month, birth.day) == (2, 29) and not leap(on.year) else birth.day
    return years if (on.month, on.day) >= (birth.month, day) else years - 1


def leap(year: int) -> bool:
    return year % 4 == 0 and (year % 100 != 0 or year % 400 == 0)
