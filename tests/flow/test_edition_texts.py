"""Whatever a file says, it is an edition or a list of what is wrong with it."""

import copy
import datetime
import random
import tomllib
from decimal import Decimal

import pytest

from bureau.rules.errors import EditionError
from bureau.rules.format import edition as rules

SEED = 20260610
CITIES = ("heyuan", "zhanjiang", "kaifeng", "shaoguan", "chongqing")
DAY = datetime.date(2026, 1, 1)
JUNK = [
    1, -1, "", "x", True, [], {}, [1], [{}], {"a": 1}, Decimal("1.7"), DAY, datetime.time(1, 2), [{"value": 1}],
    [{"from": DAY, "value": 1}, {"from": DAY, "value": 2}], {"switch": "x"}, {"switch": []}, {"switch": "x", "a": 1},
    {"figure": "q"}, {"ratio": 1, "of": 2}, ["a", ["b"]], [[1]],
]  # fmt: skip
KEYS = ("zzz", "switch", "reading", "starts_on", "value", "from", "derived", "words", "binds", "ends_on")


def trees(city: str) -> dict[str, dict]:
    folder = rules.RULEBOOKS / city
    return {p.name: tomllib.loads(p.read_text("utf-8"), parse_float=Decimal) for p in sorted(folder.glob("*.toml"))}


def places(node, found: list) -> list:
    for key in node if isinstance(node, dict) else range(len(node)):
        found.append((node, key))
        if isinstance(node[key], dict | list):
            places(node[key], found)
    return found


def spoil(tree: dict, dice: random.Random) -> None:
    node, key = dice.choice(places(tree, []))
    what = dice.randrange(4)
    if what == 0:
        del node[key]
    elif what == 1 and isinstance(node, dict):
        node[dice.choice(KEYS)] = copy.deepcopy(dice.choice(JUNK))
    elif what == 2 and isinstance(node, list):
        node.append(copy.deepcopy(node[key]))
    else:
        node[key] = copy.deepcopy(dice.choice(JUNK))


def test_spoilt_files_are_refused_in_words(monkeypatch, request):
    dice = random.Random(SEED)
    print("seed", SEED)
    whole = {city: trees(city) for city in CITIES}
    spoilt: dict[str, dict] = {}
    monkeypatch.setattr(rules, "parse", lambda name, text: spoilt[name])
    refused = 0
    for _turn in range(600):
        spoilt.clear()
        spoilt.update(copy.deepcopy(whole[dice.choice(CITIES)]))
        for _time in range(dice.choice([1, 1, 2, 4])):
            spoil(dice.choice(list(spoilt.values())), dice)
        names = dict.fromkeys(spoilt, "")
        problems = rules.problems(names)
        if problems:
            refused += 1
            with pytest.raises(EditionError) as error:
                rules.load(names)
            assert str(error.value) in map(str, problems)
        else:
            rules.load(names)
    assert refused > 400


def test_all_that_is_wrong_is_told_at_once():
    path = rules.RULEBOOKS / "heyuan" / "2025-27.toml"
    text = path.read_text("utf-8")
    for old, new in (
        ("[provider.advance]\n", "[provider.advance]\nadvanced = 1\nadvances = 2\n"),
        ("level = 2, ratio = 0.60 }", "level = 2, ratio = 1.7 }"),
        ('title = "', 'headline = "'),
        ('source = "contribution"\narticle = "7"', 'source = "contribution"\narticle = "77"'),
        ('id = "ratio"\nkind = "ratio"', 'id = "ratio"'),
    ):
        assert old in text
        text = text.replace(old, new, 1)
    told = [(error.term, error.key) for error in rules.problems({"new.toml": text})]
    assert told == [
        ("", "headline"),
        ("benefits terms ratio rows #2", "ratio"),
        ("benefits terms ratio", "kind"),
        ("credits lines #1", "article"),
        ("provider advance", "advanced"),
        ("provider advance", "advances"),
        ("", "title"),
    ]


def test_texts_that_are_no_toml_are_told_for_each_file():
    found = rules.problems({"a.toml": "document = ", "b.toml": "= 1", "c.toml": 'document = "x"'})
    assert [(error.file, error.key) for error in found] == [("a.toml", "file"), ("b.toml", "file")]
