"""Declarations beside the numbers of a rulebook: `75% = 70% + 5%` and `0 = words of the text`."""

from __future__ import annotations

import re
from dataclasses import dataclass
from fractions import Fraction

_TOKEN = re.compile(r"\s*(?:(\d+(?:\.\d+)?)(%|/\d+)?|([-+*×/÷()]))")


@dataclass(frozen=True, slots=True)
class Operand:
    """A number of a formula; `ratio`: written as a percentage or a fraction."""

    value: Fraction
    ratio: bool


@dataclass(frozen=True, slots=True)
class Formula:
    """A number and the formula it comes from, computed exactly."""

    value: Fraction
    text: str
    result: Fraction
    operands: tuple[Operand, ...]


def parse(declared: str) -> Formula:
    """A declaration `VALUE = EXPRESSION` with + - × ÷ and brackets. Raises ValueError where it is not one."""
    left, equals, right = declared.partition("=")
    values = _tokens(left)
    if not equals or len(values) != 1 or not isinstance(values[0], Operand):
        raise ValueError(f"{declared!r} does not begin with one number and =")
    tokens = _tokens(right)
    operands = tuple(token for token in tokens if isinstance(token, Operand))
    result = _sum(tokens)
    if tokens:
        raise ValueError(f"{declared!r} goes on after its end at {tokens[0]}")
    return Formula(values[0].value, right.strip(), result, operands)


def phrase(declared: str) -> tuple[Fraction, str]:
    """A declaration `VALUE = words`: the number and the words of the text that say it. Raises ValueError."""
    left, equals, right = declared.partition("=")
    values = _tokens(left)
    if not equals or len(values) != 1 or not isinstance(values[0], Operand) or not right.strip():
        raise ValueError(f"{declared!r} is not a number, = and words")
    return values[0].value, right.strip()


def _tokens(text: str) -> list[Operand | str]:
    tokens: list[Operand | str] = []
    text = text.strip()
    at = 0
    while at < len(text):
        found = _TOKEN.match(text, at)
        if found is None:
            raise ValueError(f"{text!r} has {text[at]!r} where a number or a sign is due")
        number, tail, sign = found.groups()
        if number is None:
            tokens.append({"*": "×", "/": "÷"}.get(sign, sign))
        elif tail == "%":
            tokens.append(Operand(Fraction(number) / 100, True))
        elif tail:
            if int(tail[1:]) == 0:
                raise ValueError(f"{text!r} divides by 0")
            tokens.append(Operand(Fraction(number) / int(tail[1:]), True))
        else:
            tokens.append(Operand(Fraction(number), False))
        at = found.end()
    return tokens


def _sum(tokens: list[Operand | str]) -> Fraction:
    value = _product(tokens)
    while tokens and tokens[0] in ("+", "-"):
        sign = tokens.pop(0)
        other = _product(tokens)
        value = value + other if sign == "+" else value - other
    return value


def _product(tokens: list[Operand | str]) -> Fraction:
    value = _factor(tokens)
    while tokens and tokens[0] in ("×", "÷"):
        sign = tokens.pop(0)
        other = _factor(tokens)
        if sign == "÷" and not other:
            raise ValueError("a formula divides by 0")
        value = value * other if sign == "×" else value / other
    return value


def _factor(tokens: list[Operand | str]) -> Fraction:
    if not tokens:
        raise ValueError("a formula ends where a number is due")
    token = tokens.pop(0)
    if isinstance(token, Operand):
        return token.value
    if token == "(":
        value = _sum(tokens)
        if not tokens or tokens.pop(0) != ")":
            raise ValueError("a formula lacks a closing bracket")
        return value
    raise ValueError(f"a formula has {token!r} where a number is due")
