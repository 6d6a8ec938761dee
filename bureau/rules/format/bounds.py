"""Reading a rulebook's file, within bounds that every rulebook keeps and no hostile file passes.

What costs by its form is measured on the text, before it is parsed; what a value may be, right after.
"""

from __future__ import annotations

import re
import tomllib
from datetime import date
from decimal import Decimal, DecimalException

from bureau.rules.errors import EditionError, _
from bureau.rules.format.schema import Tree

LARGEST_FILE = 256 * 1024  # characters; the longest rulebook has some 17,000
MOST_FILES = 20
MOST_DOTS = 50  # in a line: a key of so many parts, or numbers
DEEPEST = 16
MOST_DIGITS = 20
FIRST_YEAR, LAST_YEAR = 1900, 2200

_DIGITS = re.compile(rf"\d[0-9_]{{{MOST_DIGITS},}}", re.ASCII)


def parse(name: str, text: str) -> Tree:
    """A file's tree, with numbers as int and Decimal. Raises EditionError for what is not TOML or out of bounds."""
    if len(text) > LARGEST_FILE:
        raise _failure(name, _("has more than {most} characters; no rulebook is that long"), most=LARGEST_FILE)
    for number, line in enumerate(text.split("\n"), start=1):
        if line.count(".") > MOST_DOTS:
            problem = _("line {line} has more than {most} dots; cut it into several")
            raise _failure(name, problem, line=number, most=MOST_DOTS)
        if _DIGITS.search(line):
            problem = _("line {line} has a number of more than {most} digits; shorten it")
            raise _failure(name, problem, line=number, most=MOST_DIGITS)
    try:
        tree = tomllib.loads(text, parse_float=_decimal)
    except RecursionError:
        raise _too_deep(name) from None
    except ValueError as error:
        raise _failure(name, _("is not TOML: {error}; correct the line"), error=error) from error
    _require_sane(name, tree)
    return tree


def _failure(name: str, problem: str, **params: object) -> EditionError:
    return EditionError(name, "", "file", problem, **params)


def _too_deep(name: str) -> EditionError:
    return _failure(name, _("is nested more than {most} levels deep; no rulebook is"), most=DEEPEST)


def _decimal(text: str) -> Decimal:
    try:
        return Decimal(text)
    except DecimalException:
        raise ValueError(f"{text} is too large") from None


def _require_sane(name: str, tree: Tree) -> None:
    """Walk the tree without recursion, level by level."""
    level: list[tuple[str, object]] = list(tree.items())
    for _depth in range(DEEPEST):
        below: list[tuple[str, object]] = []
        for key, value in level:
            if isinstance(value, dict):
                below += value.items()
            elif isinstance(value, list):
                below += [(key, item) for item in value]
            elif isinstance(value, date) and not FIRST_YEAR <= value.year <= LAST_YEAR:
                problem = _("{value} lies outside the years {first} to {last}")
                raise EditionError(name, "", key, problem, value=str(value), first=FIRST_YEAR, last=LAST_YEAR)
            elif _is_huge(value):
                raise EditionError(name, "", key, _("is a number of more than {most} digits"), most=MOST_DIGITS)
        level = below
    if level:
        raise _too_deep(name)


def _is_huge(value: object) -> bool:
    if isinstance(value, Decimal) and value.is_finite() and value:
        return not -MOST_DIGITS < value.adjusted() < MOST_DIGITS
    return isinstance(value, int) and abs(value) >= 10**MOST_DIGITS
