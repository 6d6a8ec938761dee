"""What the scheduler asks of this room. Each task may be delivered any number of times."""

from celery import shared_task

from bureau import clock
from bureau.staff.services import scheduler
from settlement.services.proofs import prove_every_area
from settlement.services.replays.late_facts import search_every_area
from settlement.services.runs.compute import compute_due


@shared_task
def compute_runs() -> None:
    compute_due(actor=scheduler(), now=clock.now())


@shared_task
def check_books() -> None:
    prove_every_area(actor=scheduler(), now=clock.now())


@shared_task
def look_for_late_facts() -> None:
    search_every_area(actor=scheduler(), now=clock.now(), today=clock.today())
