"""Which act made a change, and which changes an upload made: read from the transactions that both stand in.

A transaction may hold several acts, so an audit entry also keeps the number of the last change before it: a change is
of the first entry that was written after it, or else of the transaction's last.
"""

from django.db import connection

from bureau.history.models import Change

# SQL: the audit entry `e` of a change `c`, or NULL.
OF_CHANGE = """LEFT JOIN LATERAL (
    SELECT e.* FROM bureau_auditentry e WHERE (e.transaction, e.began_at) = (c.transaction, c.at)
     ORDER BY e.last_change < c.id, abs(e.last_change - c.id), e.id LIMIT 1) e ON TRUE"""

# SQL: the changes of entries `e`, as `c`.
OF_ENTRY = """JOIN bureau_change c ON (c.transaction, c.at) = (e.transaction, e.began_at)
    AND c.id > COALESCE((
        SELECT max(p.last_change) FROM bureau_auditentry p
         WHERE (p.transaction, p.began_at) = (e.transaction, e.began_at) AND p.id < e.id), 0)
    AND (c.id <= e.last_change OR NOT EXISTS (
        SELECT FROM bureau_auditentry p
         WHERE (p.transaction, p.began_at) = (e.transaction, e.began_at) AND p.id > e.id))"""

# SQL: what loading the upload %(upload)s changed, in as many transactions as it took; each ends with its entry.
OF_UPLOAD = f"""SELECT c.* FROM bureau_auditentry e {OF_ENTRY}
    WHERE (e.record_type, e.record_id) = ('bureau.upload', %(upload)s::text)
      AND starts_with(e.action, 'upload.load') AND c.id <= e.last_change"""


def changed_by_upload(table: str) -> str:
    """SQL: rows of a table that the upload %(upload)s changed rather than made, as row, before and after."""
    return f"""(SELECT c.first_row AS "row", c.before, c.after FROM ({OF_UPLOAD}) c
        WHERE c.table_name = '{table}' AND c.before IS NOT NULL AND c.after IS NOT NULL)"""


# What became of a row, the last first: its changes, and the run of rows that it was made in.
OF_ROW = f"""
WITH c AS (
    (SELECT * FROM bureau_change
      WHERE table_name = %(table)s AND first_row = %(row)s AND before IS NOT NULL ORDER BY id DESC LIMIT %(limit)s)
    UNION ALL
    (SELECT * FROM bureau_change
      WHERE table_name = %(table)s AND before IS NULL AND first_row <= %(row)s AND last_row >= %(row)s
      ORDER BY first_row DESC LIMIT 1)
)
SELECT c.*, e.id AS entry, e.at AS acted_at, e.action, e.actor_id AS actor FROM c {OF_CHANGE}
 ORDER BY c.id DESC LIMIT %(limit)s
"""
OF_ACT = f"SELECT c.* FROM bureau_auditentry e {OF_ENTRY} WHERE e.id = %(entry)s ORDER BY c.id LIMIT %(limit)s"
COUNTED = f"""
SELECT c.table_name, COALESCE(sum(c.last_row - c.first_row + 1) FILTER (WHERE c.before IS NULL), 0)::bigint,
       count(*) FILTER (WHERE c.before IS NOT NULL AND c.after IS NOT NULL),
       count(*) FILTER (WHERE c.before IS NOT NULL AND c.after IS NULL)
  FROM bureau_auditentry e {OF_ENTRY} WHERE e.id = %(entry)s GROUP BY 1 ORDER BY 1
"""


def of_row(table: str, row: int, limit: int) -> list[Change]:
    """The last changes of a row, each with entry, acted_at, action and actor of its act, or None."""
    return list(Change.objects.raw(OF_ROW, {"table": table, "row": row, "limit": limit}))


def of_act(entry: int, limit: int) -> list[Change]:
    """The first changes that an audit entry tells of."""
    return list(Change.objects.raw(OF_ACT, {"entry": entry, "limit": limit}))


def counted(entry: int) -> list[tuple[str, int, int, int]]:
    """By table, how many rows an act made, changed and removed."""
    with connection.cursor() as cursor:
        cursor.execute(COUNTED, {"entry": entry})
        return cursor.fetchall()


UNTOLD = """
SELECT c.table_name || ' ' || c.first_row || CASE WHEN c.last_row > c.first_row THEN '–' || c.last_row ELSE '' END
       || ' (' || c.connected_as || ', ' || to_char(c.at, 'YYYY-MM-DD HH24:MI') || ')', count(*) OVER ()
  FROM bureau_change c
 WHERE NOT EXISTS (SELECT FROM bureau_auditentry e WHERE (e.transaction, e.began_at) = (c.transaction, c.at))
 ORDER BY c.id LIMIT %s
"""


def untold(limit: int) -> tuple[int, int, list[str]]:
    """How many changes there are, how many of them no audit entry of their transaction tells of, and the first."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM bureau_change")
        [asked] = cursor.fetchone()
        cursor.execute(UNTOLD, [limit])
        found = cursor.fetchall()
    return asked, found[0][1] if found else 0, [what for what, _count in found]
