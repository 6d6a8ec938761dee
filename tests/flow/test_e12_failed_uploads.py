"""E12: a job that has failed for good ends its file's loading: with the reason and what to do, to be tried again or
undone."""

import pytest

from bureau.errors import DomainError
from bureau.jobs import services as jobs
from bureau.models import AuditEntry, Job, Upload
from bureau.rosters import uploads
from bureau.rosters.undo import undo_upload
from members.models import Employer
from tests.members.samples import NOW, roster

ADVICE = "Put right what the reason says, then send the file again or try the job again."
CONTENT = roster("单位编号,单位名称", "E1,一厂", "E2,二厂", "E3,三厂")


@pytest.fixture
def broken(area, clerk, monkeypatch):
    """A file whose loading by a job breaks off each time; `broken.mend()` ends that."""
    monkeypatch.setattr(uploads, "ROWS_AT_ONCE", 2)
    known = uploads.roster("employers")
    known.load = lambda batch: 1 / 0

    class Broken:
        given = {"actor": clerk, "now": NOW}
        upload = uploads.load_upload(
            uploads.receive_upload(kind="employers", name="e.csv", content=CONTENT, area=area, **given), **given
        )
        job = Job.objects.get(key=f"upload {upload.pk}")

        @staticmethod
        def mend():
            vars(known).pop("load", None)

        @staticmethod
        def work():
            jobs.work(Broken.job.pk, clock=lambda: NOW)
            Broken.upload.refresh_from_db()
            Broken.job.refresh_from_db()
            return Broken.upload.status, Broken.job.status

    yield Broken
    Broken.mend()


def test_e12_a_failed_job_ends_the_loading_with_reason_and_advice(broken):
    assert broken.upload.status == "loading"
    assert broken.work() == ("failed", "failed")
    assert broken.upload.problem == (
        "Part 1 of the work failed unexpectedly (ZeroDivisionError); the worker's log says more. " + ADVICE
    )
    assert not Employer.objects.exists()


def test_e12_the_job_is_tried_again_and_the_file_is_loaded(broken):
    broken.work()
    broken.mend()
    jobs.retry_job(broken.job, **broken.given)
    broken.upload.refresh_from_db()
    assert (broken.upload.status, broken.upload.problem) == ("loading", "")
    assert broken.work() == ("loaded", "done")
    assert Employer.objects.count() == 3


def test_e12_the_same_file_sent_again_is_the_same_work_tried_again(broken, area):
    broken.work()
    broken.mend()
    again = uploads.receive_upload(kind="employers", name="e.csv", content=CONTENT, area=area, **broken.given)
    assert again.pk == broken.upload.pk
    assert uploads.load_upload(again, **broken.given).status == "loading"
    assert broken.work() == ("loaded", "done")
    assert (Upload.objects.count(), Job.objects.count()) == (1, 1)


def test_e12_a_failed_file_is_undone_and_may_come_anew(broken, area):
    broken.work()
    assert undo_upload(broken.upload, **broken.given).status == "undone"
    broken.mend()
    again = uploads.receive_upload(kind="employers", name="e.csv", content=CONTENT, area=area, **broken.given)
    assert again.pk != broken.upload.pk and uploads.load_now(again, **broken.given).accepted == 3
    jobs.retry_job(broken.job, **broken.given)
    assert broken.work() == ("undone", "done")
    assert Employer.objects.count() == 3


def test_e12_a_file_that_is_loading_is_not_undone(broken):
    with pytest.raises(DomainError, match=r"Only a loaded roster can be undone\."):
        undo_upload(broken.upload, **broken.given)
    assert not AuditEntry.objects.filter(action="upload.undo").exists()
