"""What the scheduler asks of this room. Each task may be delivered any number of times."""

from celery import shared_task

from bureau import clock
from bureau.models import Area
from bureau.staff.services import scheduler
from institutions.services import selection, windows


@shared_task
def open_and_close_windows() -> None:
    now = clock.now()
    windows.open_and_close_windows(on=now.date(), actor=scheduler(), now=now)


@shared_task
def end_selections_of_departed() -> None:
    now = clock.now()
    for area in Area.objects.order_by("pk"):
        selection.end_selections_of_departed(area_id=area.pk, on=now.date(), actor=scheduler(), now=now)
