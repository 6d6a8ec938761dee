"""Long work in parts. The database holds the job and its chunks; the message queue only rings the bell.

A chunk's effect and its done mark are one transaction, so a bell that rings twice, a worker that is killed or
a broker that loses everything costs time and nothing else.
"""

import datetime
import logging
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import NamedTuple, Protocol

from celery import current_app
from django.db import transaction
from django.db.models import F
from django.utils.functional import Promise
from django.utils.translation import gettext as _

from bureau import audit
from bureau.audit.proofs import see_one_moment
from bureau.errors import DomainError, waited_too_long
from bureau.identifiers.identity import without_numbers
from bureau.jobs.models import Chunk, Job
from bureau.staff import reach
from bureau.staff.models import Staff

logger = logging.getLogger(__name__)

WORK_ON = "bureau.tasks.work_on"
BELLS = 4  # how many workers are called to a new job
FAILURES_ALLOWED = 3
# Starts are counted before the work begins, so that a chunk that kills its worker ends up here.
STARTS_ALLOWED = 10

# Whoever saved the job is waiting for a page, so a broker that does not answer is not waited for.
IMPATIENT = {
    "max_retries": 1,
    "interval_start": 0,
    "interval_step": 0,
    "interval_max": 0,
    "socket_connect_timeout": 2,
    "socket_timeout": 5,
}

OPEN = (Job.Status.WAITING, Job.Status.RUNNING)
AGAIN_AFTER = 10  # seconds until a job is rung for that could not begin


class Busy(Exception):
    """What a chunk needs is held by other work. It waits as a chunk does, not as a worker: this was no try."""


class Sealed(NamedTuple):
    """Parameters or a result of which `sealed` names people: it is kept encrypted until the job is done."""

    plain: dict
    sealed: dict


class Handler(Protocol):
    """The effect of one chunk, in the chunk's transaction. `job.params` are those of all chunks.

    `params` has what was sealed as well; a sealed result is what `chunk.sealed` holds for the job's finish.
    """

    def __call__(self, params: dict, *, job: Job, actor: Staff, now: datetime.datetime) -> dict | Sealed: ...


class Finish(Protocol):
    """Runs once, after the last chunk, in the transaction that marks the job done; returns its result."""

    def __call__(self, *, job: Job, actor: Staff, now: datetime.datetime) -> dict: ...


class Turn(Protocol):
    """Tells what a job is about that it has failed (with the reason), or is tried again; in the same transaction."""

    def __call__(self, *, job: Job, problem: str) -> None: ...


@dataclass(frozen=True)
class _Kind:
    label: str | Promise
    handler: Handler
    finish: Finish | None
    queue: str
    of_one_moment: bool
    failed: Turn | None
    again: Turn | None


_kinds: dict[str, _Kind] = {}


def register(
    kind: str,
    handler: Handler,
    *,
    label: str | Promise,
    finish: Finish | None = None,
    queue: str = "settlement",
    of_one_moment: bool = False,
    failed: Turn | None = None,
    again: Turn | None = None,
) -> None:
    """Say who does the work of a kind of job, what it is called, and in which queue; called by each app when ready.

    `of_one_moment`: a chunk only reads, and sees nothing of what is committed while it does. `failed` and `again`
    tell what the job is about, a file say, when it gives up and when it is tried again.
    """
    _kinds[kind] = _Kind(label, handler, finish, queue, of_one_moment, failed, again)


def label_of(kind: str) -> str | Promise:
    """What a kind of job is called; by its code where nothing installed does it any more."""
    return _kinds[kind].label if kind in _kinds else kind


def create_job(
    *,
    kind: str,
    key: str,
    area_id: str | None,
    params: dict | Sealed,
    chunks: Sequence[dict | Sealed],
    actor: Staff,
    now: datetime.datetime,
) -> Job:
    """Write down a job with one chunk for each dict, and ring for workers once that is committed.

    The key names the work (`credit 441600 2026-03`): a second call returns the job that is there.
    """
    if kind not in _kinds:
        raise LookupError(f"no handler is registered for jobs of kind {kind!r}")
    params, sealed = _apart(params)
    with transaction.atomic():
        job, created = Job.objects.get_or_create(
            key=key,
            defaults={
                "kind": kind, "area_id": area_id, "params": params, "sealed": sealed, "actor": actor, "created_at": now,
            },
        )  # fmt: skip
        if created:
            parts = enumerate(map(_apart, chunks), start=1)
            Chunk.objects.bulk_create(
                [Chunk(job=job, number=number, params=part, sealed=sealed) for number, (part, sealed) in parts],
                batch_size=1000,
            )
            audit.record("job.create", actor=actor, now=now, subject=job, key=key, chunks=len(chunks))
        if job.status in OPEN:
            ring(job, bells=max(1, min(BELLS, len(chunks))))
    return job


def _apart(said: dict | Sealed) -> tuple[dict, dict | None]:
    return (said.plain, said.sealed or None) if isinstance(said, Sealed) else (said, None)


def ring(job: Job, *, bells: int = 1, after: int | None = None) -> None:
    """Call workers to a job after the commit, or so many seconds later.

    A broker that is down is logged; sweep() rings again.
    """
    if job.kind not in _kinds:
        return
    queue = _kinds[job.kind].queue

    def send() -> None:
        options = {**current_app.conf.broker_transport_options, **IMPATIENT}
        with current_app.connection_for_write(transport_options=options) as connection:
            for _bell in range(bells):
                current_app.send_task(
                    WORK_ON, args=[job.pk], queue=queue, countdown=after, connection=connection, retry=False
                )

    transaction.on_commit(send, robust=True)


def work(job_id: int, *, clock: Callable[[], datetime.datetime], limit: int | None = None) -> int:
    """Do open chunks of a job, one after another, and finish the job if none is left.

    Any number of workers may do this at the same time. Returns how many chunks were tried, at most `limit`.
    """
    try:
        job = Job.objects.select_related("actor").get(pk=job_id)
    except Job.DoesNotExist:
        return 0
    if job.status not in OPEN:
        return 0
    tried = 0
    while limit is None or tried < limit:
        number = _start(job, clock())
        if number is None:
            break
        try:
            _do(job, number, clock)
        except Busy:
            _put_back(job, number)
            return tried
        tried += 1
    _finish(job, clock())
    return tried


def retry_job(job: Job, *, actor: Staff, now: datetime.datetime) -> Job:
    """Open the failed chunks of a failed job once more. Chunks that are done stay done.

    Staff of an agency try again what the agency has started.
    """
    reach.require(actor.reach, job)
    with transaction.atomic():
        job = Job.objects.select_for_update(no_key=True).get(pk=job.pk)
        if job.status != Job.Status.FAILED:
            raise DomainError(_("Only a failed job can be tried again."))
        job.chunks.filter(status=Chunk.Status.FAILED).update(
            status=Chunk.Status.WAITING, attempts=0, problem="", finished_at=None
        )
        job.status, job.finished_at, job.result = Job.Status.WAITING, None, {}
        job.save(update_fields=["status", "finished_at", "result"])
        if job.kind in _kinds and (again := _kinds[job.kind].again) is not None:
            again(job=job, problem="")
        audit.record("job.retry", actor=actor, now=now, subject=job, key=job.key)
        ring(job)
    return job


def sweep() -> int:
    """Ring for every job that is not finished: what a lost bell or a killed worker left behind.

    It looks at no clock, so a clock that jumps cannot hide a job; a bell too many finds nothing to do.
    """
    unfinished = list(Job.objects.filter(status__in=OPEN).order_by("pk").only("pk", "kind"))
    for job in unfinished:
        ring(job)
    return len(unfinished)


def _open_chunks(job: Job):
    """Untried chunks first; those that another worker holds are passed over."""
    return (
        job.chunks.filter(status=Chunk.Status.WAITING)
        .order_by("attempts", "number")
        .select_for_update(skip_locked=True, no_key=True)
    )


def _start(job: Job, now: datetime.datetime) -> int | None:
    """Count a start on the next open chunk, in a transaction of its own, and return the chunk's number."""
    while True:
        with transaction.atomic():
            chunk = _open_chunks(job).defer("sealed").first()
            if chunk is None:
                return None
            if chunk.attempts < STARTS_ALLOWED:
                Chunk.objects.filter(pk=chunk.pk).update(attempts=chunk.attempts + 1)
                Job.objects.filter(pk=job.pk, status=Job.Status.WAITING).update(status=Job.Status.RUNNING)
                return chunk.number
            problem = _("The work was started %(count)d times and broke off each time.")
            _fail(chunk, problem % {"count": chunk.attempts}, now)


def _do(job: Job, number: int, clock: Callable[[], datetime.datetime]) -> None:
    try:
        with transaction.atomic():
            if _kinds[job.kind].of_one_moment:
                see_one_moment()
            chunk = _open_chunks(job).filter(number=number).first()
            if chunk is None:  # another worker was faster
                return
            params = chunk.params | (chunk.sealed or {})
            result = _kinds[job.kind].handler(params, job=job, actor=job.actor, now=clock())
            chunk.result, chunk.sealed = _apart(result)
            chunk.status, chunk.problem, chunk.finished_at = Chunk.Status.DONE, "", clock()
            chunk.save(update_fields=["status", "result", "sealed", "problem", "finished_at"])
    except Busy:
        raise
    except Exception as error:
        problem = _readable(error, job, number)
        with transaction.atomic():
            chunk = _open_chunks(job).filter(number=number).defer("sealed").first()
            if chunk is None:
                return
            if chunk.attempts >= FAILURES_ALLOWED or isinstance(error, DomainError):
                _fail(chunk, problem, clock())
            else:
                Chunk.objects.filter(pk=chunk.pk).update(problem=problem)


def _put_back(job: Job, number: int) -> None:
    with transaction.atomic():
        job.chunks.filter(number=number, status=Chunk.Status.WAITING).update(attempts=F("attempts") - 1)
        Job.objects.filter(pk=job.pk, status=Job.Status.RUNNING).update(status=Job.Status.WAITING)
        ring(job, after=AGAIN_AFTER)


def _fail(chunk: Chunk, problem: str, now: datetime.datetime) -> None:
    Chunk.objects.filter(pk=chunk.pk).update(status=Chunk.Status.FAILED, problem=problem, finished_at=now)


def _readable(error: Exception, job: Job, number: int) -> str:
    if isinstance(error, DomainError):
        return without_numbers(str(error))
    if (waited := waited_too_long(error)) is not None:
        return str(waited)
    logger.error("job %s, chunk %s failed", job.key, number, exc_info=error)
    sentence = _("Part %(number)d of the work failed unexpectedly (%(error)s); the worker's log says more.")
    return sentence % {"number": number, "error": type(error).__name__}


def _finish(job: Job, now: datetime.datetime) -> None:
    """Mark the job done or failed once no chunk is open: whoever comes last does it, once."""
    try:
        with transaction.atomic():
            row = (
                Job.objects.select_for_update(no_key=True)
                .filter(pk=job.pk, status__in=OPEN)
                .exclude(chunks__status=Chunk.Status.WAITING)
                .first()
            )
            if row is None:
                return
            wrong = row.chunks.filter(status=Chunk.Status.FAILED).order_by("number").defer("sealed").first()
            if wrong is not None:
                result = None
                _tell_failed(row, wrong.problem)
            else:
                finish = _kinds[row.kind].finish or _totals
                result = finish(job=row, actor=job.actor, now=now)
            row.status = Job.Status.FAILED if result is None else Job.Status.DONE
            row.result, row.finished_at = result or {}, now
            row.save(update_fields=["status", "result", "finished_at"])
            if result is not None:
                row.chunks.exclude(sealed=None).update(sealed=None)
                Job.objects.filter(pk=row.pk).exclude(sealed=None).update(sealed=None)
    except Exception as error:
        problem = _readable(error, job, 0)
        with transaction.atomic():
            open_still = Job.objects.filter(pk=job.pk, status__in=OPEN)
            if open_still.update(status=Job.Status.FAILED, result={"problem": problem}, finished_at=now):
                _tell_failed(job, problem)


def _tell_failed(job: Job, problem: str) -> None:
    if (failed := _kinds[job.kind].failed) is not None:
        failed(job=job, problem=problem)


def _totals(*, job: Job, actor: Staff, now: datetime.datetime) -> dict:
    """The counts that the chunks report, added up."""
    total: Counter[str] = Counter()
    for result in job.chunks.values_list("result", flat=True):
        total.update({name: count for name, count in result.items() if type(count) is int})
    return dict(total)
