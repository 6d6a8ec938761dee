"""Numbers in Chinese official prose: 70%, 百分之七十, 1/12, 十二分之一, 10个百分点, 60元/次, 二级及以下, 2025年8月1日.

Everything works on normalised text: full width made half width, white space dropped except between figures.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from fractions import Fraction

from bureau.rules.periods import last_day

_DIGITS = {character: value for value, character in enumerate("零一二三四五六七八九")} | {"〇": 0, "两": 2}
_TENS = {"十": 10, "百": 100, "千": 1000}
_CHINESE = "[零〇一二两三四五六七八九十百千万]+"
_ARABIC = r"\d+(?:,\d{3})*(?:\.\d+)?"
_UNITS = "万元|亿元|元|个月|周岁|岁|年|月|日|天|家|所|个|次|级|分|周|倍|人"
_NUMBER = re.compile(
    rf"(?P<over>{_ARABIC})/(?P<under>\d+)"
    rf"|百分之(?P<hundredth>{_CHINESE}|{_ARABIC})"
    rf"|(?P<below>{_CHINESE})分之(?P<above>{_CHINESE})"
    rf"|(?P<percent>{_ARABIC})%"
    rf"|(?P<points>{_ARABIC}|{_CHINESE})个百分点"
    rf"|(?P<arabic>{_ARABIC})(?:\([^()]{{1,4}}\))?(?P<unit>{_UNITS})?"
    rf"|(?P<chinese>{_CHINESE})(?P<measure>{_UNITS})"
    r"|(?P<half>减半)|(?P<before>上+)年"
)
_DAY = re.compile(r"(?<!\d)(\d{4})年(?:(\d{1,2})月(?:(\d{1,2})日)?)?")
_MONTH = re.compile(r"(?<!\d)(\d{1,2})月(?:(\d{1,2})日)?")
_BEGINS = re.compile(r"起|至|到|[-—~]|\(含\)起")
_ENDS = re.compile(r"止|前|\(含\)止")
_UNTIL = frozenset("至到—~-")
_STOP = re.compile(r"[。;,]")
_AT_MOST = re.compile(r"([一二三四五六七八九1-9])级及(?:以下|基层)")


@dataclass(frozen=True, slots=True)
class Numeral:
    """A number with its unit: "%" for any ratio, "年前" for 上年 and 上上年, "" where none is written."""

    value: Fraction
    unit: str
    at: int


@dataclass(frozen=True, slots=True)
class Days:
    """A day, a month or a year that a text names, by its first and last day.

    `begins`: the text lets something begin there (自…起, …至), so that nothing ends with it; `ends` the other way.
    """

    first: date
    last: date
    at: int
    begins: bool = False
    ends: bool = False


def chinese(text: str) -> int:
    """A whole number in Chinese numerals, or in figures: 十二, 一百零五, 二, 12."""
    if text.isdecimal():
        return int(text)
    total = section = digit = 0
    for character in text:
        if character in _DIGITS:
            digit = _DIGITS[character]
        elif character in _TENS:
            section += (digit or 1) * _TENS[character]
            digit = 0
        elif character == "万":
            total, section, digit = (total + section + digit) * 10_000, 0, 0
        else:
            raise ValueError(f"{text!r} is not a number")
    return total + section + digit


def normalised(text: str) -> tuple[str, tuple[int, ...]]:
    """The text with full-width forms made plain and white space dropped; and the line of each character."""
    kept: list[str] = []
    lines: list[int] = []
    line, gap = 0, False
    for character in text:
        if character == "\n":
            line += 1
        if character.isspace():
            gap = True
            continue
        for plain in unicodedata.normalize("NFKC", character):
            if gap and kept and (kept[-1].isdecimal() or kept[-1] == "%") and plain.isdecimal():
                kept.append(" ")
                lines.append(line)
            gap = False
            kept.append(plain)
            lines.append(line)
    return "".join(kept), tuple(lines)


def numerals(text: str) -> Iterator[Numeral]:
    """Every number of a normalised text, once, in the reading its unit gives it."""
    for found in _NUMBER.finditer(text):
        part, at = found.groupdict(), found.start()
        if part["over"]:
            under = int(part["under"])
            if under:
                yield Numeral(_value(part["over"]) / under, "%", at)
        elif part["hundredth"]:
            yield Numeral(_value(part["hundredth"]) / 100, "%", at)
        elif part["below"]:
            yield Numeral(Fraction(chinese(part["above"]), chinese(part["below"]) or 1), "%", at)
        elif part["percent"]:
            yield Numeral(_value(part["percent"]) / 100, "%", at)
        elif part["points"]:
            yield Numeral(_value(part["points"]) / 100, "%", at)
        elif part["half"]:
            yield Numeral(Fraction(1, 2), "%", at)
        elif part["before"]:
            yield Numeral(Fraction(len(part["before"])), "年前", at)
        else:
            value = _value(part["arabic"] or part["chinese"])
            unit = part["unit"] or part["measure"] or ""
            factor = {"万元": 10_000, "亿元": 100_000_000}.get(unit, 1)
            yield Numeral(value * factor, "元" if factor > 1 else unit, at)


def days(text: str) -> Iterator[Days]:
    """Every year, month and day of a normalised text that names its year."""
    for found in _DAY.finditer(text):
        year, month, day = (int(part) if part else None for part in found.groups())
        at, begins, ends = found.start(), _BEGINS.match(text, found.end()), _ENDS.match(text, found.end())
        sides = (begins is not None, ends is not None or text[at - 1 : at] in _UNTIL)
        try:
            if year is None or month is None:
                yield Days(date(year or 0, 1, 1), date(year or 0, 12, 31), at, *sides)
            elif day is None:
                yield Days(date(year, month, 1), last_day(year, month), at, *sides)
            else:
                yield Days(date(year, month, day), date(year, month, day), at, *sides)
        except ValueError:
            continue  # no such day: a figure of something else


def month_days(text: str) -> Iterator[tuple[int, int | None, int]]:
    """Month, day (None for a whole month) and position of every month of a normalised text."""
    for found in _MONTH.finditer(text):
        yield int(found[1]), int(found[2]) if found[2] else None, found.start()


def levels(text: str) -> Iterator[tuple[int, int]]:
    """Level and position of every level of institution named; 二级及以下 names 0 (unrated), 1 and 2."""
    for found in _AT_MOST.finditer(text):
        for level in range(chinese(found[1]) + 1):
            yield level, found.start()
    for numeral in numerals(text):
        if numeral.unit == "级":
            yield int(numeral.value), numeral.at


def beside_levels(text: str) -> Iterator[tuple[int, Numeral]]:
    """Every ratio and amount of a normalised text that a level stands before, by level.

    `一级60元、二级120元` pairs each; `一级、二级分别为60%、55%` in their order; a sentence ends every pairing, and so
    does a comma behind a level without a number (一级不设起付标准，…).
    """
    named: dict[int, set[int]] = {}
    for level, at in levels(text):
        named.setdefault(at, set()).add(level)
    tokens: list[tuple[int, object]] = list(named.items())
    tokens += [(numeral.at, numeral) for numeral in numerals(text) if numeral.unit in ("%", "元", "")]
    tokens += [(found.start(), found.group()) for found in _STOP.finditer(text)]
    before: list[set[int]] = []
    after: list[Numeral] = []
    for _at, token in [*sorted(tokens, key=lambda token: token[0]), (len(text), "。")]:
        if isinstance(token, Numeral):
            after.append(token)
            continue
        if token == "," and after:
            continue  # 三级为55%,退休加5%
        if after or isinstance(token, str):
            each = len(before) == len(after)
            for number, numeral in enumerate(after):
                for group in [before[number]] if each else before:
                    yield from ((level, numeral) for level in sorted(group))
            before, after = [], []
        if isinstance(token, set):
            before.append(token)


def _value(text: str) -> Fraction:
    return Fraction(text.replace(",", "")) if text[0].isdecimal() else Fraction(chinese(text))
