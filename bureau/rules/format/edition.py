"""Policy editions: what one instrument, with those that bind into it, lays down from day to day."""

from __future__ import annotations

import hashlib
from bisect import bisect_right
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import date
from pathlib import Path
from typing import Any

from bureau.rules.errors import EditionError, NoEdition, Refusal, _, told
from bureau.rules.format.bounds import MOST_FILES, parse
from bureau.rules.format.check import check_meaning
from bureau.rules.format.figures import Figure, FigureCheck
from bureau.rules.format.schema import SCHEMA, Tree
from bureau.rules.format.tree import bind, changes, chosen_tree, cite, tree_on
from bureau.rules.format.walk import Checker
from bureau.rules.money import millionths, round_half_up, yuan
from bureau.rules.periods import expiry

RULEBOOKS = Path(__file__).parents[1] / "rulebooks"


@dataclass(frozen=True, slots=True)
class Switch:
    """A sentence that can be read in several ways: the options with their labels, and the one chosen."""

    name: str
    reading: str
    article: str
    question: str
    options: Mapping[str, str]
    chosen: str


@dataclass(frozen=True, eq=False)
class Edition:
    """The rules of an area and scheme. Immutable; `at(on)` is the rulebook as it reads on a day."""

    city: str
    name: str
    area: str
    scheme: str
    document: str
    title: str
    starts_on: date
    ends_on: date | None
    replaces: str
    documents: tuple[str, ...]
    articles: Mapping[str, str]
    switches: Mapping[str, Switch]
    figures: Mapping[str, Figure]
    examples: tuple[Tree, ...]  # worked cases of the edition itself, run by examples.py
    content_hash: str
    _raw: Tree = field(repr=False)  # with every reading still open
    _files_hash: str = field(repr=False)
    _tree: Tree = field(repr=False)
    _breaks: tuple[int, ...] = field(repr=False)
    _days: dict[int, Tree] = field(default_factory=dict, repr=False)
    _caches: dict[int, dict[Any, Any]] = field(default_factory=dict, repr=False)

    def in_force(self, on: date, part: str = "") -> bool:
        """Whether the instrument, or one part of it with a start of its own, is in force on a day.

        Parts: benefits, credits, account, selection, provider.
        """
        starts_on = self.starts_on
        if part:
            section = self._tree.get(part)
            if section is None:
                return False
            starts_on = section.get("starts_on", starts_on)
        return starts_on <= on and (self.ends_on is None or on <= self.ends_on)

    def at(self, on: date) -> Tree:
        """The rulebook with its readings chosen and its dated values of that day. Read only."""
        index = bisect_right(self._breaks, on.toordinal())
        tree = self._days.get(index)
        if tree is None:
            tree = self._days[index] = tree_on(self._tree, on)
        return tree

    def days_of_change(self) -> list[date]:
        """The days on which the rulebook may begin to read differently, within the days it says anything about."""
        first = min([self.starts_on, *(part["starts_on"] for part in self._tree.values() if _starts(part))])
        days = {first, *(date.fromordinal(day) for day in self._breaks)}
        return sorted(day for day in days if first <= day and (self.ends_on is None or day <= self.ends_on))

    def whole(self) -> Tree:
        """The rulebook with its readings chosen and its dated values all there. Read only."""
        return self._tree

    def cache(self, on: date) -> dict[Any, Any]:
        """A place for what is compiled from `at(on)`; one for each run of days without a change."""
        index = bisect_right(self._breaks, on.toordinal())
        found = self._caches.get(index)
        if found is None:
            found = self._caches[index] = {}
        return found

    def part(self, name: str, on: date) -> Tree:
        """One section on a day; raises NoEdition where it is not in force."""
        if not self.in_force(on, name):
            raise NoEdition(on, self.document)
        section: Tree = self.at(on)[name]
        return section

    def has(self, part: str) -> bool:
        """Whether the edition has such a section at all: residents have no credits, say."""
        return part in self._tree

    def with_switches(self, **choices: str) -> Edition:
        """The same edition with other readings chosen; its content hash differs."""
        for name, option in choices.items():
            if name not in self.switches:
                raise EditionError(self.document, "switches", name, _("is not a switch of this edition"))
            if option not in self.switches[name].options:
                problem, options = _("has no {option}; use one of {options}"), ", ".join(self.switches[name].options)
                raise EditionError(self.document, "switches", name, problem, option=told(option), options=options)
        switches = {
            name: replace(switch, chosen=choices.get(name, switch.chosen)) for name, switch in self.switches.items()
        }
        chosen = ",".join(f"{name}={switch.chosen}" for name, switch in sorted(switches.items()))
        tree = chosen_tree(self._raw, {name: switch.chosen for name, switch in switches.items()})
        return replace(
            self,
            switches=switches,
            content_hash=hashlib.sha256(f"{self._files_hash} {chosen}".encode()).hexdigest(),
            _tree=tree,
            _breaks=changes(tree),
            _days={},
            _caches={},
        )

    def check_figure(self, code: str, amount: int, known: Mapping[str, int]) -> FigureCheck:
        """A figure against its floor or equality; `known` holds the figures of its formula, in fen."""
        figure = self.figures.get(code)
        if figure is None:
            return FigureCheck(None, Refusal("figure_missing", "", {"figure": code}))
        if not figure.of:
            return FigureCheck(None, None)
        if figure.of not in known:
            return FigureCheck(None, Refusal("figure_missing", figure.article, {"figure": figure.of}))
        floor = round_half_up(known[figure.of] * figure.ratio, 1_000_000)
        if amount == floor or (amount > floor and not figure.equal):
            return FigureCheck(floor, None)
        code = "not_equal" if figure.equal else "below_floor"
        return FigureCheck(floor, Refusal(code, figure.article, {"floor": str(yuan(floor))}))


class Rulebook:
    """Editions by area and scheme."""

    def __init__(self, editions: Iterable[Edition]) -> None:
        self.editions = tuple(sorted(editions, key=lambda edition: edition.starts_on, reverse=True))
        for number, later in enumerate(self.editions):
            for earlier in self.editions[number + 1 :]:
                if (later.area, later.scheme) == (earlier.area, earlier.scheme) and earlier.in_force(later.starts_on):
                    problem = _("is still in force when {document} starts on {day}; end it the day before")
                    day = later.starts_on.isoformat()
                    raise EditionError(earlier.document, "", "ends_on", problem, document=later.document, day=day)

    def on(self, area: str, scheme: str, on: date, part: str = "") -> Edition:
        """The edition in force on a day, or for one of its parts. Raises NoEdition, never falls back.

        A part that starts before its instrument (credits of a whole year, say) wins over the older edition.
        """
        for edition in self.editions:
            if edition.area == area and edition.scheme == scheme and edition.in_force(on, part):
                return edition
        raise NoEdition(on, f"{area} {scheme}")

    def with_switches(self, **choices: str) -> Rulebook:
        """The same editions with other readings, each chosen in every edition that has such a switch."""
        known = {name for edition in self.editions for name in edition.switches}
        for name in sorted(choices.keys() - known):
            raise EditionError("", "switches", name, _("is not a switch of this edition"))
        return Rulebook(
            edition.with_switches(**{name: choices[name] for name in choices.keys() & edition.switches.keys()})
            for edition in self.editions
        )

    def of_city(self, city: str) -> list[Edition]:
        """The editions of a city by its key in the files, latest first."""
        return [edition for edition in self.editions if edition.city == city]


def load(texts: Mapping[str, str]) -> Edition:
    """One edition from its files (name to TOML text): one instrument and those that bind into it."""
    return _load(texts, None)


def problems(texts: Mapping[str, str]) -> list[EditionError]:
    """What is wrong with the files of an edition, as much as can be seen at once; empty where they can be loaded."""
    found: list[EditionError] = []
    try:
        _load(texts, found)
    except EditionError as error:
        found.append(error)
    return list({str(error): error for error in found}.values())


def _load(texts: Mapping[str, str], found: list[EditionError] | None) -> Edition:
    """Raises the first error. With `found` errors are put there until the next look would make no sense."""
    if len(texts) > MOST_FILES:
        problem = _("are {count} files; an edition has at most {most}")
        raise EditionError("rulebook", "", "files", problem, count=len(texts), most=MOST_FILES)
    parsed: dict[str, Tree] = {}
    for name, text in sorted(texts.items()):
        with _kept(found):
            parsed[name] = parse(name, text)
    _stop_at(found)
    main = _main(parsed)
    switches: dict[str, Any] = {}
    for tree in parsed.values():
        switches |= tree["switches"] if isinstance(tree.get("switches"), dict) else {}
    Checker(main, {}, {}, found).table({"switches": switches}, {"switches": _switch_schema()}, "", False)
    _stop_at(found)
    for name, tree in parsed.items():
        articles = tree["articles"] if isinstance(tree.get("articles"), dict) else {}
        Checker(name, switches, articles, found).table(tree, SCHEMA, "", len(parsed) == 1)
    for switch_name, switch in switches.items():
        if switch["chosen"] not in switch["options"]:
            options = ", ".join(switch["options"])
            with _kept(found):
                raise EditionError(
                    main, f"switches {switch_name}", "chosen", _("write one of {options}"), options=options
                )
    _stop_at(found)
    raw = dict(parsed[main])
    for name, tree in parsed.items():
        if name != main:
            raw = bind(raw, cite(tree, tree["document"]), name)
    Checker(main, switches, _AnyArticle(), found).table(raw, SCHEMA, "", True)
    _stop_at(found)
    examples = tuple(raw.pop("examples", ()))
    digest = hashlib.sha256("\0".join(f"{n}\0{t}" for n, t in sorted(texts.items())).encode()).hexdigest()
    documents = tuple(tree["document"] for tree in parsed.values())
    return _edition(main, raw, digest, documents, examples, found)


@contextmanager
def _kept(found: list[EditionError] | None) -> Iterator[None]:
    """Puts an error with those that were found; without such a list it is raised."""
    try:
        yield
    except EditionError as error:
        if found is None:
            raise
        found.append(error)


def _stop_at(found: list[EditionError] | None) -> None:
    if found:
        raise found.pop()


def _main(parsed: Mapping[str, Tree]) -> str:
    """The file of the instrument into which all others bind."""
    mains = [name for name, tree in parsed.items() if "binds" not in tree]
    if len(mains) != 1:
        problem = _("{count} of the files bind into no other; exactly one must be the main instrument")
        raise EditionError(", ".join(sorted(parsed)) or "rulebook", "", "binds", problem, count=len(mains))
    [main] = mains
    for name, tree in parsed.items():
        if name != main and tree["binds"] != parsed[main].get("document"):
            raise EditionError(
                name, "", "binds", _("names {document}, which is not among these files"), document=tree["binds"]
            )
        if name != main and "document" not in tree:
            raise EditionError(name, "", "document", _("is missing; add it"))
    return main


def _edition(
    file: str,
    raw: Tree,
    digest: str,
    documents: tuple[str, ...],
    examples: tuple[Tree, ...],
    found: list[EditionError] | None,
) -> Edition:
    switches = {name: Switch(name=name, **value) for name, value in raw.get("switches", {}).items()}
    if "valid_years" in raw and "ends_on" in raw:
        raise EditionError(file, "", "ends_on", _("stands beside valid_years; write one of the two"))
    ends_on = raw.get("ends_on")
    if "valid_years" in raw:
        ends_on = expiry(raw["starts_on"], raw["valid_years"])
    if ends_on is not None and ends_on < raw["starts_on"]:
        raise EditionError(file, "", "ends_on", _("is before starts_on; correct the days"))
    for choices in _alternatives(switches):
        with _kept(found):
            check_meaning(file, chosen_tree(raw, choices))
    _stop_at(found)
    tree = chosen_tree(raw, {name: switch.chosen for name, switch in switches.items()})
    figures = {}
    for row in raw.get("figures", []):
        formula = row.get("equals") or row.get("floor")
        figures[row["code"]] = Figure(
            code=row["code"],
            label=row["label"],
            article=row["article"],
            years_back=row.get("years_back", 0),
            per_year=row.get("per_year", True),
            optional=row.get("optional", False),
            zero=row.get("zero", False),
            ratio=millionths(formula["ratio"]) if formula else 0,
            of=formula["of"] if formula else "",
            equal="equals" in row,
        )
    plain = {key: raw[key] for key in ("city", "name", "area", "scheme", "document", "title", "starts_on")}
    return Edition(
        **plain,
        ends_on=ends_on,
        replaces=raw.get("replaces", ""),
        documents=documents,
        articles=raw["articles"],
        switches=switches,
        figures=figures,
        examples=examples,
        content_hash=digest,
        _raw=raw,
        _files_hash=digest,
        _tree=tree,
        _breaks=changes(tree),
    )


def load_folder(folder: Path = RULEBOOKS) -> Rulebook:
    """Every edition under a folder of TOML files."""
    paths = sorted(folder.rglob("*.toml"))
    return load_all({path.relative_to(folder).as_posix(): path.read_text("utf-8") for path in paths})


def load_all(texts: Mapping[str, str]) -> Rulebook:
    """Every edition among some files; a file with `binds` joins the instrument it names."""
    return Rulebook([load(group) for group in grouped(texts).values()])


def grouped(texts: Mapping[str, str]) -> dict[str, dict[str, str]]:
    """The files of each edition, by the document number of its main instrument."""
    groups: dict[str, dict[str, str]] = {}
    for name, text in sorted(texts.items()):
        tree = parse(name, text)
        groups.setdefault(str(tree.get("binds", tree.get("document", name))), {})[name] = text
    return groups


def _starts(part: object) -> bool:
    return isinstance(part, dict) and "starts_on" in part


def _switch_schema() -> Tree:
    return {"*": {**SCHEMA["switches"]["*"], "article!": "text"}}


class _AnyArticle(dict[str, str]):
    """The whole is checked for missing keys only; each file's articles have been checked by then."""

    def __contains__(self, key: object) -> bool:
        return True


def _alternatives(switches: Mapping[str, Switch]) -> Iterator[dict[str, str]]:
    """The readings as chosen, then every other option, one switch at a time."""
    chosen = {name: switch.chosen for name, switch in switches.items()}
    yield chosen
    for name, switch in switches.items():
        for option in switch.options:
            if option != switch.chosen:
                yield chosen | {name: option}
