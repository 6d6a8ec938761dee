"""An edition held against the national frame: what a city may not go below, and where it goes further."""

from __future__ import annotations

import tomllib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from typing import Any

from bureau.rules.accounts.use import PURPOSES, RELATIONS
from bureau.rules.benefits.trace import Message, Step, render
from bureau.rules.enrolment import CLASSES, group_of
from bureau.rules.errors import _
from bureau.rules.format.edition import Edition
from bureau.rules.format.schema import CONDITIONS, Tree
from bureau.rules.money import UNIT, fen, millionths, percent, round_half_up

FRAMES = Path(__file__).parents[1] / "frames"
LEVELS: dict[str, str] = {"error": _("error"), "warning": _("warning")}


@dataclass(frozen=True, slots=True)
class Finding:
    """Where an edition leaves the frame: an `error` or a `warning`.

    `article` is the edition's, `frame_article` that of the national `document`. `message` is an English
    message id; an int in `params` is fen, a Message is translated.
    """

    level: str
    term: str
    article: str
    document: str
    frame_article: str
    message: str
    params: Mapping[str, object] = field(default_factory=dict)


def hold_against_frame(edition: Edition, figures: Mapping[str, int]) -> list[Finding]:
    """Every finding on the days of an edition, under its chosen readings, each once.

    `figures` are published figures in fen by code; the frame asks for the average pension of a month. The
    frame is of employees' insurance: other schemes have none.
    """
    found: dict[tuple[object, ...], Finding] = {}
    for path in sorted(FRAMES.glob("*.toml")):
        frame = tomllib.loads(path.read_text("utf-8"), parse_float=Decimal)
        if frame["scheme"] != edition.scheme:
            continue
        for on in edition.days_of_change():
            for finding in _findings(edition, edition.at(on), frame, figures):
                key = (finding.term, finding.message, tuple(map(str, finding.params.values())))
                found.setdefault(key, finding)
    return list(found.values())


def show(finding: Finding, translate: Callable[[str], str] = str) -> str:
    """The sentence of a finding, translated and with its parameters."""
    return render(Step(finding.term, finding.article, finding.message, finding.params), translate)


def _findings(edition: Edition, tree: Tree, frame: Tree, figures: Mapping[str, int]) -> Iterator[Finding]:
    yield from _ratios(tree["benefits"]["terms"], group_of(tree["persons"], "retired"), frame)
    yield from _credits(tree.get("credits", {}), frame, figures)
    yield from _account(tree.get("account", {}), frame)


def _finding(frame: Tree, rule: str, level: str, term: str, article: str, message: str, **params: object) -> Finding:
    return Finding(level, term, article, frame["document"], frame[rule]["article"], message, params)


def _ratios(terms: list[Tree], retired: str | None, frame: Tree) -> Iterator[Finding]:
    """Every ratio at least the national one; where two meet, their product too; the retired not below others."""
    least = millionths(frame["ratio"]["ratio"])
    lowest: int | None = None
    for term in terms:
        if term["kind"] != "ratio":
            continue
        rows = [row for row in term.get("rows") or term.get("bands") or [term] if "ratio" in row]
        below = [millionths(row["ratio"]) for row in rows if millionths(row["ratio"]) < least]
        name, article = f"benefits terms {term['id']}", term["article"]
        if lowest is None:
            for ratio in below:
                message = _("A ratio of {ratio} is below the national {least}")
                shown = {"ratio": percent(ratio), "least": percent(least)}
                yield _finding(frame, "ratio", "error", name, article, message, **shown)
        else:
            together = lowest * min(millionths(row["ratio"]) for row in rows) // UNIT
            if together < least <= lowest:
                message = _("Together with the ratio before it {ratio} may be paid, below the national {least}")
                shown = {"ratio": percent(together), "least": percent(least)}
                yield _finding(frame, "ratio", "warning", name, article, message, **shown)
        lowest = min((millionths(row["ratio"]) for row in rows), default=lowest)
        yield from _retired(term, retired, frame)


def _retired(term: Tree, retired: str | None, frame: Tree) -> Iterator[Finding]:
    """Rows for the retired that pay less than the same row for others."""
    rows = [row for row in term.get("rows", []) if "ratio" in row]
    conditions = [key for key in (*CONDITIONS, "cost") if key != "person"]
    for row in rows:
        if retired is None or retired not in _listed(row.get("person")):
            continue
        alike = [other for other in rows if all(other.get(key) == row.get(key) for key in conditions)]
        others = [millionths(other["ratio"]) for other in alike]
        if max(others) > millionths(row["ratio"]):
            message = _("The retired are paid {ratio}, others {others} for the same care")
            shown = {"ratio": percent(millionths(row["ratio"])), "others": percent(max(others))}
            name = f"benefits terms {term['id']}"
            yield _finding(frame, "ratio", "warning", name, term["article"], message, **shown)


def _credits(credits: Tree, frame: Tree, figures: Mapping[str, int]) -> Iterator[Finding]:
    """In service: the own share and nothing of the employer's. Retired: about so much of the average pension."""
    own, rule = millionths(frame["own_share"]["ratio"]), frame["retired_amount"]
    for line in credits.get("lines", []):
        # Who has reached the retirement age is retired to the frame, though still paying.
        retired = "retired" in _listed(line["classes"]) or "age_reached_before" in line
        named = Message(CLASSES.get(_listed(line["classes"])[0], _listed(line["classes"])[0]))
        term, article = "credits lines", line["article"]
        if not retired and line["source"] == "pool":
            message = _("Credited to {person} out of the pool, where the employer's share belongs to the pool alone")
            yield _finding(frame, "own_share", "error", term, article, message, person=named)
        elif not retired and "ratio" in line and millionths(line["ratio"]) != own:
            ratio = millionths(line["ratio"])
            message = _("{ratio} of the contribution base is credited to {person}; the national own share is {own}")
            told = {"ratio": percent(ratio), "own": percent(own), "person": named}
            yield _finding(frame, "own_share", "error" if ratio > own else "warning", term, article, message, **told)
        elif retired and line["source"] != "pool":
            message = _("Credited to the retired out of contributions, which they do not pay")
            yield _finding(frame, "retired_amount", "warning", term, article, message)
        elif retired and "amount" in line:
            amount, pension = fen(line["amount"]), figures.get(rule["figure"])
            about: dict[str, object] = {"amount": amount, "ratio": percent(millionths(rule["ratio"]))}
            if pension is None:
                message = _("Enter the average pension to hold the {amount} of the retired against about {ratio} of it")
                yield _finding(frame, "retired_amount", "warning", term, article, message, **about)
            else:
                most = round_half_up(pension * millionths(rule["ratio"]), UNIT)
                if amount > most:
                    message = _("{amount} a month for the retired is above {ratio} of the average pension, {most}")
                    yield _finding(frame, "retired_amount", "warning", term, article, message, **about, most=most)


def _account(account: Tree, frame: Tree) -> Iterator[Finding]:
    """Relatives, purposes and what the account never pays for."""
    for relation in _listed(account.get("relations")):
        if relation not in frame["relations"]["permitted"]:
            message = _("The account may be used for: {relation}; the national list has spouse, parents and children")
            shown = {"relation": Message(RELATIONS.get(relation, relation))}
            yield _finding(frame, "relations", "warning", "account relations", account["article"], message, **shown)
    excluded = frame["purposes"]["excluded"]
    for item in account.get("purposes", []):
        purpose, name = item["purpose"], f"account purposes {item['purpose']}"
        shown = {"purpose": Message(PURPOSES.get(purpose, purpose))}
        if purpose in excluded:
            message = _("The account pays for {purpose}, which the national document rules out")
            yield _finding(frame, "purposes", "error", name, item["article"], message, **shown)
        elif purpose not in frame["purposes"]["permitted"]:
            message = _("The account pays for {purpose}, which the national document does not name")
            yield _finding(frame, "purposes", "warning", name, item["article"], message, **shown)
    named = [item["purpose"] for item in account.get("excluded", [])]
    for purpose in excluded if account else []:
        if purpose not in named:
            message = _("The edition does not say that the account never pays for {purpose}")
            shown = {"purpose": Message(PURPOSES.get(purpose, purpose))}
            yield _finding(frame, "purposes", "warning", "account excluded", account["article"], message, **shown)


def _listed(value: Any) -> list[Any]:
    return [] if value is None else value if isinstance(value, list) else [value]
