"""What visits rest on the rows of a roster: those with care on days for which an upload has said something.

Settling reads dated facts, so a row matters to the visits on its days. What an upload made speaks for all its days;
what it changed speaks for the days that the change took away or added, or for all where more than the last day changed.
"""

from dataclasses import dataclass

from bureau.history.acts import changed_by_upload
from bureau.models import Upload
from settlement.queries.facts import fetch

OF_MEMBER = "settlement_visit v WHERE v.member_id = t.member_id"
OF_INSTITUTION = "settlement_visit v WHERE v.institution_id = t.institution_id"
WRITTEN_THERE = "settlement_visit v WHERE v.prescriber_id = t.institution_id"
REFERRED_FROM = """settlement_visit v JOIN institutions_selection c ON c.member_id = v.member_id
    AND v.care_on BETWEEN c.starts_on AND c.ends_on WHERE c.institution_id = t.institution_id
    AND 'referral' = ANY(v.place)"""
PAID_FOR_RELATIVE = """settlement_visit v JOIN settlement_visitpayment p ON p.visit_id = v.id AND p.relation <> 'self'
    JOIN accounts_account a ON a.id = p.account_id WHERE v.member_id = t.relative_id AND a.member_id = t.member_id"""
OF_PERSON = "settlement_visit v WHERE v.member_id = t.id"
PAID_BY_PERSON = """settlement_visit v JOIN settlement_visitpayment p ON p.visit_id = v.id
    JOIN accounts_account a ON a.id = p.account_id WHERE a.member_id = t.id"""


@dataclass(frozen=True, slots=True)
class Facts:
    """A table of facts, the columns of the first and the last day, and which visits read them.

    Without days a fact is the person's own; then only a change of one of `columns` matters.
    """

    table: str
    visits: tuple[str, ...] = (OF_MEMBER,)
    first: str = "starts_on"
    last: str = "ends_on"
    columns: tuple[str, ...] = ()


ENROLMENTS = Facts("members_enrolment")
PEOPLE = Facts("members_member", (OF_PERSON, PAID_BY_PERSON), columns=("birth", "died_on"))
ROSTERS: dict[str, tuple[Facts, ...]] = {
    "members": (ENROLMENTS, PEOPLE),
    "changes": (ENROLMENTS, Facts("members_benefitperiod"), PEOPLE),
    "benefit_periods": (Facts("members_benefitperiod"),),
    "suspensions": (Facts("members_suspension"),),
    "relatives": (Facts("members_relative", (PAID_FOR_RELATIVE,)),),
    "institutions": (
        Facts("institutions_agreement", (OF_INSTITUTION,)),
        Facts("institutions_level", (OF_INSTITUTION, WRITTEN_THERE, REFERRED_FROM)),
    ),
    "selections": (Facts("institutions_selection"),),
    "referrals": (Facts("institutions_referral"),),
    "out_of_area": (Facts("institutions_outofarearegistration"),),
    "hospital_stays": (Facts("institutions_hospitalstay", first="admitted_on", last="discharged_on"),),
}

SAID = """
WITH said AS (
    SELECT t.*, t.{first} AS from_day, COALESCE(t.{last}, 'infinity') AS to_day
      FROM {table} t WHERE t.upload_id = %(upload)s
    UNION ALL
    SELECT t.*, CASE WHEN e.only_last THEN LEAST(e.was, e.became) + 1 ELSE t.{first} END,
           CASE WHEN e.only_last THEN GREATEST(e.was, e.became)
                ELSE GREATEST(e.was, e.became, COALESCE(t.{last}, 'infinity')) END
      FROM {table} t
      JOIN (SELECT f."row", f.before - '{last}' = f.after - '{last}' AS only_last,
                   CASE WHEN f.before ? '{last}' THEN COALESCE((f.before->>'{last}')::date, 'infinity') END AS was,
                   CASE WHEN f.after ? '{last}' THEN COALESCE((f.after->>'{last}')::date, 'infinity') END AS became
              FROM {changed} f) e ON e."row" = t.id
)"""
CHANGED = """
WITH said AS (
    SELECT t.*, '-infinity'::date AS from_day, 'infinity'::date AS to_day
      FROM {table} t JOIN {changed} f ON f."row" = t.id WHERE {differs}
)"""
RESTING = """{said}
SELECT 1 FROM said t WHERE EXISTS (
    SELECT FROM {visits} AND v.care_on BETWEEN t.from_day AND t.to_day
       AND (v.settled_at >= %(since)s OR EXISTS (
           SELECT FROM settlement_proposal x
            WHERE x.visit_id = v.id AND x.status = 'confirmed' AND x.decided_at >= %(since)s)))
LIMIT 1
"""
SETTLED_BEFORE = """{said}
SELECT v.id FROM said t CROSS JOIN LATERAL (
    SELECT v.id FROM {visits} AND v.care_on BETWEEN t.from_day AND t.to_day AND v.settled_at < %(since)s
       AND v.reverses_id IS NULL AND NOT EXISTS (SELECT FROM settlement_visit w WHERE w.reverses_id = v.id)) v
LIMIT %(limit)s
"""


def said(facts: Facts) -> str:
    """SQL: the rows of a table that an upload made or changed, with the days for which it did."""
    changed = changed_by_upload(facts.table)
    if facts.columns:
        differs = " OR ".join(f"f.before->'{name}' IS DISTINCT FROM f.after->'{name}'" for name in facts.columns)
        return CHANGED.format(table=facts.table, changed=changed, differs=differs)
    return SAID.format(table=facts.table, changed=changed, first=facts.first, last=facts.last)


def rest_on(upload: Upload) -> bool:
    """Whether visits were settled, or proposals confirmed, by what an upload says, after it came."""
    params = {"upload": upload.pk, "since": upload.uploaded_at}
    return any(
        fetch(RESTING.format(said=said(facts), visits=visits), params)
        for facts in ROSTERS[upload.kind]
        for visits in facts.visits
    )


def settled_before(upload: Upload, limit: int) -> int:
    """How many visits, `limit` at most, had been settled on the days for which an upload says something."""
    params = {"upload": upload.pk, "since": upload.uploaded_at, "limit": limit}
    found: set[int] = set()
    for facts in ROSTERS[upload.kind]:
        for visits in facts.visits:
            found |= {row["id"] for row in fetch(SETTLED_BEFORE.format(said=said(facts), visits=visits), params)}
    return min(len(found), limit)
