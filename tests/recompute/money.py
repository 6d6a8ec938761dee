"""Whole fen and exact fractions of a fen."""

from collections.abc import Mapping
from fractions import Fraction
from math import floor


def half_up(exact: Fraction) -> int:
    """To the whole fen; half a fen goes up (G-1)."""
    return floor(exact + Fraction(1, 2))


def yuan(fen: int | None) -> str:
    if fen is None:
        return "-"
    return f"{'-' if fen < 0 else ''}{abs(fen) // 100}.{abs(fen) % 100:02d}"


def in_proportion(total: int, weights: Mapping[str, int]) -> dict[str, int]:
    """A total split by weights: whole fen first, the fen left over to the largest remainders, ties by the names."""
    whole = sum(weights.values())
    if not whole:
        return dict.fromkeys(weights, 0)
    exact = {name: Fraction(total * weight, whole) for name, weight in weights.items()}
    parts = {name: floor(share) for name, share in exact.items()}
    by_remainder = sorted(exact, key=lambda name: (parts[name] - exact[name], name))
    for name in by_remainder[: total - sum(parts.values())]:
        parts[name] += 1
    return parts
