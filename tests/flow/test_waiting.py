"""A load holds up no page: a file waits as a job, statements have limits, and who runs into one reads a sentence."""

import os
import subprocess
import sys
from contextlib import contextmanager
from pathlib import Path

import psycopg
import pytest
from django.contrib.auth.models import Group
from django.db import connection, connections
from django.urls import reverse
from django.utils import translation

from bureau.errors import DomainError
from bureau.jobs import services as jobs
from bureau.rosters import uploads
from bureau.rosters.undo import undo_upload
from tests.members.samples import FOUR, LI, NOW, roster

pytestmark = pytest.mark.django_db(transaction=True)

BUSY = "Others are changing the same records, by loading a roster perhaps. Try again in a moment."


@pytest.fixture(autouse=True)
def english():
    with translation.override("en"):
        yield


@contextmanager
def another():
    """A second session of the same database, in a transaction."""
    given = connection.get_connection_params()
    known = {name: given[name] for name in ("dbname", "user", "password", "host", "port") if name in given}
    with psycopg.connect(**known) as session:
        yield session
        session.rollback()


@contextmanager
def loading(area):
    """Another roster of the area is being loaded."""
    with another() as session:
        session.execute("SELECT pg_advisory_xact_lock(hashtext('roster'), hashtext(%s))", [area.pk])
        yield session


@pytest.fixture
def impatient():
    """Any statement that waited for a lock would fail this test in words of its own."""
    with connection.cursor() as cursor:
        cursor.execute("SET lock_timeout = '300ms'")
        yield
        cursor.execute("RESET lock_timeout")


def receive(area, clerk, kind="members", content=FOUR):
    return uploads.receive_upload(kind=kind, name="r.csv", content=content, area=area, actor=clerk, now=NOW)


def test_a_small_file_becomes_a_job_while_another_is_loaded(area, clerk, impatient):
    from bureau.models import Job

    with loading(area):
        upload = uploads.load_upload(receive(area, clerk), actor=clerk, now=NOW)
        assert upload.status == "loading"
        job = Job.objects.get(key=f"upload {upload.pk}")
        for _delivery in range(3):
            assert jobs.work(job.pk, clock=lambda: NOW) == 0
            job.refresh_from_db()
            assert (job.status, [*job.chunks.values_list("status", "attempts")]) == ("waiting", [("waiting", 0)])
    assert jobs.work(job.pk, clock=lambda: NOW) == 1
    upload.refresh_from_db()
    job.refresh_from_db()
    assert (upload.status, upload.accepted, job.status) == ("loaded", 4, "done")


def test_a_job_that_waits_is_rung_for_again_later(area, clerk, monkeypatch):
    from bureau.models import Job

    sent = []
    with loading(area):
        upload = uploads.load_upload(receive(area, clerk), actor=clerk, now=NOW)
        monkeypatch.setattr("celery.current_app.send_task", lambda name, **how: sent.append((name, how["countdown"])))
        jobs.work(Job.objects.get(key=f"upload {upload.pk}").pk, clock=lambda: NOW)
    assert sent == [("bureau.tasks.work_on", 10)]


def test_a_file_that_a_worker_loads_is_neither_waited_for_nor_loaded_twice(area, clerk, impatient):
    from bureau.models import Upload

    upload = receive(area, clerk)
    Upload.objects.filter(pk=upload.pk).update(status="loading")
    with another() as worker:
        worker.execute("SELECT FROM bureau_upload WHERE id = %s FOR NO KEY UPDATE", [upload.pk])
        assert uploads.load_upload(receive(area, clerk), actor=clerk, now=NOW).status == "loading"
        with pytest.raises(DomainError, match=r"^Only a loaded roster can be undone\.$"):
            undo_upload(upload, actor=clerk, now=NOW)


def test_undoing_waits_for_no_other_file(area, clerk, impatient):
    from members.models import Member

    upload = uploads.load_upload(receive(area, clerk), actor=clerk, now=NOW)
    with loading(area), pytest.raises(DomainError) as refused:
        undo_upload(upload, actor=clerk, now=NOW)
    assert str(refused.value) == "Another roster of this area is being loaded; try again when it is done."
    upload.refresh_from_db()
    assert upload.status == "loaded" and Member.objects.count() == 4
    assert undo_upload(upload, actor=clerk, now=NOW).status == "undone"


def _reader(area):
    from bureau.models import Staff

    reader = Staff.objects.create(username="reader", area=area, is_staff=True)
    reader.groups.add(Group.objects.get(name="clerk"))
    return reader


def test_an_act_that_meets_a_lock_says_so_and_records_nothing(area, clerk, client, impatient):
    from bureau.models import AuditEntry
    from members.models import BenefitPeriod

    uploads.load_upload(receive(area, clerk), actor=clerk, now=NOW)
    period = roster("姓名,证件号码,险种类型,开始日期,结束日期", f"李明,{LI},310,2026-01-01,2026-12-31")
    uploads.load_upload(receive(area, clerk, "benefit_periods", period), actor=clerk, now=NOW)
    before = AuditEntry.objects.count()
    client.force_login(_reader(area))
    with another() as session:
        session.execute("SELECT FROM members_member FOR UPDATE")
        session.execute("SELECT FROM members_benefitperiod FOR UPDATE")
        url = reverse("admin:members_benefitperiod_act", args=[BenefitPeriod.objects.get().pk, "benefit_period.end"])
        page = client.post(url, {"ends_on": "2026-03-31"}).content.decode()
    assert "其他人正在修改同一批记录（可能正在导入名册），请稍后再试。" in page
    assert str(BenefitPeriod.objects.get().ends_on) == "2026-12-31"
    assert AuditEntry.objects.count() == before


def test_a_page_that_takes_too_long_says_so(area, client, monkeypatch):
    from bureau.rosters.admin import UploadAdmin

    def slow(self, request):
        with connection.cursor() as cursor:
            cursor.execute("SET statement_timeout = '50ms'")
            cursor.execute("SELECT pg_sleep(5)")

    monkeypatch.setattr(UploadAdmin, "get_queryset", slow)
    client.force_login(_reader(area))
    client.raise_request_exception = False
    try:
        page = client.get("/admin/bureau/upload/")
    finally:
        with connection.cursor() as cursor:
            cursor.execute("RESET statement_timeout")
    assert page.status_code == 503
    assert "本次查询超过允许时间。请缩小范围，例如缩短期间。" in page.content.decode()


def test_a_part_of_a_job_that_meets_a_lock_is_tried_again_and_then_says_so(area, clerk, impatient):
    from bureau.models import Chunk, Job

    def wait(params, *, job, actor, now):
        with connection.cursor() as cursor:
            cursor.execute("SELECT FROM bureau_area FOR UPDATE")

    jobs.register("waiting", wait, label="waiting")
    job = jobs.create_job(kind="waiting", key="w", area_id=area.pk, params={}, chunks=[{}], actor=clerk, now=NOW)
    with another() as session:
        session.execute("SELECT FROM bureau_area FOR UPDATE")
        assert jobs.work(job.pk, clock=lambda: NOW) == 3
    chunk = Chunk.objects.get(job=job)
    assert (chunk.status, chunk.attempts, chunk.problem) == ("failed", 3, BUSY)
    assert Job.objects.get(pk=job.pk).status == "failed"


PROCESSES = {
    "web": "import bureau.wsgi",
    "asynchronous web": "import bureau.asgi",
    "worker": "import django; django.setup(); from celery.signals import worker_init; worker_init.send(None)",
    "command": "import django; django.setup()",
}


@pytest.mark.parametrize("process", PROCESSES)
def test_each_kind_of_process_has_its_limits(process):
    code = f"""{PROCESSES[process]}
from django.db import connection
with connection.cursor() as cursor:
    cursor.execute("SELECT current_setting('lock_timeout'), current_setting('statement_timeout')")
    print(*cursor.fetchone())"""
    checkout = Path(__file__).resolve().parents[2]
    environment = os.environ | {"DJANGO_SETTINGS_MODULE": "bureau.settings", "GONGJI_WEB_LOCK_TIMEOUT": "3s"}
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=checkout, env=environment, capture_output=True, text=True, timeout=60
    )
    expected = {"worker": "1min 45min", "command": "0 0"}.get(process, "3s 1min")
    assert done.stdout.strip() == expected, done.stderr


def test_the_limits_of_this_process_are_its_own():
    assert "options" not in connections.settings["default"]["OPTIONS"]
