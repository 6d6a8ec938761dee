"""Whether what was done and the audit trail say the same: who, when, and to which record.

The application writes both, so neither proves the other; but whoever writes one past the services leaves the other
without its counterpart.
"""

from collections.abc import Iterator

from django.db.models import Model
from django.utils.translation import gettext_lazy as _

from bureau.audit import called
from bureau.audit.proofs import SHOWN, Proof
from bureau.guards import stepping
from bureau.history.acts import untold
from bureau.models import Staff
from settlement.queries.facts import fetch

# What a record says of an act that has no steps: acts, record type, and the SQL of id, actor, at.
Told = tuple[list[str], str, str]
SINGLE: tuple[Told, ...] = (
    (["visit.settle"], "settlement.visit", """SELECT id, settled_by_id, settled_at FROM settlement_visit
        WHERE area_id = %(area)s AND reverses_id IS NULL AND upload_id IS NULL"""),
    (["visit.reverse"], "settlement.visit", """SELECT id, settled_by_id, settled_at FROM settlement_visit
        WHERE area_id = %(area)s AND reverses_id IS NOT NULL"""),
    (["account.use"], "accounts.accountuse", """SELECT u.id, u.recorded_by_id, u.recorded_at FROM accounts_accountuse u
        JOIN accounts_account a ON a.id = u.account_id WHERE a.area_id = %(area)s AND u.reverses_id IS NULL"""),
    (["account.use_reverse"], "accounts.accountuse", """SELECT u.id, u.recorded_by_id, u.recorded_at
        FROM accounts_accountuse u JOIN accounts_account a ON a.id = u.account_id
        WHERE a.area_id = %(area)s AND u.reverses_id IS NOT NULL"""),
    (["run.late"], "settlement.adjustment", """SELECT x.id, x.created_by_id, x.created_at
        FROM settlement_adjustment x JOIN settlement_run r ON r.id = x.origin_id WHERE r.area_id = %(area)s"""),
    (["month.close"], "accounts.closedmonth", """SELECT id, closed_by_id, closed_at FROM accounts_closedmonth
        WHERE area_id = %(area)s"""),
)  # fmt: skip


def of_steps(model: type[Model]) -> Iterator[Told]:
    """What the records of a process say of its steps.

    Where one pair of columns is several acts' (a decision confirms or drops), the state tells which, as long as it is
    one that they lead to.
    """
    steps, table = model.steps, model._meta.db_table
    owner = model._meta.get_field(steps.owner) if steps.owner else None
    area = f"JOIN {owner.related_model._meta.db_table} o ON o.id = r.{owner.column}" if owner else ""
    leading: dict[str, dict[str, list[str]]] = {}
    for step in steps.steps:
        if step.by and step.audited:
            leading.setdefault(step.by, {}).setdefault(step.to, []).append(step.act)
    for by, acts in leading.items():
        said = f"""SELECT r.id, r.{by}_by_id, r.{by}_at FROM {table} r {area}
            WHERE {"o" if owner else "r"}.area_id = %(area)s AND r.{by}_at IS NOT NULL"""
        everyone = [act for some in acts.values() for act in some]
        if len(acts) == 1:
            yield everyone, model._meta.label_lower, said
            continue
        for state, some in acts.items():
            yield some, model._meta.label_lower, f"{said} AND r.status = '{state}'"
        yield everyone, model._meta.label_lower, f"{said} AND r.status <> ALL (ARRAY{[str(one) for one in acts]})"


def told() -> list[Told]:
    return [*SINGLE, *(one for model in stepping() for one in of_steps(model))]


def passing() -> list[str]:
    """Acts of which only the last stands in the record, or none where the record was taken away."""
    every = [(model.steps, step) for model in stepping() for step in model.steps.steps if step.by]
    again = {step.act for steps, step in every if steps.may_pass(step)}
    return sorted({"month.close", *again})


def done() -> str:
    """SQL: what was done in an area, by the records: acts, kind and id of the record, who and when."""
    return " UNION ALL ".join(
        f"SELECT ARRAY{acts} AS actions, '{kind}' AS kind, id::text AS id, actor, at FROM ({sql}) AS s (id, actor, at)"
        for acts, kind, sql in told()
    )


COMPARED = """
WITH done AS ({done}), entry AS (
    SELECT called AS action, record_type AS kind, record_id AS id, actor_id AS actor, at
      FROM bureau_auditentry, LATERAL (SELECT {called} AS called) AS now
     WHERE area_id = %(area)s AND called = ANY (%(actions)s)
)
SELECT 'acts_audited' AS code, array_to_string(actions, ' / ') || ' ' || kind || ' ' || id AS what, false AS again
  FROM done d WHERE NOT EXISTS (SELECT FROM entry e WHERE e.action = ANY (d.actions)
                                   AND (e.kind, e.id, e.actor, e.at) = (d.kind, d.id, d.actor, d.at))
UNION ALL
SELECT 'audit_happened', action || ' ' || kind || ' ' || id, action = ANY (%(again)s)
  FROM entry e WHERE NOT EXISTS (SELECT FROM done d WHERE e.action = ANY (d.actions)
                                    AND (e.kind, e.id, e.actor, e.at) = (d.kind, d.id, d.actor, d.at))
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
    """Both ways, of an area's records: from what was done to the audit trail, and from the trail to what was done.

    Of the history of rows it is asked whether an act stands behind each change, whatever area the row is of.
    """
    actions = sorted({act for acts, _kind, _sql in told() for act in acts})
    params = {"area": area_id, "actions": actions, "again": passing()}
    audited = Proof("acts_audited", _("What was done is in the audit trail, by whom and when"))
    happened = Proof("audit_happened", _("What the audit trail says was done"))
    [count] = fetch(f"SELECT count(*) AS asked FROM ({done()}) AS done", {"area": area_id})
    audited.asked = happened.asked = count["asked"]
    for row in fetch(COMPARED.format(done=done(), called=called("action")), params):
        if row["code"] == "acts_audited":
            audited.disagree(row["what"])
        elif not row["again"]:
            happened.disagree(row["what"])
    for row in fetch(FILES, {"area": area_id}):
        audited.disagree(row["what"])
    yield audited
    yield happened
    yield Proof("changes_told", _("Whatever changed a record stands in the audit trail"), *untold(SHOWN))
    wrong = [row["what"] for row in fetch(ROLES, {"area": area_id})]
    given = Proof("roles_given", _("Staff have the roles that they were given"))
    yield given.all_of(Staff.objects.count(), wrong)
