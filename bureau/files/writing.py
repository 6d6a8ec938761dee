"""Values as cells in which they are read again: the inverse of the parsers in `cells` and `days`."""

from __future__ import annotations

import datetime
import re
from collections.abc import Callable, Mapping
from typing import Any, TypeAlias
from zoneinfo import ZoneInfo

Writer: TypeAlias = Callable[[Any], str]

HERE = ZoneInfo("Asia/Shanghai")
# What Excel takes for a formula or an error, and the apostrophes of which `cells.clean` drops the first.
MARKED = "=+-@#'’‘`"
# So many digits Excel would cut: a tab keeps the cell a text, is not seen, and is dropped when the file comes back.
LONG_NUMBER = r"\d{12,}"
_LONG_NUMBER = re.compile(LONG_NUMBER, re.ASCII)


def plain(value: Any) -> str:
    """A day, a moment of the bureau's clock, an amount, a number; nothing is an empty cell."""
    if value is None:
        return ""
    if isinstance(value, datetime.datetime):
        return (value.astimezone(HERE) if value.tzinfo else value).strftime("%Y-%m-%d %H:%M:%S")
    return str(value)


def marked(text: str) -> str:
    """A text with an apostrophe before it where Excel would calculate; our reader drops that one."""
    return f"'{text}" if text and text[0] in MARKED else text


def as_text(value: Any) -> str:
    """A text, marked where Excel would calculate or cut digits."""
    text = plain(value)
    return text + "\t" if _LONG_NUMBER.fullmatch(text) else marked(text)


def month(value: datetime.date | None) -> str:
    return "" if value is None else f"{value:%Y%m}"


class Words:
    """Values that are written as words of a list."""

    def __init__(self, words: Mapping[Any, str]):
        self.words = words

    def __call__(self, value: Any) -> str:
        return self.words.get(value, plain(value))


def writer_of(parse: Callable[[Any], Any]) -> Writer:
    """How a parser's values are written: as it says itself (`parse.write`), otherwise as text."""
    return getattr(parse, "write", as_text)
