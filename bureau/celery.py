"""The Celery application. Bound in BureauConfig.ready(), so that importing bureau.rules loads no Celery."""

import os

from celery import Celery
from celery.signals import worker_init

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "bureau.settings")

app = Celery("gongji")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks()  # of the rooms
app.autodiscover_tasks(["bureau.jobs", "bureau.rosters"])


@worker_init.connect
def limit_statements(**_signal) -> None:
    from bureau.web import timeouts

    timeouts.limit("worker")
