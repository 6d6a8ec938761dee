"""A small city of the demonstration, computed again by code of its own; and wrong rows, which that code finds."""

import ast
import datetime
import sys
from collections.abc import Callable, Iterator
from io import StringIO
from pathlib import Path
from typing import Any

import pytest

from tests.recompute.computing import compute
from tests.recompute.differences import Difference

MEMBERS = 150
CITIES = {"heyuan": "441699", "shaoguan": "440299"}


def test_nothing_of_the_product_is_imported():
    """Only the standard library and the database driver: no rule, no model and no setting is shared."""
    allowed = sys.stdlib_module_names | {"psycopg"}
    for path in Path(__file__).parent.rglob("*.py"):
        if path == Path(__file__):
            continue
        text = path.read_text()
        for node in ast.walk(ast.parse(text)):
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            if isinstance(node, ast.ImportFrom) and not node.level:
                names = [node.module or ""]
            assert all(name.partition(".")[0] in allowed for name in names), f"{path}: {names}"
        assert "import_module" not in text and "__import__" not in text and ".toml" not in text


@pytest.fixture(scope="module", params=CITIES)
def lived(request: pytest.FixtureRequest, django_db_setup: None, django_db_blocker: Any) -> Iterator[str]:
    """A city that has lived its year, within a transaction that is rolled back at the end."""
    from django.core.management import call_command
    from django.db import transaction

    with django_db_blocker.unblock(), transaction.atomic():
        options = {"members": MEMBERS, "today": datetime.date(2027, 1, 20), "stdout": StringIO()}
        call_command("demo", city=[request.param], **options)
        yield CITIES[request.param]
        transaction.set_rollback(True)


def differences(area: str) -> list[Difference]:
    from django.db import connection

    connection.ensure_connection()
    [findings] = compute(connection.connection, [area])
    return findings.differences


@pytest.mark.django_db
def test_nothing_differs(lived: str):
    assert [str(difference) for difference in differences(lived)] == []


def planted(area: str, table: str, change: str, where: str) -> tuple[int, list[Difference]]:
    """What is found when the owner of the tables changes one row past every guard; afterwards it is as it was."""
    from django.db import connection, transaction

    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
        cursor.execute(f"ALTER TABLE {table} DISABLE TRIGGER USER")
        cursor.execute(
            f"UPDATE {table} SET {change} WHERE id = (SELECT max(id) FROM {table} t WHERE {where}) RETURNING id", [area]
        )
        [(number,)] = cursor.fetchall()
        found = differences(area)
        transaction.set_rollback(True)
    return number, found


PLANTS: dict[str, tuple[str, str, str, Callable[[int], set[tuple[str, str]]]]] = {
    "a visit paid more by the fund and less in cash": (
        "settlement_visit",
        "pooled = pooled + 0.01, cash = cash - 0.01",
        "area_id = %s AND pooled > 0 AND cash > 1 AND reverses_id IS NULL",
        lambda number: {("visit.pooled", f"visit:{number}"), ("visit.cash", f"visit:{number}")},
    ),
    "a visit owed to somebody else": (
        "settlement_visit",
        "payee_id = (SELECT max(id) FROM institutions_institution)",
        "area_id = %s AND pooled > 0 AND payee_id IS NOT NULL AND reverses_id IS NULL",
        lambda number: {("visit.payee", f"visit:{number}")},
    ),
}


@pytest.mark.django_db
@pytest.mark.parametrize("plant", PLANTS)
def test_a_wrong_row_is_found(lived: str, plant: str):
    table, change, where, expected = PLANTS[plant]
    number, found = planted(lived, table, change, where)
    assert {(difference.code, difference.record) for difference in found} == expected(number)
