"""Whether what was credited is what the rules give on what was paid."""

from functools import cache

from django.db import connection
from django.utils.translation import gettext_lazy as _

from bureau.audit.proofs import Proof
from bureau.editions.rulebook import edition_by_hash
from bureau.rules.accounts.credits import amounts
from bureau.rules.errors import Refused
from bureau.rules.money import fen
from bureau.rules.periods import month_of

# Of each credit the whole of its month until then, and the bases on which an own share was paid for the month.
CREDITS = """
SELECT c.id, c.month, c.base, c.article, c.source, e.content_hash,
       sum(c.amount) OVER (PARTITION BY c.account_id, c.month ORDER BY c.number) AS amount,
       COALESCE(p.base, 0) AS paid_on
  FROM accounts_credit c JOIN accounts_account a ON a.id = c.account_id
  LEFT JOIN bureau_edition e ON e.id = c.edition_id
  LEFT JOIN (SELECT member_id, month, sum(base) AS base FROM members_contribution
              WHERE area_id = %(area)s AND own_amount > 0 GROUP BY 1, 2) p
         ON p.member_id = a.member_id AND p.month = c.month
 WHERE a.area_id = %(area)s
"""


def credits_replay(area_id: str) -> Proof:
    """Every month's credit is what its edition gives on its base, and on that base a premium was paid."""
    proof = Proof("credits_replay", _("Monthly credits replay to the stored fen, on premiums that were paid"))

    @cache
    def possible(content_hash: str, month: str, article: str, source: str, base: int) -> set[int]:
        try:
            return amounts(edition_by_hash(content_hash), month=month, article=article, source=source, base=base)
        except (Refused, LookupError):
            return set()

    with connection.cursor() as cursor:
        cursor.execute(CREDITS, {"area": area_id})
        for number, month, base, article, source, content_hash, amount, paid_on in cursor:
            proof.asked += 1
            gives = possible(content_hash, month_of(month), article, source, fen(base)) if content_hash else set()
            if fen(amount) not in gives or base > paid_on:
                proof.disagree(f"credit {number}: {amount} / {sorted(gives)}, {base} / {paid_on}")
    return proof
