"""Rosters as they came: encrypted in the file store, block by block, for a set time."""

import csv
import datetime
import importlib
import io
import os
import time
from pathlib import Path

import pytest
from django.conf import settings
from django.core.files.base import ContentFile, File
from django.core.files.storage import storages
from django.db import connection, transaction
from django.db.migrations.loader import MigrationLoader

from bureau.errors import DomainError
from bureau.files.cells import IDENTITY_INSIDE
from bureau.identifiers import ciphers, sealed_files
from bureau.rosters import originals, rejected, uploads
from tests.members.samples import FOUR, LI, NOW, WANG, ZHAO, members
from tests.roster_files import original, rejects

BLOCK = sealed_files.BLOCK
LATER = NOW + settings.KEEP_ORIGINALS + datetime.timedelta(days=1)


def stored() -> dict[str, bytes]:
    folder = Path(storages["originals"].location)
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@pytest.fixture(autouse=True)
def own_store(tmp_path, settings):
    settings.STORAGES = settings.STORAGES | {
        "originals": settings.STORAGES["originals"] | {"OPTIONS": {"location": str(tmp_path)}}
    }


def sealed(content: bytes, name: str = "a/b", step: int = 100_000) -> bytes:
    return b"".join(sealed_files.seal((content[at : at + step] for at in range(0, len(content), step)), name))


def read(stored_bytes: bytes, name: str = "a/b") -> bytes:
    with sealed_files.opened(io.BytesIO(stored_bytes), name) as file:
        return file.read()


@pytest.mark.parametrize("size", [0, 1, BLOCK - 1, BLOCK, BLOCK + 1, 3 * BLOCK, 3 * BLOCK + 7])
def test_a_file_of_any_length_is_read_as_it_was_written(size):
    content = os.urandom(size)
    written = sealed(content)
    assert read(written) == content
    blocks = max(1, -(-size // BLOCK))
    assert len(written) == len(sealed_files.MAGIC) + 16 + size + 16 * blocks
    with sealed_files.opened(io.BytesIO(written), "a/b") as file:
        for at in (size // 2, 0, max(size - 3, 0), size + 9):
            assert file.seek(at) == at
            assert file.read(5) == content[at : at + 5]
        assert file.seek(0, os.SEEK_END) == size


def test_a_file_that_was_changed_in_any_way_is_not_read():
    content = os.urandom(3 * BLOCK + 7)
    written, other, head, whole = sealed(content), sealed(content), len(sealed_files.MAGIC) + 16, BLOCK + 16
    first, second, third, last = (written[head + n * whole : head + (n + 1) * whole] for n in range(4))
    start = written[:head]
    wrong = {
        "a bit of the middle": start + first + bytes([second[0] ^ 1]) + second[1:] + third + last,
        "a bit of a tag": written[:-1] + bytes([written[-1] ^ 1]),
        "a bit of the salt": written[: head - 1] + bytes([written[head - 1] ^ 1]) + written[head:],
        "cut within a block": written[:-1],
        "cut between blocks": start + first + second + third,
        "cut to its beginning": start,
        "blocks in another order": start + second + first + third + last,
        "a block left out": start + first + third + last,
        "a block twice": start + first + second + second + third + last,
        "a block more": written + last,
        "a block of another file": start + other[head : head + whole] + second + third + last,
        "nothing": b"",
        "something else": b"PK" + bytes(100),
    }
    for how, bad in wrong.items():
        with pytest.raises(sealed_files.Unreadable):
            read(bad)
        assert how
    with pytest.raises(sealed_files.Unreadable):
        read(written, "a/c")  # it lies under another file's name
    assert read(written) == content


class Piecewise(File):
    """A file as Django receives a large one: it is never to be read whole."""

    def __init__(self, size: int):
        super().__init__(io.BytesIO(b"x" * size), "large.csv")

    def read(self, size: int = -1) -> bytes:
        assert 0 < size <= 1024 * 1024, "read whole"
        return self.file.read(size)


def test_a_file_is_read_piece_by_piece_and_a_larger_one_leaves_nothing(monkeypatch):
    kept = originals.keep(Piecewise(3 * BLOCK), now=NOW)
    assert kept.size == 3 * BLOCK and list(stored()) == [kept.name]
    monkeypatch.setattr(originals, "LARGEST_FILE", 2 * BLOCK)
    with pytest.raises(DomainError) as refused:
        originals.keep(Piecewise(3 * BLOCK), now=NOW)
    assert refused.value.field == "file" and refused.value.params == {"limit": 0}
    assert list(stored()) == [kept.name]


@pytest.mark.django_db
def test_the_original_lies_encrypted_and_once(load, area, clerk):
    first, again = load("members", FOUR), load("members", FOUR, "again.csv")
    assert first == again and list(stored()) == [first.original] and first.size == len(FOUR)
    assert original(first) == FOUR
    [content] = stored().values()
    assert LI.encode() not in content and "李明".encode() not in content


@pytest.mark.django_db
@pytest.mark.parametrize("how", ["another key", "cut", "another file's", "gone"])
def test_an_original_that_cannot_be_read_says_so_and_loads_nothing(load, area, clerk, settings, how):
    from members.models import Member

    given = {"kind": "members", "area": area, "actor": clerk, "now": NOW}
    upload = uploads.receive_upload(name="m.csv", content=FOUR, **given)
    path = Path(storages["originals"].location, upload.original)
    if how == "another key":
        settings.DATA_KEY = bytes(range(16))
    elif how == "cut":
        path.write_bytes(path.read_bytes()[:-1])
    elif how == "gone":
        path.unlink()
    else:
        other = uploads.receive_upload(name="o.csv", content=FOUR + b"\r\n", **given)
        path.write_bytes(Path(storages["originals"].location, other.original).read_bytes())
    with pytest.raises(DomainError) as refused:
        uploads.load_upload(upload, actor=clerk, now=NOW)
    assert str(refused.value) == (
        f"The file is not in the file store. Tell the system administrator the number {upload.pk}."
        if how == "gone"
        else "What is stored cannot be read with this installation's key."
    )
    upload.refresh_from_db()
    assert upload.status == "received" and not Member.objects.exists()


@pytest.mark.django_db
def test_after_its_time_name_hash_and_counts_stay_and_the_file_is_gone(
    load, area, clerk, django_capture_on_commit_callbacks
):
    from bureau.models import AuditEntry, Upload

    upload = load(
        "members", members(f"李明,{LI},11,2026-01-01", f"王{WANG},{WANG},11,26/1/5", f"?,{ZHAO},11,2026-01-01")
    )
    loading = uploads.receive_upload(kind="members", name="l.csv", content=FOUR, area=area, actor=clerk, now=NOW)
    Upload.objects.filter(pk=loading.pk).update(status="loading")
    young = uploads.receive_upload(
        kind="members", name="y.csv", content=FOUR + b"\n", area=area, actor=clerk, now=LATER
    )
    whole = rejects(upload)
    assert "“26/1/5” lacks" in whole and WANG in whole
    with django_capture_on_commit_callbacks(execute=True):
        assert originals.drop_old(actor=clerk, now=LATER) == 1
    assert originals.drop_old(actor=clerk, now=LATER) == 0
    assert set(stored()) == {loading.original, young.original}
    told = {field: getattr(upload, field) for field in ("name", "sha256", "size", "rows", "accepted", "rejected")}
    upload.refresh_from_db()
    assert upload.original == "" and told == {field: getattr(upload, field) for field in told}
    assert not upload.rejected_rows.exclude(quoted=None).exists()
    lines = list(csv.reader(io.StringIO(rejects(upload))))
    no_year = "“…” lacks a year of four digits, or a month or day; write it as 2026-01-05."
    assert lines == [
        ["Line", "Field", "Reason"],
        ["3", "姓名、本次参保日期", f"{IDENTITY_INSIDE} {no_year}"],
        ["4", "姓名", "“…” is a damaged name; write it as it stands on the document."],
    ]  # fmt: skip
    assert AuditEntry.objects.get(action="upload.drop_original").record_id == str(upload.pk)


@pytest.mark.django_db
def test_a_file_that_was_dropped_before_it_was_loaded_is_to_be_sent_again(
    load, area, clerk, django_capture_on_commit_callbacks
):
    given = {"kind": "members", "name": "m.csv", "content": FOUR, "area": area, "actor": clerk}
    upload = uploads.receive_upload(**given, now=NOW)
    with django_capture_on_commit_callbacks(execute=True):
        originals.drop_old(actor=clerk, now=LATER)
    upload = uploads.load_upload(uploads.receive_upload(**given, now=LATER), actor=clerk, now=LATER)
    assert (upload.status, upload.problem) == ("refused", "The file is no longer kept as it came; send it again.")
    again = uploads.load_upload(uploads.receive_upload(**given, now=LATER), actor=clerk, now=LATER)
    assert again != upload and (again.status, again.accepted) == ("loaded", 4)


@pytest.mark.django_db
def test_what_no_upload_names_is_removed_after_a_day(load, area, clerk):
    upload = load("members", FOUR)
    stray, fresh = (originals.keep(ContentFile(b"x"), now=NOW).name for _ in range(2))
    long_ago = time.time() - 25 * 3600
    for name in (stray, upload.original):
        os.utime(Path(storages["originals"].location, name), (long_ago, long_ago))
    originals.drop_old(actor=clerk, now=NOW)
    assert set(stored()) == {upload.original, fresh}


@pytest.mark.django_db
def test_what_lay_in_the_database_is_moved(load, area, clerk):
    """The columns as they were, filled as they were: files go to the store, rejected rows into the table."""
    from bureau.models import Upload

    apps = MigrationLoader(connection).project_state(("bureau", "0010_files_in_a_store")).apps
    migration = importlib.import_module("bureau.migrations.0010_files_in_a_store")
    upload = load("members", members(f"李明,{LI},11,2026-01-01", f"王芳,{WANG},11,26/1/5"))
    came, turned, lines = original(upload), rejects(upload), list(csv.reader(io.StringIO(rejects(upload))))
    for path in Path(storages["originals"].location).rglob("*"):
        if path.is_file():
            path.unlink()
    with connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
        cursor.execute("DELETE FROM bureau_rejectedrow")
        cursor.execute("ALTER TABLE bureau_upload ADD content bytea, ADD rejects bytea")
        cursor.execute("ALTER TABLE bureau_upload DISABLE TRIGGER USER")
        cursor.execute("UPDATE bureau_upload SET original = '', size = 0")
    before = apps.get_model("bureau", "Upload").objects.get(pk=upload.pk)
    before.content, before.rejects = came, ("\ufeff" + turned).encode()
    before.save()

    migration.move_files(apps, connection.schema_editor())

    upload = Upload.objects.get(pk=upload.pk)
    assert original(upload) == came and upload.size == len(came) and list(stored()) == [upload.original]
    [(line, problems, quoted)] = upload.rejected_rows.values_list("line", "problems", "quoted")
    assert (line, problems) == (3, [{"field": "", "message": "%(reason)s", "params": {}}])
    assert quoted == [{"reason": f"{lines[1][-2]}：{lines[1][-1]}"}]


@pytest.mark.django_db
def test_the_application_cannot_exchange_an_original_or_a_quote(load, clerk):
    from django.db import IntegrityError

    upload = load("members", members(f"李明,{LI},11,2026-01-01", f"王芳,{WANG},11,26/1/5"))
    for statement, guard in [
        ("UPDATE bureau_upload SET original = 'another'", "original_stays"),
        ("UPDATE bureau_rejectedrow SET quoted = 'x'", "quotes_stay"),
    ]:
        with pytest.raises(IntegrityError) as refused, transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(statement)
        assert refused.value.__cause__.diag.constraint_name == guard
    assert "“26/1/5” lacks" in rejects(upload)


def test_reasons_quote_nothing_in_the_clear():
    """Numbers stay beside the sentence; every text that fills it is sealed."""
    from bureau.files import Problem

    told = Problem(
        3, "name", "姓名", "x", "%(said)s is on line %(first)d, see %(key)s", {"said": "王芳", "first": 2, "key": 5}
    )
    plain, quoted = rejected._apart([told])
    assert "王芳" not in plain and '{"first": 2, "key": 5}' in plain
    assert "王芳".encode() not in quoted and ciphers.decrypt(quoted, b"sealed field")
