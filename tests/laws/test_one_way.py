"""Nothing names what stands above it: neither by an import, nor by a dotted name, a table, or an address of the admin.

import-linter reads the imports (`.venv/bin/lint-imports`); here its contracts are held to be complete, and texts are
read. A name that is put together at run time is seen by neither.
"""

import ast
import re
import tomllib

import pytest

from tests.laws.source import APPS, ROOMS, ROOT, STEPS, files, functions, name, out_of_reach, tables, texts, tree

# Tables that name things of every room because they are read, and answered for, as a whole.
WHOLE = {"bureau/settings.py", "bureau/grants.py", "bureau/history/watched.py", "bureau/staff/roles.py"}
CONTRACTS = {
    contract["name"]: contract
    for contract in tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["tool"]["importlinter"]["contracts"]
}


def named(layers: list[str]) -> list[str]:
    return [one.strip(" ()") for layer in layers for one in layer.split("|")]


def test_every_room_is_in_the_contract_of_the_one_way():
    layers = CONTRACTS["One way: rules, roster, selection and ledger, settlement"]["layers"]
    assert [tuple(sorted(named([layer]))) for layer in reversed(layers)] == [tuple(sorted(step)) for step in STEPS]


def test_every_module_of_the_house_has_its_place_in_the_contract_of_the_house():
    places = named(CONTRACTS["The house by subject"]["layers"])
    # What Django, Celery or the server look for by name puts the house together; a subject's own __init__ cannot be a
    # layer beside its modules.
    called = {"apps", "asgi", "celery", "grants", "guards", "settings", "urls", "wsgi"}
    subjects = {"bureau.audit", "bureau.history", "bureau.site"}
    lost = []
    for path in files("bureau"):
        module = name(path)[:-3].replace("/", ".").removesuffix(".__init__")
        parts = module.split(".")
        if path.stat().st_size == 0 or "migrations" in parts or "management" in parts or set(parts[1:2]) & called:
            continue
        if not any(module == place or module.startswith(f"{place}.") for place in places):
            lost.append(module)
    assert set(lost) == subjects


def names_above(room: str, text: str) -> list[str]:
    """What a text names of the rooms that a room does not know."""
    above = out_of_reach(room)
    if not above:
        return []
    dotted = re.findall(rf"(?<![\w./-])(?:{'|'.join(above)})\.[a-zA-Z_]\w*", text)
    known = [one for one, keeper in (tables() | functions()).items() if keeper in above]
    joined = re.findall(rf"(?<!\w)(?:{'|'.join(known)})(?![a-z])", text) if known else []
    return dotted + joined


@pytest.mark.parametrize("room", ROOMS)
def test_no_text_names_a_room_above(room):
    """A dotted name ("settlement.tasks.check_books"), a table, an address of the admin."""
    wrong = [
        f"{name(path)}:{line}: {found}"
        for path in [*files(room), *files(room, "sql")]
        if name(path) not in WHOLE
        for line, text in texts(path)
        for found in names_above(room, text)
    ]
    assert wrong == []


@pytest.mark.parametrize("room", APPS)
def test_migrations_rest_on_no_room_above(room):
    above = set(out_of_reach(room))
    wrong = []
    for path in files(f"{room}/migrations"):
        for node in ast.walk(tree(path)):
            if isinstance(node, ast.Tuple) and len(node.elts) == 2:
                first, second = (getattr(one, "value", None) for one in node.elts)
                if first in above and isinstance(second, str) and re.match(r"\d{4}_|__", second):
                    wrong.append(f"{name(path)}: {first} {second}")
    assert wrong == []


def test_the_law_sees_what_it_forbids(tmp_path):
    """Each way of naming a room above, planted in a file of the house."""
    planted = [
        'TASK = "settlement.tasks.check_books"', 'model = apps.get_model("members.Member")',
        'import_string("accounts.queries.trial_balance")', 'reverse("admin:institutions_level_changelist")',
        'cursor.execute(f"SELECT 1 FROM settlement_visit WHERE id = {pk}")',
    ]  # fmt: skip
    for number, line in enumerate(planted):
        path = tmp_path / f"planted{number}.py"
        path.write_text(f'"""settlement.tasks in a docstring is read by people."""\n{line}\n')
        assert len([one for _line, text in texts(path) for one in names_above("bureau", text)]) == 1, line
