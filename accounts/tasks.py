"""What the scheduler asks of this room. Each task may be delivered any number of times."""

from celery import shared_task

from accounts.services import credits
from bureau import clock
from bureau.staff.services import scheduler


@shared_task
def credit_month() -> None:
    credits.credit_areas(actor=scheduler(), now=clock.now())
