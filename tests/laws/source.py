"""The rooms' own source, read for what it names: no code is run."""

import ast
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path

ROOT = Path(__file__).parents[2]
# From the lowest to the highest; rooms of one step do not know each other.
STEPS = (("bureau",), ("members",), ("accounts", "institutions"), ("settlement",), ("demo",), ("launcher",))
ROOMS = tuple(room for step in STEPS for room in step)
APPS = ROOMS[:-2]


def step(room: str) -> int:
    return next(number for number, rooms in enumerate(STEPS) if room in rooms)


def out_of_reach(room: str) -> list[str]:
    """The rooms that a room does not know: those above it, and its neighbour."""
    return [other for other in ROOMS if other != room and step(other) >= step(room)]


def files(room: str, ending: str = "py") -> list[Path]:
    return sorted((ROOT / room).rglob(f"*.{ending}"))


def name(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


@cache
def tree(path: Path) -> ast.Module:
    return ast.parse(path.read_text("utf-8"))


def texts(path: Path) -> Iterator[tuple[int, str]]:
    """Every text of a file but its docstrings, with its line; what is filled in stands in it as it is written."""
    if path.suffix != ".py":
        yield 1, path.read_text("utf-8")
        return
    skipped: set[int] = set()
    for node in ast.walk(tree(path)):
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            first = node.body[0] if node.body else None
            if isinstance(first, ast.Expr) and isinstance(first.value, ast.Constant):
                skipped.add(id(first.value))
        elif isinstance(node, ast.JoinedStr):
            skipped.update(id(part) for part in node.values)
            yield (
                node.lineno,
                "".join(
                    part.value if isinstance(part, ast.Constant) else f"{{{ast.unparse(part.value)}}}"
                    for part in node.values
                ),
            )
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in skipped:
            yield node.lineno, node.value


def plain(text: str) -> str:
    """SQL without its remarks."""
    return re.sub(r"--[^\n]*", "", text)


@cache
def tables() -> dict[str, str]:
    """Which room keeps a table."""
    from django.apps import apps

    models = (model for room in APPS for model in apps.get_app_config(room).get_models(include_auto_created=True))
    return {model._meta.db_table: model._meta.app_label for model in models}


@cache
def functions() -> dict[str, str]:
    """Which room made a function of the database."""
    made = re.compile(r"CREATE (?:OR REPLACE )?FUNCTION (?:public\.)?(\w+)\s*\(")
    return {
        found: room
        for room in APPS
        for path in [*files(f"{room}/migrations"), *files(f"{room}/migrations", "sql")]
        for found in made.findall(path.read_text("utf-8"))
    }
