"""A run is submitted by one person and approved by another; until then it can be returned."""

import datetime

from django.db import transaction
from django.db.models import OuterRef, QuerySet, Subquery
from django.utils.translation import gettext_lazy as _

from bureau import audit
from bureau.errors import DomainError
from bureau.models import Staff
from bureau.steps import require_step, take_step
from institutions.models import Institution
from institutions.services.bank_accounts import ACCOUNT, last_entered
from settlement.models import Line, Run


@transaction.atomic
def submit_run(*, run: Run, actor: Staff, now: datetime.datetime) -> Run:
    """Put a computed run before a reviewer, with the account of each institution that it pays.

    Submitted again by the same person: nothing changes.
    """
    run = locked(run)
    if run.status == Run.Status.SUBMITTED and run.submitted_by_id == actor.pk:
        return run
    require_step(run, "run.submit", actor)
    write_accounts(run.lines.all())
    take_step(run, "run.submit", actor, now)
    return recorded(run, "run.submit", actor, now)


@transaction.atomic
def approve_run(*, run: Run, actor: Staff, now: datetime.datetime) -> Run:
    """Approve a submitted run; it never changes afterwards, and is paid to the accounts it names.

    Refused: whoever submitted it, and an account that has changed since, by the name of its institution.
    """
    run = locked(run)
    if run.status in (Run.Status.APPROVED, Run.Status.PAID) and run.approved_by_id == actor.pk:
        return run
    require_step(run, "run.approve", actor)
    if moved := accounts_changed(run):
        raise DomainError(
            _("The bank account of %(names)s has changed since the run was submitted: return it to be submitted anew."),
            field="bank_account",
            names=names_of(moved),
        )
    take_step(run, "run.approve", actor, now)
    return recorded(run, "run.approve", actor, now)


@transaction.atomic
def approve_accounts(*, run: Run, actor: Staff, now: datetime.datetime) -> Run:
    """Approve anew where an approved run is paid, after an institution's account has changed. Amounts stay.

    Refused: whoever submitted the run, and whoever entered one of the accounts.
    """
    run = locked(run)
    require_step(run, "run.approve_accounts", actor)
    moved = accounts_changed(run)
    if not moved:
        return run
    if actor.pk in last_entered([line.institution_id for line in moved]).values():
        raise DomainError(_("An account is approved by someone other than who entered it."))
    before = {line.institution.code: line.bank_account[-4:] for line in moved}
    write_accounts(Line.objects.filter(pk__in=[line.pk for line in moved]))
    after = {line.institution.code: line.institution.bank_account[-4:] for line in moved}
    audit.record("run.approve_accounts", actor=actor, now=now, subject=run, before=before, after=after)
    return run


def write_accounts(lines: QuerySet[Line]) -> None:
    """Name the accounts that count now."""
    where = Institution.objects.filter(pk=OuterRef("institution"))
    lines.update(**{name: Subquery(where.values(name)) for name in ACCOUNT})


def accounts_changed(run: Run) -> list[Line]:
    """The lines that pay an institution whose account is another than the line names; institutions are held."""
    paying = run.lines.filter(to_pay__gt=0)
    held = Institution.objects.select_for_update(no_key=True).filter(pk__in=paying.values("institution"))
    now = {where.pk: where for where in held.order_by("pk")}
    lines = list(paying.select_related("institution").order_by("institution__code"))
    return [line for line in lines if account_of(line) != account_of(now[line.institution_id])]


def account_of(one: Line | Institution) -> tuple[str, ...]:
    return tuple(getattr(one, name) for name in ACCOUNT)


def names_of(lines: list[Line]) -> str:
    return ", ".join(line.institution.name for line in lines)


@transaction.atomic
def return_run(*, run: Run, note: str, actor: Staff, now: datetime.datetime) -> Run:
    """Send a submitted run back to be computed again. Needs a reason; an approved run is not returned."""
    if not note.strip():
        raise DomainError(_("Say why the run is returned."), field="note")
    run = locked(run)
    take_step(run, "run.return", actor, now, note=note.strip()[:300])
    return recorded(run, "run.return", actor, now, note=run.note)


@transaction.atomic
def discard_run(*, run: Run, reason: str, actor: Staff, now: datetime.datetime) -> None:
    """Remove a run that was computed by mistake; its adjustments wait for the next one."""
    if not reason.strip():
        raise DomainError(_("Say why the run is discarded."), field="reason")
    run = Run.objects.select_for_update(no_key=True).filter(pk=run.pk).first()
    if run is None:
        return
    require_step(run, "run.discard", actor)
    audit.record("run.discard", actor=actor, now=now, subject=run, run=str(run), reason=reason)
    run.delete()


def locked(run: Run) -> Run:
    return Run.objects.select_for_update(no_key=True).get(pk=run.pk)


def recorded(run: Run, action: str, actor: Staff, now: datetime.datetime, **detail) -> Run:
    audit.record(action, actor=actor, now=now, subject=run, total=str(run.total), **detail)
    return run
