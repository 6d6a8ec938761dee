"""What stands in the ledger: an account's statement, the trial balance, and the proof that the books agree."""

import datetime
from dataclasses import dataclass
from decimal import Decimal

from django.db import connection

STATEMENT = """
WITH entry AS MATERIALIZED (
    SELECT e.number, e.amount, e.journal_id, j.posted_on, j.kind, j.source
    FROM accounts_entry AS e JOIN accounts_journal AS j ON j.id = e.journal_id
    WHERE e.account_id = %(account)s AND j.posted_on <= %(ends_on)s
), credit AS (
    -- A journal's credits of an account were posted in the order of their months.
    SELECT journal_id, month, kind, article,
        row_number() OVER (PARTITION BY journal_id ORDER BY month, number) AS place
    FROM accounts_credit WHERE account_id = %(account)s
)
SELECT 0 AS number, NULL AS posted_on, '' AS kind, '' AS source, coalesce(sum(amount), 0.00) AS amount,
    NULL AS month, '' AS credit_kind, '' AS article, '' AS purpose, '' AS payee, '' AS relation, '' AS used_for
FROM entry WHERE posted_on < %(starts_on)s
UNION ALL
SELECT e.number, e.posted_on, e.kind, e.source, e.amount, c.month, coalesce(c.kind, ''),
    coalesce(c.article, u.article, ''), coalesce(u.purpose, ''), coalesce(u.payee, ''), coalesce(u.relation, ''),
    coalesce(m.name, '')
FROM (SELECT *, row_number() OVER (PARTITION BY journal_id ORDER BY number) AS place FROM entry) AS e
LEFT JOIN credit AS c ON e.kind = 'credit' AND c.journal_id = e.journal_id AND c.place = e.place
LEFT JOIN accounts_accountuse AS u
    ON e.source LIKE 'use:%%' AND u.id = nullif(split_part(e.source, ':', 2), '')::bigint
LEFT JOIN members_member AS m ON m.id = u.user_id
WHERE e.posted_on >= %(starts_on)s
ORDER BY number
"""


@dataclass(frozen=True, slots=True)
class StatementLine:
    """One entry of an account, positive into it, with the balance it leaves and what it was.

    `source` names the record behind it as type:number. A credit has `month`, `credit_kind` and `article`; a use
    outside visits has `purpose`, `payee`, `relation` and `used_for`.
    """

    number: int
    posted_on: datetime.date
    kind: str
    source: str
    amount: Decimal
    month: datetime.date | None
    credit_kind: str
    article: str
    purpose: str
    payee: str
    relation: str
    used_for: str
    balance: Decimal


@dataclass(frozen=True, slots=True)
class Statement:
    """An account from one day to another, both included, in yuan."""

    account_id: int
    starts_on: datetime.date
    ends_on: datetime.date
    opening: Decimal
    lines: list[StatementLine]

    @property
    def closing(self) -> Decimal:
        return self.lines[-1].balance if self.lines else self.opening


def statement(*, account_id: int, starts_on: datetime.date, ends_on: datetime.date) -> Statement:
    """What went into and out of an account from `starts_on` to `ends_on`, by the day of posting."""
    with connection.cursor() as cursor:
        cursor.execute(STATEMENT, {"account": account_id, "starts_on": starts_on, "ends_on": ends_on})
        first, *rows = cursor.fetchall()
    opening = balance = first[4]
    lines = []
    for row in rows:
        balance += row[4]
        lines.append(StatementLine(*row, balance))
    return Statement(account_id, starts_on, ends_on, opening, lines)


TRIAL_BALANCE = """
SELECT e.fund, e.subject, {holder}, -coalesce(sum(e.amount) FILTER (WHERE e.amount < 0), 0.00),
    coalesce(sum(e.amount) FILTER (WHERE e.amount > 0), 0.00), sum(e.amount)
FROM accounts_entry AS e JOIN accounts_journal AS j ON j.id = e.journal_id
WHERE j.area_id = %s AND j.posted_on <= %s
GROUP BY 1, 2, 3 ORDER BY 1, 2, 3
"""


@dataclass(frozen=True, slots=True)
class TrialBalanceLine:
    """What was posted on a subject of a fund, in yuan; the balance is positive on the credit side."""

    fund: str
    subject: str
    holder: str
    debit: Decimal
    credit: Decimal
    balance: Decimal


def trial_balance(*, area_id: str, on: datetime.date, by_holder: bool = False) -> list[TrialBalanceLine]:
    """Every subject of every fund up to and including a day; each fund's balances add up to zero."""
    holder = "e.holder" if by_holder else "''"
    with connection.cursor() as cursor:
        cursor.execute(TRIAL_BALANCE.format(holder=holder), [area_id, on])
        return [TrialBalanceLine(*row) for row in cursor]
