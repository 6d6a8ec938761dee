"""E12: a visits file of which a part has failed says so; tried again, every row is settled once."""

import pytest

from bureau.errors import DomainError
from bureau.models import Job
from tests.settlement.test_visit_rosters import NOW, bill, load, people, place

__all__ = ["people", "place"]


def test_e12_a_part_that_fails_ends_the_loading_and_is_tried_again(city, people, place, monkeypatch):
    from bureau.jobs import services as jobs
    from bureau.rosters.undo import undo_upload
    from settlement.models import Visit
    from settlement.services.rosters import visits as rosters

    monkeypatch.setattr(rosters, "ROWS_IN_A_PART", 1)
    upload = load(city, [bill(person, place, number) for number, person in enumerate(people)])
    job = Job.objects.get(key=f"visits {upload.pk}")
    whole = rosters.settle_bills

    def breaks(bills, **asked):
        if bills[0].key == "S1":
            raise MemoryError
        return whole(bills, **asked)

    monkeypatch.setattr(rosters, "settle_bills", breaks)
    jobs.work(job.pk, clock=lambda: NOW)
    upload.refresh_from_db()
    assert (upload.status, Visit.objects.count()) == ("failed", 2)
    assert upload.problem == (
        "第 2 块意外失败（MemoryError），详见工作进程日志。 请按原因改正，然后重新上传该文件或重试该任务。"
    )
    with pytest.raises(DomainError, match="已结算的门诊不能撤销，可逐笔冲正。"):
        undo_upload(upload, actor=city.clerk, now=NOW)
    monkeypatch.setattr(rosters, "settle_bills", whole)
    jobs.retry_job(job, actor=city.clerk, now=NOW)
    jobs.work(job.pk, clock=lambda: NOW)
    upload.refresh_from_db()
    assert (upload.status, upload.accepted, upload.problem, Visit.objects.count()) == ("loaded", 3, "", 3)
