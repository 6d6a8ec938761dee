"""What happens by itself, as rows that staff see and may change in the admin. Each room says when it is ready.

Two schedulers that fire at once do no harm: each task makes a job or a run under a unique key, or repeats a check.
"""

from dataclasses import dataclass

from django.conf import settings
from django.utils import translation
from django.utils.translation import gettext
from django_celery_beat.models import CrontabSchedule, IntervalSchedule, PeriodicTask


@dataclass(frozen=True)
class Entry:
    """A task, its name (a message id) and its time in Shanghai: on a day of the month, each day, or every so many
    minutes."""

    task: str
    name: str
    hour: int = 0
    minute: int = 0
    day_of_month: str = "*"
    every_minutes: int = 0


ENTRIES: list[Entry] = []


def register(*entries: Entry) -> None:
    """Have tasks done by themselves; called by each app when it is ready."""
    ENTRIES.extend(entries)


def install_schedule() -> int:
    """Write down the entries that are missing; those that are there stay as staff have set them.

    Returns how many were added. Runs after every migration.
    """
    added = 0
    with translation.override(settings.LANGUAGE_CODE):
        for entry in ENTRIES:
            if PeriodicTask.objects.filter(task=entry.task).exists():
                continue
            PeriodicTask.objects.create(task=entry.task, name=gettext(entry.name), **_time(entry))
            added += 1
    return added


def _time(entry: Entry) -> dict:
    if entry.every_minutes:
        interval, _created = IntervalSchedule.objects.get_or_create(
            every=entry.every_minutes, period=IntervalSchedule.MINUTES
        )
        return {"interval": interval}
    crontab, _created = CrontabSchedule.objects.get_or_create(
        minute=str(entry.minute),
        hour=str(entry.hour),
        day_of_month=entry.day_of_month,
        month_of_year="*",
        day_of_week="*",
        timezone=settings.CELERY_TIMEZONE,
    )
    return {"crontab": crontab}
