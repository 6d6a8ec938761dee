"""Worked cases: the house's own, and every folder of them that lies beside the checkout."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from bureau.rules.cases.run import run_case
from bureau.rules.format.edition import RULEBOOKS, load_all, load_folder

HERE = Path(__file__).parent
FOLDERS = (HERE / "cases", HERE.parents[1].parent / "shared" / "cases")


def cases() -> Iterator[Any]:
    for folder in FOLDERS:
        for path in sorted(folder.glob("*.yaml")):
            for case in yaml.safe_load(path.read_text("utf-8"))["cases"]:
                yield pytest.param(case, id=case["id"])


RULEBOOK = load_folder()
ALL = list(cases())


@pytest.mark.parametrize("case", ALL)
def test_case_is_reproduced_to_the_fen(case: dict[str, Any]) -> None:
    assert run_case(case, RULEBOOK) == []


def test_cases_pass_with_every_name_of_the_files_changed() -> None:
    """Nothing in the code may depend on a city's name, code, figure, term, switch or class of funds."""
    texts = {p.relative_to(RULEBOOKS).as_posix(): p.read_text("utf-8") for p in RULEBOOKS.rglob("*.toml")}
    found = {w for text in texts.values() for w in re.findall(r'^(?:id|code|city|fund) = "(\w+)"', text, re.M)}
    found |= {w for text in texts.values() for w in re.findall(r"^\[switches\.(\w+)\]", text, re.M)}
    words = {word: f"renamed_{number}" for number, word in enumerate(sorted(found - {"remote_cap"}))}

    def change(match: re.Match[str]) -> str:
        return match[1] + words.get(match[2], match[2]) + match[3]

    renamed = {}
    for name, text in texts.items():
        text = re.sub(r"(?m)^(?!kind = )(.*)$", lambda m: re.sub(r'(")(\w+)(")', change, m[1]), text)
        text = re.sub(r"(\[switches\.)(\w+)(\])", change, text)
        text = re.sub(r"reading = \{[^}]*\}", lambda m: re.sub(r"([{,] )(\w+)( =)", change, m[0]), text)
        text = re.sub(r'area = "(\d{6})"', lambda m: f'area = "{999999 - int(m[1]):06d}"', text)
        renamed[f"other/{name}"] = text.replace('document = "', 'document = "另').replace('binds = "', 'binds = "另')
    rulebook = load_all(renamed)
    failed = {}
    for parameter in ALL:
        case = dict(parameter.values[0])
        case["city"] = words[case["city"]]
        if "switches" in case:
            case["switches"] = {
                words.get(name, name): words.get(option, option) for name, option in case["switches"].items()
            }
        differences = run_case(case, rulebook)
        if differences:
            failed[case["id"]] = differences
    assert not failed


GOOD: dict[str, Any] = {
    "city": "heyuan",
    "kind": "pa_use",
    "facts": {"relation": "self", "purpose": "hospital_selfpay", "amount": "1.00", "balance": "2.00"},
    "expected": {"allowed": True, "pay": "1.00", "cash": "0.00"},
}


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"kind": "lottery"}, "unknown kind 'lottery'"),
        ({"city": "atlantis"}, "no rulebook for the city 'atlantis'"),
        ({"facts": GOOD["facts"] | {"weather": "fine"}}, "unknown facts ['weather']"),
        ({"facts": {"relation": "self"}}, "KeyError: 'purpose'"),
        ({"facts": GOOD["facts"] | {"amount": "1.005"}}, "parts of a fen"),
        ({"facts": GOOD["facts"] | {"amount": 1.25}}, "is a float"),
        ({"expected": {"allowed": True, "bonus": "1.00"}}, "bonus: expected '1.00', got nothing"),
        ({"expected": {"allowed": False}}, "allowed: expected False, got True"),
        ({"expected": {}}, "nothing is expected"),
        ({"expected": {"note": "none"}}, "nothing is expected"),
        ({"expected": None}, "nothing is expected"),
        ({"expected": {"pay": "1.01"}}, "pay: expected '1.01', got '1.00'"),
        (
            {"kind": "visits", "facts": {"member": {"status": "active", "mood": 1}, "events": []}},
            "unknown facts of the member",
        ),
        ({"kind": "visits", "facts": {"member": {"status": "active"}, "events": []}}, "IndexError"),
    ],
)
def test_a_case_that_cannot_be_run_is_a_difference(change: dict[str, Any], said: str) -> None:
    assert run_case(GOOD, RULEBOOK) == []
    differences = run_case(GOOD | change, RULEBOOK)
    assert len(differences) == 1
    assert said in differences[0]


@pytest.mark.parametrize(
    ("event", "said"),
    [
        ({"colour": "red"}, "unknown facts of the event 1: ['colour']"),
        ({"rel": "next_door"}, "KeyError: 'next_door'"),
        ({"rx": 9}, "KeyError: 9"),
        ({"amt": "-1.00"}, "negative"),
    ],
)
def test_an_event_that_cannot_be_run_is_a_difference(event: dict[str, Any], said: str) -> None:
    from datetime import date

    good = {"n": 1, "d": date(2026, 3, 1), "inst": "A", "lvl": 1, "rel": "selected", "amt": "1.00"}
    facts = {"member": {"status": "active"}, "params": {"annual_cap": "9.00"}, "events": [good | event]}
    case = {"city": "heyuan", "kind": "visits", "facts": facts, "expected": {"annual_paid": "0.00"}}
    assert said in run_case(case, RULEBOOK)[0]


def ran(city: str, kind: str, facts: dict[str, Any], expected: dict[str, Any]) -> list[str]:
    return run_case({"city": city, "kind": kind, "facts": facts, "expected": expected}, RULEBOOK)


def test_a_case_in_another_form_says_the_same() -> None:
    """Days in quotes, whole yuan and counts either way, visits numbered in quotes, and nothing where it may be left."""
    event = {"n": 1, "d": "2023-03-06", "inst": "C", "lvl": "3", "rel": "designated", "amt": 60}
    filled = {"n": 2, "d": "2023-03-06", "rel": "pharmacy_rx", "rx": 1, "amt": "30", "type": None}
    facts = {"member": {"status": "active", "arrears": None}, "opening": None, "events": [event, filled]}
    expected = {"lines": [{"fund": 5, "deductible": "50"}, {"fund": "15.0"}], "replay": {"1": "5.00", "2": 15}}
    assert ran("kaifeng", "visits", facts, expected) == []
    facts = {"request": "first", "date": "2025-10-10", "for_year": "2026", "institutions": ["A"]}
    expected = {"accepted": True, "benefit_from": "2026-01-01", "months": {"A": 12}}
    assert ran("heyuan", "selection", facts, expected) == []
    facts = {"month": "2026-01", "headcount": "1000", "prev_actual": None}
    assert ran("heyuan", "advance", facts, {"advance": "21333.33"}) == []
    facts = {"event": "death", "balance": 10}
    assert ran("zhanjiang", "pa_payout", facts, {"action": "bank_or_inherit", "amount": 10}) == []
    facts = {"retained": "210000", "score": 92}
    assert ran("zhanjiang", "retention_release", facts, {"released": "193200", "forfeited": 16800}) == []


def test_a_case_of_what_the_database_never_asks() -> None:
    """A first choice where there is one already, and the account that residents do not have."""
    facts = {"request": "first", "date": "2026-03-02", "for_year": 2026, "institutions": ["B"], "existing": "A"}
    assert ran("heyuan", "selection", facts, {"accepted": False, "why": "already_selected"}) == []
    facts = {"relation": "self", "purpose": "hospital_selfpay", "amount": "5.00", "balance": "0.00"}
    assert ran("shaoguan", "pa_use", facts, {"allowed": False, "pay": 0, "cash": 5, "why": "no_account"}) == []


def test_a_temporary_stay_is_registered_but_not_of_the_three_kinds() -> None:
    """开封 names those who live or work elsewhere (KF-6); 河源 pays whoever is registered."""
    event = {"n": 1, "d": "2026-03-06", "inst": "R", "lvl": 3, "rel": "remote_temporary", "amt": "200.00"}
    facts = {"member": {"status": "active"}, "events": [event]}
    line = {"fund": "0.00", "self": "200.00", "why": "remote_not_filed"}
    assert ran("kaifeng", "visits", dict(facts), {"lines": [line]}) == []
    facts["params"] = {"annual_cap": "1700.00"}
    assert ran("heyuan", "visits", facts, {"lines": [{"fund": "110.00", "charge": "fee_for_service"}]}) == []


def test_two_events_of_one_number_cannot_be_run() -> None:
    event = {"n": 1, "d": "2026-03-01", "inst": "A", "lvl": 1, "rel": "selected", "amt": "1.00"}
    facts = {"member": {"status": "active"}, "params": {"annual_cap": "9.00"}, "events": [event, event]}
    assert "two events have the number 1" in ran("heyuan", "visits", facts, {"annual_paid": "1.40"})[0]


def test_a_wrong_number_in_another_form_is_still_a_difference() -> None:
    facts = {"event": "death", "balance": 10}
    assert ran("zhanjiang", "pa_payout", facts, {"amount": 11}) == ["amount: expected 11, got '10.00'"]
    assert ran("zhanjiang", "pa_payout", facts, {"amount": "ten"}) == ["amount: expected 'ten', got '10.00'"]
    assert ran("zhanjiang", "pa_payout", facts, {"amount": True}) == ["amount: expected True, got '10.00'"]
    assert ran("zhanjiang", "pa_payout", facts, {"amount": None}) == ["amount: expected None, got '10.00'"]


def test_a_day_without_an_edition_is_told_by_every_kind() -> None:
    facts = {"request": "first", "date": "2031-10-10", "for_year": 2032, "institutions": ["A"]}
    assert ran("heyuan", "selection", facts, {"accepted": False, "why": "no_edition"}) == []
    facts = {"birth": "2028-01-01", "paid_on": "2028-04-01", "cost_date": "2028-03-07", "amt": "10.00"}
    assert ran("shaoguan", "newborn", facts, {"covered": False, "fund": "0.00", "why": "no_edition"}) == []


def test_a_day_outside_the_edition_is_told_whatever_the_parameters() -> None:
    event = {"n": 1, "d": "2025-07-31", "inst": "A", "lvl": 1, "rel": "selected", "amt": "100.00"}
    facts = {"member": {"status": "active"}, "params": {"annual_cap": "1700.00"}, "events": [event]}
    expected = {"lines": [{"n": 1, "fund": "0.00", "self": "100.00", "why": "no_edition"}]}
    assert ran("heyuan", "visits", facts, expected) == []
    facts["params"] = {"annual_cap": "1700.00"}
    assert ran("heyuan", "visits", facts, {"lines": [{"fund": "60.00"}]}) == [
        "lines[1].fund: expected '60.00', got '0.00'",
        "no edition is in force on some of the days; correct them",
    ]


def test_parameters_of_a_case_reach_what_the_edition_makes_of_them() -> None:
    """A cap that is 2 % of the wage, a cap for each year, who is in the second fund, and use of a sub-limit."""
    event = {"n": 1, "d": "2024-03-06", "inst": "A", "lvl": 1, "rel": "designated", "amt": "9000.00"}
    facts: dict[str, Any] = {"member": {"status": "active"}, "params": {"avg_wage_y_minus_2": "103333.33"}}
    facts["events"] = [event]
    assert ran("zhanjiang", "visits", facts, {"lines": [{"fund": "2066.67"}]}) == []
    facts["params"] = {"annual_cap": {2024: "2000.00", 2025: "2100.00"}}
    facts["events"] = [event, event | {"n": 2, "d": "2025-03-06"}]
    assert ran("zhanjiang", "visits", facts, {"lines": [{"fund": "2000.00"}, {"fund": "2100.00"}]}) == []
    facts = {"member": {"status": "active", "plan": "unit", "mutual": False}, "opening": {"deductible_used": "200.00"}}
    facts["params"] = {"pooled_left": "10.00", "mutual_left": "9000.00"}
    facts["events"] = [event | {"amt": "100.00"}]
    assert ran("chongqing", "visits", facts, {"lines": [{"fund": "10.00", "from_mutual": "0.00"}]}) == []
    facts = {"member": {"status": "resident"}, "opening": {"annual_paid": "100.00", "remote_paid": "45.00"}}
    facts["events"] = [event | {"rel": "remote"}, event | {"n": 2, "rel": "selected"}]
    assert ran("shaoguan", "visits", facts, {"lines": [{"fund": "5.00"}, {"fund": "195.00"}]}) == []
    facts = {"member": {"status": "active"}, "params": {"avg_wage_y_minus_2": "100.00"}}
    facts["events"] = [event | {"d": "2026-03-06", "rel": "selected"}]
    assert "no term of the edition uses" in ran("heyuan", "visits", facts, {"annual_paid": "0.00"})[0]
