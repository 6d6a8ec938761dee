import pytest

pytestmark = pytest.mark.django_db


def test_schedule_is_there_after_migrating_and_installs_once():
    from django_celery_beat.models import PeriodicTask

    from bureau.jobs.schedule import ENTRIES, install_schedule

    assert install_schedule() == 0
    assert set(PeriodicTask.objects.values_list("task", flat=True)) >= {entry.task for entry in ENTRIES}


def test_schedule_keeps_what_staff_have_set():
    from django_celery_beat.models import PeriodicTask

    from bureau.jobs.schedule import install_schedule

    PeriodicTask.objects.filter(task="accounts.tasks.credit_month").update(enabled=False)
    PeriodicTask.objects.filter(task="settlement.tasks.check_books").delete()
    assert install_schedule() == 1
    assert not PeriodicTask.objects.get(task="accounts.tasks.credit_month").enabled
    assert str(PeriodicTask.objects.get(task="settlement.tasks.check_books").crontab.hour) == "1"
