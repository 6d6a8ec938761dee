"""One proof of the books: a question asked of every row, and what does not agree."""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from django.db import connection, transaction
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


@contextmanager
def one_moment() -> Iterator[None]:
    """Whatever is asked within sees the database as it stood when the first question was asked.

    Within a transaction that is for whoever began it to say (jobs: `of_one_moment`).
    """
    if connection.in_atomic_block:
        yield
        return
    with transaction.atomic():
        see_one_moment(read_only=True)
        yield


def see_one_moment(*, read_only: bool = False) -> None:
    """Let the transaction that has just begun see no commit of others from here on. Nothing within another one."""
    if connection.savepoint_ids:
        return
    with connection.cursor() as cursor:
        cursor.execute(f"SET TRANSACTION ISOLATION LEVEL REPEATABLE READ{', READ ONLY' if read_only else ''}")
