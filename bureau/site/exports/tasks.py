"""What the schedule asks of exports. A name stands in schedules and stays."""

from celery import shared_task

from bureau import clock
from bureau.site.exports import store


@shared_task(name="bureau.tasks.drop_exports")
def drop_exports() -> None:
    store.drop_old(now=clock.now())
