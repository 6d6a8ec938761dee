"""What the queue may ask for, any number of times. A name stands in schedules and stays."""

from celery import shared_task

from bureau import clock
from bureau.jobs import services as jobs
from bureau.jobs.models import Job

AT_ONCE = 50  # chunks for one delivery; the rest is rung for again, so that no delivery lasts for hours


@shared_task(name="bureau.tasks.work_on")
def work_on(job_id: int) -> None:
    if jobs.work(job_id, clock=clock.now, limit=AT_ONCE) == AT_ONCE:
        jobs.ring(Job.objects.get(pk=job_id))


@shared_task(name="bureau.tasks.sweep")
def sweep() -> None:
    jobs.sweep()
