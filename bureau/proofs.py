"""One proof of the books: a question asked of every row, and what does not agree."""

from collections.abc import Iterable
from dataclasses import dataclass, field

from django.utils.functional import Promise

SHOWN = 20


@dataclass(slots=True)
class Proof:
    """How many rows a question was asked of, and the first that disagree. Its code never changes; its words may."""

    code: str
    question: str | Promise
    asked: int = 0
    wrong: int = 0
    shown: list[str] = field(default_factory=list)

    def disagree(self, what: str) -> None:
        self.wrong += 1
        if len(self.shown) < SHOWN:
            self.shown.append(what)

    def all_of(self, asked: int, differences: Iterable[str]) -> "Proof":
        """The answer, where all rows are asked at once."""
        self.asked = asked
        for what in differences:
            self.disagree(what)
        return self
