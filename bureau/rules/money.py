"""Fen inside, yuan outside; the only module that rounds (G-1: half up, once, at the end of a payment)."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal, InvalidOperation
from fractions import Fraction

UNIT = 1_000_000  # ratios are held as whole millionths: 0.70 is 700000, 57.75 % is 577500


LARGEST = 20  # digits of an amount, before the point and behind it; its exponent alone could fill the memory


def fen(amount: Decimal | str | int) -> int:
    """Yuan to fen. Refuses floats, amounts that are not finite and parts of a fen."""
    if isinstance(amount, float):
        raise ValueError(f"{amount!r} is a float; write the amount as a string or a Decimal")
    try:
        value = Decimal(amount)
    except (InvalidOperation, TypeError) as error:
        raise ValueError(f"{amount!r} is not an amount of yuan") from error
    if not value.is_finite():
        raise ValueError(f"{amount!r} is not a finite amount")
    if value and not -LARGEST < value.adjusted() < LARGEST:
        raise ValueError(f"{amount!r} is larger than any amount here, or smaller")
    exact = Fraction(value) * 100
    if exact.denominator != 1:
        raise ValueError(f"{amount} yuan has parts of a fen; write at most two decimals")
    return exact.numerator


def yuan(amount: int) -> Decimal:
    """Fen to yuan with two decimals, exactly."""
    sign, digits = (1, -amount) if amount < 0 else (0, amount)
    return Decimal((sign, tuple(int(digit) for digit in str(digits)), -2))


def whole_yuan(amount: int) -> int:
    """Fen shown in whole yuan, half up, as printed leaflets do (CQ-6); for display only."""
    return round_half_up(amount, 100)


def millionths(ratio: Decimal | int) -> int:
    """A ratio or a factor as whole millionths; refuses a finer one."""
    exact = Fraction(ratio) * UNIT
    if exact.denominator != 1:
        raise ValueError(f"{ratio} has more than six decimals")
    return exact.numerator


def percent(ratio: int) -> str:
    """Millionths as a percentage in plain figures: 577500 is '57.75%'."""
    value = Decimal(ratio).scaleb(-4)
    text = f"{value:f}"
    return (text.rstrip("0").rstrip(".") if "." in text else text) + "%"


def round_half_up(numerator: int, denominator: int = 1) -> int:
    """The whole number nearest to numerator / denominator; a half goes away from zero."""
    if denominator <= 0:
        raise ValueError("the denominator must be positive")
    if numerator < 0:
        return -((-2 * numerator + denominator) // (2 * denominator))
    return (2 * numerator + denominator) // (2 * denominator)


def apportion(total: int, weights: Mapping[str, int]) -> dict[str, int]:
    """Split a total in proportion to the weights by largest remainders; ties go by key order.

    The parts add up to the total. With no weight at all there is nothing to share, and the total must be 0.
    """
    whole = sum(weights.values())
    if total < 0 or any(weight < 0 for weight in weights.values()):
        raise ValueError("a split needs a total and weights that are not negative")
    if whole == 0:
        if total:
            raise ValueError("a total cannot be split over weights that are all zero")
        return dict.fromkeys(weights, 0)
    parts = {key: total * weight // whole for key, weight in weights.items()}
    rest = total - sum(parts.values())
    for key in sorted(weights, key=lambda key: (-(total * weights[key] % whole), key))[:rest]:
        parts[key] += 1
    return parts
