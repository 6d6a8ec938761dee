"""What a bureau decides about an edition beside its texts: the readings, and from which to which day it counts."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import replace
from datetime import date
from typing import Any

from bureau.rules.errors import EditionError, _
from bureau.rules.format.edition import Edition
from bureau.rules.format.schema import SECTIONS


def adopted(edition: Edition, choices: Mapping[str, str], starts_on: date) -> Edition:
    """An edition with these readings and its first day on `starts_on`, before which no part of it is in force.

    The content hash covers texts, readings and first day; it is that of the texts alone where both are the texts'
    own. Raises EditionError for a reading that the texts do not offer and a day outside of theirs.
    """
    other = {name: option for name, option in choices.items() if _chosen(edition, name) != option}
    read = edition.with_switches(**other) if other else edition
    if starts_on == edition.starts_on:
        return read
    if starts_on < edition.starts_on or (edition.ends_on is not None and starts_on > edition.ends_on):
        span = f"{edition.starts_on} to {edition.ends_on}" if edition.ends_on else f"{edition.starts_on} and after"
        raise EditionError(
            edition.document,
            "",
            "starts_on",
            _("{day} is not among its days; use one of {span}"),
            day=starts_on,
            span=span,
        )
    digest = hashlib.sha256(f"{read.content_hash} from {starts_on}".encode()).hexdigest()
    tree = {name: _not_before(part, starts_on) if name in SECTIONS else part for name, part in read._tree.items()}
    return replace(read, starts_on=starts_on, content_hash=digest, _tree=tree, _days={}, _caches={})


def until(edition: Edition, ends_on: date) -> Edition:
    """The same edition, ended by one that came after it."""
    return replace(edition, ends_on=ends_on)


def _chosen(edition: Edition, name: str) -> str | None:
    return edition.switches[name].chosen if name in edition.switches else None


def _not_before(part: Any, day: date) -> Any:
    return part | {"starts_on": max(part["starts_on"], day)} if "starts_on" in part else part
