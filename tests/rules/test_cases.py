"""Worked cases: the house's own, and every folder of them that lies beside the checkout."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from bureau.rules.cases import run_case
from bureau.rules.edition import RULEBOOKS, load_all, load_folder

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
    case = {"city": "heyuan", "kind": "visits", "facts": facts, "expected": {}}
    assert said in run_case(case, RULEBOOK)[0]
