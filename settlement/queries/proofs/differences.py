"""What confirmed proposals post, said from their rows: fund by fund, between funds, and for accounts.

What one fund pays more and another less is between the two, by the length on which they lie side by side; the rest is
owed to the member or by the member.
"""

FUND_DIFFERENCES = """
    WITH part AS (
        SELECT x.id, x.visit_id, v.area_id AS area, 'member:' || v.member_id AS member, each.fund, each.amount,
               sum(abs(each.amount)) OVER (
                   PARTITION BY x.id, sign(each.amount) ORDER BY each.fund COLLATE "C" DESC) AS upto
          FROM settlement_proposal x JOIN settlement_visit v ON v.id = x.visit_id, LATERAL (VALUES
               (x.pool, x.proposed - x.settled - x.large_claims - x.former_pooled),
               (x.former_pool, x.former_pooled), ('large_claims', x.large_claims)) AS each (fund, amount)
         WHERE v.area_id = %(area)s AND x.status = 'confirmed' AND each.amount <> 0
    ), move AS (
        SELECT less.id, less.visit_id, less.area, less.fund AS less, more.fund AS more,
               LEAST(less.upto, more.upto) - GREATEST(less.upto + less.amount, more.upto - more.amount) AS amount
          FROM part less JOIN part more ON more.id = less.id AND less.amount < 0 AND more.amount > 0
    ), moved AS (SELECT * FROM move WHERE amount > 0), owed AS (
        SELECT p.*, p.amount - sign(p.amount) * COALESCE((
                   SELECT sum(m.amount) FROM moved m WHERE m.id = p.id AND p.fund IN (m.less, m.more)), 0) AS rest
          FROM part p
    )
    SELECT id, visit_id, area, fund, 'benefit_expenditure' AS subject, '' AS holder, -amount AS amount FROM part
    UNION ALL
    SELECT id, visit_id, area, fund, CASE WHEN rest > 0 THEN 'payable_payout' ELSE 'recoveries' END, member, rest
      FROM owed WHERE rest <> 0
    UNION ALL
    SELECT m.id, m.visit_id, m.area, leg.fund, 'interfund', leg.holder, leg.amount
      FROM moved m, LATERAL (VALUES (m.less, m.more, -m.amount), (m.more, m.less, m.amount))
           AS leg (fund, holder, amount)
"""

# What an account gets back from the member, in the books of its own area; or pays again, as far as it can.
ACCOUNT_DIFFERENCES = """
    SELECT x.id, x.visit_id, a.area_id AS area, CASE WHEN a.area_id <> v.area_id THEN ':' || a.area_id ELSE '' END
           AS elsewhere, 'personal_accounts' AS fund, leg.subject, leg.holder, leg.account, leg.amount
      FROM settlement_accountrecovery y JOIN settlement_proposal x ON x.id = y.proposal_id
      JOIN settlement_visit v ON v.id = x.visit_id JOIN accounts_account a ON a.id = y.account_id,
           LATERAL (VALUES ('member_accounts', '', y.account_id, y.amount + y.short),
                           ('recoveries', 'account:' || y.account_id, NULL::bigint, -y.short),
                           ('recoveries', 'member:' || v.member_id, NULL, -y.amount))
               AS leg (subject, holder, account, amount)
     WHERE x.status = 'confirmed' AND leg.amount <> 0
"""
