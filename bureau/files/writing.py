"""Values as cells in which they are read again: the inverse of the parsers in `cells` and `days`."""

from __future__ import annotations

import datetime
from collections.abc import Callable
from typing import Any, TypeAlias

Writer: TypeAlias = Callable[[Any], str]

# What Excel takes for a formula or an error, and the apostrophes of which `cells.clean` drops the first.
MARKED = "=+-@#'’‘`\t\r"


def plain(value: Any) -> str:
    """A day, an amount, a number, yes or no; nothing is an empty cell."""
    if value is None:
        return ""
    if isinstance(value, datetime.datetime):
        return value.strftime("%Y-%m-%d %H:%M:%S")
    return str(value)


def as_text(value: Any) -> str:
    """A text. With an apostrophe before it where Excel would calculate; our reader drops that one."""
    text = plain(value)
    return f"'{text}" if text[:1] and text[0] in MARKED else text


def month(value: datetime.date | None) -> str:
    return "" if value is None else f"{value:%Y%m}"


def writer_of(parse: Callable[[Any], Any]) -> Writer:
    """How a parser's values are written: as it says itself (`parse.write`), otherwise as text."""
    return getattr(parse, "write", as_text)
