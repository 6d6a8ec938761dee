"""The Celery application. Bound in BureauConfig.ready(), so that importing bureau.rules loads no Celery."""

import os

from celery import Celery

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "bureau.settings")

app = Celery("gongji")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks()  # of the rooms
app.autodiscover_tasks(["bureau.jobs", "bureau.rosters"])
