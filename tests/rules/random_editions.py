"""Random valid editions as TOML text, and random histories of visits under them."""

import json
from datetime import date, timedelta
from decimal import Decimal
from fractions import Fraction
from typing import Any

from hypothesis import strategies as st

from tests.rules import literal_terms as literal

FIRST, LAST = date(2026, 1, 1), date(2027, 12, 31)
FLAGS = ["local", "designated", "selected", "filed", "emergency", "prescription", "referral", "networked", "pharmacy"]
GROUPS = {"active": ["active", "flexible"], "retired": ["retired"], "pooled": ["pooled_only"]}
LEFT = {"switch": "reading", "strict": ["active", "flexible"], "broad": ["active"]}  # a class that moves by reading
MOVED = {"switch": "reading", "strict": ["retired"], "broad": ["retired", "flexible"]}
CLASSES = ["ordinary", "general_fee"]
KINDS = ["hospital", "centre", ""]
PLANS = ["unit", "personal_1", ""]
WINDOWS = ["visit", "institution_day", "day", "month", "quarter", "year", "period"]
POOL = "employees_pool"
FIGURES = ["wage", "cap", "left", "fee"]

small = st.sampled_from([0, 5, 10, 40]) | st.integers(0, 9000).map(lambda fen: Decimal(fen) / 100)
large = st.sampled_from([120, 300, 1000]) | st.integers(0, 120_000).map(lambda fen: Decimal(fen) / 100)
ratios = st.sampled_from(["0.5", "0.6", "0.75", "1"]).map(Decimal) | st.integers(0, 10_000).map(
    lambda part: Decimal(part) / 10_000
)
days = st.integers(0, (LAST - FIRST).days).map(lambda days: FIRST + timedelta(days))


def seldom(draw: Any, one_in: int = 5) -> bool:
    return bool(draw(st.integers(1, one_in)) == one_in)


def flags(least: int = 0) -> st.SearchStrategy[list[str]]:
    return st.lists(
        st.tuples(st.sampled_from(FLAGS), st.booleans()).map(lambda pair: "!" * pair[1] + pair[0]),
        min_size=least,
        max_size=2,
        unique_by=lambda flag: flag.removeprefix("!"),
    )


@st.composite
def limits(draw: Any, amounts: st.SearchStrategy[Any]) -> Any:
    """An amount, a published figure or a part of one; now and then by date or by reading."""
    value: Any = draw(amounts)
    which = draw(st.integers(0, 9))
    if which == 0:
        return {"figure": "cap"}
    if which == 1:
        return {"ratio": draw(ratios), "of": "wage"}
    if which == 2:
        return {"switch": "reading", "strict": value, "broad": draw(amounts)}
    return dated(draw, value, amounts) if which in (3, 4) else value


def dated(draw: Any, value: Any, others: st.SearchStrategy[Any]) -> Any:
    """The value until a day and another from it on, perhaps with a gap."""
    day = draw(days)
    rows = [{"from": FIRST, "to": day, "value": value}]
    if day < LAST - timedelta(40):
        rows.append({"from": day + timedelta(draw(st.sampled_from([1, 1, 90]))), "value": draw(others)})
    return rows


@st.composite
def tables(draw: Any, value: str, values: st.SearchStrategy[Any], costs: bool = False) -> list[dict[str, Any]]:
    rows = []
    for _ in range(draw(st.integers(0, 3))):
        row: dict[str, Any] = {}
        for key, choices in (
            ("level", [0, 1, 2, 3]),
            ("person", list(GROUPS)),
            ("plan", PLANS[:2]),
            ("kind", KINDS[:2]),
        ):
            if seldom(draw, 2):
                some = st.lists(st.sampled_from(choices), min_size=1, max_size=3, unique=True)
                row[key] = draw(some)
                if key != "level" and seldom(draw, 4):
                    row[key] = {"switch": "reading", "strict": row[key], "broad": draw(some)}
        if seldom(draw):
            row[draw(st.sampled_from(["age_from", "age_below"]))] = draw(st.sampled_from([0, 6, 60, 70]))
        if seldom(draw):
            row["place"] = draw(flags(1))
        if costs and seldom(draw, 2):
            row["cost"] = [draw(st.sampled_from(CLASSES))]
        rows.append({**row, value: draw(values)})
    if not rows or not seldom(draw, 20):
        rows.append({value: draw(values)})
    return rows


@st.composite
def terms(draw: Any, stress: str) -> list[dict[str, Any]]:
    """The terms of an edition in an order that can be computed, with what `stress` asks for among them."""
    found: list[dict[str, Any]] = []

    def add(kind: str, value: str, values: Any, costs: bool = False, **keys: Any) -> dict[str, Any]:
        term = {"id": f"t{len(found)}", "kind": kind, "article": "1", **keys}
        if value and draw(st.booleans()):
            term[value] = draw(values)
        elif value:
            term["rows"] = draw(tables(value, values, costs))
        if term.get("window") == "period":
            first, length, gap = draw(days), draw(st.integers(0, 200)), draw(st.integers(1, 90))
            second = first + timedelta(length + gap)
            term["periods"] = [
                {"from": first, "to": first + timedelta(length)},
                {"from": second, "to": second + timedelta(length)},
            ]
        if kind == "cap" and seldom(draw, 8):
            term["code"] = "fund_cap"
        if kind != "ratio" and not (stress == "cost" and len(found) < 2):
            if seldom(draw, 4) and "when" not in term:
                term["when"] = draw(flags(1))
            if seldom(draw, 4):
                term["counts"] = draw(flags(1))
            if seldom(draw, 6):
                term["starts_on"] = draw(days)
            elif seldom(draw, 6):
                term["ends_on"] = draw(days)
            if seldom(draw, 8):
                term["reading"] = {"reading": draw(st.sampled_from(["strict", "broad"]))}
        found.append(term)
        return term

    if stress == "cost":
        add("cap", "amount", large, base="cost", window="year")
        add("deductible", "amount", small, window="visit")
    for _ in range(1 if stress == "classes" else draw(st.integers(0, 2)) if stress == "any" else 0):
        term = add("deductible", "amount", limits(small), window=draw(st.sampled_from(WINDOWS)))
        if seldom(draw, 3):
            term["ceiling"] = {
                "window": draw(st.sampled_from(["month", "quarter", "year"])),
                "amount": draw(limits(large)),
            }
    if stress == "any" and seldom(draw, 3):
        add("cap", "amount", limits(large), base="cost", window=draw(st.sampled_from(WINDOWS)))
        if seldom(draw, 2):
            add("deductible", "amount", limits(small), window=draw(st.sampled_from(WINDOWS)))
    for when in [["local"], ["!local"]] if seldom(draw, 3) else [[]]:
        rate = ratios if not seldom(draw, 8) else st.builds(lambda one, two: rise(one, two), ratios, ratios)
        if stress == "classes":
            rows = [{"cost": ["general_fee"], "ratio": draw(ratios)}, {"ratio": draw(ratios)}]
            add("ratio", "", None, rows=rows, when=when)
        elif stress == "any" and seldom(draw, 2):
            edges = sorted(draw(st.sets(st.sampled_from([50, 100, 200, Decimal("333.33"), 800]), max_size=3)))
            bands = [{"over": edge, "ratio": draw(ratios)} for edge in [0, *edges]]
            add("ratio", "", None, window=draw(st.sampled_from(WINDOWS[:6])), bands=bands, when=when)
        else:
            add("ratio", "ratio", rate, True, when=when)
    if seldom(draw, 3):
        add("ratio", "ratio", ratios, when=draw(flags(1)))
    if stress == "fixed":
        add("cap", "", None, amount=draw(large), base="fund", window="year")
    for _ in range(draw(st.sampled_from([1, 1, 2, 3, 0]))):
        add("cap", "amount", limits(large), base="fund", window=draw(st.sampled_from(WINDOWS)))
    return found


def rise(one: Decimal, two: Decimal) -> list[dict[str, Any]]:
    return [
        {"from": FIRST, "to": date(2026, 12, 31), "value": one},
        {"from": date(2027, 1, 1), "value": two},
    ]


@st.composite
def accounts(draw: Any) -> dict[str, Any]:
    """What personal accounts may pay for, and for whom."""
    relations = ["self", *draw(st.sampled_from([[], ["spouse"], ["spouse", "child", "parent"]]))]
    purposes: list[dict[str, Any]] = []
    for purpose in ("hospital_selfpay", "pharmacy_drug"):
        if not seldom(draw):
            purposes.append({"purpose": purpose, "article": "1"})
            if seldom(draw):
                purposes[-1]["relations"] = ["self"]
    return {
        "article": "1",
        "relations": relations,
        "purposes": purposes or [{"purpose": "wellness", "article": "1"}],
        "excluded": [{"purpose": "pharmacy_drug", "article": "1"}][: draw(st.sampled_from([0, 0, 0, 1]))],
        "payouts": [{"event": "death", "article": "1", "action": "bank_or_inherit"}],
    }


@st.composite
def editions(draw: Any, number: int = 1, starts_on: date = FIRST) -> str:
    """The text of a random valid edition, to the end of the days of the test."""
    stress = draw(st.sampled_from(["any", "any", "cost", "fixed", "classes"]))
    steps = draw(terms(stress))
    counts_cost = any("bands" in term or term.get("base") == "cost" for term in steps)
    benefits: dict[str, Any] = {"article": "1", "costs": draw(st.sampled_from([CLASSES, CLASSES[::-1], CLASSES[:1]]))}
    if seldom(draw, 3):
        price = st.sampled_from([0, 5, Decimal("12.5")])
        benefits["prices"] = [{"cost": "general_fee", "article": "1", "rows": draw(tables("amount", price))}]
    if stress == "fixed" or (not counts_cost and seldom(draw, 3)):
        fee = draw(st.sampled_from([80, {"figure": "fee"}]))
        benefits["fixed"] = [{"cost": "consultation_fee", "article": "1", "amount": fee}]
    benefits["terms"] = steps
    benefits["shares"] = [{"fund": POOL, "article": "1"}]
    if seldom(draw, 3):
        benefits["shares"] = [
            {"fund": POOL, "article": "1", "left": "left"},
            {"fund": "large_claims", "article": "1", "standing": "large_claims"},
        ]
    places: list[dict[str, Any]] = []
    for _ in range(draw(st.integers(0, 2))):
        rule: dict[str, Any] = {"when": draw(flags(1)), "article": "1"}
        if seldom(draw, 3):
            rule["refuse"] = "not_designated"
        else:
            read = {"switch": "reading", "strict": "pool", "broad": "fund_direct"}
            rule["charge"] = draw(st.sampled_from(["fund_direct", "selected_capitation", read]))
            rule["level"] = draw(st.sampled_from(["selected", "selected", "treating"]))
            rule["without_level"] = draw(st.sampled_from(["refuse", "unrated"]))
            if seldom(draw, 3):
                rule["fund"] = "residents"
        places.append(rule)
    places += [{"when": ["local"], "charge": "pool", "article": "1"}]
    if seldom(draw, 3):
        places[-1]["without_level"] = "unrated"
    if not seldom(draw, 10):
        places += [{"when": ["!local"], "charge": "fee_for_service", "article": "1"}]
    edition = {
        "document": f"乙府〔2026〕{number}号",
        "title": "乙市办法",
        "city": "yi",
        "name": "乙市",
        "area": "990299",
        "scheme": "310",
        "starts_on": starts_on,
        "ends_on": LAST,
        "articles": {"1": "待遇"},
        "switches": {
            "reading": {
                "reading": "YI-1",
                "article": "1",
                "question": "问",
                "chosen": draw(st.sampled_from(["strict", "broad"])),
                "options": {"strict": "严", "broad": "宽"},
            }
        },
        "persons": GROUPS | draw(st.sampled_from([{}, {"retired": MOVED, "active": LEFT}])),
        "figures": [{"code": code, "label": code, "article": "1", "optional": draw(st.booleans())} for code in FIGURES],
        "entitlement": [
            {"standing": code, "refuse": code, "article": "1"}
            for code in draw(st.lists(st.sampled_from(["arrears", "inpatient", "suspended"]), unique=True))
        ],
        "places": places,
        "benefits": benefits,
        "provider": {"article": "1", "method": "fee_for_service"},
    }
    if not seldom(draw, 10):
        edition["account"] = draw(accounts())
    if seldom(draw, 3):
        edition["selection"] = {
            "article": "1",
            "money_article": "1",
            "roles": [{"role": "institution", "count": 1}],
            "stations": draw(st.sampled_from(["together", "apart"])),
        }
    return "\n".join(f"{key} = {toml(value)}" for key, value in edition.items()) + "\n"


def toml(value: Any) -> str:
    if isinstance(value, dict):
        return "{ " + ", ".join(f"{json.dumps(key)} = {toml(item)}" for key, item in value.items()) + " }"
    if isinstance(value, list):
        return "[" + ", ".join(toml(item) for item in value) + "]"
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, str):
        return json.dumps(value, ensure_ascii=False)
    return value.isoformat() if isinstance(value, date) else f"{value:f}" if isinstance(value, Decimal) else str(value)


yuan = st.integers(0, 60_000).map(lambda fen: Fraction(fen, 100))


@st.composite
def histories(draw: Any) -> list[literal.Bill | int]:
    """Visits in order of care; a number instead reverses the visit of that number."""
    events: list[literal.Bill | int] = []
    bills: list[int] = []
    births = st.sampled_from([date(1956, 2, 29), date(1966, 7, 1), date(2020, 12, 31), None])
    birth, on = draw(births), draw(days)
    figures = {code: draw(yuan) * draw(st.sampled_from([1, 20])) for code in FIGURES if not seldom(draw, 12)}
    for _ in range(draw(st.integers(1, 10))):
        if bills and seldom(draw):
            events.append(bills.pop(draw(st.integers(0, len(bills) - 1))))
            continue
        on = min(on + timedelta(draw(st.sampled_from([0, 0, 0, 1, 1, 3, 10, 30, 95]))), LAST)
        costs = {"ordinary": draw(yuan)}
        for name in ("general_fee", "consultation_fee", "chronic_remainder"):
            if seldom(draw, 2):
                costs[name] = draw(yuan)
        bills.append(len(events))
        events.append(
            literal.Bill(
                on=on,
                encounter=draw(st.sampled_from(["one", "two", "three"])),
                institution=draw(st.sampled_from("AB")),
                level=None if seldom(draw, 12) else draw(st.integers(0, 3)),
                kind=draw(st.sampled_from(KINDS)),
                place=draw(st.frozensets(st.sampled_from(FLAGS[1:]))) | ({"local"} if not seldom(draw, 3) else set()),
                standing=frozenset(
                    name
                    for name in ("arrears", "large_claims", "suspended", "inpatient")
                    if seldom(draw, 2 if name == "large_claims" else 25)
                ),
                person_class=draw(st.sampled_from(["active", "flexible", "retired", "pooled_only"] * 3 + ["lump_sum"])),
                plan=draw(st.sampled_from(PLANS)),
                birth=birth,
                selected_level=draw(st.sampled_from([0, 1, 2, 3, None])),
                costs=costs,
                figures=figures,
            )
        )
    return events
