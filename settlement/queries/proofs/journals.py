"""Whether every journal rests on one record, and every record on its journals, to the fen and both ways.

Each part states the journals of one kind of record as rows (key, area, kind, source, fund, subject, holder, account,
amount): what the services post, said once more from the rows alone. A journal that no part states rests on nothing,
whatever its kind.
"""

from collections.abc import Iterator

from django.utils.translation import gettext_lazy as _

from accounts.models import Journal
from bureau.audit import called
from bureau.audit.proofs import Proof
from settlement.queries.facts import fetch
from settlement.queries.proofs.differences import ACCOUNT_DIFFERENCES, FUND_DIFFERENCES

# A visit with its key in the ledger, and who is owed. Journals of a visit stand in its area; what accounts of another
# area paid, in that one.
VISIT = """
    SELECT v.*, 'visit:' || v.institution_id || ':' || v.key AS journal, 'visit:' || v.id AS source,
           CASE WHEN v.reverses_id IS NULL THEN 'visit' ELSE 'reversal' END AS kind, i.code AS payee_code
      FROM settlement_visit v LEFT JOIN institutions_institution i ON i.id = v.payee_id
     WHERE v.area_id = %(area)s OR v.id IN (
           SELECT p.visit_id FROM settlement_visitpayment p JOIN accounts_account a ON a.id = p.account_id
            WHERE a.area_id = %(area)s)
"""

# The entries of confirmed proposals; what accounts of another area get back or pay stands in its books.
DIFFERENCE = f"""
    SELECT id, visit_id, area, '' AS elsewhere, fund, subject, holder, NULL::bigint AS account, amount
      FROM ({FUND_DIFFERENCES}) AS of_funds
    UNION ALL
    SELECT id, visit_id, area, elsewhere, fund, subject, holder, account, amount
      FROM ({ACCOUNT_DIFFERENCES}) AS of_accounts
"""

# Orders to the bank on claims, the first of each fund marked, and whether the claim had been taken back before the
# bank returned one.
ORDER = """
    SELECT o.*, c.area_id, c.status AS claim_status, c.visit_id, 'claim:' || c.id AS source, 'member:' || c.member_id
           AS holder, min(o.id) OVER (PARTITION BY o.claim_id, o.fund) = o.id AS is_first,
           max(o.id) OVER (PARTITION BY o.claim_id, o.fund) = o.id AS is_last,
           COALESCE((SELECT b.id FROM accounts_journal b WHERE b.key = 'claim:' || c.id || ':returned:' || o.id)
            > (SELECT j.id FROM settlement_visit r JOIN accounts_journal j ON j.source = 'visit:' || r.id
                WHERE r.reverses_id = c.visit_id LIMIT 1), false) AS returned_late
      FROM settlement_claimpayment o JOIN settlement_claim c ON c.id = o.claim_id WHERE c.area_id = %(area)s
"""

PARTS = {
    "visits, what the fund pays": """
    SELECT v.journal, v.area_id, v.kind, v.source, part.fund, leg.subject, leg.holder, NULL::bigint, leg.amount
      FROM visit v,
           LATERAL (VALUES (v.pool, v.pooled, true), ('large_claims', v.large_claims, false))
               AS part (fund, amount, quota),
           LATERAL (VALUES ('benefit_expenditure', '', -part.amount), (
               CASE WHEN v.payee_id IS NULL THEN 'payable_payout'
                    WHEN part.quota AND v.charged_institution_id = v.payee_id THEN 'payable_quota'
                    ELSE 'payable_items' END,
               COALESCE(v.payee_code, 'member:' || v.member_id), part.amount)) AS leg (subject, holder, amount)
     WHERE v.area_id = %(area)s AND part.amount <> 0
    """,
    "visits, what accounts pay": """
    SELECT v.journal || CASE WHEN p.payee_id IS NULL THEN '' ELSE ':' || a.area_id END, %(area)s, v.kind, v.source,
           'personal_accounts', leg.subject, leg.holder, leg.account, leg.amount
      FROM visit v JOIN settlement_visitpayment p ON p.visit_id = v.id JOIN accounts_account a ON a.id = p.account_id
      LEFT JOIN institutions_institution i ON i.id = p.payee_id,
           LATERAL (VALUES ('member_accounts', '', p.account_id, -p.amount),
                           ('payable_items', COALESCE(i.code, v.payee_code), NULL::bigint, p.amount))
               AS leg (subject, holder, account, amount)
     WHERE CASE WHEN p.payee_id IS NULL THEN v.area_id ELSE a.area_id END = %(area)s
    """,
    "confirmed proposals": """
    SELECT 'proposal:' || d.id || d.elsewhere, d.area, 'recovery', 'proposal:' || d.id, d.fund, d.subject, d.holder,
           d.account, d.amount
      FROM difference d WHERE d.area = %(area)s
    """,
    "reversals, what proposals had changed": """
    SELECT r.journal || d.elsewhere, d.area, r.kind, r.source, d.fund, d.subject, d.holder, d.account, -d.amount
      FROM difference d JOIN visit r ON r.reverses_id = d.visit_id WHERE d.area = %(area)s
    """,
    "claims that are paid": """
    SELECT o.source || ':pay', o.area_id, 'payout', o.source, o.fund, leg.subject, leg.holder, NULL::bigint, leg.amount
      FROM bank_order o, LATERAL (VALUES ('payable_payout', o.holder, -o.amount), ('bank', '', o.amount))
           AS leg (subject, holder, amount)
     WHERE o.is_first
    """,
    "claims, what the bank returned": """
    SELECT o.source || ':returned:' || o.id, o.area_id, 'payout', o.source, o.fund, leg.subject, leg.holder,
           NULL::bigint, leg.amount
      FROM bank_order o, LATERAL (VALUES ('bank', '', -o.amount),
           (CASE WHEN o.returned_late THEN 'recoveries' ELSE 'suspense' END, o.holder, o.amount))
           AS leg (subject, holder, amount)
     WHERE o.status = 'returned'
    """,
    "claims, what was ordered again": """
    SELECT o.source || ':reissued:' || o.id, o.area_id, 'payout', o.source, o.fund, leg.subject, leg.holder,
           NULL::bigint, leg.amount
      FROM bank_order o, LATERAL (VALUES ('suspense', o.holder, -o.amount), ('bank', '', o.amount))
           AS leg (subject, holder, amount)
     WHERE NOT o.is_first
    """,
    "claims taken back after payment": """
    SELECT r.journal, r.area_id, r.kind, r.source, o.fund, leg.subject, o.holder, NULL::bigint, leg.amount
      FROM bank_order o JOIN visit r ON r.reverses_id = o.visit_id, LATERAL (VALUES ('payable_payout', o.amount),
           (CASE WHEN o.status = 'returned' AND NOT o.returned_late THEN 'suspense' ELSE 'recoveries' END, -o.amount))
           AS leg (subject, amount)
     WHERE o.is_last
    """,
    "orders of runs, what the bank returned and what was ordered again": """
    SELECT 'payment:' || o.id || ':' || act.name, o.area_id, 'run', 'payment:' || o.id, o.fund, leg.subject,
           leg.holder, NULL::bigint, act.sign * leg.amount
      FROM (SELECT p.*, r.area_id, i.code, min(p.id) OVER (PARTITION BY p.line_id, p.fund) = p.id AS is_first
              FROM settlement_payment p JOIN settlement_line l ON l.id = p.line_id
              JOIN settlement_run r ON r.id = l.run_id JOIN institutions_institution i ON i.id = l.institution_id
             WHERE r.area_id = %(area)s) o,
           LATERAL (VALUES ('returned', o.status = 'returned', 1), ('reissued', NOT o.is_first, -1))
               AS act (name, happened, sign),
           LATERAL (VALUES ('suspense', o.code, o.amount), ('bank', '', -o.amount)) AS leg (subject, holder, amount)
     WHERE act.happened
    """,
    "uses of accounts": """
    SELECT 'use:' || u.key, a.area_id, CASE WHEN u.reverses_id IS NULL THEN 'use' ELSE 'reversal' END, 'use:' || u.id,
           'personal_accounts', leg.subject, leg.holder, leg.account, leg.amount
      FROM accounts_accountuse u JOIN accounts_account a ON a.id = u.account_id, LATERAL (VALUES
           ('member_accounts', '', u.account_id, -u.paid), ('payable_items', u.payee, NULL::bigint, u.paid))
           AS leg (subject, holder, account, amount)
     WHERE a.area_id = %(area)s AND u.paid <> 0
    """,
    "payouts": """
    SELECT 'payout:' || p.id || ':' || step.name, a.area_id, 'payout', 'payout:' || p.id, 'personal_accounts',
           step.subject, step.holder, step.account, step.amount
      FROM accounts_payout p JOIN accounts_account a ON a.id = p.account_id, LATERAL (VALUES
           ('approve', 'member_accounts', '', p.account_id, -p.amount),
           ('approve', 'payable_payout', 'payout:' || p.id, NULL::bigint, p.amount),
           ('pay', 'payable_payout', 'payout:' || p.id, NULL, -p.amount),
           ('pay', 'bank', '', NULL, p.amount),
           ('return', 'payable_payout', 'payout:' || p.id, NULL, -p.amount),
           ('return', 'member_accounts', '', p.account_id, p.amount)) AS step (name, subject, holder, account, amount)
     WHERE a.area_id = %(area)s AND CASE step.name WHEN 'approve' THEN p.approved_at IS NOT NULL
           WHEN 'pay' THEN p.status = 'paid' ELSE p.status = 'returned' AND p.approved_at IS NOT NULL END
    """,
    "monthly credits": """
    SELECT job.key || ':' || (chunk.params ->> 'first'), job.area_id, 'credit', 'job:' || job.id, leg.fund, leg.subject,
           leg.holder, leg.account, leg.amount
      FROM bureau_job job JOIN bureau_chunk chunk ON chunk.job_id = job.id
      JOIN accounts_journal j ON j.key = job.key || ':' || (chunk.params ->> 'first')
      JOIN accounts_credit c ON c.journal_id = j.id, LATERAL (VALUES
           ('personal_accounts', 'member_accounts', '', c.account_id, c.amount, true),
           ('personal_accounts', 'contribution_income', '', NULL::bigint, -c.amount, c.source <> 'pool'),
           ('personal_accounts', 'interfund', 'employees_pool', NULL, -c.amount, c.source = 'pool'),
           ('employees_pool', 'interfund', 'personal_accounts', NULL, c.amount, c.source = 'pool'),
           ('employees_pool', 'account_credits', '', NULL, -c.amount, c.source = 'pool'))
           AS leg (fund, subject, holder, account, amount, counts)
     WHERE job.kind = 'credit' AND job.area_id = %(area)s AND chunk.status = 'done' AND leg.counts
    """,
    # What has no row of its own rests on its audit entry; which books met it, the journal alone says.
    "recoveries": f"""
    SELECT 'recovery:' || (t.detail ->> 'key'), %(area)s, 'recovery', 'account:' || t.record_id, leg.fund, leg.subject,
           leg.holder, leg.account, leg.amount
      FROM bureau_auditentry t JOIN accounts_journal j ON j.key = 'recovery:' || (t.detail ->> 'key'),
           LATERAL (SELECT {called("t.action")} AS name) AS done,
           LATERAL (SELECT CASE done.name WHEN 'account.give_back' THEN -1 ELSE 1 END AS sign) AS way,
           LATERAL (SELECT way.sign * (t.detail ->> 'amount')::numeric AS whole,
                           way.sign * (t.detail ->> 'taken')::numeric AS taken,
                           CASE done.name WHEN 'account.give_back' THEN 'account.recover' ELSE done.name END AS name,
                           t.record_id::bigint AS account, 'account:' || t.record_id AS owes, EXISTS (
                           SELECT FROM accounts_entry e WHERE e.journal_id = j.id
                              AND e.subject IN ('account_credits', 'bank')) AS elsewhere) AS act,
           LATERAL (VALUES
           ('account.recover', true, 'personal_accounts', 'member_accounts', '', act.account, -act.taken),
           ('account.recover', true, 'personal_accounts', 'recoveries', act.owes, NULL, act.taken - act.whole),
           ('account.recover', NOT act.elsewhere, 'personal_accounts', 'contribution_income', '', NULL, act.whole),
           ('account.recover', act.elsewhere, 'personal_accounts', 'interfund', 'employees_pool', NULL, act.whole),
           ('account.recover', act.elsewhere, 'employees_pool', 'interfund', 'personal_accounts', NULL, -act.whole),
           ('account.recover', act.elsewhere, 'employees_pool', 'account_credits', '', NULL, act.whole),
           ('account.recovery_collect', NOT act.elsewhere, 'personal_accounts', 'member_accounts', '', act.account,
            -act.whole),
           ('account.recovery_collect', act.elsewhere, 'personal_accounts', 'bank', '', NULL, -act.whole),
           ('account.recovery_collect', true, 'personal_accounts', 'recoveries', act.owes, NULL, act.whole))
           AS leg (action, counts, fund, subject, holder, account, amount)
     WHERE act.name = leg.action AND t.area_id = %(area)s AND leg.counts
    """,
    "extractions": """
    SELECT j.key, %(area)s, 'other', 'extraction:' || t.area_id || ':' || (t.detail ->> 'scheme') || ':'
           || (t.detail ->> 'year'), leg.fund, leg.subject, leg.holder, NULL::bigint, leg.sign
           * (t.detail ->> 'amount')::numeric
      FROM bureau_auditentry t JOIN accounts_journal j ON j.id::text = t.detail ->> 'journal',
           LATERAL (SELECT CASE t.detail ->> 'scheme' WHEN '310' THEN 'employees_pool' ELSE 'residents' END AS pool,
                           (SELECT e.fund FROM accounts_entry e WHERE e.journal_id = j.id
                               AND e.subject = 'transfer_income' LIMIT 1) AS fed) AS act,
           LATERAL (VALUES (act.pool, 'transfer_expenditure', act.fed, -1), (act.pool, 'interfund', act.fed, 1),
                           (act.fed, 'interfund', act.pool, -1), (act.fed, 'transfer_income', act.pool, 1))
               AS leg (fund, subject, holder, sign)
     WHERE t.action = 'fund.extract' AND t.area_id = %(area)s
    """,
}

# Journals whose amounts other proofs work out (payment lines and adjustments, lines_booked), or that say what no row
# repeats (opening balances): here they have a record, and it has them.
NAMED = {
    "lines of paid runs": """
    SELECT DISTINCT 'run:' || r.id || ':' || i.code, r.area_id, 'run', 'line:' || l.id
      FROM settlement_run r JOIN settlement_line l ON l.run_id = r.id
      JOIN institutions_institution i ON i.id = l.institution_id
      JOIN accounts_journal j ON j.source = 'line:' || l.id WHERE r.area_id = %(area)s AND r.status = 'paid'
    """,
    "adjustments carried": """
    SELECT DISTINCT 'adjustment:' || a.id, r.area_id, 'run', 'adjustment:' || a.id
      FROM settlement_adjustment a JOIN settlement_line l ON l.id = a.carried_by_id
      JOIN settlement_run r ON r.id = l.run_id
      JOIN accounts_journal j ON j.source = 'adjustment:' || a.id WHERE r.area_id = %(area)s AND r.status = 'paid'
    """,
    "opening balances": """
    SELECT DISTINCT 'opening:' || t.area_id || ':' || (t.detail ->> 'key'), t.area_id, 'opening',
           'opening:' || (t.detail ->> 'key')
      FROM bureau_auditentry t
     WHERE t.action = 'account.opening' AND t.area_id = %(area)s AND t.detail ->> 'accounts' <> '0'
    """,
}

# Every finding: what is wrong with a journal, and its key.
COMPARED = f"""
WITH visit AS MATERIALIZED ({VISIT}), difference AS MATERIALIZED ({DIFFERENCE}), bank_order AS MATERIALIZED ({ORDER}),
stated (key, area, kind, source, fund, subject, holder, account, amount) AS MATERIALIZED ({" UNION ALL ".join(
    PARTS.values())}),
named (key, area, kind, source) AS ({" UNION ALL ".join(NAMED.values())}),
record AS (SELECT DISTINCT key, area, kind, source FROM stated UNION SELECT * FROM named),
journal AS (SELECT id, key, area_id AS area, kind, source FROM accounts_journal WHERE area_id = %(area)s),
moved AS (
    SELECT key, fund, subject, holder, account, sum(amount) AS amount FROM (
        SELECT key, fund, subject, holder, account, amount FROM stated
        UNION ALL
        SELECT j.key, e.fund, e.subject, e.holder, e.account_id, -e.amount
          FROM journal j JOIN accounts_entry e ON e.journal_id = j.id
         WHERE NOT EXISTS (SELECT FROM named n WHERE n.key = j.key)) AS both_sides
     GROUP BY 1, 2, 3, 4, 5 HAVING sum(amount) <> 0
)
SELECT 'journals_rest' AS code, j.key AS what
  FROM journal j LEFT JOIN record r USING (key)
 WHERE r.key IS NULL OR (r.area, r.kind, r.source) <> (j.area, j.kind, j.source)
UNION ALL
SELECT 'records_booked', r.key FROM record r LEFT JOIN journal j USING (key) WHERE j.key IS NULL
UNION ALL
SELECT 'journals_as_recorded', m.key || ' ' || m.fund || ' ' || m.subject || ' ' || m.holder || ': ' || -m.amount
  FROM moved m JOIN journal j USING (key) JOIN record r USING (key)
ORDER BY 1, 2
"""

QUESTIONS = {
    "journals_rest": _("Every journal rests on one record of its kind"),
    "records_booked": _("Every record that moves money has its journal"),
    "journals_as_recorded": _("Journals have the entries that their records call for"),
}


def records_agree(area_id: str) -> Iterator[Proof]:
    """Both ways, of an area's books: from the journals to what they rest on, and from the records to their journals."""
    asked = Journal.objects.filter(area=area_id).count()
    found: dict[str, list[str]] = {code: [] for code in QUESTIONS}
    for row in fetch(COMPARED, {"area": area_id}):
        found[row["code"]].append(row["what"])
    for code, question in QUESTIONS.items():
        yield Proof(code, question).all_of(asked, found[code])
