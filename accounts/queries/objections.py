"""Why a roster can no longer be undone: accounts have been credited on what it says, or used by relatives."""

from django.db import connection
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from bureau.history.acts import changed_by_upload
from bureau.models import Upload

# The table behind a roster, and the months of a row that a credit may rest on.
ROSTERS = {
    "members": ("members_enrolment", "daterange(t.starts_on, t.ends_on, '[]') @> c.month"),
    "changes": ("members_enrolment", "daterange(t.starts_on, t.ends_on, '[]') @> c.month"),
    "benefit_periods": ("members_benefitperiod", "daterange(t.starts_on, t.ends_on, '[]') && month.days"),
    "suspensions": ("members_suspension", "daterange(t.starts_on, t.ends_on, '[]') && month.days"),
    "contributions": ("members_contribution", "t.month = c.month"),
}



def made_by(table: str) -> str:
    """SQL: the upload %(upload)s made or changed the row `t`; `u` is the upload."""
    return f'(t.upload_id = u.id OR t.id IN (SELECT f."row" FROM {changed_by_upload(table)} f))'


CREDITED = """
SELECT 1
  FROM {table} t
  JOIN bureau_upload u ON u.id = %(upload)s
  JOIN accounts_account a ON a.member_id = t.member_id AND a.area_id = t.area_id
  JOIN accounts_credit c ON c.account_id = a.id
  JOIN accounts_journal j ON j.id = c.journal_id AND j.posted_at >= u.uploaded_at
  CROSS JOIN LATERAL (SELECT daterange(c.month, (c.month + interval '1 month')::date) AS days) AS month
 WHERE {made_by} AND {rests}
 LIMIT 1
"""
USED = f"""
SELECT 1
  FROM members_relative t
  JOIN bureau_upload u ON u.id = %(upload)s
  JOIN accounts_account a ON a.member_id = t.member_id
  JOIN accounts_accountuse x ON x.account_id = a.id AND x.user_id = t.relative_id AND x.recorded_at >= u.uploaded_at
   AND x.used_on >= t.starts_on
 WHERE {made_by("members_relative")}
 LIMIT 1
"""


def why_credited_rows_stay(upload: Upload) -> Promise | None:
    """Objection to undoing a roster that credits were computed from."""
    table, rests = ROSTERS[upload.kind]
    if _found(CREDITED.format(table=table, made_by=made_by(table), rests=rests), upload):
        return _("Accounts have been credited on what this roster says; correct the records instead.")
    return None


def why_used_relatives_stay(upload: Upload) -> Promise | None:
    """Objection to undoing a roster of relatives: one of them has used the account, or was refused its use."""
    if _found(USED, upload):
        return _("Accounts have been used on what this roster says; correct the records instead.")
    return None


def _found(sql: str, upload: Upload) -> bool:
    with connection.cursor() as cursor:
        cursor.execute(sql, {"upload": upload.pk})
        return cursor.fetchone() is not None
