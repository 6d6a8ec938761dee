"""What is wrong with a file, a row or a cell, in a form that can be stored and shown in any language."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass


def noop(message: str) -> str:
    """Mark a sentence for the message catalogue (imported as `_`); whoever shows it translates it."""
    return message


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing wrong with a row.

    `line` is the physical line (CSV) or the row number (XLSX) as an editor or Excel shows it; `field` is the
    column's name in Python and `header` its heading in the file, both empty when the whole row is meant.
    `message` is a msgid to be formatted with `params` after translation.
    """

    line: int
    field: str
    header: str
    code: str
    message: str
    params: Mapping[str, object]

    def text(self, translate: Callable[[str], str]) -> str:
        return translate(self.message) % self.params


class Refused(ValueError):
    """A cell that a parser, or a row that a check, does not accept. `field` is set by checks only."""

    def __init__(self, code: str, message: str, *, field: str = "", **params: object):
        super().__init__(code)
        self.code = code
        self.message = message
        self.field = field
        self.params = params


class FileProblem(Exception):
    """The file as a whole cannot be read. Raised on opening, or while reading a damaged one."""

    def __init__(self, code: str, message: str, **params: object):
        super().__init__(message % params)
        self.code = code
        self.message = message
        self.params = params

    def text(self, translate: Callable[[str], str]) -> str:
        return translate(self.message) % self.params
