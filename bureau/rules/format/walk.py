"""The walk that holds a rulebook file against the table of its keys (edition_schema.py)."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import Any

from bureau.rules.benefits.trace import Message
from bureau.rules.errors import EditionError, _, told
from bureau.rules.format.schema import CHECKS, CHOOSABLE, CITED, DATED, ELEMENT, METHODS, PROVIDER, SECTIONS, Tree


class Checker:
    """Checks one file; `whole` also asks for the keys that must be there.

    Raises the first EditionError or, with `found`, puts every one there and goes on.
    """

    def __init__(
        self,
        file: str,
        switches: Mapping[str, Any],
        articles: Mapping[str, str],
        found: list[EditionError] | None = None,
    ) -> None:
        self.file, self.switches, self.articles, self.found = file, switches, articles, found

    def fail(self, term: str, key: str, problem: str, **params: object) -> None:
        error = EditionError(self.file, term, key, problem, **params)
        if self.found is None:
            raise error
        self.found.append(error)

    def table(self, node: object, spec: Tree, term: str, whole: bool) -> None:
        if not isinstance(node, dict):
            self.fail(term, "table", _("is not a table; write its keys under a heading in brackets"))
            return
        if "*method" in spec:
            method = node.get("method")
            if not isinstance(method, str) or method not in spec["*method"]:
                self.fail(term, "method", _("is not a method; write one of {methods}"), methods=", ".join(METHODS))
                return
            spec = PROVIDER | spec["*method"][method]
        if "*" in spec:
            for key, value in node.items():
                self.value(value, spec["*"], term, key, whole)
            return
        allowed = CITED | {key.rstrip("!"): kind for key, kind in spec.items()}
        for key, value in node.items():
            if key not in allowed:
                self.fail(
                    term, key, _("is not a key of this table; write one of {keys}"), keys=", ".join(sorted(allowed))
                )
                continue
            self.value(value, allowed[key], term, key, whole)
        if whole:
            for key in spec:
                if key.endswith("!") and key[:-1] not in node:
                    self.fail(term, key[:-1], _("is missing; add it"))

    def value(self, value: Any, spec: Any, term: str, key: str, whole: bool) -> None:
        here = f"{term} {key}".strip()
        if isinstance(value, dict) and "switch" in value:
            self.choice(value, spec, term, key, whole)
        elif isinstance(spec, dict):
            self.table(value, spec, here, True if term else whole)
        elif isinstance(spec, list):
            if not isinstance(value, list):
                self.fail(term, key, _("is not a list of tables; write each under [[…]]"))
                return
            for number, item in enumerate(value, 1):
                name = item.get("id") or f"#{number}" if isinstance(item, dict) else f"#{number}"
                self.table(item, ELEMENT | spec[0], f"{here} {name}", True)
                if isinstance(item, dict):
                    if key in ("figures", "examples") and set(ELEMENT) & set(item):
                        idle = sorted(set(ELEMENT) & set(item))[0]
                        self.fail(f"{here} {name}", idle, _("has no effect here; remove it"))
                    self.reading(item, f"{here} {name}")
        elif isinstance(value, list) and value and all(isinstance(v, dict) and "value" in v for v in value):
            self.dated(value, spec, term, key, whole)
        elif spec.startswith("one of "):
            words = spec[7:].split("|")
            if value not in words:
                self.fail(
                    term, key, _("{value} is unknown; write one of {words}"), value=told(value), words=", ".join(words)
                )
        else:
            check, remedy = CHECKS[spec]
            if not check(value):
                self.fail(term, key, _("{value} does not fit; {remedy}"), value=told(value), remedy=Message(remedy))
            elif spec == "article":
                self.article(value, term, key)

    def choice(self, value: Tree, spec: Any, term: str, key: str, whole: bool) -> None:
        name = value["switch"]
        switch = self.switches.get(name) if isinstance(name, str) else None
        if (term or key).split()[0] not in CHOOSABLE:
            self.fail(
                term, key, _("cannot be a choice; only what stands under {sections} can"), sections=", ".join(CHOOSABLE)
            )
        if switch is None:
            self.fail(term, key, _("switch {name} is not declared; add it under [switches]"), name=told(name))
            return
        options = {name for name in value if name != "switch"} or set(switch["options"])
        if options != set(switch["options"]):
            self.fail(
                term,
                key,
                _("gives {found}; write exactly {options}"),
                found=told(sorted(options)),
                options=told(sorted(switch["options"])),
            )
            return
        for option in sorted(options):
            self.value(value.get(option, option), spec, term, key, whole)

    def reading(self, item: Tree, term: str) -> None:
        readings = item.get("reading")
        for name, option in readings.items() if isinstance(readings, dict) else ():
            if name not in self.switches or option not in [*self.switches[name]["options"]]:
                self.fail(
                    term,
                    "reading",
                    _("{name} = {option} is not declared; add it under [switches]"),
                    name=name,
                    option=told(option),
                )

    def dated(self, value: list[Tree], spec: Any, term: str, key: str, whole: bool) -> None:
        if spec not in DATED or not term or term.split()[0] not in SECTIONS:
            self.fail(term, key, _("cannot be dated; give the table around it starts_on and ends_on, or a new edition"))
            return
        last: date | None = None
        for row in value:
            if set(row) - {"from", "to", "value"} or type(row.get("from")) is not date:
                self.fail(term, key, _("a dated value has the keys from, to and value; write from as a day"))
                return
            if "to" in row and (type(row["to"]) is not date or row["to"] < row["from"]):
                self.fail(term, key, _("ends before it starts on {day}; correct the days"), day=row["from"])
                return
            if last is not None and row["from"] <= last:
                self.fail(term, key, _("days overlap at {day}; let each value start later"), day=row["from"])
            last = row.get("to", row["from"])
            self.value(row["value"], spec, term, key, whole)

    def article(self, value: str, term: str, key: str) -> None:
        for reference in value.split(", "):
            if reference.split("(")[0].split("（")[0] not in self.articles:
                self.fail(term, key, _("article {article} is unknown; list it under [articles]"), article=reference)
