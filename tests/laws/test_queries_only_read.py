"""8.7: queries only read. What locks, inserts, sets the planner or takes a number from a sequence is a service's."""

import ast
import re

import pytest

from tests.laws.source import ROOT, files, name, plain, texts, tree

ROOMS = ("bureau", "members", "institutions", "accounts", "settlement", "demo")
NOT_READING = re.compile(
    r"\b(?:INSERT\s+INTO|MERGE\s+INTO|DELETE\s+FROM|TRUNCATE|COPY\s|UPDATE\s+\S+(?:\s+(?:AS\s+)?\w+)?\s+SET"
    r"|FOR\s+(?:NO\s+KEY\s+)?UPDATE|FOR\s+(?:KEY\s+)?SHARE|LOCK\s+TABLE|SET\s+(?:LOCAL|SESSION)|RESET\s|set_config"
    r"|nextval|setval|pg_(?:try_)?advisory\w*|CREATE|ALTER|DROP|GRANT|ANALYZE|VACUUM|NOTIFY)\b|^\s*SET\s"
)
WRITING = {
    "save", "create", "bulk_create", "get_or_create", "update_or_create", "bulk_update", "delete", "select_for_update",
}  # fmt: skip
QUERYSETS = {"objects", "filter", "exclude", "all", "_default_manager"}


def queries():
    return [path for room in ROOMS for path in files(room) if "queries" in path.relative_to(ROOT).as_posix()]


def _of_records(call: ast.Call) -> bool:
    """Whether a method is called on a set of records: Model.objects.filter(…).update(…)."""
    return any(isinstance(node, ast.Attribute) and node.attr in QUERYSETS for node in ast.walk(call.func))


def writes(path):
    for line, text in texts(path):
        if found := NOT_READING.search(plain(text)):
            yield line, found[0]
    for node in ast.walk(tree(path)):
        if not (isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute)):
            continue
        if node.func.attr in WRITING or (node.func.attr == "update" and _of_records(node)):
            yield node.lineno, f".{node.func.attr}("


@pytest.mark.parametrize("path", queries(), ids=name)
def test_8_7_queries_only_read(path):
    assert list(writes(path)) == []


def test_8_7_what_does_more_than_read_is_found(tmp_path):
    nasty = tmp_path / "queries.py"
    nasty.write_text(
        'LOCK = "SELECT id FROM x ORDER BY id FOR NO KEY UPDATE OF a"\n'
        "PLAN = \"SELECT set_config('enable_seqscan', 'off', true)\"\n"
        'NEW = f"{LOCK} INSERT INTO y VALUES (1)"\n'
        'FINE = "SELECT updated, created_at FROM x -- FOR UPDATE\\n"\n'
        "def change(): X.objects.filter(a=1).update(b=2); Y.objects.create()\n"
        "def fine(): {}.update(a=1)\n"
    )
    assert list(writes(nasty)) == [
        (1, "FOR NO KEY UPDATE"), (2, "set_config"), (3, "INSERT INTO"), (5, ".update("), (5, ".create("),
    ]  # fmt: skip
    assert len(queries()) > 15
