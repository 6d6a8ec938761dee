"""The second reading of the five texts gives what the cases give that were worked out by hand.

Only cases of the usual readings: those that ask for others are the product's to settle.
"""

from datetime import date
from decimal import Decimal
from fractions import Fraction
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import yaml

from tests.recompute.cities import BY_AREA
from tests.recompute.cities.case import Before, Case, Paid, Past, Place, Refused

ROOT = Path(__file__).parents[2]
FOLDERS = (ROOT / "tests" / "rules" / "cases", ROOT.parent / "shared" / "cases")
CITIES = {city.__name__.rpartition(".")[2]: city for city in BY_AREA.values()}
PLACES = {
    "selected": "local designated selected", "nonselected": "local designated", "designated": "local designated",
    "referral": "local designated referral", "pharmacy_rx": "local designated selected prescription",
    "pharmacy": "local designated pharmacy", "emergency": "local designated emergency", "nondesignated": "local",
    "nondesignated_emergency": "local emergency", "remote": "designated networked filed",
    "remote_filed": "designated networked filed", "remote_temporary": "designated networked filed temporary",
    "remote_unfiled": "designated networked", "remote_selected": "designated networked filed remote_selected",
    "remote_nonselected": "designated networked filed", "remote_emergency": "emergency",
    "remote_networked": "designated networked", "remote_by_hand_only": "designated networked by_hand_only",
    "remote_manual": "designated by_hand",
}  # fmt: skip


def cases(*kinds: str) -> list[Any]:
    """Those of the usual readings that say an amount; what no edition or no figure answers is the product's matter."""
    found = [
        case
        for folder in FOLDERS
        for path in sorted(folder.glob("*.yaml"))
        for case in yaml.safe_load(path.read_text("utf-8"))["cases"]
        if case["kind"] in kinds and case["city"] in CITIES and not case.get("switches")
    ]
    return [
        pytest.param(case, id=case["id"])
        for case in found
        if not {"figure_missing", "already_reversed"} & {line.get("why") for line in case["expected"].get("lines", ())}
        and "why" not in case["expected"]
    ]


def fen(amount: Any) -> int:
    return int(Decimal(str(amount or 0)).scaleb(2))


def dated(member: dict[str, Any], name: str, day: date) -> str:
    rows = [row for row in member.get(f"{name}_from") or () if row["from"] <= day]
    return (max(rows, key=lambda row: row["from"])[name] if rows else member.get(name)) or ""


def inside(member: dict[str, Any], name: str, day: date, *, last: int) -> bool:
    return any(first <= day and (end is None or (end - day).days >= last) for first, end in member.get(name) or ())


@pytest.mark.parametrize("case", cases("visits"))
def test_visits(case: dict[str, Any]):
    city, facts = CITIES[case["city"]], case["facts"]
    member, params, opening = facts["member"], facts.get("params") or {}, facts.get("opening") or {}
    first = facts["events"][0]["d"]
    month, remote = fen(opening.get("month_paid")), fen(opening.get("remote_paid"))
    year = fen(opening["annual_paid"]) - month - remote if opening.get("annual_paid") is not None else 0
    other = fen(opening.get("other_fund_not_counted"))
    past = [
        Before(first, pooled=month, span="month"),
        Before(first, pooled=remote, local=False, span="year"),
        Before(first, pooled=year, deductible=fen(opening.get("deductible_used")), span="year"),
        Before(first, pooled=other, fixed=other, span="year"),
    ]
    settled: dict[Any, tuple[Case, Before]] = {}
    for event, line in zip(facts["events"], case["expected"]["lines"], strict=True):
        if "reverse" in event:
            _case, row = settled[event["reverse"]]
            past.append(Before(row.on, row.encounter, row.institution, row.local, -row.pooled, -row.mutual, -row.fixed,
                               -row.deductible))  # fmt: skip
            assert -(row.pooled + row.mutual) == fen(line["fund"])
            continue
        visit = visit_of(city, member, params, event, settled, used=month + remote + year + other)
        in_force = visit.on >= city.FIRST and (city.LAST is None or visit.on <= city.LAST)
        paid = Paid()
        try:
            if in_force and not visit.suspended and visit.person:
                city.charge(visit)
                paid = city.pay(visit, Past(past))
        except Refused:
            assert line.get("why")
        assert paid.pooled + paid.mutual == fen(line["fund"]), line
        for name, amount in (
            ("deductible", paid.deductible),
            ("from_pooled", paid.pooled),
            ("from_mutual", paid.mutual),
        ):
            if name in line:
                assert amount == fen(line[name]), line
        row = Before(visit.on, visit.encounter, visit.institution, visit.place.local, paid.pooled, paid.mutual,
                     paid.fixed, paid.deductible)  # fmt: skip
        past.append(row)
        settled[event["n"]] = visit, row


def visit_of(
    city: Any, member: dict[str, Any], params: dict[str, Any], event: dict[str, Any], settled: Any, *, used: int
) -> Case:
    day, status = event["d"], dated(member, "status", event["d"])
    flags = dict.fromkeys(PLACES[event["rel"]].split(), True)
    by = settled[event["rx"]][0] if event.get("rx") is not None else None
    if by is not None:
        same = ("local", "designated", "selected", "referral", "emergency")
        flags = {name: getattr(by.place, name) for name in same}
        flags["prescription"] = True
    costs = {name: fen(event[name]) for name in ("general_fee", "consultation_fee") if event.get(name) is not None}
    origin = str(event.get("origin") or "ordinary")
    costs |= {name: fen(amount) for name, amount in (event.get("costs") or {}).items()}
    if "amt" in event:
        # A case says the whole cost where it says no more; then a fee is a part of it, or stands beside it.
        costs["chronic_remainder" if origin.endswith("_remainder") else origin] = fen(event["amt"])
    return Case(
        on=day,
        encounter=by.encounter if by else str(event.get("encounter") or event["n"]),
        institution=by.institution if by else event.get("inst") or "",
        level=by.level if by else event.get("lvl"),
        kind=by.kind if by else case_kind(city, event),
        place=Place(**({"local": False, "designated": False} | flags)),
        person="active" if status == "pooled_only" else status,
        plan=dated(member, "plan", day),
        suspended=inside(member, "suspended", day, last=0),
        arrears=inside(member, "arrears", day, last=0),
        inpatient=inside(member, "inpatient", day, last=1),
        large_claims=member.get("mutual", "mutual_left" in params),
        costs=costs,
        figures=figures_of(params, day, used),
        treated_at="pharmacy" if event["rel"].startswith("pharmacy") else "",
    )


def case_kind(city: Any, event: dict[str, Any]) -> str:
    """Where a case says only a level: 0 is a station, 1 a centre, as the fees of Shaoguan ask."""
    kind = event.get("type", "")
    if not kind and hasattr(city, "FEES"):
        return {0: "station", 1: "centre"}.get(event.get("lvl"), "")
    return {"township": "centre", "community": "centre", "village": "station"}.get(kind, kind)


def figures_of(params: dict[str, Any], day: date, used: int) -> dict[str, dict[int, int]]:
    """What is left of a limit is told beside what was used of it before."""
    found: dict[str, dict[int, int]] = {}
    names = {
        "annual_cap": "yearly_cap", "mutual_left": "mutual_limit", "consultation_fee": "consultation_fee_paid",
        "general_fee": "general_fee_paid",
    }  # fmt: skip
    for name, value in params.items():
        if name == "pooled_left":
            found["pooled_limit"] = {day.year: fen(value) + used}
            continue
        values = value if isinstance(value, dict) else {day.year: value}
        if name in names:
            found[names[name]] = {year: fen(amount) for year, amount in values.items()}
        elif name.startswith("wage"):
            found["yearly_cap"] = {day.year: fen(value) * 2 // 100}
    return found


@pytest.mark.parametrize("case", cases("pa_accrual"))
def test_credits(case: dict[str, Any]):
    city, facts, total = CITIES[case["city"]], case["facts"], 0
    for segment in facts["segments"]:
        month, last = (date(*map(int, segment[end].split("-")), 1) for end in ("from", "to"))
        plan = segment.get("plan") or ("pooled_only" if segment["status"] == "pooled_only" else "unit")
        while month <= last:
            who = SimpleNamespace(birth=facts.get("birth"), sex="", reached_age_on=segment.get("reached_age_on", month))
            stopped = not segment.get("paid", True) and not segment.get("made_up")
            if city.has_account(segment["status"], plan):
                amount, _source = city.credit(
                    month,
                    person=segment["status"],
                    plan=plan,
                    who=who,
                    base=None if stopped or segment.get("base") is None else fen(segment["base"]),
                    in_benefit=segment.get("in_benefit", True) and not segment.get("made_up"),
                    paid_late=bool(segment.get("made_up")),
                )
                total += int(amount + Fraction(1, 2))
            month = date(month.year + month.month // 12, month.month % 12 + 1, 1)
    if "total" in case["expected"]:
        assert total == fen(case["expected"]["total"])


@pytest.mark.parametrize("case", cases("advance", "month_settle", "year_end", "retention_release"))
def test_institutions(case: dict[str, Any]):
    city, facts, expected = CITIES[case["city"]], case["facts"], case["expected"]
    if case["kind"] == "advance" and hasattr(city, "advance"):
        month = date(*map(int, facts["month"].split("-")), 1)
        assert city.advance(month, facts["headcount"], fen(facts["prev_actual"])) == fen(expected["advance"])
    elif case["kind"] == "advance":
        assert city.month_settled(0, facts["headcount_prev"])["prepay"] == fen(expected["advance"])
    elif case["kind"] == "retention_release":
        assert city.released(fen(facts["retained"]), Fraction(str(facts["score"]))) == fen(expected["released"])
    elif case["kind"] == "year_end":
        told = {"quota": fen(facts["budget"]), "use": fen(facts["actual"]), "others": fen(facts.get("paid_to_others"))}
        if "advanced" in facts:
            told["advanced"] = fen(facts["advanced"])
        else:
            told |= {"paid": fen(facts["paid"]), "deposit": fen(facts["deposit"])}
            told["score"] = Fraction(str(facts.get("score", 100)))
        found = city.year_end(**told)
        assert {name: found[name] for name in expected if name in found} == {
            name: fen(amount) for name, amount in expected.items() if name in found
        }
    elif "actual" in facts and hasattr(city, "pool"):
        used = {name: max(fen(use), 0) for name, use in facts["actual"].items()}  # below zero counts as none (G-17)
        decided = fen(facts["bonus_percent"]) if "bonus_percent" in facts else None
        found = city.month_settled(used, fen(facts["pool"]), decided)
        for name in ("settled", "paid", "retained"):
            stated = {code: fen(amount) for code, amount in expected.get(name, {}).items()}
            assert stated == {code: found[code][name] for code in stated}
    elif "fund" in facts:
        found = city.month_settled(fen(facts["fund"]), facts["headcount_prev"])
        assert found == {name: fen(amount) for name, amount in expected.items()}
