"""Archived policy texts: the documents of a file, and each document's articles and items.

A document begins at a line that is nothing but its number (河府〔2025〕27号) or its title, and goes on to the
next number that stands alone. An article is cited as the rulebooks do: `13(5)` is 第十三条（五）, `9(2)1` the
item 1 in it, `二(三)` or `2(3)` the item （三） of 二、 where a document has sections instead of articles.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from bureau.rules.citations.numerals import chinese, normalised

OUTSIDE = "印发"  # cited where a number stands outside every article: in the head or in the colophon

_NUMBER_ALONE = re.compile(r"^[^\s〔〕()《》,，。]{1,12}〔\d{4}〕\d+号$")
_ARTICLE = re.compile(r"^第([零〇一二两三四五六七八九十百]+)条(?=\s)")
_CHAPTER = re.compile(r"^第[一二三四五六七八九十]+章\s")
_SECTION = re.compile(r"^([一二三四五六七八九十]+)、")
_BRACKETED = re.compile(r"^[（(]([一二三四五六七八九十]+)[)）]")
_ITEM = re.compile(r"^(\d{1,2})[.．、](?!\d)")
_COLOPHON = re.compile(r"^(公开方式|抄送|主办|附件|[（(]此件)")
_REFERENCE = re.compile(r"^(?P<base>\d+|[一二三四五六七八九十百]+)(?:[(（](?P<sub>[^()（）]+)[)）])?\.?(?P<item>\d+)?$")

Path = tuple[tuple[str, int], ...]


@dataclass(frozen=True, slots=True)
class Passage:
    """A piece of a document: its normalised text and the line of the file (from 1) of each character."""

    text: str
    lines: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Document:
    """A document of an archived file by its articles and items; `()` is what stands outside of them."""

    file: str
    passages: Mapping[Path, Passage]

    def passage(self, reference: str) -> Passage | None:
        """The passage a rulebook cites, None where the document has none such."""
        if reference == OUTSIDE:
            return self.passages.get(())
        path = path_of(reference)
        return self.passages.get(path) if path else None


def path_of(reference: str) -> Path:
    """An article as cited, by its parts; empty where it is not cited by number."""
    found = _REFERENCE.match(reference)
    if found is None:
        return ()
    try:
        path: Path = (("article", chinese(found["base"])),)
        if found["sub"]:
            path += (("sub", chinese(found["sub"])),)
        if found["item"]:
            path += (("item", int(found["item"])),)
    except ValueError:
        return ()
    return path


def find(documents: Mapping[str, str], number: str, title: str) -> Document | None:
    """The document of a number, or else of a title, among archived files (name to text)."""
    for wanted in (number, title):
        plain = normalised(wanted)[0]
        for file, text in sorted(documents.items()):
            lines = text.splitlines()
            squeezed = ["".join(line.split()) for line in lines]
            starts = [at for at, line in enumerate(squeezed) if line == wanted or normalised(line)[0] == plain]
            if not starts:
                continue
            first = starts[0]
            ends = [at for at in range(first + 1, len(lines)) if _ends(squeezed[at], wanted)]
            return Document(file, _passages(lines, first, ends[0] if ends else len(lines)))
    return None


def _ends(line: str, wanted: str) -> bool:
    return line != wanted and _NUMBER_ALONE.match(line) is not None


def _passages(lines: list[str], first: int, last: int) -> dict[Path, Passage]:
    by_article = any(_ARTICLE.match(line.strip()) for line in lines[first:last])
    held: dict[Path, list[tuple[int, str]]] = {}
    path: Path = ()
    closed = False
    for at in range(first, last):
        line = lines[at].strip()
        if by_article and _CHAPTER.match(line):
            continue
        if path and _COLOPHON.match(line):
            path, closed = (), True
        if not closed:
            path = _step(path, line, by_article)
        for key in [path[: depth + 1] for depth in range(len(path))] or [path]:
            held.setdefault(key, []).append((at + 1, lines[at]))
    return {key: _passage(pieces) for key, pieces in held.items()}


def _step(path: Path, line: str, by_article: bool) -> Path:
    """The path after a line: a number counts only where it follows on the one before it."""
    found = (_ARTICLE if by_article else _SECTION).match(line)
    if found and chinese(found[1]) == (path[0][1] if path else 0) + 1:
        return (("article", chinese(found[1])),)
    if not path:
        return path
    found = _BRACKETED.match(line)
    if found:
        number = chinese(found[1])
        before = next((value for kind, value in path if kind == "sub"), None)
        if before is None or number == before + 1:
            return (path[0], ("sub", number))
    found = _ITEM.match(line)
    if found:
        before = next((value for kind, value in path if kind == "item"), 0)
        if int(found[1]) == before + 1:
            return (*(part for part in path if part[0] != "item"), ("item", int(found[1])))
    return path


def _passage(pieces: list[tuple[int, str]]) -> Passage:
    text, lines = normalised("\n".join(line for _number, line in pieces))
    numbers = [number for number, _line in pieces]
    return Passage(text, tuple(numbers[line] for line in lines))
