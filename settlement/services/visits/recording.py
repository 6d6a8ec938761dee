"""The one statement that records visits, their payment lines and their journals together."""

import datetime
import json
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from types import MappingProxyType

from django.db import IntegrityError

from accounts.services.ledger import refusal
from settlement.models import Proposal
from settlement.queries.facts import fetch
from settlement.services.visits.split import AccountShare

RECORD = """
WITH visit AS (
    INSERT INTO settlement_visit
    SELECT * FROM jsonb_populate_recordset(NULL::settlement_visit, %(visits)s::jsonb) RETURNING id
), payment AS (
    INSERT INTO settlement_visitpayment (visit_id, account_id, relation, amount, payee_id)
    SELECT p.visit_id, p.account_id, p.relation, p.amount, p.payee_id
      FROM jsonb_to_recordset(%(payments)s::jsonb)
           AS p(visit_id bigint, account_id bigint, relation varchar, amount numeric, payee_id bigint)
    RETURNING id
)
SELECT (SELECT count(*) FROM visit) AS visits, (SELECT count(*) FROM payment) AS payments
"""

POST = """
SELECT count(*) AS journals FROM accounts_post(
    %(j_key)s::text[], %(j_hash)s::text[], %(j_area)s::text[], %(j_kind)s::text[], %(j_posted_on)s::date[],
    %(j_origin_year)s::int[], %(j_source)s::text[], %(actor)s::bigint, %(posted_at)s::timestamptz,
    %(e_journal)s::int[], %(e_fund)s::text[], %(e_subject)s::text[], %(e_holder)s::text[],
    %(e_account)s::bigint[], %(e_amount)s::numeric[])
"""


NOTHING: Mapping = MappingProxyType({})


@dataclass(slots=True)
class Batch:
    """Rows being gathered, in the order in which they were decided. Amounts are in fen until they are written."""

    actor_id: int
    now: datetime.datetime
    visits: list[dict] = field(default_factory=list)
    payments: list[dict] = field(default_factory=list)
    journals: list[tuple] = field(default_factory=list)
    entries: list[tuple] = field(default_factory=list)

    def add(
        self,
        visit: dict,
        shares: Sequence[AccountShare],
        funds: dict[str, int],
        payee_code: str,
        also: Mapping[str, Sequence[tuple]] = NOTHING,
    ) -> None:
        """One visit with what each fund and each account pays; `funds` and shares are negative in a reversal.

        What the fund pays is owed to the payee, or to the member where there is none (a claim by hand). What accounts
        of other areas pay is a journal of each of them. `also` are further entries by the area of their journal, as
        (fund, subject, holder, account, fen).
        """
        self.visits.append(visit)
        for share in shares:
            self.payments.append(
                {
                    "visit_id": visit["id"],
                    "account_id": share.account_id,
                    "relation": share.relation,
                    "amount": yuan(share.amount),
                    "payee_id": share.elsewhere and share.elsewhere.payee_id,
                }
            )
        for books in dict.fromkeys(share.elsewhere for share in shares if share.elsewhere):
            number = self._journal(visit, books.area_id)
            self._accounts(number, [share for share in shares if share.elsewhere == books], books.payee_code)
            self.entries += [(number, *entry) for entry in also.get(books.area_id, ())]
        shares = [share for share in shares if share.elsewhere is None]
        funds = {fund: amount for fund, amount in funds.items() if amount}
        here = also.get(visit["area_id"], ())
        if not funds and not shares and not here:
            return
        number = self._journal(visit, visit["area_id"])
        quota = visit["charged_institution_id"] is not None and visit["charged_institution_id"] == visit["payee_id"]
        for fund, amount in funds.items():
            # A quota is one of the pooled fund alone; what the large-claims fund adds is paid by item.
            owed = ("payable_quota" if quota and fund == visit["pool"] else "payable_items", payee_code)
            if visit["payee_id"] is None:
                owed = ("payable_payout", f"member:{visit['member_id']}")
            self.entries.append((number, fund, "benefit_expenditure", "", None, -amount))
            self.entries.append((number, fund, *owed, None, amount))
        if shares:
            self._accounts(number, shares, payee_code)
        self.entries += [(number, *entry) for entry in here]

    def _journal(self, visit: dict, area_id: str) -> int:
        """A journal of a visit in the books of its area, or of another whose accounts pay; its number in the batch."""
        care_year, year = visit["care_on"].year, visit["settled_on"].year
        key = f"visit:{visit['institution_id']}:{visit['key']}"
        self.journals.append(
            (
                key if area_id == visit["area_id"] else f"{key}:{area_id}",
                visit["request_hash"],
                area_id,
                "visit" if visit["reverses_id"] is None else "reversal",
                visit["settled_on"],
                care_year if care_year != year else None,
                f"visit:{visit['id']}",
            )
        )
        return len(self.journals)

    def _accounts(self, number: int, shares: Sequence[AccountShare], payee_code: str) -> None:
        """What accounts of one area pay, owed by it to one payee."""
        for share in shares:
            self.entries.append((number, "personal_accounts", "member_accounts", "", share.account_id, -share.amount))
        total = sum(share.amount for share in shares)
        self.entries.append((number, "personal_accounts", "payable_items", payee_code, None, total))

    def write(self) -> None:
        """Record everything. Anything the database refuses leaves nothing behind: the caller's transaction ends.

        Raises MonthClosed where somebody closed the month meanwhile, and Overdrawn.
        """
        if not self.visits:
            return
        fetch(RECORD, {"visits": json.dumps(self.visits, default=str), "payments": json.dumps(self.payments)})
        if self.journals:
            keys = ("key", "hash", "area", "kind", "posted_on", "origin_year", "source")
            params: dict = {
                f"j_{key}": list(column) for key, column in zip(keys, zip(*self.journals, strict=True), strict=True)
            }
            columns = zip(*self.entries, strict=True)
            keys = ("journal", "fund", "subject", "holder", "account", "amount")
            params |= {f"e_{key}": list(column) for key, column in zip(keys, columns, strict=True)}
            params["e_amount"] = [yuan(amount) for amount in params["e_amount"]]
            try:
                fetch(POST, params | {"actor": self.actor_id, "posted_at": self.now})
            except IntegrityError as error:
                if (refused := refusal(error, params["j_posted_on"])) is None:
                    raise
                raise refused from error


def difference_entries(proposal: Proposal) -> dict[str, list[tuple]]:
    """The entries of a confirmed difference in yuan, by the area in whose books they stand.

    What one fund pays more and another less is between the two. The rest is owed to the member, or a recovery from the
    member, fund by fund. What an account gets back is a recovery from the member too, of the personal accounts of its
    own area; what it pays after all takes that back, out of the account or, where it is short, owed by its holder.
    """
    visit, parts = proposal.visit, proposal.parts
    member = f"member:{visit.member_id}"
    entries: dict[str, list[tuple]] = defaultdict(list)
    here = entries[visit.area_id]
    here += [(fund, "benefit_expenditure", "", None, -amount) for fund, amount in parts.items()]
    for less, more, amount in between(parts):
        here.append((less, "interfund", more, None, -amount))
        here.append((more, "interfund", less, None, amount))
        parts[less] += amount
        parts[more] -= amount
    for fund, amount in parts.items():
        if amount:
            here.append((fund, "payable_payout" if amount > 0 else "recoveries", member, None, amount))
    for back in proposal.recoveries.all():
        account, got = back.account, back.amount + back.short
        legs = [
            ("member_accounts", "", account.pk, got),
            ("recoveries", f"account:{account.pk}", None, -back.short),
            ("recoveries", member, None, -back.amount),
        ]
        entries[account.area_id] += [("personal_accounts", *leg) for leg in legs if leg[-1]]
    return {area: posted for area, posted in entries.items() if posted}


def between(parts: Mapping[str, Decimal]) -> list[tuple[str, str, Decimal]]:
    """What funds that pay less owe to funds that pay more: (fund that pays less, fund that pays more, amount)."""
    less, more = ([(fund, abs(parts[fund])) for fund in sorted(parts) if parts[fund] * sign > 0] for sign in (-1, 1))
    moves = []
    while less and more:
        (giver, left), (taker, wanted) = less.pop(), more.pop()
        amount = min(left, wanted)
        moves.append((giver, taker, amount))
        if left > amount:
            less.append((giver, left - amount))
        if wanted > amount:
            more.append((taker, wanted - amount))
    return moves


def yuan(amount: int) -> str:
    """Fen as the text of a number in yuan, exact."""
    sign = "-" if amount < 0 else ""
    whole, part = divmod(abs(amount), 100)
    return f"{sign}{whole}.{part:02d}"
