"""Why a roster can no longer be undone: visits were settled, or heads were paid for, on what it says."""

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from bureau.models import Upload
from settlement.queries.facts import fetch

# Dated facts of a member by roster: their table, and the columns of the first and the last day.
DATED = {
    "members_enrolment": ("starts_on", "ends_on"),
    "members_benefitperiod": ("starts_on", "ends_on"),
    "members_suspension": ("starts_on", "ends_on"),
    "institutions_selection": ("starts_on", "ends_on"),
    "institutions_referral": ("starts_on", "ends_on"),
    "institutions_outofarearegistration": ("starts_on", "ends_on"),
    "institutions_hospitalstay": ("admitted_on", "discharged_on"),
}
ROSTERS = {
    "members": ("members_enrolment",),
    "changes": ("members_enrolment",),
    "benefit_periods": ("members_benefitperiod",),
    "suspensions": ("members_suspension",),
    "selections": ("institutions_selection",),
    "referrals": ("institutions_referral",),
    "out_of_area": ("institutions_outofarearegistration",),
    "hospital_stays": ("institutions_hospitalstay",),
}

MADE_BY = """
FROM {table} t JOIN bureau_upload u ON u.id = %(upload)s
WHERE (t.upload_id = u.id OR t.id IN (
        SELECT f."row" FROM bureau_uploadeffect f WHERE f.upload_id = u.id AND f."table" = '{table}'))
"""

VISITS = """
SELECT 1 {made_by} AND EXISTS (
    SELECT FROM settlement_visit v WHERE v.member_id = t.member_id AND v.settled_at >= u.uploaded_at
       AND v.care_on BETWEEN t.{first} AND COALESCE(t.{last}, 'infinity'))
LIMIT 1
"""

HEADS = """
SELECT 1 {made_by} AND t.role = 'primary' AND EXISTS (
    SELECT FROM settlement_line l JOIN settlement_run r ON r.id = l.run_id
     WHERE l.institution_id = t.institution_id AND r.computed_at >= u.uploaded_at AND r.kind <> 'items'
       AND r.status <> 'computed' AND EXTRACT(year FROM r.period) = t.year)
LIMIT 1
"""


def why_facts_stay(upload: Upload) -> Promise | None:
    """Objection to undoing a roster of dated facts."""
    for table in ROSTERS[upload.kind]:
        first, last = DATED[table]
        made_by = MADE_BY.format(table=table)
        if fetch(VISITS.format(made_by=made_by, first=first, last=last), {"upload": upload.pk}):
            return _("Visits have been settled on what this roster says; correct the records instead.")
        if table == "institutions_selection" and fetch(HEADS.format(made_by=made_by), {"upload": upload.pk}):
            return _("Institutions have been paid for heads that this roster counts; correct the records instead.")
    return None
