"""docs/readings.md has every reading that is cited, and none that is not; switches stand in it as in the editions."""

import re
from collections import defaultdict
from pathlib import Path

import pytest

from bureau.rules.format.edition import load_folder

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "readings.md"
# Case numbers (HY-V13, OWN-HY-20) are no readings.
CODE = re.compile(r"(?<![A-Za-z0-9-])(?:G|HY|ZJ|KF|SG|CQ)-\d{1,2}[a-z]?(?![A-Za-z0-9-])")
ROW = re.compile(r"\| ((?:G|HY|ZJ|KF|SG|CQ)-\d+[a-z]?) \| (.+?) \| (.+?) \| (.+?) \| (.*?) ?\|")
ROOMS = ("bureau", "members", "institutions", "accounts", "settlement", "demo", "tests", "templates", "locale", "docs")
READ = {".py", ".toml", ".yaml", ".md", ".html", ".sql", ".po"}


def rows() -> dict[str, tuple[str, ...]]:
    """Question, readings, reason and switch of each code."""
    found = [ROW.fullmatch(line) for line in PAGE.read_text("utf-8").splitlines() if CODE.match(line.lstrip("| "))]
    assert None not in found
    return {row[1]: row.groups()[1:] for row in found if row}


def cited(*folders: Path) -> dict[str, list[str]]:
    """Where each code is cited, this page and this test apart."""
    where = defaultdict(list)
    for folder in folders:
        for path in sorted(folder.rglob("*")):
            if path.suffix in READ and path not in (PAGE, Path(__file__)):
                for code in set(CODE.findall(path.read_text("utf-8"))):
                    where[code].append(path.name)
    return where


def test_every_reading_that_is_cited_stands_in_the_page():
    where = cited(*(ROOT / room for room in ROOMS))
    assert len(where) > 80
    assert {code: names for code, names in where.items() if code not in rows()} == {}


def test_every_reading_that_the_worked_cases_cite_stands_in_the_page():
    folder = ROOT.parent / "shared" / "cases"
    if not folder.is_dir():
        pytest.skip("the worked cases are not here")
    where = cited(folder)
    assert {code: names for code, names in where.items() if code not in rows()} == {}


def test_every_reading_of_the_page_is_cited_or_says_why_not():
    where = cited(*(ROOT / room for room in ROOMS), ROOT.parent / "shared" / "cases")
    silent = {code for code, (_question, _readings, why, _switch) in rows().items() if "Cited nowhere:" in why}
    # The worked cases cite some readings that nothing else does; without them nothing can be said of those.
    if (ROOT.parent / "shared" / "cases").is_dir():
        assert set(rows()) - set(where) == silent
    assert silent & set(where) == set()


def test_every_reading_says_one_that_counts_and_another():
    for code, (question, readings, why, _switch) in rows().items():
        assert question and why, code
        assert len(re.findall(r"\*\*.+?\*\*", readings)) == 1, code
        assert ";" in re.sub(r"\*\*.+?\*\*", "", readings), code


def test_codes_stand_once_and_in_order():
    codes = [row[1] for line in PAGE.read_text("utf-8").splitlines() if (row := ROW.fullmatch(line))]
    assert len(codes) == len(set(codes))
    order = ["G", "HY", "ZJ", "KF", "SG", "CQ"]

    def place(code: str) -> tuple[int, int, str]:
        city, _dash, number = code.partition("-")
        return order.index(city), int(re.match(r"\d+", number)[0]), number

    assert codes == sorted(codes, key=place)


def test_switches_of_the_page_are_those_of_the_editions_the_chosen_option_first():
    told = {
        code: [(names[0], names[1:])]
        for code, (*_others, switch) in rows().items()
        if (names := re.findall(r"`([a-z_]+)`", switch))
    }
    held: dict[str, list] = defaultdict(list)
    for edition in load_folder().editions:
        for name, switch in edition.switches.items():
            others = [option for option in switch.options if option != switch.chosen]
            held[switch.reading].append((name, [switch.chosen, *others]))
    assert len(held) == 40
    assert told == held
