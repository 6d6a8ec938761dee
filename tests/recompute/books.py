"""The books: the balance of every control account, from what was computed here and not from what was posted.

A positive amount is a credit. What nobody computes (opening balances, interest, recoveries asked of a holder, money
entered by hand) is taken as it was posted.
"""

from collections import defaultdict
from datetime import date, datetime
from types import ModuleType
from typing import Any

from tests.recompute.accounts import Accounts
from tests.recompute.credits import Credits
from tests.recompute.data.history import known_at
from tests.recompute.data.reading import Area
from tests.recompute.differences import Findings
from tests.recompute.runs import Line, Runs
from tests.recompute.visits import Visits

POOL, ACCOUNTS = "employees_pool", "personal_accounts"
Key = tuple[str, str, str]  # fund, subject, holder


class Books:
    def __init__(self, area: Area, city: ModuleType, visits: Visits, credits: Credits, accounts: Accounts, runs: Runs):
        self.area, self.city = area, city
        self.balances: dict[Key, int] = defaultdict(int)
        self._visits(visits, accounts)
        self._proposals(visits)
        self._credits(credits)
        self._uses(accounts)
        self._claims(visits)
        self._runs(runs)
        self._extractions()
        for row in area.balances:
            if taken_as_posted(row.kind, row.source):
                self._add(row.fund, row.subject, row.holder, row.amount)

    def _add(self, fund: str, subject: str, holder: str, fen: int) -> None:
        self.balances[fund, subject, holder] += fen

    def _move(self, fund: str, debit: tuple[str, str], credit: tuple[str, str], fen: int) -> None:
        self._add(fund, *debit, -fen)
        self._add(fund, *credit, fen)

    # Visits

    def _visits(self, visits: Visits, accounts: Accounts) -> None:
        for visit in self.area.visits:
            answer = visits.answers[visit.id]
            code = self.area.places[answer.payee].code if answer.payee is not None else ""
            items = (
                ("payable_items", code) if answer.payee is not None else ("payable_payout", f"member:{visit.member_id}")
            )
            on_own_quota = answer.charged is not None and answer.charged == answer.payee
            pooled = ("payable_quota", code) if on_own_quota else items
            self._move(self.city.FUND, ("benefit_expenditure", ""), pooled, answer.paid.pooled)
            self._move("large_claims", ("benefit_expenditure", ""), items, answer.paid.mutual)
            share = sum(fen for account, _relation, fen in accounts.shares[visit.id] if account in self.area.accounts)
            if share:
                self._move(ACCOUNTS, ("member_accounts", ""), items, share)

    def _proposals(self, visits: Visits) -> None:
        """A confirmed difference is owed to the member or asked back; the reversal of its visit takes it back too."""
        stored = {visit.id: visit for visit in self.area.visits}
        reversed_at = {v.reverses_id: v.settled_at for v in self.area.visits if v.reverses_id is not None}
        for proposal in self.area.proposals:
            gone = reversed_at.get(proposal.visit_id)
            if proposal.status != "confirmed" or (gone is not None and gone >= proposal.decided_at):
                continue
            mutual = proposal.large_claims
            pooled = proposal.proposed - proposal.settled - mutual
            holder = f"member:{stored[proposal.visit_id].member_id}"
            # As much as one fund pays more and the other less is between the two, and the rest is the member's.
            between = min(abs(pooled), abs(mutual)) if pooled * mutual < 0 else 0
            for fund, other, fen in (
                (self.city.FUND, "large_claims", pooled),
                ("large_claims", self.city.FUND, mutual),
            ):
                shifted = between if fen > 0 else -between
                subject = "payable_payout" if fen > 0 else "recoveries"
                self._move(fund, ("benefit_expenditure", ""), ("interfund", other), shifted)
                self._move(fund, ("benefit_expenditure", ""), (subject, holder), fen - shifted)
            for recovery in self.area.recoveries.get(proposal.id, ()):
                if recovery.account_id in self.area.accounts:
                    self._move(ACCOUNTS, ("recoveries", holder), ("member_accounts", ""), recovery.amount)
                    owes = f"account:{recovery.account_id}"
                    self._move(ACCOUNTS, ("recoveries", owes), ("member_accounts", ""), recovery.short)

    # Personal accounts

    def _credits(self, credits: Credits) -> None:
        for credit in credits.all:
            if credit.source == "contribution":
                self._move(ACCOUNTS, ("contribution_income", ""), ("member_accounts", ""), credit.amount)
            else:
                self._move(POOL, ("account_credits", ""), ("interfund", ACCOUNTS), credit.amount)
                self._move(ACCOUNTS, ("interfund", POOL), ("member_accounts", ""), credit.amount)

    def _uses(self, accounts: Accounts) -> None:
        for use in self.area.uses:
            self._move(ACCOUNTS, ("member_accounts", ""), ("payable_items", use.payee), accounts.uses[use.id])
        for payout in self.area.payouts:
            fen, holder = accounts.payouts[payout.id], f"payout:{payout.id}"
            if payout.approved_at is not None:
                self._move(ACCOUNTS, ("member_accounts", ""), ("payable_payout", holder), fen)
            if payout.paid_at is not None:
                self._move(ACCOUNTS, ("payable_payout", holder), ("bank", ""), fen)
            elif payout.approved_at is not None and payout.returned_at is not None:
                self._move(ACCOUNTS, ("payable_payout", holder), ("member_accounts", ""), fen)

    # Money to members and institutions

    def _claims(self, visits: Visits) -> None:
        claims = {claim.id: claim for claim in self.area.claims}
        last: dict[tuple[int, str], Any] = {}
        for order in self.area.claim_orders:
            holder = f"member:{claims[order.claim_id].member_id}"
            if order.status == "reissued":
                self._move(order.fund, ("suspense", holder), ("bank", ""), order.amount)
            else:
                answer = visits.answers[claims[order.claim_id].visit_id]
                owed = answer.paid.mutual if order.fund == "large_claims" else answer.paid.pooled
                self._move(order.fund, ("payable_payout", holder), ("bank", ""), owed)
            if order.status == "returned":
                self._move(order.fund, ("bank", ""), ("suspense", holder), order.amount)
            last[order.claim_id, order.fund] = order
        for (claim, fund), order in last.items():
            if claims[claim].status == "reversed":
                holder = f"member:{claims[claim].member_id}"
                subject = "suspense" if order.status == "returned" else "recoveries"
                self._move(fund, (subject, holder), ("payable_payout", holder), order.amount)

    def _runs(self, runs: Runs) -> None:
        for run in self.area.runs.values():
            if run.paid_at is None:
                continue
            for institution, line in runs.lines[run.id].items():
                code = self.area.places[institution].code
                for key, fen in self.booked(run.kind, code, line).items():
                    self.balances[key] += fen
                for fund, fen in line.paid.items():
                    self._add(fund, *(("bank", "") if fen > 0 else ("recoveries", code)), fen)
        lines = {line.id: line for line in self.area.lines}
        for late in self.area.adjustments:
            carrier = lines.get(late.carried_by_id)
            if late.id in runs.adjusted and carrier and self.area.runs[carrier.run_id].paid_at is not None:
                self._late(late, *runs.adjusted[late.id])
        for order in self.area.orders:
            code = self.area.places[lines[order.line_id].institution_id].code
            if order.status == "returned":
                self._move(order.fund, ("bank", ""), ("suspense", code), order.amount)
            elif order.status == "reissued":
                self._move(order.fund, ("suspense", code), ("bank", ""), order.amount)

    def _late(self, late: Any, known: Line, now: Line) -> None:
        """From what the books knew to what is so; what does not balance is owed by item, or owed to the fund."""
        kind, code = self.area.runs[late.origin_id].kind, self.area.places[late.institution_id].code
        moved: dict[Key, int] = defaultdict(int, self.booked(kind, code, now))
        for key, fen in self.booked(kind, code, known).items():
            moved[key] -= fen
        for (fund, _subject, _holder), fen in list(moved.items()):
            moved[fund, "payable_items", code] -= fen
        for key, fen in moved.items():
            self.balances[key] += fen

    def booked(self, kind: str, code: str, line: Line) -> dict[Key, int]:
        """What a line offsets, awards, keeps back and lets the institution bear; without the money itself."""
        told, fund = line.told, self.city.FUND
        found: dict[Key, int] = defaultdict(int)

        def add(subject: str, fen: int, holder: str = "") -> None:
            found[fund, subject, holder] += fen

        if not told and kind != "items":
            return found
        if kind == "items":
            for each, fen in line.paid.items():
                found[each, "payable_items", code] -= fen
        elif kind == "advance":
            add("advances", -told["advance"], code)
        elif kind == "month" and "deposit" in told:
            add("payable_quota", -(told["paid"] + told["deposit"]), code)
            add("retention", told["deposit"], code)
        elif kind == "month":
            used = max(line.net, 0)
            add("payable_items", -used, code)
            add("surplus_award", -max(told["settled"] - used, 0))
            add("overrun_borne", max(used - told["settled"], 0))
            add("retention", told["retained"], code)
        elif "released" in told:
            add("retention", -line.retained, code)
            add("retention_forfeited", told["forfeited"])
        else:
            add("payable_quota", -(line.own - line.settled - line.retained), code)
            add("retention", -line.retained, code)
            add("surplus_award", -told.get("bonus", told.get("award", 0)))
            add("retention_forfeited", told.get("deposit_forfeited", 0))
            add("overrun_borne", told["borne_by_institution"])
            add("advances", line.advanced, code)
        return found

    # What a scheme's outpatient account is fed with

    def _extractions(self) -> None:
        """So much for everybody enrolled in the year so far; who comes later is added (条7)."""
        before: dict[str, int] = defaultdict(int)
        for row in self.area.extractions:
            year = int(row.source.rpartition(":")[2])
            due = self.city.extracted(self._insured(year, row.posted_on, row.posted_at))
            new = max(due - before[row.source], 0)
            before[row.source] += new
            fund = self.city.FUND
            self._move("residents", ("transfer_expenditure", fund), ("interfund", fund), new)
            self._move(fund, ("interfund", "residents"), ("transfer_income", "residents"), new)

    def _insured(self, year: int, until: date, at: datetime) -> int:
        first, last = date(year, 1, 1), min(until, date(year, 12, 31))
        return sum(
            any(
                row.area_id == self.area.code
                and row.scheme == self.city.SCHEME
                and row.starts_on <= last
                and (row.ends_on is None or row.ends_on >= first)
                for row in known_at(versions, at)
            )
            for versions in self.area.facts["members_enrolment"].values()
        )


COMPUTED = {
    "visit": ("visit",),
    "reversal": ("visit", "use"),
    "use": ("use",),
    "credit": ("job",),
    "payout": ("payout", "claim"),
    "run": ("line", "adjustment", "payment"),
    "recovery": ("proposal",),
    "other": ("extraction",),
}


def taken_as_posted(kind: str, source: str) -> bool:
    return source not in COMPUTED.get(kind, ())


def compare(books: Books, findings: Findings) -> None:
    """Balances by fund, subject and holder; a name that only one side has stands at nothing on the other."""
    posted: dict[Key, int] = defaultdict(int)
    for row in books.area.balances:
        posted[row.fund, row.subject, row.holder] += row.amount
    for key in sorted({*posted, *books.balances}):
        findings.compare("books", key[1], " ".join(filter(None, key)), books.balances.get(key, 0), posted.get(key, 0))
