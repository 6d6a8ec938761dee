"""C1: no identity number stands in clear in any column of any table, nor in Redis; files are kept, encrypted."""

import importlib
import json
from pathlib import Path

import pytest
import redis
from django.apps import apps
from django.core.files.storage import storages
from django.db import connection

from tests.members.samples import CHEN, FOUR, LI, WANG, ZHAO, roster
from tests.roster_files import original, rejects
from tests.settlement.test_visit_rosters import NOW, bill, load, people, place

__all__ = ["people", "place"]


def cells_with(numbers):
    """(table, column) of every cell of the database whose text, bytes or JSON has one of the numbers."""
    found, cells = set(), 0
    with connection.cursor() as cursor:
        cursor.execute(
            """SELECT table_name, column_name FROM information_schema.columns
               WHERE table_schema = 'public' ORDER BY 1, ordinal_position"""
        )
        for name, column in cursor.fetchall():
            cursor.execute(f'SELECT "{column}"::text FROM "{name}" WHERE "{column}" IS NOT NULL')
            for (text,) in cursor:
                cells += 1
                for number in numbers:
                    if number in text or number.encode().hex() in text or number.encode("utf-16-le").hex() in text:
                        found.add((name, column))
    assert cells > 500
    return found


@pytest.fixture
def several_files(city, people, place, monkeypatch):
    """Rosters at once and by a job, with rejected rows, a file without headings, and a visits file left half done."""
    from bureau.jobs import services as jobs
    from bureau.models import Job
    from bureau.rosters import uploads
    from settlement.services.rosters import visits as rosters

    given = {"area": city.area, "actor": city.clerk, "now": NOW}

    def receive(kind, name, content):
        return uploads.receive_upload(kind=kind, name=name, content=content, **given)

    unusable = f"{CHEN},1,2026-02-01,证件{CHEN}作废"
    files = {
        "members": receive("members", f"张{LI}.csv", FOUR),
        "headless": receive("members", "x.csv", f"李明,{LI},310\n".encode()),
        "unknown": receive("suspensions", "s.csv", roster("证件号码,暂停类型,开始日期,原因", unusable)),
    }
    for upload in files.values():
        uploads.load_now(upload, actor=city.clerk, now=NOW)
    monkeypatch.setattr(uploads, "ROWS_AT_ONCE", 2)
    mistyped = ZHAO[:-1] + ("0" if ZHAO[-1] != "0" else "1")
    large = receive("members", "m2.csv", FOUR + f"赵大,{mistyped},310,11\r\n".encode())
    files["by_job"] = uploads.load_upload(large, actor=city.clerk, now=NOW)
    monkeypatch.setattr(rosters, "ROWS_IN_A_PART", 1)
    rows = [bill(person, place, number) for number, person in enumerate(people)]
    rows += [bill(people[0], place, 7) | {"定点机构编码": people[0].document}]
    rows += [bill(people[1], place, 8, "-5.00") | {"原结算ID": "S99", "退费结算标志": "1"}]
    files["visits"] = load(city, rows)
    files["half"] = load(city, [bill(person, place, 20 + number) for number, person in enumerate(people)], name="h.csv")
    for job in Job.objects.order_by("pk"):
        jobs.work(job.pk, clock=lambda: NOW, limit=1 if job.key == f"visits {files['half'].pk}" else None)
    for upload in files.values():
        upload.refresh_from_db()
    return files


def test_c1_no_table_and_no_key_holds_a_number_in_clear(city, people, several_files, redis_url):
    from bureau.models import Chunk, Job

    numbers = [LI, WANG, CHEN, ZHAO, *(person.document for person in people)]
    assert several_files["headless"].status == "refused" and "····" in several_files["headless"].problem
    assert several_files["members"].name == f"张····{LI[-4:]}.csv"
    assert several_files["visits"].status == "loaded" and several_files["visits"].rejected == 2
    assert several_files["half"].status == "loading"
    assert Chunk.objects.filter(job__kind="visits", status="waiting").exclude(sealed=None).count() == 2
    assert cells_with(numbers) == set()
    kept = [path for path in Path(storages["originals"].location).rglob("*") if path.is_file()]
    assert {upload.original for upload in several_files.values()} <= {f"{p.parent.name}/{p.name}" for p in kept}
    for path in kept:
        assert not any(number.encode() in path.read_bytes() for number in numbers), path
    store = redis.Redis.from_url(redis_url)
    for key in store.scan_iter():
        value = store.dump(key)
        assert not any(number.encode() in key + value for number in numbers), key
    # The visits file that is done has left no rows in its job.
    done = Job.objects.get(key=f"visits {several_files['visits'].pk}")
    assert (done.status, done.sealed) == ("done", None)
    assert not done.chunks.exclude(sealed=None).exists()
    assert done.params == {"upload": several_files["visits"].pk, "unchanged": 0}


def test_c1_the_file_is_kept_as_it_came_and_its_rejects_are_whole(several_files):
    assert original(several_files["members"]) == FOUR
    assert CHEN in rejects(several_files["unknown"])


def test_c1_pages_of_jobs_show_no_cell_of_a_row(city, people, several_files, client):
    from django.contrib.auth.models import Group

    from bureau.models import Job, Staff

    for role in ("inspector", "system_administrator"):
        reader = Staff.objects.create(username=role, is_staff=True, area=city.area)
        reader.groups.add(Group.objects.get(name=role))
        client.force_login(reader)
        for job in Job.objects.filter(kind="visits"):
            pages = [f"/admin/bureau/job/{job.pk}/change/"]
            pages += [f"/admin/bureau/chunk/{chunk.pk}/change/" for chunk in job.chunks.all()]
            for page in pages:
                answer = client.get(page)
                assert answer.status_code == 200
                text = answer.content.decode()
                assert not any(person.document in text or person.document[:14] in text for person in people), page


def test_c1_another_key_reads_nothing(several_files, settings):
    from bureau.errors import DomainError

    settings.DATA_KEY = bytes(range(16))
    with pytest.raises(DomainError) as refused:
        original(several_files["members"])
    assert refused.value.message == "无法用本系统的密钥读取存储的内容。"


def test_c1_what_was_stored_in_clear_before_is_sealed_by_the_migration(city, people, place, several_files):
    """The rows as they lay before: open jobs can be worked on, those that are done are emptied."""
    from bureau.jobs import services as jobs
    from bureau.models import Job

    migration = importlib.import_module("bureau.migrations.0005_sealed_rows")
    half, done = (Job.objects.get(key=f"visits {several_files[name].pk}") for name in ("half", "visits"))
    bills = {chunk.number: chunk.sealed for chunk in half.chunks.filter(status="waiting")}
    with connection.cursor() as cursor:
        for number, sealed in bills.items():
            cursor.execute(
                "UPDATE bureau_chunk SET params = %s, sealed = NULL WHERE job_id = %s AND number = %s",
                [json.dumps(sealed), half.pk, number],
            )
        row = json.dumps({"settled": 1, "repeated": 0, "refused": [[2, LI, "key", "没有"]]})
        cursor.execute("UPDATE bureau_chunk SET result = %s WHERE job_id = %s", [row, done.pk])
        cursor.execute(
            "UPDATE bureau_job SET params = %s WHERE id = %s",
            [json.dumps({"upload": several_files["half"].pk, "unchanged": 0, "refused": []}), half.pk],
        )
    numbers = [LI, *(person.document for person in people)]
    assert cells_with(numbers) == {("bureau_chunk", "result")}

    editor = connection.schema_editor()
    migration.seal_jobs(apps, editor)

    assert cells_with(numbers) == set()
    assert {chunk.number: chunk.sealed for chunk in half.chunks.filter(status="waiting")} == bills
    assert not done.chunks.exclude(sealed=None).exists()
    assert jobs.work(half.pk, clock=lambda: NOW) == 2


def test_c1_open_jobs_lose_the_cells_of_their_rows_by_the_migration(people, several_files):
    from bureau.jobs import services as jobs
    from bureau.models import Job

    migration = importlib.import_module("bureau.migrations.0010_files_in_a_store")
    half = Job.objects.get(key=f"visits {several_files['half'].pk}")
    bills = {}
    for chunk in half.chunks.filter(status="waiting"):
        bills[chunk.pk] = chunk.sealed
        chunk.sealed = {"bills": [[*bill, f"{people[0].document}\x1fS1"] for bill in chunk.sealed["bills"]]}
        chunk.save()
    half.sealed = {"refused": [[9, f"{people[0].document}\x1fS9", "key", "没有"]]}
    half.save()
    migration.move_rows_of_jobs(apps, connection.schema_editor())
    assert {chunk.pk: chunk.sealed for chunk in half.chunks.filter(status="waiting")} == bills
    half.refresh_from_db()
    assert half.sealed is None
    assert jobs.work(half.pk, clock=lambda: NOW) == 2
    several_files["half"].refresh_from_db()
    assert (several_files["half"].status, several_files["half"].rejected) == ("loaded", 1)
    assert "9,,没有" in rejects(several_files["half"])


@pytest.mark.parametrize("field", ["reason", "name", "note"])
def test_c1_free_text_takes_no_number(field, rf):
    from django import forms

    from bureau.site import ActForm

    form_class = type("Form", (ActForm,), {field: forms.CharField()})
    form = form_class({field: f"户口本 {LI} 更正"}, request=rf.get("/"))
    assert form.errors == {field: ["请勿在此填写证件号码；证件号码只在参保人记录中加密保存。"]}
    assert form_class({field: "户口本更正 44160219800101"}, request=rf.get("/")).is_valid()


def test_c1_audit_cuts_numbers_but_leaves_keys(city):
    from bureau import audit

    said = {"reason": f"核对{LI}", "key": WANG, "changed": {"name": ["a", [CHEN.lower()]]}}
    entry = audit.record("member.reveal", actor=city.clerk, now=NOW, **said)
    cut = {"name": ["a", [f"····{CHEN[-4:]}"]]}
    assert entry.detail == {"reason": f"核对····{LI[-4:]}", "key": WANG, "changed": cut}
