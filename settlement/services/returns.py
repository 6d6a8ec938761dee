"""月报: institutions report a month, and the bureau reviews what they say against what is settled."""

import datetime
from decimal import Decimal

from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from bureau import audit
from bureau.errors import DomainError
from bureau.models import Staff
from bureau.rules.periods import last_day
from bureau.saving import save
from bureau.staff import reach
from bureau.steps import mark_step, require_step, take_step
from institutions.models import Institution
from settlement.models import MonthlyReturn
from settlement.queries.returns import workload


@transaction.atomic
def submit_return(
    *,
    institution: Institution,
    scheme: str,
    month: datetime.date,
    visits: int,
    total: Decimal,
    fund: Decimal,
    submitted_on: datetime.date,
    actor: Staff,
    now: datetime.datetime,
) -> MonthlyReturn:
    """Record an institution's return of a month (yuan); one that was sent back is received anew.

    The same return again is the one that is there. Refused: a station (its centre reports), an institution outside the
    area, a month that is not over, a day of receipt in the month or in the future, another return of the month.
    """
    reach.require(actor.reach, institution)
    if month.day != 1:
        raise DomainError(_("A month is given by its first day."), field="month")
    if institution.parent_id is not None:
        raise DomainError(_("A station reports through its centre."), field="institution")
    if institution.area_id is None:
        raise DomainError(_("An institution outside the area reports nothing here."), field="institution")
    if not last_day(month.year, month.month) < submitted_on <= timezone.localdate(now):
        raise DomainError(
            _("A return is received after its month is over, and not in the future."), field="submitted_on"
        )
    Institution.objects.select_for_update(no_key=True).get(pk=institution.pk)
    said = {"visits": visits, "total": total, "fund": fund, "submitted_on": submitted_on}
    row = MonthlyReturn.objects.filter(institution=institution, scheme=scheme, month=month).first()
    if row is not None and {name: getattr(row, name) for name in said} == said:
        return row
    row = row or MonthlyReturn(institution=institution, scheme=scheme, month=month)
    require_step(row, "return.enter", actor, field="month")
    mark_step(row, "return.enter", actor, now, **said, note="")
    save(row)
    audit.record(
        "return.enter",
        actor=actor,
        now=now,
        subject=row,
        fund=str(fund),
        visits=visits,
    )
    return row


@transaction.atomic
def review_return(
    *, monthly_return: MonthlyReturn, accept: bool, note: str = "", actor: Staff, now: datetime.datetime
) -> MonthlyReturn:
    """Accept a return, or send it back with a reason.

    Refused: whoever entered it, and accepting without a note what differs from the visits settled in the month.
    """
    row = MonthlyReturn.objects.select_for_update(no_key=True).select_related("institution").get(pk=monthly_return.pk)
    wanted = MonthlyReturn.Status.ACCEPTED if accept else MonthlyReturn.Status.RETURNED
    if row.status == wanted and row.reviewed_by_id == actor.pk:
        return row
    act = "return.accept" if accept else "return.send_back"
    require_step(row, act, actor)
    if not note.strip() and not accept:
        raise DomainError(_("Say why the return is sent back."), field="note")
    if not note.strip() and (difference := difference_of(row)):
        raise DomainError(difference, field="note")
    take_step(row, act, actor, now, note=note.strip()[:300])
    audit.record(
        act,
        actor=actor,
        now=now,
        subject=row,
        note=row.note,
    )
    return row


def difference_of(row: MonthlyReturn) -> str:
    """What a return says otherwise than the visits settled in its month; empty where the two agree."""
    settled = workload(row.institution, row.scheme, row.month).total
    if (settled.visits, settled.total, settled.fund) == (row.visits, row.total, row.fund):
        return ""
    return _(
        "Settled in the month: %(visits)d visits of %(total)s, %(fund)s from the fund."
        " Explain the difference in a note."
    ) % {"visits": settled.visits, "total": settled.total, "fund": settled.fund}
