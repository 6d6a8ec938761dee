"""Which months of which accounts are still to be credited, with the facts that the rule asks for."""

import datetime
from dataclasses import dataclass
from decimal import Decimal

from django.db import connection

# A person's class is that of the 1st of the month (G-12). Who comes later in the month counts only with a premium
# paid for it. Benefits count as stopped where no benefit period touches the rest of the month, or where something
# stands against the person on its first day in the scheme; what that stops is the edition's to say. Bases are added
# up, since a difference of base is a row of its own.
DUE = """
WITH account AS MATERIALIZED (
    SELECT a.id, a.member_id, m.birth, m.sex, m.reached_age_on,
        date_trunc('month', a.opened_on::timestamp)::date AS since,
        coalesce(m.died_on, 'infinity') AS until, a.status = 'closed' AS closed
    FROM accounts_account AS a JOIN members_member AS m ON m.id = a.member_id
    WHERE a.area_id = %(area)s AND a.id BETWEEN %(first)s AND %(last)s
), premium AS MATERIALIZED (
    SELECT account.id, c.scheme, c.month, sum(c.base) AS base, bool_or(c.kind = 'back') AS back,
        max(c.paid_on) AS paid_on
    FROM account JOIN members_contribution AS c ON c.member_id = account.member_id
    WHERE c.area_id = %(area)s AND c.month BETWEEN %(starts_on)s AND %(ends_on)s AND c.own_amount > 0
    GROUP BY account.id, c.scheme, c.month
), credited AS MATERIALIZED (
    SELECT account_id, month, sum(amount) AS amount, max(base) AS base, max(number) AS number
    FROM accounts_credit
    WHERE account_id BETWEEN %(first)s AND %(last)s AND month BETWEEN %(starts_on)s AND %(ends_on)s
    GROUP BY account_id, month
)
SELECT account.id, span.month, e.scheme, e.person_class, e.plan, account.birth, account.sex, account.reached_age_on,
    premium.base,
    coalesce(premium.back, false),
    EXISTS (
        SELECT FROM members_benefitperiod AS b
        WHERE b.member_id = account.member_id AND b.area_id = %(area)s AND b.scheme = e.scheme
            AND b.starts_on <= span.ends_on
            AND coalesce(b.ends_on, 'infinity') >= greatest(span.month, e.starts_on)
    ),
    (SELECT s.kind FROM members_suspension AS s
        WHERE s.member_id = account.member_id AND s.area_id = %(area)s
            AND greatest(span.month, e.starts_on) BETWEEN s.starts_on AND coalesce(s.ends_on, 'infinity')),
    coalesce(credited.amount, 0), coalesce(credited.number, 0), account.closed
FROM (
    SELECT month::date AS month, (month + interval '1 month - 1 day')::date AS ends_on
    FROM generate_series(%(starts_on)s::timestamp, %(ends_on)s::timestamp, '1 month') AS month
) AS span
JOIN account ON span.month BETWEEN account.since AND account.until
JOIN members_enrolment AS e ON e.member_id = account.member_id AND e.area_id = %(area)s
    AND e.starts_on <= span.ends_on AND coalesce(e.ends_on, 'infinity') >= span.month
LEFT JOIN premium ON premium.id = account.id AND premium.month = span.month AND premium.scheme = e.scheme
LEFT JOIN credited ON credited.account_id = account.id AND credited.month = span.month
WHERE (e.starts_on <= span.month OR premium.base IS NOT NULL AND NOT EXISTS (
        SELECT FROM members_enrolment AS earlier
        WHERE earlier.member_id = e.member_id AND earlier.area_id = %(area)s AND earlier.starts_on < e.starts_on
            AND coalesce(earlier.ends_on, 'infinity') >= span.month))
    AND (credited.number IS NULL OR premium.base <> credited.base)
    AND (span.month >= %(year)s OR premium.paid_on >= %(year)s)
ORDER BY account.id, span.month
"""


@dataclass(frozen=True, slots=True)
class Due:
    """One month of one account. `base`: what an own share was paid on, None without a premium; yuan. `stop`: what
    stands against the person on the first day, suspended or arrears."""

    account_id: int
    month: datetime.date
    scheme: str
    person_class: str
    plan: str
    birth: datetime.date | None
    sex: str
    reached_age_on: datetime.date | None
    base: Decimal | None
    paid_later: bool
    has_benefit_period: bool
    stop: str | None
    credited: Decimal
    number: int
    closed: bool  # takes nothing until it is reopened


def months_due(*, area_id: str, first: int, last: int, starts_on: datetime.date, ends_on: datetime.date) -> list[Due]:
    """Months from that of `starts_on` to that of `ends_on` (first days) not yet credited, or on another base.

    For the accounts numbered from `first` to `last`; none before an account was opened, nor after its holder died.
    Of a year before that of `ends_on` only what was paid in since: its other months were closed with it.
    """
    params = {
        "area": area_id,
        "first": first,
        "last": last,
        "starts_on": starts_on,
        "ends_on": ends_on,
        "year": ends_on.replace(month=1),
    }
    with connection.cursor() as cursor:
        cursor.execute(DUE, params)
        return [Due(*row) for row in cursor]


PARTS = """
SELECT min(id), max(id)
FROM (SELECT id, (row_number() OVER (ORDER BY id) - 1) / %s AS part FROM accounts_account WHERE area_id = %s) AS a
GROUP BY part ORDER BY part
"""


def account_ranges(area_id: str, size: int) -> list[dict]:
    """The accounts of an area in ranges of their numbers, `size` to each."""
    with connection.cursor() as cursor:
        cursor.execute(PARTS, [size, area_id])
        return [{"first": first, "last": last} for first, last in cursor]
