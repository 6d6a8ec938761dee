"""A room writes its own tables and no others: in SQL, and through the models of another room.

Read from the source, function by function: what a statement names, and which model a name stands for (by its import,
its annotation, or what it was assigned from, over relations too). Not seen: a table whose name is put together at run
time outside the files named below, and a record that comes out of a function without an annotation or out of a
container. What is seen when it runs is in the second half: a lived city's every statement, and who sent it.
"""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from django.apps import apps
from django.db.models import Model

from tests.laws.source import APPS, ROOMS, files, name, plain, tables, texts, tree

WRITING = re.compile(
    r"\b(?:INSERT\s+INTO|DELETE\s+FROM|MERGE\s+INTO|COPY|TRUNCATE(?!\s+ON\b)(?:\s+TABLE)?"
    r"|UPDATE(?=\s+(?:ONLY\s+)?\S+\s+(?:(?:AS\s+)?\w+\s+)?SET\b))\s+(?:ONLY\s+)?(?:public\.)?\"?(\w+|\{[^}]*\})\"?"
)
# The staged rows of an upload are anybody's who loads them; the loader of rosters writes what a room's roster names.
STAGED = {"roster_staged", "{STAGED}"}
LOADER = "bureau/rosters/"
# What writes: methods of a record, of a set of records, and the house's own function for one record.
WRITES = {
    "save", "create", "bulk_create", "get_or_create", "update_or_create", "update", "bulk_update", "delete", "add",
    "remove", "set", "clear",
}  # fmt: skip
SAME = {
    "objects", "_default_manager", "_base_manager", "all", "filter", "exclude", "order_by", "select_for_update",
    "select_related", "prefetch_related", "defer", "only", "annotate", "distinct", "using", "first", "last", "get",
    "earliest", "latest", "iterator", "create", "get_or_create", "update_or_create", "bulk_create", "reverse",
}  # fmt: skip


def written(path: Path) -> Iterator[tuple[int, str]]:
    """Every table that the SQL of a file writes, with the line of its text."""
    for line, text in texts(path):
        for table in WRITING.findall(plain(text)):
            yield line, table


def not_own(room: str, path: Path) -> list[str]:
    owners = tables()
    found = []
    for line, table in written(path):
        named = not table.startswith("{")
        own = owners.get(table, room if table.startswith(f"{room}_") else None) == room
        if not (own if named else name(path).startswith(LOADER)) and table not in STAGED:
            found.append(f"{name(path)}:{line}: {table}")
    return found


@pytest.mark.parametrize("room", ROOMS)
def test_sql_of_a_room_writes_its_own_tables(room):
    paths = [*files(room), *files(room, "sql")]
    assert [wrong for path in paths for wrong in not_own(room, path)] == []


def test_every_roster_goes_into_tables_of_the_room_that_declares_it():
    from bureau.rosters import uploads

    wrong = []
    for roster in uploads.rosters():
        room = type(roster).__module__.partition(".")[0]
        tables = {roster._meta.model, *roster.models}
        wrong += [model._meta.label for model in tables if model._meta.app_label != room]
    assert wrong == []


class Writes(ast.NodeVisitor):
    """The records of other rooms that a file writes through their models."""

    def __init__(self, room: str, models: dict[str, type[Model]], path: Path):
        self.room, self.path, self.found = room, path, []
        self.known: list[dict[str, type[Model]]] = [models]

    def of(self, node: ast.AST | None) -> type[Model] | None:
        """The model that an expression is a record, or a set of records, of; None where that cannot be said."""
        if isinstance(node, ast.Name):
            return next((names[node.id] for names in reversed(self.known) if node.id in names), None)
        if isinstance(node, ast.Attribute):
            model = self.of(node.value)
            return model if model is None or node.attr in SAME else related(model, node.attr)
        if isinstance(node, ast.Subscript | ast.Await | ast.Starred):
            return self.of(node.value)
        if isinstance(node, ast.Call):
            if isinstance(node.func, ast.Name) and node.func.id in ("locked", "list", "sorted", "iter", "next"):
                return self.of(node.args[0]) if node.args else None
            return self.of(node.func)
        if isinstance(node, ast.NamedExpr):
            return self.of(node.value)
        return None

    def annotated(self, node: ast.AST | None) -> type[Model] | None:
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            node = ast.parse(node.value, mode="eval").body
        names = [one.id for one in ast.walk(node) if isinstance(one, ast.Name)] if node is not None else []
        return next((model for one in names if (model := self.of(ast.Name(one))) is not None), None)

    def visit_FunctionDef(self, node: ast.FunctionDef) -> None:
        given = [*node.args.posonlyargs, *node.args.args, *node.args.kwonlyargs]
        told = {one.arg: model for one in given if (model := self.annotated(one.annotation)) is not None}
        # A name of a function hides the same name outside it, a model by the same name too.
        self.known.append(told)
        self.generic_visit(node)
        self.known.pop()

    def visit_Assign(self, node: ast.Assign) -> None:
        self.generic_visit(node)
        for target in node.targets:
            self.note(target, node.value)

    def visit_NamedExpr(self, node: ast.NamedExpr) -> None:
        self.generic_visit(node)
        self.note(node.target, node.value)

    def visit_For(self, node: ast.For) -> None:
        self.note(node.target, node.iter)
        self.generic_visit(node)

    def visit_comprehension(self, node: ast.comprehension) -> None:
        self.note(node.target, node.iter)
        self.generic_visit(node)

    def visit_ListComp(self, node: ast.ListComp) -> None:
        for generator in node.generators:
            self.visit(generator)
        self.generic_visit(node)

    visit_SetComp = visit_GeneratorExp = visit_DictComp = visit_ListComp

    def note(self, target: ast.AST, value: ast.AST) -> None:
        if isinstance(target, ast.Tuple) and target.elts:
            target = target.elts[0]  # record, created = ….get_or_create(…)
        if isinstance(target, ast.Name) and len(self.known) > 1:
            model = self.of(value)
            if model is not None:
                self.known[-1][target.id] = model
            else:
                self.known[-1].pop(target.id, None)

    def visit_Call(self, node: ast.Call) -> None:
        self.generic_visit(node)
        model = None
        if isinstance(node.func, ast.Attribute) and node.func.attr in WRITES:
            model = self.of(node.func.value)
        elif isinstance(node.func, ast.Name) and node.func.id == "save" and node.args:
            model = self.of(node.args[0])
        if model is not None and model._meta.app_label in APPS and model._meta.app_label != self.room:
            self.found.append(f"{name(self.path)}:{node.lineno}: {model._meta.label}")


def related(model: type[Model], attribute: str) -> type[Model] | None:
    """The model behind a relation, followed either way."""
    for field in model._meta.get_fields():
        accessor = field.get_accessor_name() if hasattr(field, "get_accessor_name") else field.name
        if accessor == attribute and isinstance(field.related_model, type):
            return field.related_model
    return None


def writes(room: str, path: Path) -> list[str]:
    by_name = {
        model.__name__: model for label in APPS for model in apps.get_app_config(label).get_models()
    }
    imported = {
        alias.asname or alias.name: by_name[alias.name]
        for node in ast.walk(tree(path))
        if isinstance(node, ast.ImportFrom) and node.module and "models" in node.module.split(".")
        for alias in node.names
        if alias.name in by_name
    }
    visitor = Writes(room, imported, path)
    visitor.visit(tree(path))
    return visitor.found


@pytest.mark.parametrize("room", ROOMS)
def test_a_room_writes_no_record_of_another_through_its_model(room):
    paths = [path for path in files(room) if "migrations" not in path.parts]
    assert [wrong for path in paths for wrong in writes(room, path)] == []


PLANTED = """
from accounts.models import Account
from bureau.saving import save
from members.models import Member

def one(member: Member, other: "Member | None") -> None:
    member.save()
    save(other)

def many() -> None:
    Member.objects.filter(sex="1").update(sex="2")
    for member in Member.objects.all():
        member.accounts.create()
    account, created = Account.objects.select_for_update().get_or_create(member=1)
    account.member.enrolments.all().delete()
    mine = {}
    mine.update(member=1)
"""


def test_the_law_sees_writes_through_models_names_and_relations(tmp_path, monkeypatch):
    path = tmp_path / "planted.py"
    path.write_text(PLANTED)
    monkeypatch.setattr("tests.laws.source.ROOT", tmp_path)
    found = [wrong.partition(":")[2] for wrong in writes("settlement", path)]
    assert found == [
        "7: members.Member", "8: members.Member", "11: members.Member", "13: accounts.Account",
        "14: accounts.Account", "15: members.Enrolment",
    ]  # fmt: skip
    assert writes("members", path) != found


@pytest.mark.parametrize(
    "sql",
    [
        "INSERT INTO accounts_entry (id) VALUES (1)", "UPDATE accounts_account SET balance = 0",
        "UPDATE ONLY accounts_account AS a SET balance = 0", "DELETE FROM accounts_credit WHERE id = 1",
        "WITH a AS (SELECT 1) INSERT INTO public.accounts_entry SELECT 1", "TRUNCATE TABLE accounts_freeze",
        "MERGE INTO accounts_credit AS c USING s ON true", "COPY accounts_credit (id) FROM STDIN",
        "-- remarks\nDELETE FROM -- here\n accounts_credit", 'INSERT INTO "accounts_journal" DEFAULT VALUES',
    ],
)
def test_the_law_sees_every_kind_of_statement(sql, tmp_path, monkeypatch):
    path = tmp_path / "planted.py"
    path.write_text(f"SQL = {sql!r}\nREAD = 'SELECT id FROM accounts_entry FOR UPDATE OF accounts_entry'\n")
    monkeypatch.setattr("tests.laws.source.ROOT", tmp_path)
    assert len(not_own("settlement", path)) == 1
    assert not_own("accounts", path) == []
