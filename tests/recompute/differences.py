"""What was computed again against what is stored."""

from collections import Counter
from dataclasses import dataclass, field
from typing import Any

from tests.recompute.money import yuan

COUNTS = ("headcount", "headcount_prev", "person_months")


@dataclass(frozen=True, slots=True)
class Difference:
    """`code` says which amount of which kind of record differs; amounts in fen, other things as they are."""

    area: str
    code: str
    record: str
    expected: Any
    stored: Any
    why: str = ""

    def __str__(self) -> str:
        plain = self.code.endswith(COUNTS)
        expected, stored = (str(v) if plain or type(v) is not int else yuan(v) for v in (self.expected, self.stored))
        what = f"{self.area} {self.code:<22} {self.record:<28} expected {expected}, stored {stored}"
        return f"{what}  {self.why}".rstrip()


@dataclass(slots=True)
class Findings:
    """How much of each kind was held against what is stored, and what differs."""

    area: str
    asked: Counter[str] = field(default_factory=Counter)
    differences: list[Difference] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    unread: Counter[str] = field(default_factory=Counter)  # files by kind

    def compare(self, kind: str, code: str, record: str, expected: Any, stored: Any, why: str = "") -> None:
        self.asked[kind] += 1
        if expected != stored:
            self.differences.append(Difference(self.area, f"{kind}.{code}", record, expected, stored, why))
