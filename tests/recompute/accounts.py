"""What personal accounts pay and hold: every movement in the order in which it was posted.

Opening balances, recoveries and interest are taken as they stand; credits, what accounts pay for visits, uses and
payouts are computed again, from balances computed here.
"""

from bisect import bisect_right
from collections import defaultdict
from collections.abc import Iterator
from datetime import datetime
from fractions import Fraction
from types import ModuleType
from typing import Any

from tests.recompute.credits import Credits
from tests.recompute.data.history import known_at
from tests.recompute.data.reading import Area
from tests.recompute.differences import Findings
from tests.recompute.money import in_proportion
from tests.recompute.visits import Visits

SELF = "self"


class Accounts:
    """Shares of accounts in visits, and balances, both by account."""

    def __init__(self, area: Area, city: ModuleType, visits: Visits, credits: Credits, flags: dict[int, str]):
        self.area, self.city, self.visits, self.flags = area, city, visits, flags
        self.balances: dict[int, int] = defaultdict(int)
        self.shares: dict[int, list[tuple[int, str, int]]] = {}  # visit → (account, relation, fen)
        self.uses: dict[int, int] = {}
        self.payouts: dict[int, int] = {}
        self._credits: dict[tuple[int, int], int] = defaultdict(int)
        for credit in credits.all:
            self._credits[credit.job, credit.account] += credit.amount
        self._held: dict[tuple[str, int], int] = defaultdict(int)  # (source, account) → what was in it before
        self._after: dict[int, list[Any]] = defaultdict(list)
        for credit in credits.all:
            self._after[credit.account].append(credit)
        for _place, move, record in sorted(self._moves(), key=lambda m: m[0]):
            move(record)

    # The order of things

    def _moves(self) -> Iterator[tuple[tuple[float, int], Any, Any]]:
        """(journal, tie), what to do, and with what. What moved nothing has no journal: it stands by its moment."""
        area = self.area
        number = {row.source: row.id for row in area.journals}
        times = [row.posted_at for row in area.journals]
        ids = [row.id for row in area.journals]

        def by_time(at: datetime) -> float:
            place = bisect_right(times, at)
            return ids[place - 1] + 0.5 if place else 0.0

        following: float | None = None
        places: dict[int, float] = {}
        for visit in reversed(area.visits):
            own = number.get(f"visit:{visit.id}")
            if own is not None:
                following, moment = own, visit.settled_at
                places[visit.id] = own
            elif following is not None and moment == visit.settled_at:
                places[visit.id] = following - 0.5
            else:
                places[visit.id] = by_time(visit.settled_at)
        for visit in area.visits:
            yield (places[visit.id], visit.id), self._visit, visit
        for use in area.uses:
            own = number.get(f"use:{use.id}")
            yield (own if own is not None else by_time(use.recorded_at), use.id), self._use, use
        for payout in area.payouts:
            yield (by_time(payout.submitted_at), payout.id), self._submit, payout
            if payout.approved_at is not None:
                yield (by_time(payout.approved_at), payout.id), self._approve, payout
                if payout.returned_at is not None:
                    yield (by_time(payout.returned_at), payout.id), self._return, payout
        given = ("visit", "reversal", "use", "payout", "credit")
        here = {f"visit:{visit.id}" for visit in area.visits} | {f"use:{use.id}" for use in area.uses}
        for posting in area.postings:
            if posting.kind not in given or posting.area_id != area.code:
                yield (posting.journal_id, 0), self._as_it_stands, posting
            elif posting.kind == "credit":
                yield (posting.journal_id, 0), self._credit, posting
            elif posting.kind in ("visit", "reversal") and posting.source not in here:
                yield (posting.journal_id, 0), self._as_it_stands, posting  # of a visit that another area settled

    # What happens

    def _as_it_stands(self, posting: Any) -> None:
        self._held[posting.source, posting.account_id] = self.balances[posting.account_id]
        self.balances[posting.account_id] += posting.amount

    def _credit(self, posting: Any) -> None:
        job = int(posting.source.removeprefix("job:"))
        self.balances[posting.account_id] += self._credits.pop((job, posting.account_id), 0)

    def _visit(self, visit: Any) -> None:
        if visit.reverses_id is not None:
            shares = [(account, relation, -fen) for account, relation, fen in self.shares[visit.reverses_id]]
            # What a confirmed proposal has given back to an account is taken back with the visit.
            for proposal in self.visits.confirmed.get(visit.reverses_id, ()):
                if proposal.decided_at < visit.settled_at:
                    for recovery in self.area.recoveries.get(proposal.id, ()):
                        self.balances[recovery.account_id] -= recovery.amount + recovery.short
        else:
            shares = list(self._pay(visit))
        self.shares[visit.id] = shares
        for account, _relation, fen in shares:
            if account in self.area.accounts:
                self.balances[account] -= fen

    def _pay(self, visit: Any) -> Iterator[tuple[int, str, int]]:
        """The patient's own account first, then those of relatives in the order of their grants; the rest is cash."""
        answer, flag = self.visits.answers[visit.id], self._flag(visit)
        rest = visit.total - answer.fund - visit.other_funds
        if visit.by_hand or answer.through_selected or flag == "none" or not self._may_pay(visit, visit.settled_at):
            return
        purpose = self._purpose(visit)
        if self._died(visit.member_id, visit.care_on, visit.settled_at):
            return
        for account, relation in self._candidates(visit, flag, visit.settled_at):
            if account not in self.area.accounts:  # another area's: it pays by its own rules, out of its own books
                given = [p for p in self.area.payments[visit.id] if p.account_id == account]
                rest -= given[0].amount
                yield account, relation, given[0].amount
                continue
            balance = self.balances[account]
            if rest and balance > 0 and self._open(account, visit.settled_at) and self._lists(relation, purpose):
                fen = min(rest, balance)
                rest -= fen
                yield account, relation, fen

    def recoveries(self, proposal: Any, at: datetime) -> dict[int, int]:
        """What accounts have paid for a proposal's visit and may not, by what is known at a moment. Below nothing: what
        they got back for that, though they may after all."""
        visit = self.visits.stored[proposal.visit_id]
        may: set[int] = set()
        if self._may_pay(visit, at) and not self._died(visit.member_id, visit.care_on, at):
            purpose = self._purpose(visit)
            asked = self._candidates(visit, self._flag(visit), at)
            may = {account for account, relation in asked if self._lists(relation, purpose)}
        paid = {account: 0 if account in may else fen for account, _relation, fen in self.shares[visit.id]}
        for earlier in self.visits.confirmed.get(visit.id, ()):
            if earlier.id != proposal.id and (earlier.decided_at, earlier.id) < (at, proposal.id):
                for recovery in self.area.recoveries.get(earlier.id, ()):
                    paid[recovery.account_id] -= recovery.amount
        return {account: fen for account, fen in paid.items() if fen}

    def short(self, proposal: Any, account: int, fen: int) -> int:
        """What was no longer in an account that had to pay again; one that paid nothing has no entry."""
        return max(-fen - self._held[f"proposal:{proposal.id}", account], 0) if fen < 0 else 0

    def _purpose(self, visit: Any) -> str:
        pharmacy = self.area.places[visit.institution_id].kind == "pharmacy"
        return "pharmacy_drug" if pharmacy else "hospital_selfpay"

    def _may_pay(self, visit: Any, at: datetime) -> bool:
        """Inside designated institutions (G-15), and while the city's rules are in force."""
        in_days = visit.care_on >= self.city.FIRST and (self.city.LAST is None or visit.care_on <= self.city.LAST)
        return in_days and self.visits.designated(visit.institution_id, visit.care_on, at)

    def _lists(self, relation: str, purpose: str) -> bool:
        return relation in self.city.PURPOSES.get(purpose, ())

    def _candidates(self, visit: Any, flag: str, at: datetime) -> Iterator[tuple[int, str]]:
        area, day = self.area, visit.care_on
        own = area.account_of.get(visit.member_id)
        if own is not None:
            yield own, SELF
        for payment in area.payments.get(visit.id, ()):
            if payment.account_id not in area.accounts:
                yield payment.account_id, payment.relation
        if flag != "family":
            return
        for grant in known_at(area.grants.get(visit.member_id, ()), at):
            relative = area.relatives[grant.relative_id]
            both = all(
                row.starts_on <= day and (row.ends_on is None or day <= row.ends_on) for row in (grant, relative)
            )
            if both and grant.account_id in area.accounts:
                holder = area.accounts[grant.account_id].member_id
                if not self._died(holder, day, at):  # the balance of the dead belongs to their heirs
                    yield grant.account_id, relative.relation

    def _died(self, member: int, day: Any, at: datetime) -> bool:
        """Whether somebody had died before a day, as far as was known."""
        known = known_at(self.area.members[member], at)
        return bool(known) and known[0].died_on is not None and known[0].died_on < day

    def _flag(self, visit: Any) -> str:
        """Whose accounts the bill may use: as its file says; of the desk, as what was paid says."""
        if visit.id in self.flags:
            return self.flags[visit.id]
        if any(payment.relation != SELF for payment in self.area.payments.get(visit.id, ())):
            return "family"
        return "own" if visit.account else "none"

    def _open(self, account: int, at: datetime) -> bool:
        """Not frozen for any reason, and not closed."""
        frozen = any(
            row.frozen_at <= at and (row.ended_at is None or at < row.ended_at)
            for row in self.area.freezes.get(account, ())
        )
        return not frozen and not self.area.closed(account, at)

    def _use(self, use: Any) -> None:
        if use.reverses_id is not None:
            paid = -self.uses.get(use.reverses_id, 0)
        elif self._lists(use.relation, use.purpose):
            paid = min(use.asked, self.balances[use.account_id])
        else:
            paid = 0
        self.uses[use.id] = paid
        self.balances[use.account_id] -= paid

    def _submit(self, payout: Any) -> None:
        """HY-19: the balance of the day; to heirs without what was credited for months that began after the death."""
        account, late = payout.account_id, 0
        if payout.action == "bank_or_inherit":
            known = known_at(self.area.members[self.area.accounts[account].member_id], payout.submitted_at)
            died_on = (known[0].died_on if known else None) or payout.happened_on
            credits = [c for c in self._after[account] if c.month > died_on and c.at <= payout.submitted_at]
            back = [row for row in self.area.taken_back.get(account, ()) if row.month > died_on]
            late = sum(credit.amount for credit in credits)
            late -= sum(row.amount for row in back if row.posted_at <= payout.submitted_at)
        self.payouts[payout.id] = max(self.balances[account] - max(late, 0), 0)

    def _approve(self, payout: Any) -> None:
        self.balances[payout.account_id] -= self.payouts[payout.id]

    def _return(self, payout: Any) -> None:
        self.balances[payout.account_id] += self.payouts[payout.id]


def compare(accounts: Accounts, findings: Findings) -> None:
    area = accounts.area
    for visit in area.visits:
        shares = accounts.shares[visit.id]
        own = sum(fen for _account, relation, fen in shares if relation == SELF)
        family = sum(fen for _account, _relation, fen in shares) - own
        rest = accounts.visits.answers[visit.id].fund + own + family + visit.other_funds
        record = f"visit:{visit.id}"
        findings.compare("visit", "account", record, own, visit.account)
        findings.compare("visit", "family", record, family, visit.family)
        findings.compare("visit", "cash", record, visit.total - rest, visit.cash)
        stored = {payment.account_id: payment.amount for payment in area.payments.get(visit.id, ())}
        for account, _relation, fen in shares:
            findings.compare("payment", "amount", f"{record}/account:{account}", fen, stored.pop(account, 0))
        for account, fen in stored.items():
            findings.compare("payment", "amount", f"{record}/account:{account}", 0, fen)
    for use in area.uses:
        findings.compare("use", "paid", f"use:{use.id}", accounts.uses[use.id], use.paid)
        findings.compare("use", "cash", f"use:{use.id}", use.asked - accounts.uses[use.id], use.cash)
    for payout in area.payouts:
        findings.compare("payout", "amount", f"payout:{payout.id}", accounts.payouts[payout.id], payout.amount)
        weights = {f"{n:04d}": int(Fraction(p["share"]) * 10000) for n, p in enumerate(payout.payees)}
        parts = in_proportion(accounts.payouts[payout.id], weights)
        for number, payee in enumerate(payout.payees):
            stored_fen = int(Fraction(payee["amount"]) * 100)
            findings.compare("payout", "share", f"payout:{payout.id}/{number}", parts[f"{number:04d}"], stored_fen)
    posted: dict[int, int] = defaultdict(int)
    for posting in area.postings:
        posted[posting.account_id] += posting.amount
    for number, account in area.accounts.items():
        findings.compare("account", "balance", f"account:{number}", accounts.balances[number], account.balance)
        findings.compare("account", "postings", f"account:{number}", accounts.balances[number], posted[number])
