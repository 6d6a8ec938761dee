"""Every act, list and roster has a label, a permission, a line in docs/permissions.md and a test."""

import re
from pathlib import Path

import pytest
from django.contrib import admin
from django.core.management import call_command
from django.utils import translation

from bureau.site import matrix
from bureau.site.acts import Act
from bureau.site.records import Records
from bureau.staff.roles import ACTS, ROLES

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "permissions.md"
LINES = [*matrix.acts(), *matrix.lists(), *matrix.rosters()]


def text_of_tests() -> str:
    """The text of all tests but this folder's."""
    files = (path for path in (ROOT / "tests").rglob("*.py") if path.parent != Path(__file__).parent)
    return "\n".join(path.read_text("utf-8") for path in files)


def offered() -> list:
    """Every act and report with a button."""
    desks = admin.site._registry.values()
    return [act for desk in desks for act in (*getattr(desk, "acts", ()), *getattr(desk, "list_acts", ()))]


def test_the_page_of_permissions_says_what_is_registered():
    assert PAGE.read_text("utf-8") == matrix.page(), "run: manage.py write_permissions"
    call_command("write_permissions", "--check")


def test_the_page_says_of_each_role_what_the_table_of_roles_says():
    """Read back from the page itself: its marks are the table of roles, act by act."""
    part = PAGE.read_text("utf-8").partition("## Acts and reports")[2].partition("## Lists")[0]
    told = {
        row[0].strip("`"): {code for code, mark in zip(ROLES, row[5:], strict=True) if mark == matrix.MAY}
        for line in part.splitlines()
        if line.startswith("| `") and (row := [cell.strip() for cell in line.strip("|").split("|")])
    }
    assert told == {act: {role.code for role in ROLES.values() if act in role.acts} for act in ACTS}


@pytest.mark.parametrize("line", LINES, ids=lambda line: line.code)
def test_everything_has_a_name_in_both_languages_and_a_role_that_may(line):
    assert line.labels and line.roles
    for label in line.labels:
        with translation.override("en"):
            assert str(label)
        with translation.override("zh-hans"):
            assert re.search("[一-鿿]", str(label))


def test_lists_are_read_by_role_and_written_by_acts():
    """No list is a plain one of Django's, which asks for permissions that nobody has and writes past the services."""
    plain = {
        model._meta.label_lower
        for model, desk in admin.site._registry.items()
        if not isinstance(desk, Records) and type(desk).has_view_permission is admin.ModelAdmin.has_view_permission
    }
    assert plain == set()


def test_every_act_is_in_a_test_by_its_code_or_by_what_it_calls():
    said = text_of_tests()
    untested = set()
    for act in offered():
        work = act.do if isinstance(act, Act) else act.show or act.file
        name = getattr(work, "__name__", "")
        if act.code not in said and not (name.isidentifier() and re.search(rf"\b{name}\b", said)):
            untested.add(act.code)
    assert untested == set()


def test_every_roster_is_loaded_in_a_test():
    said = text_of_tests()
    assert [line.code for line in matrix.rosters() if f'"{line.code}"' not in said] == []
