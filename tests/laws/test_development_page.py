"""The page for engineers names nothing that is not there."""

import re

from django.core.management import get_commands

from tests.laws.source import ROOT

PAGE = ROOT / "docs" / "development.md"


def test_every_file_that_the_page_names_is_there():
    named = set(re.findall(r"`((?:[a-z_]+/)+[\w.]*)`|\]\(([\w./]+)\)", PAGE.read_text("utf-8")))
    paths = {code or f"docs/{link}" for code, link in named}
    assert len(paths) > 20
    rooms = ("members", "institutions", "accounts", "settlement")
    missing = {path for path in paths if not (ROOT / path).exists()}
    missing -= {path for path in missing if any((ROOT / room / path).exists() for room in rooms)}
    assert missing == set()


def test_every_command_that_the_page_names_is_there():
    text = PAGE.read_text("utf-8")
    commands = set(re.findall(r"manage\.py (\w+)", text))
    assert commands >= {"check_books", "write_permissions", "write_steps"}
    assert commands - set(get_commands()) == set()
    targets = set(re.findall(r"make ([a-z]+)\b", text))
    makefile = (ROOT / "Makefile").read_text("utf-8")
    assert [target for target in targets if f"\n{target}:" not in makefile] == []
