"""What was used of quotas and what is owed by item, month by month, as it was recorded at a moment."""

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date, datetime
from functools import cache
from types import ModuleType
from typing import Any

from tests.recompute.accounts import Accounts
from tests.recompute.data.reading import Area
from tests.recompute.days import first_of
from tests.recompute.visits import Visits

CLAIMS = "claims"
Owed = dict[int, dict[str, dict[str, int]]]  # institution → fund → charge → fen


@dataclass(slots=True)
class Use:
    """The fund's money on one quota in a month: the institution's own care, and others' by who is owed."""

    own: int = 0
    others: dict[str, int] = field(default_factory=lambda: defaultdict(int))

    @property
    def total(self) -> int:
        return self.own + sum(self.others.values())


class Used:
    def __init__(self, area: Area, city: ModuleType, visits: Visits, accounts: Accounts):
        self.area, self.city, self.visits, self.accounts = area, city, visits, accounts
        self._by_month: dict[date, list[Any]] = defaultdict(list)
        self._stored = {visit.id: visit for visit in area.visits}
        for visit in area.visits:
            self._by_month[first_of(visit.settled_on)].append(visit)
        self._uses: dict[date, list[Any]] = defaultdict(list)
        for use in area.uses:
            self._uses[first_of(use.recorded_at.astimezone(use.recorded_at.tzinfo).date())].append(use)
        self._institutions = {place.code: place.id for place in area.places.values()}
        self.quotas = cache(self._quotas)
        self.year = cache(self._year)
        self.owed = cache(self._owed)

    def _settled(self, month: date, at: datetime) -> Iterator[tuple[Any, Any]]:
        for visit in self._by_month.get(month, ()):
            if visit.settled_at <= at:
                yield visit, self.visits.answers[visit.id]

    def _quotas(self, month: date, at: datetime) -> dict[int, Use]:
        """Use of each quota in the month of settlement (G-17)."""
        found: dict[int, Use] = defaultdict(Use)
        for _visit, answer in self._settled(month, at):
            self._add(found, answer)
        return found

    def _add(self, found: dict[int, Use], answer: Any) -> None:
        if answer.charged is None or not answer.paid.pooled:
            return
        use = found[answer.charged]
        if answer.payee == answer.charged:
            use.own += answer.paid.pooled
        else:
            payee = CLAIMS if answer.payee is None else self.area.places[answer.payee].code
            use.others[payee] += answer.paid.pooled

    def _year(self, year: int, at: datetime) -> dict[int, Use]:
        """Use of a year: a reversal goes back to the month in which what it takes back was settled."""
        found: dict[int, Use] = defaultdict(Use)
        for month, visits in self._by_month.items():
            if month.year < year:
                continue
            for visit in visits:
                counted = self._stored[visit.reverses_id] if visit.reverses_id is not None else visit
                if visit.settled_at <= at and counted.settled_on.year == year:
                    self._add(found, self.visits.answers[visit.id])
        return found

    def _owed(self, month: date, at: datetime) -> Owed:
        """What each payee is owed by item: fund money beside its own quota, and account money."""
        found: Owed = defaultdict(lambda: defaultdict(lambda: defaultdict(int)))
        for visit, answer in self._settled(month, at):
            if answer.payee is None:
                continue
            owed = found[answer.payee]
            if answer.paid.pooled and answer.payee != answer.charged:
                owed[self.city.FUND][answer.charge] += answer.paid.pooled
            if answer.paid.mutual:
                owed["large_claims"][answer.charge] += answer.paid.mutual
            shares = self.accounts.shares[visit.id]
            share = sum(fen for account, _relation, fen in shares if account in self.area.accounts)
            if share:
                owed["personal_accounts"]["account"] += share
        for use in self._uses.get(month, ()):
            payee = self._institutions.get(use.payee)
            if payee is not None and use.recorded_at <= at and self.accounts.uses[use.id]:
                found[payee]["personal_accounts"]["account"] += self.accounts.uses[use.id]
        return found
