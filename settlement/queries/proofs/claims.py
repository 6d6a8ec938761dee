"""Whether claims by hand, their visits, the orders to the bank and the ledger say the same."""

from collections.abc import Iterator

from django.utils.translation import gettext_lazy as _

from bureau.audit.proofs import Proof
from settlement.queries.facts import fetch
from settlement.queries.proofs.differences import FUND_DIFFERENCES

SETTLED = """
SELECT COALESCE('claim ' || c.id, 'visit ' || v.id) AS what,
       (c.id IS NULL OR v.id IS NULL
        OR v.payee_id IS NOT NULL OR v.key <> 'claim:' || c.id OR (r.id IS NOT NULL) <> (c.status = 'reversed')
        OR (c.area_id, c.member_id, c.institution_id, c.encounter, c.care_on, c.channel, c.total, c.in_policy)
        <> (v.area_id, v.member_id, v.institution_id, v.encounter, v.care_on, v.channel, v.total, v.in_policy)
       ) AS wrong
  FROM (SELECT * FROM settlement_claim WHERE area_id = %(area)s AND visit_id IS NOT NULL) c
  FULL JOIN (SELECT * FROM settlement_visit WHERE area_id = %(area)s AND payee_id IS NULL AND reverses_id IS NULL) v
         ON v.id = c.visit_id
  LEFT JOIN settlement_visit r ON r.reverses_id = v.id
"""

# By claim and fund. Owed to the member: what the visit says until it is paid or taken back. With the bank: what was
# ordered and stands. The rest of a payment that the bank returned is in suspense; what was paid on a claim that is
# taken back is a recovery.
BOOKED = f"""
WITH difference AS MATERIALIZED ({FUND_DIFFERENCES}), share AS (
    SELECT c.id, c.status, c.member_id, part.fund, part.amount,
           ARRAY['claim:' || c.id, 'visit:' || v.id, 'visit:' || r.id]::varchar[] AS sources,
           COALESCE(p.ordered, 0) AS ordered, COALESCE(p.standing, 0) AS standing,
           COALESCE((SELECT sum(d.amount) FROM difference d
                      WHERE (d.visit_id, d.fund, d.subject) = (c.visit_id, part.fund, 'payable_payout')), 0) AS added
      FROM settlement_claim c
      JOIN settlement_visit v ON v.id = c.visit_id
      LEFT JOIN settlement_visit r ON r.reverses_id = v.id
      CROSS JOIN LATERAL (VALUES (v.pool, v.pooled), ('large_claims', v.large_claims)) AS part(fund, amount)
      LEFT JOIN LATERAL (
          SELECT max(o.amount) AS ordered, sum(o.amount) FILTER (WHERE o.status <> 'returned') AS standing
            FROM settlement_claimpayment o WHERE o.claim_id = c.id AND o.fund = part.fund) p ON true
     WHERE c.area_id = %(area)s AND part.amount <> 0
), booked AS (
    SELECT s.id, s.fund,
           COALESCE(sum(e.amount) FILTER (WHERE e.subject = 'payable_payout'), 0) AS payable,
           COALESCE(sum(e.amount) FILTER (WHERE e.subject = 'bank'), 0) AS bank
      FROM share s
      JOIN accounts_journal j ON j.source = ANY (s.sources)
      JOIN accounts_entry e ON e.journal_id = j.id AND e.fund = s.fund
           AND e.holder IN ('', 'member:' || s.member_id)
     GROUP BY 1, 2
)
SELECT 'claim ' || s.id || ' ' || s.fund || ': ' || COALESCE(b.payable, 0) || ', ' || COALESCE(b.bank, 0) AS what,
       COALESCE(b.payable, 0) <> CASE s.status WHEN 'approved' THEN s.amount WHEN 'reversed' THEN -s.added ELSE 0 END
       OR COALESCE(b.bank, 0) <> s.standing
       OR s.ordered <> CASE s.status WHEN 'approved' THEN 0 WHEN 'paid' THEN s.amount ELSE s.ordered END
       OR s.standing > s.amount AS wrong
  FROM share s LEFT JOIN booked b ON b.id = s.id AND b.fund = s.fund
"""

INVOICES = """
SELECT 'claim ' || c.id AS what,
       (c.status IN ('refused', 'reversed')) = EXISTS (
           SELECT FROM settlement_invoice i WHERE i.claim_id = c.id AND i.freed_at IS NULL) AS wrong
  FROM settlement_claim c WHERE c.area_id = %(area)s
UNION ALL
SELECT 'visit ' || v.id, (r.id IS NULL) <> (i.freed_at IS NULL)
  FROM settlement_invoice i
  JOIN settlement_visit v ON v.id = i.visit_id
  LEFT JOIN settlement_visit r ON r.reverses_id = v.id
 WHERE v.area_id = %(area)s
"""

QUESTIONS = {
    "claims_settled": (_("Claims by hand stand in their visits"), SETTLED),
    "claims_booked": (_("Claims by hand are owed or paid what their visits say"), BOOKED),
    "invoices_stand": (_("Invoices stand with what was settled on them"), INVOICES),
}


def claims_agree(area_id: str) -> Iterator[Proof]:
    """Each question about the claims of an area."""
    for code, (question, sql) in QUESTIONS.items():
        rows = fetch(sql, {"area": area_id})
        yield Proof(code, question).all_of(len(rows), [row["what"] for row in rows if row["wrong"]])
