"""An edition's own worked examples (`[[examples]]`), run through the engine like any case."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from bureau.rules.cases.run import run_case
from bureau.rules.errors import EditionError
from bureau.rules.format.edition import Edition, Rulebook


@dataclass(frozen=True, slots=True)
class Failure:
    """An example that the rules do not reproduce, and every difference."""

    example: str
    differences: tuple[str, ...]


def run_examples(edition: Edition) -> list[Failure]:
    """The examples of an edition that fail; empty if all pass. One with `switches` runs under those readings."""
    failures: list[Failure] = []
    for example in edition.examples:
        try:
            read = edition.with_switches(**example.get("switches", {}))
        except EditionError as error:
            failures.append(Failure(example["id"], (str(error),)))
            continue
        differences = run_case(_case(edition, example), Rulebook([read]))
        if differences:
            failures.append(Failure(example["id"], tuple(differences)))
    return failures


def _case(edition: Edition, example: Mapping[str, Any]) -> dict[str, Any]:
    return {"city": edition.city, **{key: example[key] for key in ("kind", "facts", "expected")}}
