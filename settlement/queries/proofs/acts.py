"""Whether what was done and the audit trail say the same: who, when, and to which record.

The application writes both, so neither proves the other; but whoever writes one past the services leaves the other
without its counterpart.
"""

from collections.abc import Iterator

from django.utils.translation import gettext_lazy as _

from bureau.audit import called
from bureau.audit.proofs import Proof
from bureau.models import Staff
from settlement.queries.facts import fetch

# (action, record type, SQL of id, actor, at): what a record says of a step that was taken with it. The action of a
# step that a later one overwrites, or whose record may be taken away, is in AGAIN: of it only the last stands.
STEPS = (
    ("visit.settle", "settlement.visit", """SELECT id, settled_by_id, settled_at FROM settlement_visit
        WHERE area_id = %(area)s AND reverses_id IS NULL AND upload_id IS NULL"""),
    ("visit.reverse", "settlement.visit", """SELECT id, settled_by_id, settled_at FROM settlement_visit
        WHERE area_id = %(area)s AND reverses_id IS NOT NULL"""),
    ("account.use", "accounts.accountuse", """SELECT u.id, u.recorded_by_id, u.recorded_at FROM accounts_accountuse u
        JOIN accounts_account a ON a.id = u.account_id WHERE a.area_id = %(area)s AND u.reverses_id IS NULL"""),
    ("account.use_reverse", "accounts.accountuse", """SELECT u.id, u.recorded_by_id, u.recorded_at
        FROM accounts_accountuse u JOIN accounts_account a ON a.id = u.account_id
        WHERE a.area_id = %(area)s AND u.reverses_id IS NOT NULL"""),
    ("payout.submit", "accounts.payout", """SELECT p.id, p.submitted_by_id, p.submitted_at FROM accounts_payout p
        JOIN accounts_account a ON a.id = p.account_id WHERE a.area_id = %(area)s"""),
    ("payout.approve", "accounts.payout", """SELECT p.id, p.approved_by_id, p.approved_at FROM accounts_payout p
        JOIN accounts_account a ON a.id = p.account_id WHERE a.area_id = %(area)s AND p.approved_at IS NOT NULL"""),
    ("payout.pay", "accounts.payout", """SELECT p.id, p.paid_by_id, p.paid_at FROM accounts_payout p
        JOIN accounts_account a ON a.id = p.account_id WHERE a.area_id = %(area)s AND p.paid_at IS NOT NULL"""),
    ("payout.return", "accounts.payout", """SELECT p.id, p.returned_by_id, p.returned_at FROM accounts_payout p
        JOIN accounts_account a ON a.id = p.account_id WHERE a.area_id = %(area)s AND p.returned_at IS NOT NULL"""),
    ("run.approve", "settlement.run", """SELECT id, approved_by_id, approved_at FROM settlement_run
        WHERE area_id = %(area)s AND approved_at IS NOT NULL"""),
    ("run.pay", "settlement.run", """SELECT id, paid_by_id, paid_at FROM settlement_run
        WHERE area_id = %(area)s AND paid_at IS NOT NULL"""),
    ("run.late", "settlement.adjustment", """SELECT x.id, x.created_by_id, x.created_at
        FROM settlement_adjustment x JOIN settlement_run r ON r.id = x.origin_id WHERE r.area_id = %(area)s"""),
    ("claim.enter", "settlement.claim", """SELECT id, entered_by_id, entered_at FROM settlement_claim
        WHERE area_id = %(area)s"""),
    ("claim.approve", "settlement.claim", """SELECT id, approved_by_id, approved_at FROM settlement_claim
        WHERE area_id = %(area)s AND approved_at IS NOT NULL"""),
    ("claim.pay", "settlement.claim", """SELECT id, paid_by_id, paid_at FROM settlement_claim
        WHERE area_id = %(area)s AND paid_at IS NOT NULL"""),
    ("proposal.make", "settlement.proposal", """SELECT x.id, x.proposed_by_id, x.proposed_at FROM settlement_proposal x
        JOIN settlement_visit v ON v.id = x.visit_id WHERE v.area_id = %(area)s"""),
    ("proposal.confirm", "settlement.proposal", """SELECT x.id, x.decided_by_id, x.decided_at FROM settlement_proposal x
        JOIN settlement_visit v ON v.id = x.visit_id WHERE v.area_id = %(area)s AND x.status = 'confirmed'"""),
    ("proposal.drop", "settlement.proposal", """SELECT x.id, x.decided_by_id, x.decided_at FROM settlement_proposal x
        JOIN settlement_visit v ON v.id = x.visit_id WHERE v.area_id = %(area)s AND x.status = 'dropped'"""),
    ("figure.confirm", "bureau.publishedfigure", """SELECT id, confirmed_by_id, confirmed_at
        FROM bureau_publishedfigure WHERE area_id = %(area)s AND confirmed_at IS NOT NULL"""),
    ("edition.approve", "bureau.edition", """SELECT id, approved_by_id, approved_at FROM bureau_edition
        WHERE area_id = %(area)s AND status = 'approved'"""),
    ("assessment.confirm", "institutions.assessment", """SELECT s.id, s.confirmed_by_id, s.confirmed_at
        FROM institutions_assessment s JOIN institutions_institution i ON i.id = s.institution_id
        WHERE i.area_id = %(area)s AND s.confirmed_at IS NOT NULL"""),
    ("institution.account_confirm", "institutions.accountchange", """SELECT c.id, c.decided_by_id, c.decided_at
        FROM institutions_accountchange c JOIN institutions_institution i ON i.id = c.institution_id
        WHERE i.area_id = %(area)s AND c.status = 'confirmed'"""),
    ("return.accept", "settlement.monthlyreturn", """SELECT t.id, t.reviewed_by_id, t.reviewed_at
        FROM settlement_monthlyreturn t JOIN institutions_institution i ON i.id = t.institution_id
        WHERE i.area_id = %(area)s AND t.status = 'accepted'"""),
    ("month.close", "accounts.closedmonth", """SELECT id, closed_by_id, closed_at FROM accounts_closedmonth
        WHERE area_id = %(area)s"""),
)  # fmt: skip
AGAIN = frozenset({"claim.enter", "edition.approve", "assessment.confirm", "month.close", "return.accept"})

DONE = " UNION ALL ".join(
    f"SELECT '{action}' AS action, '{kind}' AS kind, id::text AS id, actor, at FROM ({sql}) AS s (id, actor, at)"
    for action, kind, sql in STEPS
)
COMPARED = f"""
WITH done AS ({DONE}), entry AS (
    SELECT called AS action, record_type AS kind, record_id AS id, actor_id AS actor, at
      FROM bureau_auditentry, LATERAL (SELECT {called("action")} AS called) AS now
     WHERE area_id = %(area)s AND called = ANY (%(actions)s)
)
SELECT 'acts_audited' AS code, action || ' ' || kind || ' ' || id AS what, false AS again
  FROM done d WHERE NOT EXISTS (SELECT FROM entry e WHERE (e.action, e.kind, e.id, e.actor, e.at)
                                                        = (d.action, d.kind, d.id, d.actor, d.at))
UNION ALL
SELECT 'audit_happened', action || ' ' || kind || ' ' || id, action = ANY (%(again)s)
  FROM entry e WHERE NOT EXISTS (SELECT FROM done d WHERE (e.action, e.kind, e.id, e.actor, e.at)
                                                        = (d.action, d.kind, d.id, d.actor, d.at))
ORDER BY 1, 2
"""

# Visits of files: as many of an upload as the entries of its parts say, within their numbers.
FILES = """
WITH part AS (
    SELECT (detail ->> 'upload')::bigint AS upload, (detail ->> 'first')::bigint AS first,
           (detail ->> 'last')::bigint AS last, (detail ->> 'count')::int AS count
      FROM bureau_auditentry WHERE area_id = %(area)s AND action = 'visit.settle_file'
), settled AS (
    SELECT upload_id AS upload, count(*) AS visits, min(id) AS first, max(id) AS last FROM settlement_visit
     WHERE area_id = %(area)s AND upload_id IS NOT NULL AND reverses_id IS NULL GROUP BY 1
), told AS (SELECT upload, sum(count) AS visits, min(first) AS first, max(last) AS last FROM part GROUP BY 1)
SELECT 'upload ' || COALESCE(s.upload, t.upload) || ': ' || COALESCE(s.visits, 0) || ' / ' || COALESCE(t.visits, 0)
       AS what
  FROM settled s FULL JOIN told t USING (upload)
 WHERE (s.visits, s.first, s.last) IS DISTINCT FROM (t.visits, t.first, t.last) ORDER BY 1
"""

# The roles of staff are those that were given last; who was never given any has none.
ROLES = """
WITH given AS (
    SELECT DISTINCT ON (record_id) record_id, detail -> 'after' AS roles FROM bureau_auditentry
     WHERE action = 'staff.roles' ORDER BY record_id, id DESC
), held AS (
    SELECT g.staff_id::text AS record_id, jsonb_agg(r.name ORDER BY r.name COLLATE "C") AS roles
      FROM bureau_staff_groups g JOIN auth_group r ON r.id = g.group_id GROUP BY 1
)
SELECT s.username || ': ' || COALESCE(h.roles, '[]') || ' / ' || COALESCE(g.roles, '[]') AS what
  FROM bureau_staff s LEFT JOIN held h ON h.record_id = s.id::text LEFT JOIN given g ON g.record_id = s.id::text
 WHERE COALESCE(s.area_id, %(area)s) = %(area)s AND COALESCE(h.roles, '[]') <> COALESCE(g.roles, '[]') ORDER BY 1
"""


def acts_agree(area_id: str) -> Iterator[Proof]:
    """Both ways, of an area's records: from what was done to the audit trail, and from the trail to what was done."""
    actions = [action for action, _kind, _sql in STEPS]
    params = {"area": area_id, "actions": actions, "again": sorted(AGAIN)}
    audited = Proof("acts_audited", _("What was done is in the audit trail, by whom and when"))
    happened = Proof("audit_happened", _("What the audit trail says was done"))
    [count] = fetch(f"SELECT count(*) AS asked FROM ({DONE}) AS done", {"area": area_id})
    audited.asked = happened.asked = count["asked"]
    for row in fetch(COMPARED, params):
        if row["code"] == "acts_audited":
            audited.disagree(row["what"])
        elif not row["again"]:
            happened.disagree(row["what"])
    for row in fetch(FILES, {"area": area_id}):
        audited.disagree(row["what"])
    yield audited
    yield happened
    wrong = [row["what"] for row in fetch(ROLES, {"area": area_id})]
    given = Proof("roles_given", _("Staff have the roles that they were given"))
    yield given.all_of(Staff.objects.count(), wrong)
