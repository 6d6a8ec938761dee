"""A run is submitted by one person and approved by another; until then it can be returned."""

import datetime

from django.db import transaction
from django.utils.translation import gettext_lazy as _

from bureau import audit
from bureau.errors import DomainError
from bureau.models import Staff
from settlement.models import Run


@transaction.atomic
def submit_run(*, run: Run, actor: Staff, now: datetime.datetime) -> Run:
    """Put a computed run before a reviewer. Submitted again by the same person: nothing changes."""
    run = locked(run)
    if run.status == Run.Status.SUBMITTED and run.submitted_by_id == actor.pk:
        return run
    require(run, Run.Status.COMPUTED)
    run.status, run.submitted_by, run.submitted_at = Run.Status.SUBMITTED, actor, now
    return saved(run, "run.submit", actor, now)


@transaction.atomic
def approve_run(*, run: Run, actor: Staff, now: datetime.datetime) -> Run:
    """Approve a submitted run; it never changes afterwards. Refused: whoever submitted it."""
    run = locked(run)
    if run.status in (Run.Status.APPROVED, Run.Status.PAID) and run.approved_by_id == actor.pk:
        return run
    require(run, Run.Status.SUBMITTED)
    if run.submitted_by_id == actor.pk:
        raise DomainError(_("A run is approved by someone other than who submitted it."))
    run.status, run.approved_by, run.approved_at = Run.Status.APPROVED, actor, now
    return saved(run, "run.approve", actor, now)


@transaction.atomic
def return_run(*, run: Run, note: str, actor: Staff, now: datetime.datetime) -> Run:
    """Send a submitted run back to be computed again. Needs a reason; an approved run is not returned."""
    if not note.strip():
        raise DomainError(_("Say why the run is returned."), field="note")
    run = locked(run)
    require(run, Run.Status.SUBMITTED)
    run.status, run.submitted_by, run.submitted_at, run.note = Run.Status.COMPUTED, None, None, note.strip()[:300]
    return saved(run, "run.return", actor, now, note=run.note)


@transaction.atomic
def discard_run(*, run: Run, reason: str, actor: Staff, now: datetime.datetime) -> None:
    """Remove a run that was computed by mistake; its adjustments wait for the next one."""
    if not reason.strip():
        raise DomainError(_("Say why the run is discarded."), field="reason")
    run = Run.objects.select_for_update(no_key=True).filter(pk=run.pk).first()
    if run is None:
        return
    require(run, Run.Status.COMPUTED)
    audit.record("run.discard", actor=actor, now=now, subject=run, run=str(run), reason=reason)
    run.delete()


def locked(run: Run) -> Run:
    return Run.objects.select_for_update(no_key=True).get(pk=run.pk)


def require(run: Run, status: str) -> None:
    if run.status != status:
        raise DomainError(
            _("The run is %(status)s; this needs one that is %(needed)s."),
            status=run.get_status_display(),
            needed=Run.Status(status).label,
        )


def saved(run: Run, action: str, actor: Staff, now: datetime.datetime, **detail) -> Run:
    run.save()
    audit.record(action, actor=actor, now=now, subject=run, total=str(run.total), **detail)
    return run
