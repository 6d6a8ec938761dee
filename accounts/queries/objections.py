"""Why a roster can no longer be undone: accounts have been credited on what it says."""

from django.db import connection
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from bureau.models import Upload

# The table behind a roster, and the months of a row that a credit may rest on.
ROSTERS = {
    "members": ("members_enrolment", "daterange(t.starts_on, t.ends_on, '[]') @> c.month"),
    "changes": ("members_enrolment", "daterange(t.starts_on, t.ends_on, '[]') @> c.month"),
    "benefit_periods": ("members_benefitperiod", "daterange(t.starts_on, t.ends_on, '[]') && month.days"),
    "suspensions": ("members_suspension", "daterange(t.starts_on, t.ends_on, '[]') && month.days"),
    "contributions": ("members_contribution", "t.month = c.month"),
}

CREDITED = """
SELECT 1
  FROM {table} t
  JOIN bureau_upload u ON u.id = %(upload)s
  JOIN accounts_account a ON a.member_id = t.member_id AND a.area_id = t.area_id
  JOIN accounts_credit c ON c.account_id = a.id
  JOIN accounts_journal j ON j.id = c.journal_id AND j.posted_at >= u.uploaded_at
  CROSS JOIN LATERAL (SELECT daterange(c.month, (c.month + interval '1 month')::date) AS days) AS month
 WHERE (t.upload_id = u.id OR t.id IN (
        SELECT f."row" FROM bureau_uploadeffect f WHERE f.upload_id = u.id AND f."table" = '{table}'))
   AND {rests}
 LIMIT 1
"""


def why_credited_rows_stay(upload: Upload) -> Promise | None:
    """Objection to undoing a roster that credits were computed from."""
    table, rests = ROSTERS[upload.kind]
    with connection.cursor() as cursor:
        cursor.execute(CREDITED.format(table=table, rests=rests), {"upload": upload.pk})
        if cursor.fetchone():
            return _("Accounts have been credited on what this roster says; correct the records instead.")
    return None
