"""Every number of a rulebook held against the article it cites, in the archived text.

A number is *found* in the text, as a figure or in words declared beside it (`words`); *derived* from numbers
found there (`derived`, or a day that borders on one); *declared* to be the bureau's own reading, with its
reason (`declared`); or it is *missing*. A declaration that no number uses is missing too.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from fractions import Fraction
from typing import Any

from bureau.rules.citations import formulas
from bureau.rules.citations.archive import Document, Passage, find
from bureau.rules.citations.numerals import beside_levels, days, levels, month_days, normalised, numerals
from bureau.rules.errors import _
from bureau.rules.format.schema import Tree
from bureau.rules.periods import ONE_DAY, last_day

FOUND, DERIVED, DECLARED, MISSING = "found", "derived", "declared", "missing"
STATUSES: dict[str, str] = {
    FOUND: _("found in the text"),
    DERIVED: _("derived from the text"),
    DECLARED: _("declared as the bureau's reading"),
    MISSING: _("not in the text"),
}

# The units in which a text may write what stands under a key; any unit for other keys.
_RATIO, _AMOUNT, _COUNT = frozenset({"%"}), frozenset({"元", ""}), frozenset({"家", "所", "个"})
UNITS: dict[str, frozenset[str]] = (
    dict.fromkeys(("ratio", "award", "contingency", "bonus"), _RATIO)
    | dict.fromkeys(("amount", "quota", "per_insured", "over"), _AMOUNT)
    | dict.fromkeys(("age_from", "age_below"), frozenset({"岁", "周岁"}))
    | {
        "count": _COUNT,
        "months": frozenset({"个月"}),
        "valid_years": frozenset({"年"}),
        "years_back": frozenset({"年前"}),
    }
)
_UNCITED = ("examples", "switches", "articles", "persons")


@dataclass(frozen=True, slots=True)
class Citation:
    """One number of a rulebook file and what became of it.

    `article` is as the file cites it; `line` of the archived file `text` and `excerpt` say where it was found;
    `formula` is the formula, the words or the reason that was declared.
    """

    file: str
    term: str
    key: str
    value: str
    article: str
    status: str
    text: str = ""
    line: int = 0
    excerpt: str = ""
    formula: str = ""


@dataclass(slots=True)
class _Notes:
    """What a table declares about its numbers, and which of it was used."""

    term: str
    derived: list[formulas.Formula]
    words: list[tuple[Fraction, str]]
    declared: str
    used: set[str] = field(default_factory=set)


@dataclass(frozen=True, slots=True)
class _Number:
    term: str
    key: str
    value: Any
    article: str
    notes: tuple[_Notes, ...]  # of its own table first, then of those around it
    levels: tuple[int, ...] = ()  # of the row in which it stands


def check_citations(tree: Tree, file: str, documents: Mapping[str, str]) -> list[Citation]:
    """Hold the numbers of one parsed rulebook file against the archived texts (file name to text)."""
    document = find(documents, str(tree.get("document", "")), str(tree.get("title", "")))
    checker = _Checker(file, document, tree.get("starts_on"), str(tree.get("in_force_article", "")))
    every: list[_Notes] = []
    held = [checker.citation(number) for number in _numbers(tree, "", "", (), every)]
    for term, key, reference in _references(tree, ""):
        if not checker.passages(reference):
            held.append(Citation(file, term, key, reference, reference, MISSING))
    for notes in every:
        for name in _declared_names(notes):
            if name not in notes.used:
                held.append(Citation(file, notes.term, "", "", "", MISSING, formula=name))
    return held


def counts(citations: Iterable[Citation]) -> dict[str, int]:
    """How many citations have each status."""
    result = dict.fromkeys(STATUSES, 0)
    for citation in citations:
        result[citation.status] += 1
    return result


def sentence(citation: Citation, translate: Callable[[str], str] = str) -> str:
    """One line for a person: where the number stands, and what became of it. `translate`: English → theirs."""
    term, key = citation.term or translate(_("top level")), citation.key or translate(_("declaration"))
    return f"{citation.file}: {term}: {key}: {verdict(citation, translate)}"


def verdict(citation: Citation, translate: Callable[[str], str] = str) -> str:
    """What became of a number."""
    status = translate(STATUSES[citation.status])
    params = {"value": citation.value, "article": citation.article, "formula": citation.formula, "status": status}
    if citation.status != MISSING:
        found = f"{citation.text}:{citation.line}: {citation.excerpt}" if citation.line else ""
        said = translate(_("{value}, {status}, article {article}:")).format_map(params)
        return " ".join(filter(None, (said, found, citation.formula)))
    if not citation.key:
        message = _("no number here needs '{formula}', or the text does not bear it out; remove it")
    elif citation.term == "articles" or citation.key.endswith("article"):
        message = _("the archived text has no article {article}")
    elif not citation.article:
        message = _("{value} cites no article; name the one that gives it, or declare how it is derived")
    else:
        message = _("{value} is not in article {article} of the archived text; declare how it is derived")
    return translate(message).format_map(params)


def _references(node: Any, term: str) -> Iterator[tuple[str, str, str]]:
    """Every article that a tree lists or cites, by term and key."""
    if isinstance(node, list):
        for number, item in enumerate(node, 1):
            name = item.get("id") or f"#{number}" if isinstance(item, dict) else ""
            yield from _references(item, f"{term} {name}".strip())
    elif isinstance(node, dict):
        for key, value in node.items():
            here = f"{term} {key}".strip()
            if here == "articles":
                yield from (("articles", reference, reference) for reference in value)
            elif key == "article" or key.endswith("_article"):
                yield from ((term, key, reference) for reference in str(value).split(", "))
            elif here != "examples":
                yield from _references(value, here)


def _numbers(node: Any, term: str, article: str, around: tuple[_Notes, ...], every: list[_Notes]) -> Iterator[_Number]:
    """Every number of a tree with the article and the declarations that stand for it."""
    if not isinstance(node, dict):
        return
    article = str(node.get("article", article))
    if {"derived", "words", "declared"} & set(node):
        notes = _Notes(
            term,
            [formulas.parse(text) for text in node.get("derived", [])],
            [formulas.phrase(text) for text in node.get("words", [])],
            str(node.get("declared", "")),
        )
        every.append(notes)
        around = (notes, *around)
    for key, value in node.items():
        if not term and key in _UNCITED:
            continue
        own = str(node.get(f"{key}_article", article))
        if not term and key in ("starts_on", "ends_on", "valid_years"):
            own = str(node.get("in_force_article", ""))
        named = node.get("level", ()) if key in ("amount", "ratio") else ()
        at_levels = tuple(named) if isinstance(named, (list, tuple)) else (named,)
        yield from _values(value, term, key, own, around, every, at_levels)


def _values(
    value: Any,
    term: str,
    key: str,
    article: str,
    around: tuple[_Notes, ...],
    every: list[_Notes],
    at_levels: tuple[int, ...] = (),
) -> Iterator[_Number]:
    if isinstance(value, bool):
        return
    if isinstance(value, (int, Decimal, date)) or (key in ("from", "to") and isinstance(value, str)):
        yield _Number(term, key, value, article, around, at_levels)
    elif isinstance(value, dict) and "switch" in value:
        for option in value.values():
            yield from _values(option, term, key, article, around, every, at_levels)
    elif isinstance(value, dict):
        yield from _numbers(value, f"{term} {key}".strip(), article, around, every)
    elif isinstance(value, list):
        for number, item in enumerate(value, 1):
            if isinstance(item, dict) and "value" in item and "from" in item:
                for name, part in item.items():
                    said = key if name == "value" else name
                    yield from _values(part, term, said, article, around, every, at_levels)
            elif isinstance(item, dict):
                name = item.get("id") or f"#{number}"
                yield from _numbers(item, f"{term} {key} {name}".strip(), article, around, every)
            else:
                yield from _values(item, term, key, article, around, every)


def _declared_names(notes: _Notes) -> list[str]:
    names = [formula.text for formula in notes.derived] + [words for _value, words in notes.words]
    return names + ([notes.declared] if notes.declared else [])


class _Checker:
    """Looks numbers up in one document; `starts_on` is the file's own first day, `begins` its article."""

    def __init__(self, file: str, document: Document | None, starts_on: object, begins: str) -> None:
        self.file, self.document, self.starts_on, self.begins = file, document, starts_on, begins

    def citation(self, number: _Number) -> Citation:
        passages = self.passages(number.article)
        own = number.notes[:1] if number.notes and number.notes[0].term == number.term else ()
        found = (
            self.noted(number, passages, own)
            or self.found(number, passages)
            or self.bordering(number, passages)
            or self.noted(number, passages, number.notes)
        )
        status, passage, at, formula = found or self.declared(number)
        value = number.value.isoformat() if isinstance(number.value, date) else str(number.value)
        line, excerpt = 0, ""
        if passage is not None:
            line, excerpt = passage.lines[at], passage.text[max(at - 8, 0) : at + 12]
        text = self.document.file if self.document else ""
        key = number.key
        return Citation(self.file, number.term, key, value, number.article, status, text, line, excerpt, formula)

    def passages(self, article: str) -> list[Passage]:
        if self.document is None or not article:
            return []
        listed = (self.document.passage(reference) for reference in article.split(", "))
        return [passage for passage in listed if passage is not None]

    def found(self, number: _Number, passages: list[Passage]) -> tuple[str, Passage | None, int, str] | None:
        beside = _beside(number, passages)
        for passage in passages:
            at = _position(number.key, number.value, passage.text)
            if at is not None and all(Fraction(number.value) in given for given in beside):
                return FOUND, passage, at, ""
        return None

    def bordering(self, number: _Number, passages: list[Passage]) -> tuple[str, Passage | None, int, str] | None:
        """A day that begins where the instrument does, or right after or before a day that the text names."""
        if not isinstance(number.value, date) or not number.term:
            return None
        first = number.key in ("from", "starts_on")
        if first and number.value == self.starts_on and self.begins:
            return DERIVED, None, 0, f"{number.value} = {self.begins}"
        other = number.value - ONE_DAY if first else number.value + ONE_DAY
        for passage in passages:
            for named in days(passage.text):
                if (named.last == other and not named.begins) if first else (named.first == other and named.begins):
                    return DERIVED, passage, named.at, f"{number.value} = {other} {'+' if first else '-'} 1"
        return None

    def noted(
        self, number: _Number, passages: list[Passage], all_notes: Iterable[_Notes]
    ) -> tuple[str, Passage | None, int, str] | None:
        """By a declaration beside the number: words that the text has, or a formula of numbers it has."""
        if isinstance(number.value, (date, str)):
            return None
        value, beside = Fraction(number.value), _beside(number, passages)
        for notes in all_notes:
            for said, words in notes.words:
                if said == value and all(value in given for given in beside):
                    plain = normalised(words)[0]
                    for passage in passages:
                        if plain in passage.text:
                            notes.used.add(words)
                            return FOUND, passage, passage.text.index(plain), words
            for formula in notes.derived:
                if formula.value == value == formula.result:
                    at = [_operand(operand, passages) for operand in formula.operands]
                    of_level = all(any(operand.value in given for operand in formula.operands) for given in beside)
                    if of_level and all(place is not None for place in at):
                        notes.used.add(formula.text)
                        first, where = next((place for place in at if place and place[0]), (None, 0))
                        return DERIVED, first, where, formula.text
        return None

    def declared(self, number: _Number) -> tuple[str, Passage | None, int, str]:
        for notes in number.notes[:1]:
            if notes.declared and notes.term == number.term:
                notes.used.add(notes.declared)
                return DECLARED, None, 0, notes.declared
        return MISSING, None, 0, ""


def _beside(number: _Number, passages: list[Passage]) -> list[set[Fraction]]:
    """What the text gives beside each level of a number's row, for those levels to which it gives something."""
    units = UNITS.get(number.key)
    found: dict[int, set[Fraction]] = {}
    for passage in passages if number.levels else ():
        for level, numeral in beside_levels(passage.text):
            if level in number.levels and (units is None or numeral.unit in units):
                found.setdefault(level, set()).add(numeral.value)
    return list(found.values())


def _operand(operand: formulas.Operand, passages: list[Passage]) -> tuple[Passage | None, int] | None:
    """Where an operand stands in the text; the whole (1, 100%) needs no place."""
    if operand.value == 1:
        return None, 0
    for passage in passages:
        for numeral in numerals(passage.text):
            if numeral.value == operand.value and (numeral.unit == "%") == operand.ratio:
                return passage, numeral.at
    return None


def _position(key: str, value: Any, text: str) -> int | None:
    """Where a passage has a number, None if nowhere; a text value is a month and a day, "09-01"."""
    if isinstance(value, date):
        if key in ("from", "starts_on"):
            return next((named.at for named in days(text) if named.first == value and not named.ends), None)
        return next((named.at for named in days(text) if named.last == value and not named.begins), None)
    if isinstance(value, str):
        month, day = (int(part) for part in value.split("-"))
        edge = 1 if key == "from" else last_day(2001, month).day
        return next((at for m, d, at in month_days(text) if m == month and day == (d or edge)), None)
    if key == "level":
        return next((at for level, at in levels(text) if level == value), None)
    units = UNITS.get(key)
    if key == "at_least" and isinstance(value, Decimal):
        units = _RATIO
    exact = Fraction(value)
    return next((n.at for n in numerals(text) if n.value == exact and (units is None or n.unit in units)), None)
