"""What is kept of a settled visit, and how it is computed again from that alone."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import Any

from bureau.rules.benefits.fund import adjudicate
from bureau.rules.benefits.trace import Step
from bureau.rules.benefits.visit import Care, Outcome
from bureau.rules.format.edition import Edition

ENGINE = 1  # stored with every receipt; a change that could alter a result raises it


def receipt(edition: Edition, care: Care, used: Mapping[str, int]) -> dict[str, Any]:
    """Everything needed to compute the visit again, as plain JSON: edition, engine, facts, counters.

    Facts at their defaults are left out.
    """
    facts: dict[str, Any] = {
        "on": care.on.isoformat(),
        "encounter": care.encounter,
        "institution": care.institution,
        "level": care.level,
        "kind": care.kind,
        "place": sorted(care.place),
        "standing": sorted(care.standing),
        "person_class": care.person_class,
        "costs": dict(care.costs),
    }
    if care.plan:
        facts["plan"] = care.plan
    if care.birth is not None:
        facts["birth"] = care.birth.isoformat()
    if care.selected_level is not None:
        facts["selected_level"] = care.selected_level
    if care.figures:
        facts["figures"] = dict(care.figures)
    return {"engine": ENGINE, "edition": edition.content_hash, "care": facts, "used": dict(used)}


def replay(edition: Edition, receipt: Mapping[str, Any], steps: list[Step] | None = None) -> Outcome:
    """Compute a stored visit again from its receipt; the same fen, and its steps on request.

    Raises ValueError where the receipt was made by another edition or another engine.
    """
    if receipt["edition"] != edition.content_hash or receipt["engine"] != ENGINE:
        raise ValueError("the receipt was made by another edition or another engine version")
    return adjudicate(edition, care_from(receipt), receipt["used"], steps)


def care_from(receipt: Mapping[str, Any]) -> Care:
    """The facts that a stored visit was decided by."""
    facts = dict(receipt["care"])
    facts["on"] = date.fromisoformat(facts["on"])
    if "birth" in facts:
        facts["birth"] = date.fromisoformat(facts["birth"])
    for name in ("place", "standing"):
        facts[name] = frozenset(facts[name])
    return Care(**facts)
