"""Two editions beside each other: what a new one changes, article by article, in sentences."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any

from bureau.rules.benefits.trace import Message, Step, render
from bureau.rules.citations.archive import path_of
from bureau.rules.citations.check import UNITS
from bureau.rules.errors import _
from bureau.rules.format.edition import Edition
from bureau.rules.format.schema import CITED, CONDITIONS, SECTIONS, Tree
from bureau.rules.money import fen, millionths, percent, yuan

LABELS: dict[str, str] = {
    "amount": _("amount"),
    "ratio": _("ratio"),
    "window": _("window"),
    "base": _("base"),
    "level": _("level"),
    "person": _("person"),
    "plan": _("plan"),
    "starts_on": _("first day"),
    "ends_on": _("last day"),
    "quota": _("quota of a head"),
    "award": _("share awarded"),
    "at_least": _("usage from"),
    "charge": _("charged to"),
    "refuse": _("refused as"),
    "order": _("order"),
    "article": _("article"),
    "title": _("title"),
    "document": _("document"),
    "relations": _("relatives"),
    "chosen": _("reading"),
    "years_back": _("years back"),
    "months": _("months"),
    "method": _("method"),
}
ADDED, REMOVED = _("{term} is new: {after}"), _("{term} is no longer there: {before}")
CHANGED = _("{term}, {key}: {before} becomes {after}")
CHOSEN = _("{question} is read as {after}, no longer as {before}")

_NAMED = ("id", "code", "purpose", "event", "role", "fund", "standing")
_CONDITIONS = ("classes", *CONDITIONS, "cost", "when", "at_least", "over", "from")
_ORDERED = ("places", "terms", "rows", "lines", "shares")  # where the first that fits counts
_SKIPPED = {*CITED, *_NAMED, "articles", "switches", "examples", "city", "area", "scheme", "valid_years"}


@dataclass(frozen=True, slots=True)
class Change:
    """One difference. `before` and `after` are as shown, "" where there was or is nothing.

    `article` is the new edition's, the old one's for what is gone; `message` an English message id.
    """

    article: str
    term: str
    key: str
    before: str
    after: str
    message: str
    question: str = ""


def compare(old: Edition, new: Edition) -> list[Change]:
    """Every difference between two editions under their chosen readings, in the order of the articles."""
    changes = [*_switches(old, new), *_top(old, new)]
    shown = _Shown({**_figures(old), **_figures(new)}, old.document == new.document)
    before, after = old.whole(), new.whole()
    for key in ("persons", "figures", "entitlement", "places", *SECTIONS):
        changes += shown.values(before.get(key), after.get(key), "", key, ("", ""))
    return sorted(changes, key=lambda change: _place(change.article))


def show(change: Change, translate: Callable[[str], str] = str) -> str:
    """The sentence of a change, translated and with what was and what is."""
    params = {
        "term": change.term,
        "key": Message(LABELS.get(change.key, change.key)),
        "before": change.before,
        "after": change.after,
        "question": change.question,
    }
    return render(Step(change.term, change.article, change.message, params), translate)


def _place(article: str) -> tuple[str, tuple[int, ...]]:
    """Articles in the order of their numbers, those of other documents after the edition's own."""
    document, _space, reference = article.split(", ")[0].rpartition(" ")
    return document, tuple(number for _kind, number in path_of(reference))


def _figures(edition: Edition) -> dict[str, str]:
    return {code: figure.label for code, figure in edition.figures.items()}


def _top(old: Edition, new: Edition) -> Iterator[Change]:
    for key in ("document", "title", "starts_on", "ends_on"):
        before, after = (str(getattr(edition, key) or "—") for edition in (old, new))
        if before != after:
            yield Change("", new.name, key, before, after, CHANGED)


def _switches(old: Edition, new: Edition) -> Iterator[Change]:
    for name in [*old.switches, *(name for name in new.switches if name not in old.switches)]:
        before, after = old.switches.get(name), new.switches.get(name)
        term = f"switches {name}"
        if after is None:
            if before is not None:
                told = f"{before.question}: {before.options[before.chosen]}"
                yield Change(before.article, term, "chosen", told, "", REMOVED)
        elif before is None:
            told = f"{after.question}: {after.options[after.chosen]}"
            yield Change(after.article, term, "chosen", "", told, ADDED)
        elif before.chosen != after.chosen:
            was, now = before.options.get(before.chosen, before.chosen), after.options[after.chosen]
            yield Change(after.article, term, "chosen", was, now, CHOSEN, after.question)


@dataclass(frozen=True, slots=True)
class _Shown:
    """Compares values and puts them into words; `articles`: whether cited articles are compared too."""

    figures: Mapping[str, str]
    articles: bool

    def values(self, before: Any, after: Any, term: str, key: str, cited: tuple[str, str]) -> list[Change]:
        if before == after:
            return []
        here = f"{term} {key}".strip()
        tables = [value for value in (before, after) if isinstance(value, dict) and not _limit(value)]
        if len(tables) == 2:
            return self.tables(before, after, here, cited)
        if tables:
            article = str(tables[0].get("article", cited[1] or cited[0]))
            return [_one_sided(article, here, self.summary(tables[0]), before is None)]
        if _is_list(before) or _is_list(after):
            return self.lists(before or [], after or [], here, cited)
        told = self.value(key, before), self.value(key, after)
        return [] if told[0] == told[1] else [Change(cited[1] or cited[0], term or here, key, *told, CHANGED)]

    def tables(self, before: Tree, after: Tree, term: str, cited: tuple[str, str]) -> list[Change]:
        cited = str(before.get("article", cited[0])), str(after.get("article", cited[1]))
        changes: list[Change] = []
        for key in [*before, *(key for key in after if key not in before)]:
            is_article = key == "article" or key.endswith("_article")
            if key not in _SKIPPED and (self.articles or not is_article):
                changes += self.values(before.get(key), after.get(key), term, key, cited)
        return changes

    def lists(self, before: list[Tree], after: list[Tree], term: str, cited: tuple[str, str]) -> list[Change]:
        """Elements are matched by their names or conditions, so that one more row is one change."""
        old, new = _named(before), _named(after)
        changes: list[Change] = []
        for name in [*new, *(name for name in old if name not in new)]:
            here = f"{term} {name}"
            if name in old and name in new:
                changes += self.tables(old[name], new[name], here, cited)
            else:
                item = new.get(name) or old[name]
                article = str(item.get("article", cited[name in new]))
                changes.append(_one_sided(article, here, self.summary(item), name in new))
        kept = [name for name in old if name in new]
        order = [name for name in new if name in old]
        if kept != order and term.split()[-1] in _ORDERED:
            moved = [name for name, other in zip(order, kept, strict=True) if name != other]
            told = " < ".join(name for name in kept if name in moved), " < ".join(moved)
            changes.append(Change(cited[1], term, "order", *told, CHANGED))
        return changes

    def summary(self, item: Tree) -> str:
        """An element in one line: its keys and values, lists of rows by their number."""
        parts = []
        for key, value in item.items():
            if key in CITED or key == "article" or key.endswith("_article"):
                continue
            if _is_list(value):
                parts += [f"({self.summary(row)})" for row in value]
            elif isinstance(value, dict) and not _limit(value):
                parts.append(f"{key}: {self.summary(value)}")
            else:
                parts.append(f"{key} {self.value(key, value)}")
        return "; ".join(parts)

    def value(self, key: str, value: Any) -> str:
        """A value in plain figures: ratios in percent, amounts in yuan, dated values with their days."""
        if value is None:
            return "—"
        if isinstance(value, list) and value and isinstance(value[0], dict):
            days = [f"{row['from']} – {row.get('to', '')}".strip() for row in value]
            return ", ".join(f"{self.value(key, row['value'])} ({day})" for row, day in zip(value, days, strict=True))
        if isinstance(value, list):
            return ", ".join(str(item) for item in value)
        if isinstance(value, dict):
            code = value.get("figure") or value.get("of")
            label = self.figures.get(str(code), str(code))
            return f"{percent(millionths(value['ratio']))} × {label}" if "of" in value else label
        if isinstance(value, bool) or not isinstance(value, (int, Decimal)):
            return str(value).lower() if isinstance(value, bool) else str(value)
        if key in UNITS and "元" in UNITS[key]:
            return str(yuan(fen(value)))
        if (key in UNITS and "%" in UNITS[key]) or (key == "at_least" and value <= 1):
            return percent(millionths(value))
        return str(value)


def _one_sided(article: str, term: str, told: str, is_new: bool) -> Change:
    """What only one of the editions has."""
    if is_new:
        return Change(article, term, "", "", told, ADDED)
    return Change(article, term, "", told, "", REMOVED)


def _limit(value: Tree) -> bool:
    return set(value) in ({"figure"}, {"ratio", "of"})


def _is_list(value: Any) -> bool:
    """A list of tables, not a dated value."""
    return isinstance(value, list) and bool(value) and isinstance(value[0], dict) and "value" not in value[0]


def _named(items: list[Tree]) -> dict[str, Tree]:
    """The elements of a list by a name that stays when their values change."""
    named: dict[str, Tree] = {}
    for item in items:
        name = next((str(item[key]) for key in _NAMED if key in item), "")
        if not name:
            name = ", ".join(f"{key} {_plain(item[key])}" for key in _CONDITIONS if key in item) or "#"
        unique, number = name, 1
        while unique in named:
            number += 1
            unique = f"{name} #{number}"
        named[unique] = item
    return named


def _plain(value: Any) -> str:
    if isinstance(value, list):
        return "/".join(map(str, value))
    return value.isoformat() if isinstance(value, date) else str(value)
