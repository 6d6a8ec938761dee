"""Lists handed on as files: at once where they are small, otherwise as a job whose file is fetched from its page."""

import datetime
import hashlib
import re
from collections.abc import Generator
from contextlib import closing
from typing import Any, BinaryIO

from django.contrib import admin
from django.core.cache import cache
from django.core.exceptions import PermissionDenied
from django.db import models, transaction
from django.utils.text import capfirst
from django.utils.translation import gettext_lazy as _

from bureau import audit
from bureau.errors import DomainError
from bureau.files import tables
from bureau.identifiers import sealed_files
from bureau.jobs import services as jobs
from bureau.jobs.models import Job
from bureau.site.exports import store
from bureau.site.exports.lists import Listed
from bureau.staff import roles
from bureau.staff.models import Staff

JOB_KIND = "export"
IN_FULL = "member.export_full"
MOST_COUNTED = 10_000  # as far as lists count
ROWS_AT_ONCE = 1_000  # more than these are written by a worker
TOLD_EVERY = 10_000
TOLD_FOR = 24 * 3600

NOT_KEPT = _("The file is no longer kept; export the list again.")
TOO_MANY = _("A worksheet has 1,048,576 rows at most; choose CSV, or filter the list.")


def act_of(model: type[models.Model]) -> str:
    """The act by which a list is exported: benefit_period.export."""
    return f"{re.sub(r'(?<=[a-z])(?=[A-Z])', '_', model.__name__).lower()}.export"


def require_may(actor: Staff, model: type[models.Model], *, in_full: bool) -> None:
    """Refuse who may not read and export the list, or not with document numbers in full."""
    may = roles.may_read(actor, model._meta.label_lower) and roles.may(actor, act_of(model))
    if not may or (in_full and not roles.may(actor, IN_FULL)):
        raise PermissionDenied


def export_now(listed: Listed, *, kind: str, in_full: bool, reason: str, actor: Staff, now: datetime.datetime) -> bytes:
    """The list as a file, with an entry in the trail; for small ones."""
    _require(listed, in_full, reason, actor)
    with transaction.atomic():
        rows = tables.Counted()
        with closing(_blocks(listed, kind, in_full, rows)) as blocks:
            content = b"".join(blocks)
        _record(listed, kind, in_full, reason, rows.count, actor, now)
    return content


def export_later(
    listed: Listed, *, kind: str, in_full: bool, reason: str, key: str, actor: Staff, now: datetime.datetime
) -> Job:
    """A job that writes the list into the store; one for each key. What names people in search or filters is sealed."""
    _require(listed, in_full, reason, actor)
    label = listed.model._meta.label_lower
    return jobs.create_job(
        kind=JOB_KIND,
        key=f"{JOB_KIND} {label} {actor.pk} {key}",
        area_id=actor.area_id,
        params={"list": label, "format": kind, "in_full": in_full, "reach": _reach(actor)},
        chunks=[jobs.Sealed({}, {"query": listed.query, "reason": reason})],
        actor=actor,
        now=now,
    )


def write_as_job(params: dict, *, job: Job, actor: Staff, now: datetime.datetime) -> dict:
    """The work of a job of kind `export`: the file in the store, and the entry in the trail."""
    in_full, kind, reason = job.params["in_full"], job.params["format"], params.get("reason", "")
    listed = Listed(_desk(job), params.get("query", ""), actor)
    _require_as_asked(job, actor)
    rows = tables.Counted(lambda count: cache.set(_told(job), count, TOLD_FOR), TOLD_EVERY)
    with closing(_blocks(listed, kind, in_full, rows)) as blocks:
        store.keep(_name(job), blocks)
    _record(listed, kind, in_full, reason, rows.count, actor, now, job=job.pk)
    return {"rows": rows.count}


def written_so_far(job: Job) -> int:
    """How many rows the worker has written, as it told last."""
    return job.result.get("rows") or cache.get(_told(job)) or 0


def title_of(job: Job) -> str:
    return str(capfirst(_desk(job).opts.verbose_name_plural))


def fetch(job: Job, *, actor: Staff, now: datetime.datetime) -> BinaryIO:
    """The file of an export, for who asked for it and still may; with an entry in the trail."""
    if job.kind != JOB_KIND or job.status != Job.Status.DONE:
        raise DomainError(_("There is no file to fetch."))
    _require_as_asked(job, actor)
    if job.actor_id != actor.pk:
        raise DomainError(_("An export is fetched by who asked for it."))
    try:
        file = store.opened(_name(job))
    except FileNotFoundError:
        raise DomainError(NOT_KEPT) from None
    except sealed_files.Unreadable:
        raise DomainError(_("What is stored cannot be read with this installation's key.")) from None
    audit.record("export.fetch", actor=actor, now=now, subject=job, list=job.params["list"])
    return file


def _desk(job: Job) -> admin.ModelAdmin:
    label = job.params["list"]
    return next(desk for model, desk in admin.site._registry.items() if model._meta.label_lower == label)


def _require(listed: Listed, in_full: bool, reason: str, actor: Staff) -> None:
    require_may(actor, listed.model, in_full=in_full)
    if in_full and not (reason and listed.names_documents):
        raise DomainError(_("Document numbers are exported in full only with a reason."), field="reason")


def _require_as_asked(job: Job, actor: Staff) -> None:
    """What somebody could export then is not what they may have now."""
    try:
        require_may(actor, _desk(job).model, in_full=job.params["in_full"])
    except PermissionDenied:
        raise DomainError(_("Your role does not allow this export any more.")) from None
    if job.params["reach"] != _reach(actor):
        raise DomainError(_("Your account belongs to another area or agency now; export the list again."))


def _reach(actor: Staff) -> list[str | None]:
    return [actor.area_id, actor.county_id]


def _blocks(listed: Listed, kind: str, in_full: bool, rows: tables.Counted) -> Generator[bytes, None, None]:
    """The file; who breaks off closes it, since a cursor of the database is open meanwhile."""
    try:
        with closing(listed.blocks(kind, rows, in_full=in_full)) as blocks:
            yield from blocks
    except OverflowError:
        raise DomainError(TOO_MANY, field="kind") from None


def _record(
    listed: Listed, kind: str, in_full: bool, reason: str, rows: int, actor: Staff, now: datetime.datetime, **more: Any
) -> None:
    """Who is of no area exports more than one area may read of."""
    if listed.names_documents:
        more["documents"] = "in full" if in_full else "masked"
    if reason:
        more["reason"] = reason
    audit.record(
        act_of(listed.model),
        actor=actor,
        now=now,
        subject=Staff.objects.get(pk=actor.pk) if actor.area_id else None,
        list=listed.model._meta.label_lower,
        filter=listed.words(),
        rows=rows,
        format=kind,
        **more,
    )


def _name(job: Job) -> str:
    return store.name_of(hashlib.sha256(job.key.encode()).hexdigest()[:32], job.created_at)


def _told(job: Job) -> str:
    return f"export-{job.pk}"
