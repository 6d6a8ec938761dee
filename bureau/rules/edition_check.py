"""What the table of keys cannot see: that the parts of a rulebook fit together."""

from __future__ import annotations

from typing import Any

from .edition_schema import Tree
from .errors import EditionError


def check_meaning(file: str, tree: Tree) -> None:
    """Check one choice of readings. Raises EditionError naming file, term and key."""
    persons = [name for group in tree["persons"].values() for name in _listed(group)]
    for name in sorted(set(persons)):
        if persons.count(name) > 1:
            raise EditionError(file, "persons", name, "stands in two groups; leave it in one")
    figures = {row["code"] for row in tree.get("figures", [])}
    for row in tree.get("figures", []):
        for key in ("floor", "equals"):
            if key in row and row[key]["of"] not in figures:
                raise EditionError(file, f"figures {row['code']}", key, "names no declared figure; add it")
    _check_limits(file, tree, "", figures)
    _check_persons(file, tree, "", set(tree["persons"]), set(persons))
    for number, place in enumerate(tree["places"], 1):
        if ("refuse" in place) == ("charge" in place):
            raise EditionError(file, f"places #{number}", "charge", "write either charge or refuse")
    _check_terms(file, tree["benefits"])
    for number, line in enumerate(tree.get("credits", {}).get("lines", []), 1):
        if ("ratio" in line) == ("amount" in line):
            raise EditionError(file, f"credits lines #{number}", "amount", "write either amount or ratio")
    for item in tree.get("account", {}).get("purposes", []):
        unknown = set(_listed(item.get("relations", []))) - set(tree["account"]["relations"])
        if unknown:
            problem = f"{sorted(unknown)} are not among the account's relations; add them there"
            raise EditionError(file, f"account purposes {item['purpose']}", "relations", problem)
    _check_bands(file, tree.get("provider", {}))


def _listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def _check_limits(file: str, node: Any, term: str, figures: set[str]) -> None:
    """Every figure that a limit names is declared."""
    if isinstance(node, dict):
        for key in ("figure", "left", "of"):
            if isinstance(node.get(key), str) and node[key] not in figures:
                raise EditionError(file, term, key, f"{node[key]!r} is not declared; add it to figures")
        for key, value in node.items():
            _check_limits(file, value, f"{term} {key}".strip(), figures)
    elif isinstance(node, list):
        for number, item in enumerate(node, 1):
            name = item.get("id", f"#{number}") if isinstance(item, dict) else f"#{number}"
            _check_limits(file, item, f"{term} {name}", figures)


def _check_persons(file: str, node: Any, term: str, groups: set[str], classes: set[str]) -> None:
    """Every group or class that a row names is declared under persons."""
    if isinstance(node, dict):
        for key, known in (("person", groups), ("classes", classes)):
            unknown = set(_listed(node.get(key, []))) - known
            if unknown:
                raise EditionError(file, term, key, f"{sorted(unknown)} are unknown; add them to persons")
        for key, value in node.items():
            _check_persons(file, value, f"{term} {key}".strip(), groups, classes)
    elif isinstance(node, list):
        for number, item in enumerate(node, 1):
            name = item.get("id", f"#{number}") if isinstance(item, dict) else f"#{number}"
            _check_persons(file, item, f"{term} {name}", groups, classes)


def _check_terms(file: str, benefits: Tree) -> None:
    """Ids once, what each kind needs, and an order that can be computed: cost, ratio, fund."""
    seen: set[str] = set()
    rated = False
    for term in benefits["terms"]:
        name, kind = f"benefits terms {term['id']}", term["kind"]
        dated_twin = "starts_on" in term or "ends_on" in term
        if term["id"] in seen and not dated_twin:
            raise EditionError(file, name, "id", "is used twice; give each term its own")
        seen.add(term["id"])
        value = "ratio" if kind == "ratio" else "amount"
        wrong = "amount" if kind == "ratio" else "ratio"
        rows = term.get("rows", [])
        if (value in term) == bool(rows) and "bands" not in term:
            raise EditionError(file, name, value, f"write either {value} or rows")
        for number, row in enumerate(rows, 1):
            if value not in row or wrong in row:
                raise EditionError(file, f"{name} rows #{number}", value, f"each row needs {value}, no {wrong}")
            if kind != "ratio" and "cost" in row:
                raise EditionError(file, f"{name} rows #{number}", "cost", "belongs to ratios; remove it")
        if kind != "ratio" and "window" not in term:
            raise EditionError(file, name, "window", "is missing; say over what it counts")
        if kind == "cap" and "base" not in term:
            raise EditionError(file, name, "base", "is missing; write fund or cost")
        if term.get("window") == "period" and "periods" not in term:
            raise EditionError(file, name, "periods", "is missing; list the periods of the window")
        on_cost = kind == "deductible" or (kind == "cap" and term["base"] == "cost")
        if on_cost and rated:
            raise EditionError(file, name, "kind", "stands after a ratio; put what works on the cost first")
        if kind == "cap" and not on_cost and not rated:
            raise EditionError(file, name, "kind", "caps the fund before any ratio; put it after the ratio")
        rated = rated or kind == "ratio"
    if not rated:
        raise EditionError(file, "benefits terms", "ratio", "is missing; add a term of kind ratio")


def _check_bands(file: str, provider: Tree) -> None:
    for key, bands in (
        ("year_end bands", provider.get("year_end", {}).get("bands", [])),
        ("retention scores", provider.get("retention", {}).get("scores", [])),
    ):
        edges = [band["at_least"] for band in bands]
        if edges != sorted(set(edges), reverse=True) or (edges and edges[-1] != 0):
            problem = "list the bands from the highest down to one at least 0, each edge once"
            raise EditionError(file, f"provider {key}", "at_least", problem)
