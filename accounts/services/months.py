"""Accounting months: what is closed takes no journal any more."""

import datetime

from django.db import connection, transaction
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from accounts.models import ClosedMonth
from bureau import audit
from bureau.errors import DomainError
from bureau.models import Area, Staff
from bureau.rules.periods import month_of, next_month_start
from bureau.staff import reach


@transaction.atomic
def close_month(*, area: Area, month: datetime.date, actor: Staff, now: datetime.datetime) -> ClosedMonth:
    """Close the books of a month that is over. Waits for postings under way; the same month again does nothing."""
    reach.require_whole(actor.reach, area.pk)
    first = month.replace(day=1)
    if timezone.localdate(now) < next_month_start(first):
        raise DomainError(_("The month %(month)s is not over yet."), field="month", month=month_of(first))
    closed, created = ClosedMonth.objects.get_or_create(
        area=area, month=first, defaults={"closed_by": actor, "closed_at": now}
    )
    if created:
        audit.record("month.close", actor=actor, now=now, subject=closed, month=month_of(first))
    return closed


@transaction.atomic
def reopen_month(*, area: Area, month: datetime.date, reason: str, actor: Staff, now: datetime.datetime) -> None:
    """Open a closed month again, for a stated reason."""
    reach.require_whole(actor.reach, area.pk)
    if not reason.strip():
        raise DomainError(_("Say why."), field="reason")
    first = month.replace(day=1)
    # The database takes the row away and writes the audit entry, in one step.
    with connection.cursor() as cursor:
        cursor.execute("SELECT accounts_reopen_month(%s, %s, %s, %s, %s)", [area.pk, first, reason, actor.pk, now])
