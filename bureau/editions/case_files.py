"""Files of worked cases (YAML) within bounds: what one would cost is seen from its events, before it is built."""

import re
from typing import Any

import yaml
from django.utils.translation import gettext_lazy as _

from bureau.errors import DomainError

LARGEST_FILE = 1024 * 1024  # bytes
MOST_CASES = 1000
MOST_NODES = 100_000
LONGEST_TEXT = 2_000  # characters of a single value: nobody writes a number or a note that long
DEEPEST = 20

_EXPONENT = re.compile(r"[+-]?[\d_]*\.?[\d_]*[eE][+-]?[\d_]+")
_OPEN = (yaml.MappingStartEvent, yaml.SequenceStartEvent)
_CLOSE = (yaml.MappingEndEvent, yaml.SequenceEndEvent)
_LOADER: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


def read_yaml(content: bytes) -> Any:
    """What a YAML file says. DomainError for what cannot be read, and for what no file of cases looks like."""
    if len(content) > LARGEST_FILE:
        raise DomainError(_("A file of cases has at most 1 MB."), field="cases")
    try:
        text = content.decode("utf-8")
        _require_modest(text)
        return yaml.load(text, Loader=_LOADER)
    except (UnicodeDecodeError, yaml.YAMLError, ValueError, ArithmeticError, RecursionError) as error:
        raise DomainError(
            _("The file cannot be read as YAML: %(problem)s"), field="cases", problem=str(error)[:300]
        ) from error


def read_cases(content: bytes) -> list[dict[str, Any]]:
    """The cases of a file, each a table. DomainError for a file that holds no list of them."""
    read = read_yaml(content)
    cases = read.get("cases") if isinstance(read, dict) else None
    if not isinstance(cases, list) or not all(isinstance(case, dict) for case in cases):
        raise DomainError(_("The file holds no list of cases under “cases”."), field="cases")
    if len(cases) > MOST_CASES:
        raise DomainError(_("A file has at most %(most)d cases."), field="cases", most=MOST_CASES)
    return cases


def _require_modest(text: str) -> None:
    """Refuse what is nested too deep, repeats itself by reference, or has too many or too long values."""
    nodes = depth = 0
    for event in yaml.parse(text, Loader=_LOADER):
        if isinstance(event, _CLOSE):
            depth -= 1
            continue
        nodes += 1
        if isinstance(event, _OPEN):
            depth += 1
        if isinstance(event, yaml.AliasEvent):
            raise DomainError(_("The file refers to parts of itself by *name; write them out."), field="cases")
        if depth > DEEPEST:
            raise DomainError(_("The file is nested more than %(most)d levels deep."), field="cases", most=DEEPEST)
        if nodes > MOST_NODES:
            raise DomainError(_("The file has more than %(most)d values; split it."), field="cases", most=MOST_NODES)
        if isinstance(event, yaml.ScalarEvent) and _EXPONENT.fullmatch(event.value[:LONGEST_TEXT]):
            raise DomainError(
                _("Line %(line)d has a number in scientific notation; write all its digits."),
                field="cases",
                line=event.start_mark.line + 1,
            )
        if isinstance(event, yaml.ScalarEvent) and len(event.value) > LONGEST_TEXT:
            raise DomainError(
                _("Line %(line)d has a value of more than %(most)d characters."),
                field="cases",
                line=event.start_mark.line + 1,
                most=LONGEST_TEXT,
            )
