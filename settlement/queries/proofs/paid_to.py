"""Whether money went where two people said: to the accounts that were approved, and to those that were confirmed."""

from collections.abc import Iterator

from django.utils.translation import gettext_lazy as _

from bureau.audit.proofs import Proof
from settlement.queries.facts import fetch

# The first order goes where the line says; one that takes a returned one's place, there or to an account confirmed
# since. An institution's account is the one that was confirmed last, where one ever was.
ORDERS = """
SELECT 'payment ' || p.id AS what,
       (p.account_name, p.bank_name, p.bank_account) <> (l.account_name, l.bank_name, l.bank_account)
       AND (NOT EXISTS (SELECT FROM settlement_payment e
                         WHERE e.line_id = p.line_id AND e.fund = p.fund AND e.id < p.id)
            OR (p.account_name, p.bank_name, p.bank_account) NOT IN (
                SELECT c.account_name, c.bank_name, c.bank_account FROM institutions_accountchange c
                 WHERE c.institution_id = l.institution_id AND c.status = 'confirmed')) AS wrong
  FROM settlement_payment p
  JOIN settlement_line l ON l.id = p.line_id
  JOIN settlement_run r ON r.id = l.run_id
 WHERE r.area_id = %(area)s
UNION ALL
SELECT 'institution ' || i.code,
       (i.account_name, i.bank_name, i.bank_account) <> (c.account_name, c.bank_name, c.bank_account)
  FROM institutions_institution i
  JOIN LATERAL (SELECT * FROM institutions_accountchange
                 WHERE institution_id = i.id AND status = 'confirmed'
                 ORDER BY decided_at DESC, id DESC LIMIT 1) c ON true
 WHERE i.area_id = %(area)s
 ORDER BY 1
"""


def accounts_agree(area_id: str) -> Iterator[Proof]:
    rows = fetch(ORDERS, {"area": area_id})
    proof = Proof("paid_to_approved_accounts", _("Orders to the bank go to accounts that two people approved"))
    yield proof.all_of(len(rows), [row["what"] for row in rows if row["wrong"]])
