"""What the schedule asks of rosters. A name stands in schedules and stays."""

from celery import shared_task

from bureau import clock
from bureau.rosters import originals
from bureau.staff.services import scheduler


@shared_task(name="bureau.tasks.drop_originals")
def drop_originals() -> None:
    originals.drop_old(actor=scheduler(), now=clock.now())
