"""Differences put before a reviewer: what a settled visit would be by what is known when it is looked at again."""

from collections import defaultdict
from datetime import datetime
from typing import Any

from tests.recompute.accounts import Accounts
from tests.recompute.cities.case import Before, Past
from tests.recompute.differences import Findings
from tests.recompute.visits import Answer, Visits, difference_of, opening_of

Moved = tuple[int, int, int, int]  # pooled fund, large-claims fund, deductible, fixed fees; in fen


class Replays:
    """A member's standing visits of a year decided again, in the order in which they were settled."""

    def __init__(self, visits: Visits):
        self.visits, self.area = visits, visits.area
        self._dropped: dict[int, list[Any]] = defaultdict(list)
        for proposal in self.area.proposals:
            if proposal.status == "dropped":
                self._dropped[proposal.visit_id].append(proposal)

    def funds(self, proposal: Any) -> tuple[Moved, Moved]:
        """What its visit stands at and would come to, fund by fund.

        A proposal that was confirmed was held again, against what stood then; one that waits counts on the earlier ones
        that wait with it.
        """
        visit = self.visits.stored[proposal.visit_id]
        confirmed = proposal.status == "confirmed"
        at = proposal.decided_at if confirmed else proposal.proposed_at
        for again, stands, now in self._walk(visit.member_id, visit.care_on.year, at, proposal, not confirmed):
            if again.id == visit.id:
                return stands, now
        return (0, 0, 0, 0), (0, 0, 0, 0)

    def _walk(self, member: int, year: int, at: datetime, asked: Any, as_proposed: bool):
        used: list[tuple[Any, Before]] = []
        settled: list[tuple[Any, Answer]] = []
        answers = self.visits.answers
        chain = [
            visit
            for visit in self.visits.by_member[member]
            if visit.settled_at <= at and visit.reverses_id is None and not self.visits.gone(visit.id, at)
        ]
        for number, visit in enumerate(chain):
            answer = answers[visit.id]
            standing = [answer.past, *self._adjusted(visit.id, at, asked)]
            if visit.care_on.year == year:
                past = Past([row for before, row in used if before.scheme == visit.scheme])
                past.rows += opening_of(self.area, member, visit.scheme, at)
                later = [(after, answers[after.id]) for after in chain[number + 1 :]]  # one may have written it
                others = [*settled, *later, *self._taken_back(visit, at)]
                again = self.visits.decide(visit, at, sorted(others, key=lambda other: other[0].id), past)
                stands, now = moved(standing), moved([again.past])
                yield visit, stands, now
                kept = stands != now and (not as_proposed or self._is_dropped(visit.id, stands, now, at))
                if not kept:
                    answer, standing = again, [again.past]
            settled.append((visit, answer))
            used += [(visit, row) for row in standing]

    def _taken_back(self, filled: Any, at: datetime) -> list[tuple[Any, Answer]]:
        """Visits that wrote a prescription and were taken back: nobody decides them any more, so what they were goes by
        what is known now, whatever had been used before them."""
        if filled.channel != "prescription":
            return []
        return [
            (visit, self.visits.decide(visit, at, [], Past([])))
            for visit in self.visits.by_member[filled.member_id]
            if visit.reverses_id is None
            and visit.channel != "prescription"
            and (visit.encounter, visit.institution_id) == (filled.encounter, filled.prescriber_id)
            and visit.settled_at <= at
            and self.visits.gone(visit.id, at)
        ]

    def _adjusted(self, visit: int, at: datetime, asked: Any) -> list[Before]:
        """What had been confirmed of a visit before the proposal that is asked about."""
        before = [
            proposal
            for proposal in self.visits.confirmed.get(visit, ())
            if proposal.id != asked.id and (proposal.decided_at, proposal.id) < (at, asked.id)
        ]
        return [difference_of(proposal, self.visits.answers[visit].past) for proposal in before]

    def _is_dropped(self, visit: int, stands: Moved, now: Moved, at: datetime) -> bool:
        said = sum(stands[:2]), sum(now[:2]), now[1] - stands[1]
        return any(
            proposal.decided_at <= at and (proposal.settled, proposal.proposed, proposal.large_claims) == said
            for proposal in self._dropped.get(visit, ())
        )


def moved(rows: list[Before]) -> Moved:
    return (
        sum(row.pooled for row in rows),
        sum(row.mutual for row in rows),
        sum(row.deductible for row in rows),
        sum(row.fixed for row in rows),
    )


def compare(replays: Replays, accounts: Accounts, findings: Findings) -> None:
    """Those that were confirmed and those that wait; what was dropped or is outdated says nothing any more."""
    for proposal in replays.area.proposals:
        if proposal.status not in ("confirmed", "open"):
            continue
        record = f"proposal:{proposal.id}"
        stands, now = replays.funds(proposal)
        findings.compare("proposal", "settled", record, sum(stands[:2]), proposal.settled)
        findings.compare("proposal", "proposed", record, sum(now[:2]), proposal.proposed)
        for place, name in ((1, "large_claims"), (2, "deductible"), (3, "fixed")):
            findings.compare("proposal", name, record, now[place] - stands[place], getattr(proposal, name))
        recoveries = accounts.recoveries(proposal, proposal.decided_at or proposal.proposed_at)
        again = -sum(fen for fen in recoveries.values() if fen < 0)
        findings.compare("proposal", "accounts", record, -sum(recoveries.values()), proposal.accounts)
        findings.compare("proposal", "accounts_again", record, again, proposal.accounts_again)
        for row in replays.area.recoveries.get(proposal.id, ()):
            expected = recoveries.get(row.account_id, 0)
            findings.compare("proposal", "recovery", f"{record}/account:{row.account_id}", expected, row.amount)
            if proposal.status == "confirmed":
                short = accounts.short(proposal, row.account_id, expected)
                findings.compare("proposal", "short", f"{record}/account:{row.account_id}", short, row.short)
