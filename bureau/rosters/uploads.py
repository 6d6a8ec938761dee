"""Roster files: received, loaded all or not at all, and undone while nothing has built on them.

Each room registers its rosters here (`register`). Good rows go in; bad rows come back in a file with
line, field and reason (bureau.rosters.rejected).
"""

import datetime
import logging
from collections.abc import Callable

from django.core.files.base import ContentFile, File
from django.db import IntegrityError, OperationalError, connection, transaction
from django.db.models import Model
from django.utils import timezone
from django.utils.functional import Promise
from django.utils.translation import gettext, gettext_lazy
from django.utils.translation import gettext_noop as _

from bureau import audit
from bureau.areas.models import Area
from bureau.errors import DomainError
from bureau.files import FileProblem, read_rows
from bureau.identifiers import sealed_files
from bureau.identifiers.identity import without_numbers
from bureau.jobs import services as jobs
from bureau.jobs.models import Job
from bureau.rosters import originals
from bureau.rosters.models import Upload
from bureau.rosters.roster import Roster
from bureau.rosters.staging import Batch
from bureau.staff import reach
from bureau.staff.models import Staff

logger = logging.getLogger(__name__)

JOB_KIND = "upload"
ROWS_AT_ONCE = 1_000  # more than these are loaded by a worker
XLSX_BYTES_AT_ONCE = 64 * 1024  # about as many rows, zipped
LONGEST_NAME = 255


Objection = Callable[[Upload], str | Promise | None]

_rosters: dict[str, Roster] = {}
_objections: dict[str, list[Objection]] = {}


def register(*declared: type[Roster]) -> None:
    """Rosters that staff may load; called by each app when it is ready."""
    for roster in declared:
        _rosters[roster._meta.roster] = roster()


def register_objection(kind: str, objection: Objection) -> None:
    """A room that builds on rows of this kind says why an upload can no longer be undone, or None."""
    _objections.setdefault(kind, []).append(objection)


def objections(kind: str) -> list[Objection]:
    return _objections.get(kind, [])


def rosters() -> list[Roster]:
    return list(_rosters.values())


def roster(kind: str) -> Roster:
    if kind not in _rosters:
        raise DomainError(gettext_lazy("There is no roster of the kind “%(kind)s”."), field="kind", kind=kind)
    return _rosters[kind]


def of_records(model: type[Model]) -> Roster | None:
    """The roster whose lines are records of a model, if there is one; one without a key writes records and has none."""
    found = (known for known in _rosters.values() if isinstance(known, Roster) and known._meta.key)
    return next((known for known in found if known._meta.model is model), None)


def receive_upload(
    *, kind: str, name: str, content: bytes | File, area: Area, actor: Staff, now: datetime.datetime
) -> Upload:
    """Keep a file as it came. The same file for the same area and roster is the upload that is there already.

    A file that was refused or undone may come again. Nothing is read or loaded yet.
    """
    roster(kind)
    reach.require_area(actor.reach, area.pk)
    name = without_numbers(name.replace("\0", ""))[-LONGEST_NAME:] or kind
    kept = originals.keep(ContentFile(content) if isinstance(content, bytes) else content, now=now)
    same = Upload.objects.filter(area=area, kind=kind, sha256=kept.sha256).exclude(
        status__in=[Upload.Status.REFUSED, Upload.Status.UNDONE]
    )
    try:
        if (known := same.first()) is None:
            try:
                with transaction.atomic():
                    upload = Upload.objects.create(
                        area=area,
                        kind=kind,
                        name=name,
                        original=kept.name,
                        size=kept.size,
                        sha256=kept.sha256,
                        uploaded_by=actor,
                        uploaded_at=now,
                    )
                    audit.record(
                        "upload.receive", actor=actor, now=now, subject=upload, kind=kind, name=name, sha256=kept.sha256
                    )
                return upload
            except IntegrityError:  # sent twice at the same moment
                known = same.get()
    except BaseException:
        originals.discard(kept.name)
        raise
    originals.discard(kept.name)
    return known


def load_upload(upload: Upload, *, actor: Staff, now: datetime.datetime) -> Upload:
    """Load a received file: at once if it is small and no other roster of the area is being loaded, otherwise as a job
    (key `upload <id>`); a failed one once more.

    Returns the upload with its status: loaded, refused (see `problem`), or loading. Staff of an agency load its own.
    """
    reach.require(actor.reach, upload)
    if upload.status == Upload.Status.FAILED:
        jobs.retry_job(Job.objects.get(params__upload=upload.pk, status=Job.Status.FAILED), actor=actor, now=now)
        upload.refresh_from_db()
        return upload
    if upload.status == Upload.Status.LOADING:  # by a worker, whose row is not waited for
        return upload
    if upload.status == Upload.Status.RECEIVED and _is_large(upload):
        return _leave_to_a_worker(upload, actor=actor, now=now)
    try:
        return load_now(upload, actor=actor, now=now)
    except jobs.Busy:
        return _leave_to_a_worker(upload, actor=actor, now=now)


def _leave_to_a_worker(upload: Upload, *, actor: Staff, now: datetime.datetime) -> Upload:
    with transaction.atomic():
        if Upload.objects.filter(pk=upload.pk, status=Upload.Status.RECEIVED).update(status=Upload.Status.LOADING):
            jobs.create_job(
                kind=JOB_KIND,
                key=job_key(upload),
                area_id=upload.area_id,
                params={"upload": upload.pk},
                chunks=[{"upload": upload.pk}],
                actor=actor,
                now=now,
            )
    upload.refresh_from_db()
    return upload


def load_now(upload: Upload, *, actor: Staff, now: datetime.datetime) -> Upload:
    """Load a received file in one transaction, whatever its size. One that is loaded already stays as it is.

    A file that cannot be read, or of which no row can be used, is refused: nothing of it is loaded. Raises jobs.Busy
    while another roster of the area is being loaded or undone.
    """
    try:
        return _load_once(upload.pk, actor, now)
    except (IntegrityError, OperationalError) as error:  # a constraint, or a deadlock
        logger.error("upload %s was rolled back", upload.pk, exc_info=error)
        raise DomainError(
            gettext_lazy("Someone changed the same records at this moment; load the file again.")
        ) from error


def _load_once(upload_id: int, actor: Staff, now: datetime.datetime) -> Upload:
    with transaction.atomic():
        upload = Upload.objects.select_for_update(no_key=True).get(pk=upload_id)
        if upload.status not in (Upload.Status.RECEIVED, Upload.Status.LOADING):
            return upload
        # Two rosters of an area at the same time would not see each other's days when they check for overlaps.
        if not lock_rosters(upload.area_id):
            raise jobs.Busy
        try:
            with transaction.atomic():
                _load(upload, actor, now)
        except FileProblem as problem:
            upload.status = Upload.Status.REFUSED
            upload.problem = without_numbers(problem.text(gettext))
        upload.save(update_fields=["status", "problem", "rows", "accepted", "unchanged", "rejected"])
        audit.record(
            f"upload.{'refuse' if upload.status == Upload.Status.REFUSED else 'load'}",
            actor=actor,
            now=now,
            subject=upload,
            rows=upload.rows,
            accepted=upload.accepted,
            unchanged=upload.unchanged,
            rejected=upload.rejected,
        )
    return upload


def job_key(upload: Upload) -> str:
    return f"upload {upload.pk}"


def load_as_job(params: dict, *, job: Job, actor: Staff, now: datetime.datetime) -> dict:
    """The work of a job of kind `upload`."""
    upload = _load_once(params["upload"], actor, now)
    return {
        "rows": upload.rows,
        "accepted": upload.accepted,
        "unchanged": upload.unchanged,
        "rejected": upload.rejected,
    }


def loaded(upload_id: int, *, accepted: int, unchanged: int) -> Upload:
    """A job has loaded what a file left to it: how many rows it took, and how many changed nothing."""
    upload = Upload.objects.select_for_update(no_key=True).get(pk=upload_id)
    upload.accepted, upload.unchanged, upload.rejected = accepted, unchanged, upload.rejected_rows.count()
    upload.status = Upload.Status.LOADED
    upload.save(update_fields=["status", "accepted", "unchanged", "rejected"])
    return upload


def failed(*, job: Job, problem: str) -> None:
    """The job that loads a file has given up: the file says why, and what may be done."""
    advice = gettext("Put right what the reason says, then send the file again or try the job again.")
    Upload.objects.filter(pk=job.params["upload"], status=Upload.Status.LOADING).update(
        status=Upload.Status.FAILED, problem=f"{problem} {advice}"
    )


def loading_again(*, job: Job, problem: str) -> None:
    Upload.objects.filter(pk=job.params["upload"], status=Upload.Status.FAILED).update(
        status=Upload.Status.LOADING, problem=problem
    )


def _load(upload: Upload, actor: Staff, now: datetime.datetime) -> None:
    known = roster(upload.kind)
    batch = Batch(upload, known, actor=actor, now=now)
    try:
        with originals.opened(upload) as original:
            rows = read_rows(upload.name, original, known.sheet, today=timezone.localdate(now))
            upload.rows = batch.fill(rows)
    except sealed_files.Unreadable:
        raise originals.unreadable() from None
    if not upload.rows:
        raise FileProblem("no_rows", _("The file has headings and no rows."))
    known.load(batch)
    batch.keep_refused()
    upload.unchanged = batch.unchanged_rows
    upload.rejected = batch.rejected_rows
    upload.accepted = batch.accepted_rows()
    if upload.accepted + upload.unchanged + upload.rejected != upload.rows:
        raise RuntimeError(f"upload {upload.pk}: {upload.rows} rows read, but not all accounted for")
    batch.clear()
    if upload.accepted > ROWS_AT_ONCE:
        batch.analyze()
    upload.status, upload.problem = Upload.Status.LOADING if batch.goes_on else Upload.Status.LOADED, ""
    if upload.rejected == upload.rows:
        # Perhaps another roster comes first; then this file may be sent again as it is.
        upload.status = Upload.Status.REFUSED
        upload.problem = gettext("No row can be used; the file of rejected rows gives the reasons.")


def _is_large(upload: Upload) -> bool:
    try:
        with originals.opened(upload) as original:
            if original.peek(2)[:2] == b"PK":
                return upload.size > XLSX_BYTES_AT_ONCE
            lines = 0
            while lines <= ROWS_AT_ONCE and (block := original.read(XLSX_BYTES_AT_ONCE)):
                lines += block.count(b"\n")
            return lines > ROWS_AT_ONCE
    except FileProblem:  # it is no longer kept, and loading says so
        return False


def lock_rosters(area_id: str) -> bool:
    """Keep other rosters of the area out until the transaction ends; False, at once, while another one does."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_try_advisory_xact_lock(hashtext('roster'), hashtext(%s))", [area_id])
        return cursor.fetchone()[0]
