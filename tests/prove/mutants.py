"""Small changes of the sources, one at a time: of comparisons, of numbers by one, of rounding, of terms and limits.

Only the bodies of functions are changed. What a function raises, and the words of its messages, stay as they are.
"""

import ast
import copy
import functools
import gc
import importlib
import types
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

OPPOSITES: dict[type[ast.AST], type[ast.AST]] = {}
for one, other in (
    (ast.Lt, ast.LtE), (ast.Gt, ast.GtE), (ast.Eq, ast.NotEq), (ast.In, ast.NotIn), (ast.Is, ast.IsNot),
    (ast.Add, ast.Sub), (ast.And, ast.Or),
):  # fmt: skip
    OPPOSITES |= {one: other, other: one}
LIMITS = {"min": "max", "max": "min"}
UNTOUCHED = (ast.Raise, ast.JoinedStr, ast.arguments)
SPEAKING = (ast.JoinedStr, ast.List, ast.Tuple, ast.Dict)  # with these, + joins and does not count
Function = ast.FunctionDef | ast.AsyncFunctionDef


@dataclass(frozen=True)
class Mutant:
    """The `number`-th change of a function. `name` stays the same wherever the function moves to in its file."""

    module: str
    function: str
    number: int
    line: int
    before: str
    after: str
    occurrence: int

    @property
    def name(self) -> str:
        again = f" ({self.occurrence})" if self.occurrence > 1 else ""
        return f"{self.module}.{self.function}: {self.before} → {self.after}{again}"


def mutants_of(module: str) -> list[Mutant]:
    """All mutants of a module, in the order of its source."""
    tree, _file = _parsed(module)
    found = []
    for function, node in _functions(tree):
        if _function_of(module, function).__code__.co_name != node.name:
            continue
        walk = _Walk()
        walk.through(node)
        seen: Counter[tuple[str, str]] = Counter()
        for number, (line, before, after) in enumerate(walk.found):
            seen[before, after] += 1
            found.append(Mutant(module, function, number, line, before, after, seen[before, after]))
    return found


def install(mutant: Mutant) -> None:
    """Change the function in this process, for good: whoever holds the function holds the mutant."""
    tree, file = _parsed(mutant.module)
    node = dict(_functions(tree))[mutant.function]
    walk = _Walk(wanted=mutant.number)
    walk.through(node)
    code = compile(ast.fix_missing_locations(tree), file, "exec")
    function = _function_of(mutant.module, mutant.function)
    [changed] = [
        part
        for part in _codes(code)
        if (part.co_qualname, part.co_firstlineno) == (mutant.function, function.__code__.co_firstlineno)
    ]
    function.__code__ = changed
    for each in gc.get_objects():  # what was worked out before the change is forgotten
        if isinstance(each, functools._lru_cache_wrapper):
            each.cache_clear()


@functools.cache
def _source(module: str) -> tuple[ast.Module, str]:
    file = importlib.import_module(module).__file__
    return ast.parse(Path(file).read_text("utf-8")), file


def _parsed(module: str) -> tuple[ast.Module, str]:
    tree, file = _source(module)
    return copy.deepcopy(tree), file


def _functions(tree: ast.Module | ast.ClassDef, prefix: str = "") -> Iterator[tuple[str, Function]]:
    for node in tree.body:
        if isinstance(node, ast.ClassDef):
            yield from _functions(node, f"{prefix}{node.name}.")
        elif isinstance(node, Function):
            yield prefix + node.name, node


def _function_of(module: str, name: str) -> types.FunctionType:
    found = importlib.import_module(module)
    for part in name.split("."):
        found = vars(found)[part]
    while not isinstance(found, types.FunctionType):
        found = next(
            getattr(found, inside) for inside in ("__wrapped__", "__func__", "fget", "func") if hasattr(found, inside)
        )
    while hasattr(found, "__wrapped__"):
        found = found.__wrapped__
    return found


def _codes(code: types.CodeType) -> Iterator[types.CodeType]:
    yield code
    for constant in code.co_consts:
        if isinstance(constant, types.CodeType):
            yield from _codes(constant)


class _Walk(ast.NodeTransformer):
    """Lists every change of a function, and makes the wanted one."""

    def __init__(self, wanted: int | None = None):
        self.wanted = wanted
        self.found: list[tuple[int, str, str]] = []

    def through(self, function: Function) -> None:
        function.body = [self.visit(statement) for statement in function.body]

    def visit(self, node: ast.AST) -> ast.AST:
        if isinstance(node, UNTOUCHED):
            return node
        for changed in _changes(node):
            self.found.append((node.lineno, _text(node), _text(changed)))
            if self.wanted == len(self.found) - 1:
                return ast.copy_location(changed, node)
        return self.generic_visit(node)


def _text(node: ast.AST) -> str:
    if isinstance(node, ast.If):
        return f"if {ast.unparse(node.test)}"
    return " ".join(ast.unparse(node).split())


def _changes(node: ast.AST) -> Iterator[ast.AST]:
    match node:
        case ast.Compare():
            for place, operator in enumerate(node.ops):
                operators = [*node.ops]
                if new := OPPOSITES.get(type(operator)):
                    operators[place] = new()
                    yield _with(node, ops=operators)
        case ast.BinOp(op=ast.Add() | ast.Sub()) if not _speaks(node):
            yield _with(node, op=OPPOSITES[type(node.op)]())
            yield node.left
        case ast.BinOp(op=ast.Mult()) if not _speaks(node):
            yield node.left
        case ast.BinOp(op=ast.FloorDiv()):  # rounded up instead of down
            down = ast.BinOp(ast.UnaryOp(ast.USub(), node.left), ast.FloorDiv(), node.right)
            yield ast.UnaryOp(ast.USub(), down)
        case ast.AugAssign(op=ast.Add() | ast.Sub()):
            yield _with(node, op=OPPOSITES[type(node.op)]())
            yield ast.Pass()
        case ast.BoolOp():
            yield _with(node, op=OPPOSITES[type(node.op)]())
        case ast.UnaryOp(op=ast.Not()):
            yield node.operand
        case ast.UnaryOp(op=ast.USub()) if not isinstance(node.operand, ast.Constant):
            yield node.operand
        case ast.Constant(value=int(value)) if not isinstance(value, bool):
            yield ast.Constant(value + 1)
            yield ast.Constant(value - 1)
        case ast.Call(func=ast.Name(id="min" | "max" as limit)):
            yield _with(node, func=ast.Name(LIMITS[limit], ast.Load()))
        case ast.If() | ast.IfExp() if isinstance(node.test, ast.Name | ast.Attribute | ast.Call | ast.NamedExpr):
            yield _with(node, test=ast.UnaryOp(ast.Not(), node.test))
        case ast.ListComp() | ast.SetComp() | ast.GeneratorExp() | ast.DictComp():
            for place, generator in enumerate(node.generators):
                if generator.ifs:
                    generators = [*node.generators]
                    generators[place] = _with(generator, ifs=[])
                    yield _with(node, generators=generators)


def _speaks(node: ast.BinOp) -> bool:
    sides = (node.left, node.right)
    return any(isinstance(s, SPEAKING) or (isinstance(s, ast.Constant) and isinstance(s.value, str)) for s in sides)


def _with(node: ast.AST, **changes: object) -> ast.AST:
    changed = copy.copy(node)
    for field, value in changes.items():
        setattr(changed, field, value)
    return changed
