"""Jobs in chunks: delivered thrice, killed, without a broker, by a real worker; each chunk takes effect once."""

import os
import signal
import subprocess
import sys
import threading
import time
from collections import Counter
from datetime import UTC, datetime

import pytest
from django.conf import settings
from django.db import connection, connections

from bureau.errors import DomainError

NOW = datetime(2026, 3, 1, 1, 0, tzinfo=UTC)
EFFECT = "test.effect"

pytestmark = pytest.mark.django_db(transaction=True)


def clock() -> datetime:
    return NOW


@pytest.fixture
def actor(transactional_db):
    from bureau.models import Staff

    return Staff.objects.create(username="timer")


@pytest.fixture
def silent(monkeypatch):
    """Nobody hears the bells."""
    from bureau.jobs import services as jobs

    bells = []
    monkeypatch.setattr(jobs.current_app, "send_task", lambda *args, **more: bells.append((args, more)))
    return bells


@pytest.fixture
def kinds(monkeypatch):
    """Handlers of this test only."""
    from bureau.jobs import services as jobs

    monkeypatch.setattr(jobs, "_kinds", dict(jobs._kinds))
    jobs.register("note", note, label="note")
    return jobs


def note(params, *, job, actor, now):
    """An effect that nothing but the job's own promises keeps from happening twice."""
    from bureau import audit

    audit.record(EFFECT, actor=actor, now=now, number=params["number"])
    return {"noted": 1}


def effects() -> Counter:
    from bureau.models import AuditEntry

    return Counter(AuditEntry.objects.filter(action=EFFECT).values_list("detail__number", flat=True))


def make(jobs, actor, count: int, *, kind="note", key="test 2026-03"):
    chunks = [{"number": number} for number in range(1, count + 1)]
    return jobs.create_job(kind=kind, key=key, area_id=None, params={}, chunks=chunks, actor=actor, now=NOW)


def at_once(count: int, act) -> list:
    """Run an act in threads that start together; errors are among the answers."""
    start, answers = threading.Barrier(count), [None] * count

    def run(number: int) -> None:
        try:
            start.wait()
            answers[number] = act()
        except Exception as error:
            answers[number] = error
        finally:
            connections.close_all()

    threads = [threading.Thread(target=run, args=(number,)) for number in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    return answers


def test_job_is_done_once_and_counts(kinds, actor, silent):
    from bureau.jobs.queries import progress

    job = make(kinds, actor, 3)
    assert kinds.work(job.pk, clock=clock, limit=2) == 2
    job.refresh_from_db()
    assert (job.status, progress(job).done, progress(job).waiting, progress(job).percent) == ("running", 2, 1, 66)
    assert kinds.work(job.pk, clock=clock) == 1
    assert kinds.work(job.pk, clock=clock) == 0
    job.refresh_from_db()
    assert (job.status, job.result, job.finished_at) == ("done", {"noted": 3}, NOW)
    assert effects() == {1: 1, 2: 1, 3: 1}


def test_same_key_is_the_same_job(kinds, actor, silent):
    from bureau.models import Chunk, Job

    first = make(kinds, actor, 3)
    again = make(kinds, actor, 5)
    assert again.pk == first.pk
    assert (Job.objects.count(), Chunk.objects.count()) == (1, 3)


def test_two_schedulers_at_once_make_one_job(kinds, actor, silent):
    from bureau.models import Chunk, Job

    answers = at_once(8, lambda: make(kinds, actor, 40).pk)
    print("jobs:", Job.objects.count(), "answers:", answers)
    assert set(answers) == {Job.objects.get().pk}
    assert Chunk.objects.count() == 40


def test_delivered_thrice_takes_effect_once(kinds, actor, silent):
    job = make(kinds, actor, 120)
    tried = at_once(3, lambda: kinds.work(job.pk, clock=clock))
    more = at_once(3, lambda: kinds.work(job.pk, clock=clock))
    job.refresh_from_db()
    done = effects()
    print("tried:", tried, "then:", more, "lost:", 120 - len(done), "doubled:", sum(done.values()) - len(done))
    assert done == dict.fromkeys(range(1, 121), 1)
    assert more == [0, 0, 0]
    assert (job.status, job.result) == ("done", {"noted": 120})


def test_worker_passes_over_what_another_holds(kinds, actor, silent):
    from bureau.models import Chunk

    held, release = threading.Event(), threading.Event()

    def slow_first(params, *, job, actor, now):
        if params["number"] == 1:
            held.set()
            assert release.wait(30)
        return note(params, job=job, actor=actor, now=now)

    kinds.register("slow", slow_first, label="slow")
    job = make(kinds, actor, 4, kind="slow")
    first = threading.Thread(target=lambda: (kinds.work(job.pk, clock=clock, limit=1), connections.close_all()))
    first.start()
    assert held.wait(30)
    assert kinds.work(job.pk, clock=clock) == 3
    assert sorted(effects()) == [2, 3, 4]
    job.refresh_from_db()
    assert job.status == "running"
    release.set()
    first.join(30)
    job.refresh_from_db()
    assert job.status == "done"
    assert effects() == {1: 1, 2: 1, 3: 1, 4: 1}
    assert set(Chunk.objects.values_list("attempts", flat=True)) == {1}


def test_chunk_fails_after_three_attempts_and_leaves_nothing(kinds, actor, silent, caplog):
    from bureau.models import Chunk

    def breaks(params, *, job, actor, now):
        note(params, job=job, actor=actor, now=now)
        return {"noted": 1 // (params["number"] - 2)}

    kinds.register("breaks", breaks, label="breaks")
    job = make(kinds, actor, 3, kind="breaks")
    assert kinds.work(job.pk, clock=clock) == 5
    job.refresh_from_db()
    chunk = Chunk.objects.get(number=2)
    assert (job.status, chunk.status, chunk.attempts) == ("failed", "failed", 3)
    assert "ZeroDivisionError" in chunk.problem
    assert "Traceback" not in chunk.problem
    assert effects() == {1: 1, 3: 1}

    kinds.register("breaks", note, label="breaks")
    kinds.retry_job(job, actor=actor, now=NOW)
    assert kinds.work(job.pk, clock=clock) == 1
    job.refresh_from_db()
    assert job.status == "done"
    assert effects() == {1: 1, 2: 1, 3: 1}
    with pytest.raises(DomainError):
        kinds.retry_job(job, actor=actor, now=NOW)


def test_refused_chunk_fails_at_once_with_its_sentence(kinds, actor, silent):
    from bureau.models import Chunk

    def refuses(params, *, job, actor, now):
        raise DomainError("No edition is in force on %(day)s.", day="2031-01-01")

    kinds.register("refuses", refuses, label="refuses")
    job = make(kinds, actor, 1, kind="refuses")
    assert kinds.work(job.pk, clock=clock) == 1
    chunk = Chunk.objects.get()
    assert (chunk.status, chunk.attempts, chunk.problem) == ("failed", 1, "No edition is in force on 2031-01-01.")


def test_broken_promise_at_commit_counts_as_an_attempt(kinds, actor, silent, caplog):
    """A deferred foreign key is checked at the commit, after the handler has returned."""
    from bureau.models import Chunk

    def dangling(params, *, job, actor, now):
        with connection.cursor() as cursor:
            cursor.execute("UPDATE bureau_job SET area_id = '999999' WHERE id = %s", [job.pk])
        return {}

    kinds.register("dangling", dangling, label="dangling")
    job = make(kinds, actor, 1, kind="dangling")
    assert kinds.work(job.pk, clock=clock) == 3
    chunk = Chunk.objects.get()
    assert (chunk.status, chunk.attempts) == ("failed", 3)
    assert "IntegrityError" in chunk.problem


def test_chunk_that_kills_its_workers_ends_up_failed(kinds, actor, silent):
    from bureau.models import Chunk

    job = make(kinds, actor, 2)
    Chunk.objects.filter(number=1).update(attempts=kinds.STARTS_ALLOWED)
    assert kinds.work(job.pk, clock=clock) == 1
    job.refresh_from_db()
    assert (job.status, Chunk.objects.get(number=1).status) == ("failed", "failed")
    assert effects() == {2: 1}


def test_finish_runs_once_with_the_last_chunk(kinds, actor, silent):
    finished = []

    def finish(*, job, actor, now):
        finished.append(job.pk)
        return {"chunks": job.chunks.count()}

    kinds.register("finishing", note, label="finishing", finish=finish)
    job = make(kinds, actor, 30, kind="finishing")
    at_once(4, lambda: kinds.work(job.pk, clock=clock))
    job.refresh_from_db()
    assert (job.status, job.result, finished) == ("done", {"chunks": 30}, [job.pk])


def test_job_without_chunks_is_done(kinds, actor, silent):
    job = make(kinds, actor, 0)
    assert kinds.work(job.pk, clock=clock) == 0
    job.refresh_from_db()
    assert job.status == "done"


def test_unknown_kind_is_refused(kinds, actor, silent):
    from bureau.models import Job

    with pytest.raises(LookupError):
        make(kinds, actor, 1, kind="unheard")
    assert not Job.objects.exists()


KILLED = """
import os, sys, time
import django
django.setup()
from datetime import UTC, datetime
from bureau import audit
from bureau.jobs import services as jobs

def slow(params, *, job, actor, now):
    audit.record("test.effect", actor=actor, now=now, number=params["number"])
    print(params["number"], flush=True)
    time.sleep(0.02 if params["number"] != 7 else 60)
    return {}

jobs.register("note", slow, label="note")
jobs.work(int(sys.argv[1]), clock=lambda: datetime(2026, 3, 1, tzinfo=UTC))
"""


def test_killed_worker_loses_and_doubles_nothing(kinds, actor, silent):
    job = make(kinds, actor, 12)
    environment = os.environ | {"DATABASE_URL": url_of_test_database(), "PYTHONPATH": str(settings.BASE_DIR)}
    worker = subprocess.Popen(
        [sys.executable, "-c", KILLED, str(job.pk)], env=environment, stdout=subprocess.PIPE, text=True
    )
    try:
        for line in worker.stdout:
            if int(line) == 7:
                break
        worker.send_signal(signal.SIGKILL)
    finally:
        worker.kill()
        worker.wait(30)
    assert effects() == dict.fromkeys(range(1, 7), 1)
    assert wait_until(lambda: kinds.work(job.pk, clock=clock) is not None and len(effects()) == 12)
    job.refresh_from_db()
    done = effects()
    print("lost:", 12 - len(done), "doubled:", sum(done.values()) - len(done))
    assert done == dict.fromkeys(range(1, 13), 1)
    assert (job.status, job.chunks.get(number=7).attempts) == ("done", 2)


def test_broker_that_is_down_does_not_fail_the_act(kinds, actor, monkeypatch, caplog):
    from bureau.models import Job

    with monkeypatch.context() as patch:
        patch.setattr(kinds.current_app.conf, "broker_write_url", "redis://127.0.0.1:1/0")
        started = time.monotonic()
        job = make(kinds, actor, 2)
        waited = time.monotonic() - started
    print(f"waited {waited:.2f} s for a broker that is down")
    assert waited < 3
    assert Job.objects.get().status == "waiting"

    bells = []
    monkeypatch.setattr(kinds.current_app, "send_task", lambda *args, **more: bells.append(more["args"]))
    assert kinds.sweep() == 1
    assert bells == [[job.pk]]


def test_sweep_rings_for_unfinished_jobs_only(kinds, actor, silent):
    first, second = make(kinds, actor, 1, key="one"), make(kinds, actor, 1, key="two")
    kinds.work(first.pk, clock=clock)
    silent.clear()
    assert kinds.sweep() == 1
    assert [more["args"] for _args, more in silent] == [[second.pk]]


def test_bell_rings_only_after_the_commit(kinds, actor, silent):
    from django.db import transaction

    from bureau.models import Job

    with pytest.raises(RuntimeError), transaction.atomic():
        make(kinds, actor, 1)
        raise RuntimeError
    assert silent == []
    assert not Job.objects.exists()


def test_real_worker_loads_a_large_roster(area, clerk, transactional_db):
    """Celery and Redis for once: the bell rings, the worker of another process loads the file, the job is done."""
    from bureau.models import Job
    from bureau.rosters.uploads import load_upload, receive_upload
    from members.models import Employer
    from tests.members.samples import roster

    content = roster("单位编号,单位名称", *(f"E{number:05d},公司{number}" for number in range(1200)))
    environment = os.environ | {
        "DATABASE_URL": url_of_test_database(), "DJANGO_SETTINGS_MODULE": "bureau.settings",
    }  # fmt: skip
    worker = subprocess.Popen(
        [
            sys.executable, "-m", "celery", "-A", "bureau.celery", "worker", "--queues", "import,settlement",
            "--concurrency", "1", "--without-mingle", "--without-gossip", "--loglevel", "WARNING",
        ],
        env=environment, cwd=settings.BASE_DIR, start_new_session=True,
    )  # fmt: skip
    try:
        upload = receive_upload(kind="employers", name="e.csv", content=content, area=area, actor=clerk, now=NOW)
        assert load_upload(upload, actor=clerk, now=NOW).status == "loading"
        assert wait_until(lambda: Job.objects.get().status == "done", seconds=60)
    finally:
        os.killpg(worker.pid, signal.SIGTERM)
        try:
            worker.wait(20)
        finally:
            if worker.poll() is None:
                os.killpg(worker.pid, signal.SIGKILL)
                worker.wait(10)
    upload.refresh_from_db()
    assert (upload.status, upload.accepted) == ("loaded", 1200)
    assert Employer.objects.count() == 1200


def url_of_test_database() -> str:
    parts = connection.settings_dict
    return f"postgresql://{parts['USER']}:{parts['PASSWORD']}@{parts['HOST']}:{parts['PORT']}/{parts['NAME']}"


def wait_until(condition, *, seconds: float = 20) -> bool:
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        if condition():
            return True
        time.sleep(0.1)
    return False
