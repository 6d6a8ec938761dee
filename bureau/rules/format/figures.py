"""Figures that the bureau publishes year by year, and what holds of them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

from bureau.rules.errors import Refusal


@dataclass(frozen=True, slots=True)
class Figure:
    """A figure the bureau publishes. `years_back`: a day of year Y uses the figure of Y minus that.

    `ratio` of figure `of` is its floor or, with `equal`, what it must be. `optional`: may be absent.
    `zero`: 0 may be published, of a reserve say.
    """

    code: str
    label: str
    article: str
    years_back: int = 0
    per_year: bool = True
    optional: bool = False
    zero: bool = False
    ratio: int = 0
    of: str = ""
    equal: bool = False

    def year_for(self, on: date) -> int:
        """The year whose published figure counts on a day."""
        return on.year - self.years_back


@dataclass(frozen=True, slots=True)
class FigureCheck:
    """A published figure held against its formula; `floor` in fen, None where the edition sets none."""

    floor: int | None
    refusal: Refusal | None

    @property
    def valid(self) -> bool:
        return self.refusal is None
