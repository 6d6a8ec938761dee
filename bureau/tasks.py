"""What the queue may ask for. Each task may be delivered any number of times."""

from celery import shared_task

from bureau import clock
from bureau.models import Job
from bureau.services import jobs

AT_ONCE = 50  # chunks for one delivery; the rest is rung for again, so that no delivery lasts for hours


@shared_task
def work_on(job_id: int) -> None:
    if jobs.work(job_id, clock=clock.now, limit=AT_ONCE) == AT_ONCE:
        jobs.ring(Job.objects.get(pk=job_id))


@shared_task
def sweep() -> None:
    jobs.sweep()
