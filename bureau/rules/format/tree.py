"""The tree of a rulebook: binding instruments together, choosing readings, and reading it on a day."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import Any

from bureau.rules.errors import EditionError, _
from bureau.rules.format.schema import Tree
from bureau.rules.periods import ONE_DAY


def cite(node: Any, document: str) -> Any:
    """The same tree with the document's name before every article, for a file that binds into another."""
    if isinstance(node, dict):
        return {
            key: f"{document} {value}"
            if (key == "article" or key.endswith("_article")) and isinstance(value, str)
            else cite(value, document)
            for key, value in node.items()
        }
    return [cite(item, document) for item in node] if isinstance(node, list) else node


def bind(main: Tree, other: Tree, file: str, term: str = "") -> Tree:
    """The main instrument with another's terms added; lists grow, tables join, no value is overwritten."""
    own = {"document", "title", "binds", "city", "name", "area", "scheme", "starts_on", "in_force_article", "articles"}
    bound = dict(main)
    for key, value in other.items():
        if not term and key in own:
            if key == "articles":
                cited = {f"{other['document']} {name}": text for name, text in value.items()}
                bound["articles"] = bound["articles"] | cited
            continue
        if key not in bound:
            bound[key] = value
        elif isinstance(value, dict) and isinstance(bound[key], dict):
            bound[key] = bind(bound[key], value, file, f"{term} {key}".strip())
        elif isinstance(value, list) and isinstance(bound[key], list):
            bound[key] = bound[key] + value
        else:
            raise EditionError(file, term, key, _("is set by the main instrument already; remove one of them"))
    return bound


def chosen_tree(node: Any, choices: Mapping[str, str]) -> Any:
    """A tree with every choice of readings replaced by the chosen one."""
    if isinstance(node, dict):
        if "switch" in node:
            option = choices[node["switch"]]
            return chosen_tree(node[option], choices) if len(node) > 1 else option
        return {key: chosen_tree(value, choices) for key, value in node.items() if key != "reading"}
    if isinstance(node, list):
        return [
            chosen_tree(item, choices)
            for item in node
            if not isinstance(item, dict)
            or all(choices[name] == option for name, option in item.get("reading", {}).items())
        ]
    return node


def _is_dated(node: list[Any]) -> bool:
    return bool(node) and all(isinstance(row, dict) and "value" in row and "from" in row for row in node)


def tree_on(node: Any, on: date) -> Any:
    """A tree as it reads on a day: dated values resolved, terms of other days and absent values left out."""
    if isinstance(node, dict):
        day: Tree = {}
        for key, value in node.items():
            if isinstance(value, list) and _is_dated(value):
                rows = [row for row in value if row["from"] <= on]
                if rows and on <= rows[-1].get("to", on):
                    day[key] = rows[-1]["value"]
            else:
                day[key] = tree_on(value, on)
        return day
    if isinstance(node, list):
        return [
            tree_on(item, on)
            for item in node
            if not isinstance(item, dict) or (item.get("starts_on", on) <= on <= item.get("ends_on", on))
        ]
    return node


def changes(node: Any) -> tuple[int, ...]:
    """The days, as ordinals, on which a tree may begin to read differently."""
    found: set[int] = set()

    def walk(node: Any) -> None:
        if isinstance(node, dict):
            for key, value in node.items():
                if isinstance(value, date):
                    found.add((value + ONE_DAY if key in ("to", "ends_on") else value).toordinal())
                walk(value)
        elif isinstance(node, list):
            for item in node:
                walk(item)

    walk(node)
    return tuple(sorted(found))
