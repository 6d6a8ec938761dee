"""What the table of keys cannot see: that the parts of a rulebook fit together."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import Any

from bureau.rules.benefits.places import FLAGS
from bureau.rules.errors import EditionError, _, told
from bureau.rules.format.schema import Tree


def check_meaning(file: str, tree: Tree) -> None:
    """Check one choice of readings. Raises EditionError naming file, term and key."""
    persons = [name for group in tree["persons"].values() for name in _listed(group)]
    for name in sorted(set(persons)):
        if persons.count(name) > 1:
            raise EditionError(file, "persons", name, _("stands in two groups; leave it in one"))
    figures = {row["code"] for row in tree.get("figures", [])}
    for row in tree.get("figures", []):
        for key in ("floor", "equals"):
            if key in row and row[key]["of"] not in figures:
                raise EditionError(file, f"figures {row['code']}", key, _("names no declared figure; add it"))
    _check_limits(file, tree, "", figures)
    _check_persons(file, tree, "", set(tree["persons"]), set(persons))
    _check_flags(file, tree, "")
    _check_days(file, tree, "")
    for number, place in enumerate(tree["places"], 1):
        if ("refuse" in place) == ("charge" in place):
            raise EditionError(file, f"places #{number}", "charge", _("write either charge or refuse"))
    for number, price in enumerate(tree["benefits"].get("prices", []), 1):
        if any("amount" not in row or isinstance(row["amount"], dict) for row in price["rows"]):
            raise EditionError(file, f"benefits prices #{number}", "rows", _("each row needs an amount in yuan"))
    _check_terms(file, tree["benefits"])
    for number, line in enumerate(tree.get("credits", {}).get("lines", []), 1):
        if ("ratio" in line) == ("amount" in line):
            raise EditionError(file, f"credits lines #{number}", "amount", _("write either amount or ratio"))
    for item in tree.get("account", {}).get("purposes", []):
        unknown = set(_listed(item.get("relations", []))) - set(tree["account"]["relations"])
        if unknown:
            problem = _("{names} are not among the account's relations; add them there")
            raise EditionError(
                file, f"account purposes {item['purpose']}", "relations", problem, names=told(sorted(unknown))
            )
    _check_bands(file, tree.get("provider", {}))


def _listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def _check_limits(file: str, node: Any, term: str, figures: set[str]) -> None:
    """Every figure that a limit names is declared."""
    if isinstance(node, dict):
        for key in ("figure", "left", "of"):
            if isinstance(node.get(key), str) and node[key] not in figures:
                raise EditionError(
                    file, term, key, _("{name} is not declared; add it to figures"), name=told(node[key])
                )
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
                raise EditionError(
                    file, term, key, _("{names} are unknown; add them to persons"), names=told(sorted(unknown))
                )
        for key, value in node.items():
            _check_persons(file, value, f"{term} {key}".strip(), groups, classes)
    elif isinstance(node, list):
        for number, item in enumerate(node, 1):
            name = item.get("id", f"#{number}") if isinstance(item, dict) else f"#{number}"
            _check_persons(file, item, f"{term} {name}", groups, classes)


def _check_flags(file: str, node: Any, term: str) -> None:
    """Every flag of a place is one that the rest of the product sets; a misspelt one would never hold."""
    if isinstance(node, dict):
        for key in ("when", "counts", "place"):
            for flag in _listed(node.get(key, [])):
                if flag.removeprefix("!") not in FLAGS:
                    raise EditionError(
                        file,
                        term,
                        key,
                        _("{flag} is no flag of a place; use {flags}"),
                        flag=told(flag),
                        flags=", ".join(FLAGS),
                    )
        for key, value in node.items():
            _check_flags(file, value, f"{term} {key}".strip())
    elif isinstance(node, list):
        for number, item in enumerate(node, 1):
            name = item.get("id", f"#{number}") if isinstance(item, dict) else f"#{number}"
            _check_flags(file, item, f"{term} {name}")


def _check_days(file: str, node: Any, term: str) -> None:
    """What starts ends later, and the periods of a window do not overlap."""
    if isinstance(node, dict):
        first, last = node.get("starts_on"), node.get("ends_on")
        if isinstance(first, date) and isinstance(last, date) and last < first:
            raise EditionError(file, term, "ends_on", _("is before starts_on; correct the days"))
        before: date | None = None
        for period in node.get("periods", []):
            if period["to"] < period["from"] or (before is not None and period["from"] <= before):
                problem = _("days overlap or run backwards at {day}; list them in their order")
                raise EditionError(file, term, "periods", problem, day=period["from"])
            before = period["to"]
        for key, value in node.items():
            _check_days(file, value, f"{term} {key}".strip())
    elif isinstance(node, list):
        for number, item in enumerate(node, 1):
            name = item.get("id", f"#{number}") if isinstance(item, dict) else f"#{number}"
            _check_days(file, item, f"{term} {name}")


def _check_terms(file: str, benefits: Tree) -> None:
    """Ids once, what each kind needs, and an order that can be computed: cost, ratio, fund."""
    seen: list[Tree] = []
    ratios: list[Tree] = []
    for term in benefits["terms"]:
        name, kind = f"benefits terms {term['id']}", term["kind"]
        for other in seen:
            if other["id"] == term["id"] and not _apart(other, term):
                problem = _("is used twice on the same days; give each its own, or end one before the other starts")
                raise EditionError(file, name, "id", problem)
        seen.append(term)
        _check_shape(file, name, term)
        on_cost = kind == "deductible" or (kind == "cap" and term["base"] == "cost")
        if on_cost and ratios:
            raise EditionError(file, name, "kind", _("stands after a ratio; put what works on the cost first"))
        if kind == "cap" and not on_cost and not ratios:
            raise EditionError(file, name, "kind", _("caps the fund before any ratio; put it after the ratio"))
        if "fixed" in benefits and ("bands" in term or (on_cost and kind == "cap")):
            raise EditionError(
                file, name, "kind", _("counts cost, which fixed amounts stand outside of; use one of them")
            )
        if kind == "ratio":
            _check_second_ratio(file, name, term, ratios)
            ratios.append(term)
    if not ratios:
        raise EditionError(file, "benefits terms", "ratio", _("is missing; add a term of kind ratio"))


def _check_shape(file: str, name: str, term: Tree) -> None:
    """The keys that one kind of term needs, and those that it cannot use."""
    kind = term["kind"]
    value, wrong = ("ratio", "amount") if kind == "ratio" else ("amount", "ratio")
    rows = term.get("rows", [])
    if (value in term) + bool(rows) + ("bands" in term) != 1 or wrong in term:
        raise EditionError(file, name, value, _("write either {value} or rows"), value=value)
    for number, row in enumerate(rows, 1):
        if value not in row or wrong in row:
            raise EditionError(
                file, f"{name} rows #{number}", value, _("each row needs {value}, no {wrong}"), value=value, wrong=wrong
            )
        if kind != "ratio" and "cost" in row:
            raise EditionError(file, f"{name} rows #{number}", "cost", _("belongs to ratios; remove it"))
    if kind != "ratio" and "window" not in term:
        raise EditionError(file, name, "window", _("is missing; say over what it counts"))
    if kind == "cap" and "base" not in term:
        raise EditionError(file, name, "base", _("is missing; write fund or cost"))
    if term.get("window") == "period" and "periods" not in term:
        raise EditionError(file, name, "periods", _("is missing; list the periods of the window"))
    for key, owner in (("ceiling", "deductible"), ("bands", "ratio")):
        if key in term and kind != owner:
            raise EditionError(file, name, key, _("belongs to a term of kind {kind}; remove it"), kind=owner)
    edges = _plain(file, name, "over", term.get("bands", []))
    if edges and (edges[0] != 0 or edges != sorted(set(edges))):
        raise EditionError(file, name, "bands", _("list the bands from over 0 upwards, each edge once"))


def _check_second_ratio(file: str, name: str, term: Tree, ratios: Sequence[Tree]) -> None:
    """A ratio that meets the fund of an earlier one cannot ask for the cost any more."""
    if all(_apart(other, term) for other in ratios):
        return
    if "bands" in term:
        raise EditionError(file, name, "bands", _("follow another ratio, where there is only the fund; put them first"))
    for number, row in enumerate(term.get("rows", []), 1):
        if "cost" in row:
            problem = _("follows another ratio, where there is only the fund; remove it")
            raise EditionError(file, f"{name} rows #{number}", "cost", problem)


def _apart(first: Tree, second: Tree) -> bool:
    """Whether two terms can never meet one visit: on different days, or at places that exclude each other."""
    for one, other in ((first, second), (second, first)):
        if "ends_on" in one and "starts_on" in other and one["ends_on"] < other["starts_on"]:
            return True
        if first["id"] != second["id"] and any(
            f"!{flag}" in _listed(other.get("when", [])) for flag in _listed(one.get("when", []))
        ):
            return True
    return False


def _check_bands(file: str, provider: Tree) -> None:
    for key, bands in (
        ("year_end bands", provider.get("year_end", {}).get("bands", [])),
        ("retention scores", provider.get("retention", {}).get("scores", [])),
    ):
        edges = _plain(file, f"provider {key}", "at_least", bands)
        if edges != sorted(set(edges), reverse=True) or (edges and edges[-1] != 0):
            problem = _("list the bands from the highest down to one at least 0, each edge once")
            raise EditionError(file, f"provider {key}", "at_least", problem)


def _plain(file: str, term: str, key: str, bands: Sequence[Tree]) -> list[Any]:
    """The edges of bands as plain numbers."""
    edges = [band[key] for band in bands]
    if any(isinstance(edge, list) for edge in edges):
        raise EditionError(file, term, key, _("cannot be dated; give each band starts_on and ends_on"))
    return edges
