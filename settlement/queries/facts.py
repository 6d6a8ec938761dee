"""What the rules must be told about a visit, read for many visits in a few statements.

The caller has locked the members first; only then does a statement of its own read what has been used, so that it
sees every visit committed before the lock was granted.
"""

import datetime
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from decimal import Decimal

import psycopg
from django.db import connection
from psycopg.rows import dict_row

from institutions.queries import DESIGNATED
from members.queries import AREA_ON


@dataclass(frozen=True, slots=True)
class Asked:
    """Where and when one visit took place: what the facts are looked up by. With its bill, whether that is settled."""

    member_id: int
    institution_id: int
    prescriber_id: int | None
    care_on: datetime.date
    encounter: str = ""
    total: Decimal | None = None


def fetch(sql: str, params: dict | None = None) -> list[dict]:
    """Rows as dictionaries through a server-side cursor, which prepares what is asked often."""
    connection.ensure_connection()
    with (
        connection.wrap_database_errors,
        psycopg.Cursor(connection.connection, row_factory=dict_row) as cursor,
    ):
        cursor.execute(sql, params, prepare=True)
        return cursor.fetchall() if cursor.description else []


ACCOUNTS = """
SELECT a.id, a.member_id, a.area_id, a.balance, a.status, m.died_on
  FROM accounts_account a JOIN members_member m ON m.id = a.member_id
 WHERE a.id IN (
    SELECT id FROM accounts_account WHERE member_id = ANY(%(members)s::bigint[])
    UNION ALL
    SELECT account_id FROM accounts_familygrant WHERE beneficiary_id = ANY(%(members)s::bigint[])
 )
 ORDER BY a.id
"""


def accounts_of(member_ids: Sequence[int], *, sql: str = ACCOUNTS) -> dict[int, dict]:
    """The accounts that may pay for these members, with balances in fen."""
    rows = fetch(sql, {"members": sorted(set(member_ids))})
    return {row["id"]: row | {"balance": fen(row["balance"])} for row in rows}


# What an area has recorded counts in that area alone. A registration carries none: it is that of the enrolment on its
# first day. A hospital stay is where the person is, whoever recorded it.
# A village station is unrated by its kind (G-10); any other institution without a level on the day has none.
FACTS = f"""
SELECT r.n, r.institution AS institution_id,
       COALESCE(e.area_id, {AREA_ON.format(member="r.member", day="r.day")}) AS home_id,
       e.area_id, e.scheme, e.person_class, e.plan, e.large_claims, e.by_hand_elsewhere, e.paid_on, e.listed_on,
       m.birth, m.died_on,
       b.member_id IS NOT NULL AS has_benefit_period,
       (SELECT array_agg(s.kind) FROM members_suspension s
         WHERE s.member_id = r.member AND s.area_id = e.area_id
           AND r.day BETWEEN s.starts_on AND COALESCE(s.ends_on, 'infinity')) AS stops,
       EXISTS (SELECT FROM institutions_hospitalstay h
         WHERE h.member_id = r.member AND h.admitted_on <= r.day
           AND (h.discharged_on IS NULL OR r.day < h.discharged_on)) AS inpatient,
       i.code AS institution_code, i.area_id AS institution_area, i.kind, i.parent_id,
       p.code AS prescriber_code, p.kind AS prescriber_kind,
       {DESIGNATED.format(day="r.day")} AS designated,
       COALESCE((SELECT l.level FROM institutions_level l WHERE l.institution_id = COALESCE(r.prescriber, r.institution)
           AND r.day BETWEEN l.starts_on AND COALESCE(l.ends_on, 'infinity')),
           CASE COALESCE(p.kind, i.kind) WHEN 'station' THEN 0 END) AS level,
       COALESCE((SELECT l.level FROM institutions_level l WHERE l.institution_id = s.institution_id
           AND r.day BETWEEN l.starts_on AND COALESCE(l.ends_on, 'infinity')),
           CASE chosen.kind WHEN 'station' THEN 0 END) AS selected_level,
       s.institution_id AS selected_id,
       CASE chosen.kind WHEN 'station' THEN chosen.parent_id ELSE chosen.id END AS quota_id,
       st.institution_id AS selected_station_id,
       sr.institution_id AS selected_remote_id,
       f.from_institution_id AS referred_by,
       o.destination AS registered_at, o.kind AS registered_as,
       (SELECT min(v.id) FROM settlement_visit v
         WHERE v.member_id = r.member AND v.care_on = r.day AND v.institution_id = r.institution
           AND v.encounter = r.encounter AND v.total = r.total
           AND NOT EXISTS (SELECT FROM settlement_visit w WHERE w.reverses_id = v.id)) AS same_as
  FROM unnest(%(member)s::bigint[], %(institution)s::bigint[], %(prescriber)s::bigint[], %(day)s::date[],
              %(encounter)s::varchar[], %(total)s::numeric[])
       WITH ORDINALITY AS r(member, institution, prescriber, day, encounter, total, n)
  JOIN members_member m ON m.id = r.member
  JOIN institutions_institution i ON i.id = r.institution
  LEFT JOIN institutions_institution p ON p.id = r.prescriber
  LEFT JOIN members_enrolment e ON e.member_id = r.member
       AND r.day BETWEEN e.starts_on AND COALESCE(e.ends_on, 'infinity')
  LEFT JOIN members_benefitperiod b ON b.member_id = r.member AND b.scheme = e.scheme AND b.area_id = e.area_id
       AND r.day BETWEEN b.starts_on AND COALESCE(b.ends_on, 'infinity')
  LEFT JOIN institutions_selection s ON s.member_id = r.member AND s.role = 'primary' AND s.area_id = e.area_id
       AND r.day BETWEEN s.starts_on AND s.ends_on
  LEFT JOIN institutions_institution chosen ON chosen.id = s.institution_id
  LEFT JOIN institutions_selection st ON st.member_id = r.member AND st.role = 'station' AND st.area_id = e.area_id
       AND r.day BETWEEN st.starts_on AND st.ends_on
  LEFT JOIN institutions_selection sr ON sr.member_id = r.member AND sr.role = 'remote' AND sr.area_id = e.area_id
       AND r.day BETWEEN sr.starts_on AND sr.ends_on
  LEFT JOIN institutions_referral f ON f.member_id = r.member AND f.from_institution_id = s.institution_id
       AND f.to_institution_id = r.institution AND r.day BETWEEN f.starts_on AND f.ends_on
  LEFT JOIN institutions_outofarearegistration o ON o.member_id = r.member
       AND r.day BETWEEN o.starts_on AND COALESCE(o.ends_on, 'infinity')
       AND NOT EXISTS (SELECT FROM members_enrolment x WHERE x.member_id = o.member_id AND x.area_id <> e.area_id
           AND o.starts_on BETWEEN x.starts_on AND COALESCE(x.ends_on, 'infinity'))
 ORDER BY r.n
"""


def load_facts(asked: Sequence[Asked]) -> list[dict]:
    """One row of dated facts for each visit asked about, in the same order."""
    return fetch(
        FACTS,
        {
            "member": [a.member_id for a in asked],
            "institution": [a.institution_id for a in asked],
            "prescriber": [a.prescriber_id for a in asked],
            "day": [a.care_on for a in asked],
            "encounter": [a.encounter for a in asked],
            "total": [a.total for a in asked],
        },
    )


WRITTEN = """
SELECT r.n - 1 AS n, min(v.care_on) AS care_on
  FROM unnest(%(member)s::bigint[], %(prescriber)s::bigint[], %(encounter)s::varchar[], %(day)s::date[])
       WITH ORDINALITY AS r(member, prescriber, encounter, day, n)
  JOIN settlement_visit v ON v.member_id = r.member AND v.care_on <= r.day AND v.institution_id = r.prescriber
       AND v.encounter = r.encounter AND v.prescriber_id IS NULL
 GROUP BY r.n
"""


def written_on(asked: Sequence[tuple[int, int, str, datetime.date]]) -> dict[int, datetime.date]:
    """The days of the visits that wrote prescriptions, however long before, by their place in the list.

    Asked by member, institution that wrote it, encounter, and the day on which it is filled.
    """
    columns = ([row[place] for row in asked] for place in range(4))
    rows = fetch(WRITTEN, dict(zip(("member", "prescriber", "encounter", "day"), columns, strict=True)))
    return {row["n"]: row["care_on"] for row in rows}


# What a fund paid elsewhere is outside every cap, as fixed amounts are: it counts against the fund's own limit alone.
# A deductible was borne by as much cost; else bands and limits of the cost would count less than nothing.
# Amounts come as whole fen and the place as one text: a file's batch reads some ten of these rows for each visit.
OPENING = """
SELECT r.member, r.first, r.last, COALESCE(o.month, make_date(o.year, 1, 1)) AS care_on, '' AS encounter,
       '' AS institution, 'local' AS place,
       (o.deductible * 100)::bigint AS counted, (o.fund * 100)::bigint AS pooled, 0::bigint AS large_claims,
       (o.fixed * 100)::bigint AS fixed, (o.deductible * 100)::bigint AS deductible,
       CASE o.scheme WHEN '390' THEN 'residents_outpatient' ELSE 'employees_pool' END AS pool,
       CASE WHEN o.month IS NULL THEN 'year' ELSE 'month' END AS span, o.area_id, o.scheme
  FROM unnest(%(member)s::bigint[], %(first)s::date[], %(last)s::date[]) AS r(member, first, last)
  JOIN settlement_openinguse o ON o.member_id = r.member
       AND COALESCE(o.month, make_date(o.year, 1, 1)) BETWEEN r.first AND r.last
UNION ALL
SELECT r.member, r.first, r.last, x.paid_on, '', '', 'local', 0, CASE x.fund WHEN 'large_claims' THEN 0 ELSE x.fen END,
       CASE x.fund WHEN 'large_claims' THEN x.fen ELSE 0 END, x.fen, 0, x.fund, 'year', x.area_id, x.scheme
  FROM unnest(%(member)s::bigint[], %(first)s::date[], %(last)s::date[]) AS r(member, first, last)
  CROSS JOIN LATERAL (
      SELECT *, (amount * 100)::bigint AS fen FROM settlement_otheruse
       WHERE member_id = r.member AND paid_on BETWEEN r.first AND r.last
  ) AS x
"""

HISTORY = f"""
SELECT r.member, r.first, r.last, v.care_on, v.encounter, COALESCE(p.code, i.code) AS institution,
       array_to_string(v.place, ',') AS place,
       (v.counted * 100)::bigint AS counted, (v.pooled * 100)::bigint AS pooled,
       (v.large_claims * 100)::bigint AS large_claims, (v.fixed * 100)::bigint AS fixed,
       (v.deductible * 100)::bigint AS deductible, v.pool, 'visit' AS span, v.area_id, v.scheme
  FROM unnest(%(member)s::bigint[], %(first)s::date[], %(last)s::date[]) AS r(member, first, last)
  JOIN settlement_visit v ON v.member_id = r.member AND v.care_on BETWEEN r.first AND r.last
  JOIN institutions_institution i ON i.id = v.institution_id
  LEFT JOIN institutions_institution p ON p.id = v.prescriber_id
UNION ALL
SELECT r.member, r.first, r.last, v.care_on, v.encounter, COALESCE(p.code, i.code), array_to_string(x.place, ','),
       (part.counted * 100)::bigint, (part.pooled * 100)::bigint, (part.large_claims * 100)::bigint,
       (part.fixed * 100)::bigint, (part.deductible * 100)::bigint, part.pool, 'visit', v.area_id, x.scheme
  FROM unnest(%(member)s::bigint[], %(first)s::date[], %(last)s::date[]) AS r(member, first, last)
  JOIN settlement_visit v ON v.member_id = r.member AND v.care_on BETWEEN r.first AND r.last
       AND NOT EXISTS (SELECT FROM settlement_visit w WHERE w.reverses_id = v.id)
  JOIN settlement_proposal x ON x.visit_id = v.id AND x.status = 'confirmed'
 CROSS JOIN LATERAL (
      SELECT x.pool, x.proposed - x.settled - x.large_claims - x.former_pooled AS pooled, x.large_claims, x.counted,
             x.fixed, x.deductible
      UNION ALL
      SELECT x.former_pool, x.former_pooled, 0, 0, 0, 0 WHERE x.former_pooled <> 0) AS part
  JOIN institutions_institution i ON i.id = v.institution_id
  LEFT JOIN institutions_institution p ON p.id = v.prescriber_id
UNION ALL
{OPENING}"""


Days = tuple[int, datetime.date, datetime.date]  # a member, and the first and the last day of care


def load_history(asked: Iterable[Days]) -> dict[Days, list[dict]]:
    """Every visit, reversal, confirmed adjustment and opening use of members on days of care."""
    history: dict[Days, list[dict]] = {days: [] for days in sorted(set(asked))}
    for row in fetch(HISTORY, _columns(history)):
        history[row["member"], row["first"], row["last"]].append(row)
    return history


def load_opening(asked: Iterable[Days]) -> list[dict]:
    """What the old system had counted for members, and what funds paid outside outpatient care."""
    return fetch(OPENING, _columns(asked))


def _columns(asked: Iterable[Days]) -> dict[str, list]:
    rows = list(asked)
    return {name: [row[place] for row in rows] for place, name in enumerate(("member", "first", "last"))}


GRANTS = """
SELECT g.beneficiary_id, g.account_id, g.starts_on, g.ends_on, x.relation,
       x.starts_on AS relative_from, x.ends_on AS relative_to
  FROM accounts_familygrant g
  JOIN members_relative x ON x.id = g.relative_id
 WHERE g.beneficiary_id = ANY(%(members)s::bigint[])
 ORDER BY g.beneficiary_id, g.id
"""


def load_grants(member_ids: Sequence[int]) -> dict[int, list[dict]]:
    """Whose accounts each member may use, in the order in which the grants were made."""
    grants: dict[int, list[dict]] = {}
    for row in fetch(GRANTS, {"members": sorted(set(member_ids))}):
        grants.setdefault(row["beneficiary_id"], []).append(row)
    return grants


PAYMENTS = """
SELECT p.visit_id, p.account_id, p.relation, (p.amount * 100)::bigint AS paid,
       ((p.amount - COALESCE(back.amount, 0)) * 100)::bigint AS fen
  FROM settlement_visitpayment p
  LEFT JOIN LATERAL (
      SELECT sum(y.amount) AS amount
        FROM settlement_proposal x JOIN settlement_accountrecovery y ON y.proposal_id = x.id
       WHERE x.visit_id = p.visit_id AND x.status = 'confirmed' AND y.account_id = p.account_id) back ON true
 WHERE p.visit_id = ANY(%(visits)s::bigint[])
 ORDER BY p.id
"""


def load_payments(visit_ids: Sequence[int]) -> dict[int, list[dict]]:
    """What each account has paid for these visits, in fen; `fen` is that less what was confirmed as recovered."""
    payments: dict[int, list[dict]] = {}
    for row in fetch(PAYMENTS, {"visits": list(visit_ids)}) if visit_ids else ():
        payments.setdefault(row["visit_id"], []).append(row)
    return payments


# The counter of a fund's own limit is in the receipts of the visits that met one. What no file brought may have come
# at any time.
LATER_USES = """
SELECT v.id FROM settlement_visit v
 WHERE v.id = ANY(%(visits)s::bigint[]) AND EXISTS (
     SELECT FROM settlement_otheruse o
       LEFT JOIN bureau_upload u ON u.id = o.upload_id LEFT JOIN bureau_job j ON j.key = 'upload ' || u.id
      WHERE o.member_id = v.member_id AND (o.area_id, o.scheme) = (v.area_id, v.scheme)
        AND EXTRACT(year FROM o.paid_on) = EXTRACT(year FROM v.care_on)
        AND v.receipt -> 'used' ? ('share ' || o.fund)
        AND COALESCE(COALESCE(j.finished_at, u.uploaded_at) >= v.settled_at, true))
"""


def with_later_uses(visit_ids: Sequence[int]) -> set[int]:
    """Those of these visits after which it became known what a fund had paid elsewhere, against the limit they met."""
    return {row["id"] for row in fetch(LATER_USES, {"visits": list(visit_ids)})} if visit_ids else set()


INSTITUTIONS = """
SELECT id, code, kind, area_id, county_id, parent_id FROM institutions_institution
 WHERE id IN (SELECT unnest(%(ids)s::bigint[])
              UNION SELECT parent_id FROM institutions_institution WHERE id = ANY(%(ids)s::bigint[]))
    OR kind = 'clearing'
"""


def institutions_of(ids: Iterable[int]) -> dict[int, dict]:
    """These institutions, their parents and the clearing bodies, by number."""
    return {row["id"]: row for row in fetch(INSTITUTIONS, {"ids": sorted(set(ids))})}


KNOWN_KEYS = """
SELECT r.n, v.id, v.request_hash
  FROM unnest(%(institution)s::bigint[], %(key)s::varchar[]) WITH ORDINALITY AS r(institution, key, n)
  JOIN settlement_visit v ON v.institution_id = r.institution AND v.key = r.key
"""


def known_keys(keys: Sequence[tuple[int, str]]) -> dict[int, dict]:
    """Which of these institution-and-key pairs have been settled, by their place in the list."""
    rows = fetch(KNOWN_KEYS, {"institution": [i for i, _ in keys], "key": [k for _, k in keys]})
    return {row["n"] - 1: row for row in rows}


def fen(amount: Decimal) -> int:
    """A stored amount, which has two decimals, in fen."""
    return int(amount.scaleb(2))
