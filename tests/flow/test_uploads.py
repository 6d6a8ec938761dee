"""Files as they come: good rows go in, bad rows come back, nothing is half-written, twice is once."""

import io
from datetime import date

import openpyxl
import pytest
from django.db import IntegrityError, connection, transaction

from bureau.errors import DomainError
from tests.attacks.attack import ran
from tests.members.samples import CHEN, FOUR, LI, MEMBER_HEADINGS, NOW, WANG, ZHAO, members, roster
from tests.roster_files import rejects

pytestmark = pytest.mark.django_db

PERIODS = "姓名,证件号码,险种类型,开始日期,结束日期"


def rows_of_everything() -> dict[str, int]:
    """How many rows each table has, but for the upload itself and the audit of it."""
    from django.apps import apps

    counts = {}
    with connection.cursor() as cursor:
        for model in apps.get_models():
            if model._meta.label not in ("bureau.Upload", "bureau.AuditEntry"):
                cursor.execute(f"SELECT count(*) FROM {model._meta.db_table}")
                counts[model._meta.label] = cursor.fetchone()[0]
    return counts


def counts(upload) -> tuple:
    return upload.status, upload.rows, upload.accepted, upload.unchanged, upload.rejected


def workbook(*rows: tuple) -> bytes:
    book = openpyxl.Workbook()
    for row in rows:
        book.active.append(row)
    out = io.BytesIO()
    book.save(out)
    return out.getvalue()


HEADINGS = tuple(MEMBER_HEADINGS.split(","))


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        (b"", "The file is empty."),
        (b"\xef\xbb\xbf\r\n\r\n", "The file is empty."),
        (roster(MEMBER_HEADINGS), "The file has headings and no rows."),
        (
            "甲,乙,丙\r\n1,2,3\r\n".encode(),
            "These columns are missing: 姓名、证件号码、险种类型、人员类别、本次参保日期、参保所属医保区划."
            " Found: 甲、乙、丙.",
        ),
        (b"PK\x03\x04 not a workbook", "The XLSX file is damaged; open it in Excel and save it again."),
        (
            b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(600),
            "This is an old .xls file or one with a password; save it as .xlsx without a password.",
        ),
        (bytes(range(256)) * 20, None),
    ],
)
def test_unreadable_file_is_refused_whole(load, content, problem):
    before = rows_of_everything()
    upload = load("members", content)
    assert (upload.status, upload.rows, upload.accepted) == ("refused", 0, 0)
    assert upload.problem
    if problem is not None:
        assert upload.problem == problem
    assert rows_of_everything() == before


def test_damage_in_the_middle_of_a_workbook_loads_nothing(load):
    content = workbook(HEADINGS, *[("李明", LI, "310", "11", "2026-01-01", None, "441699") for _row in range(3000)])
    before = rows_of_everything()
    damaged = content[: len(content) // 2] + bytes(200) + content[len(content) // 2 + 200 :]
    upload = load("members", damaged, "roster.xlsx")
    assert (upload.status, upload.rows) == ("refused", 0)
    assert rows_of_everything() == before


def test_each_bad_line_comes_back_with_its_reason(load, reasons):
    from members.models import Enrolment

    wrong_digit = LI[:-1] + ("0" if LI[-1] != "0" else "1")
    upload = load(
        "members",
        members(
            f"李明,{LI},11,2026-01-01",
            f"钱一,{wrong_digit},11,2026-01-01",
            f"=1+1,{WANG},11,2026-01-01",
            f"王芳,{WANG},11,26/1/5",
            f"王芳,{WANG},11,2026-02-30",
            f"王芳,{WANG},11,46023",
            f"李明,{LI},12,2026-03-01",
            f"陈强,{CHEN},77,2026-01-01",
            ",,,",
        ),
    )
    assert counts(upload) == ("loaded", 9, 2, 0, 7)
    assert reasons(upload) == [
        ("3", "证件号码", "The check digit of the identity number is wrong; compare it with the card."),
        ("4", "姓名", "The cell contains a formula; copy the column and paste it as values."),
        (
            "5",
            "本次参保日期",
            "“26/1/5” lacks a year of four digits, or a month or day; write it as 2026-01-05.",
        ),
        ("6", "本次参保日期", "There is no day “2026-02-30”."),
        ("8", "本次参保日期", "The days overlap those of line 2."),
        reasons(upload)[5],
        reasons(upload)[6],
    ]
    assert [line for line, _field, _reason in reasons(upload)] == ["3", "4", "5", "6", "8", "9", "10"]
    assert reasons(upload)[5][1] == "人员类别"
    assert list(Enrolment.objects.order_by("id").values_list("member__name", "starts_on")) == [
        ("李明", date(2026, 1, 1)),
        ("王芳", date(2026, 1, 1)),  # Excel's day 46023
    ]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "gb18030", "utf-16"])
def test_every_encoding_of_a_bureau_is_read(load, encoding):
    from members.models import Member

    text = f"参保人员花名册\r\n{MEMBER_HEADINGS}\r\n李明,{LI},310,11,2026-01-01,,441699,,,\r\n"
    upload = load("members", text.encode(encoding))
    assert counts(upload) == ("loaded", 1, 1, 0, 0)
    assert Member.objects.get().name == "李明"


def test_workbook_with_numbers_dates_and_formulas(load, reasons):
    from members.models import Enrolment

    upload = load(
        "members",
        workbook(
            HEADINGS,
            ("李明", LI, 310, 11, 46023, None, 441699, None, None, None),
            ("王芳", WANG, "310", "11", date(2026, 1, 5), None, "441699", None, None, None),
            ("陈强", int(CHEN[:17] + "0"), "310", "11", "2026-01-05", None, "441699", None, None, None),
            ('=CONCAT("赵","小")', ZHAO, "310", "11", "2026-01-05", None, "441699", None, None, None),
        ),
        "roster.xlsx",
    )
    assert counts(upload) == ("loaded", 4, 2, 0, 2)
    assert [(line, field) for line, field, _reason in reasons(upload)] == [("4", "证件号码"), ("5", "姓名")]
    assert list(Enrolment.objects.order_by("id").values_list("starts_on", flat=True)) == [
        date(2026, 1, 1), date(2026, 1, 5),
    ]  # fmt: skip


def test_rejected_rows_can_be_corrected_and_sent_again(load):
    upload = load("members", members(f"李明,{LI},11,2026-01-01", f"王芳,{WANG},11,2026-13-01"))
    text = rejects(upload)
    assert text.splitlines()[0] == f"{MEMBER_HEADINGS},Line,Field,Reason"
    again = load("members", text.replace("2026-13-01", "2026-01-01").encode())
    assert counts(again) == ("loaded", 1, 1, 0, 0)


@pytest.mark.parametrize("form", ["CSV, GB18030", "XLSX"])
def test_the_corrected_file_of_rejected_rows_brings_what_was_missing(load, form):
    """Turned away by a cell and by what is recorded; each row comes back with its own cells, and in when corrected."""
    from members.models import Enrolment

    rows = [f"李明,{LI},310,11,2026-01-01,,441699,,13800000001,", f"王芳,{WANG},310,11,2026-13-01,,441699,,,",
            f"陈强,{CHEN},310,11,2026-01-01,,999999,,,", f"赵小,{ZHAO},999,12,2026-02-01,,441699,,,"]  # fmt: skip
    content, name = roster(MEMBER_HEADINGS, *rows, encoding="gb18030"), "r.csv"
    if form == "XLSX":
        content, name = workbook(HEADINGS, *(row.split(",") for row in rows)), "r.xlsx"
    upload = load("members", content, name)
    assert counts(upload) == ("loaded", 4, 1, 0, 3)
    text = rejects(upload)
    for wrong, right in [("2026-13-01", "2026-01-01"), ("999999", "441699"), (",999,", ",310,")]:
        assert text.count(wrong) >= 1
        text = text.replace(wrong, right)
    again = load("members", text.encode("utf-8-sig"), "rejected.csv")
    assert counts(again) == ("loaded", 3, 3, 0, 0), rejects(again)
    assert sorted(Enrolment.objects.values_list("member__name", "scheme")) == [
        ("李明", "310"), ("王芳", "310"), ("赵小", "310"), ("陈强", "310"),
    ]  # fmt: skip


def test_same_file_twice_is_one_upload(load, area, clerk):
    from bureau.models import AuditEntry, Upload
    from bureau.rosters.uploads import receive_upload

    first = load("members", FOUR)
    before = rows_of_everything()
    again = load("members", FOUR, "another name.csv")
    assert again == first
    assert rows_of_everything() == before
    assert AuditEntry.objects.filter(action__startswith="upload.").count() == 2
    other = receive_upload(kind="employers", name="x", content=FOUR, area=area, actor=clerk, now=NOW)
    assert other != first
    assert Upload.objects.count() == 2


def test_refused_file_may_come_again(load, area):
    period = roster(PERIODS, f"李明,{LI},310,2026-01-01,")
    first = load("benefit_periods", period)
    assert first.status == "refused"
    load("members", FOUR)
    second = load("benefit_periods", period)
    assert second != first
    assert counts(second) == ("loaded", 1, 1, 0, 0)


def test_unknown_roster_and_giant_file_are_refused(load, area, clerk, monkeypatch):
    from bureau.models import Upload
    from bureau.rosters import originals

    with pytest.raises(DomainError, match="There is no roster of the kind “horoscopes”"):
        load("horoscopes", b"x")
    monkeypatch.setattr(originals, "LARGEST_FILE", 1024 * 1024)
    with pytest.raises(DomainError, match="more than 1 MB"):
        load("members", bytes(1024 * 1024 + 1))
    assert not Upload.objects.exists()


def test_failure_while_writing_leaves_nothing(load, area, clerk, monkeypatch):
    """A constraint that the checks did not foresee: the whole file stays out, and the sentence is readable."""
    from bureau.models import Upload
    from bureau.rosters.staging import Batch

    insert = Batch.insert

    def twice(self, model, columns, **more):
        insert(self, model, columns, **more)
        return insert(self, model, columns, **more)

    monkeypatch.setattr(Batch, "insert", twice)
    before = rows_of_everything()
    with pytest.raises(DomainError, match="load the file again"):
        load("members", FOUR)
    assert rows_of_everything() == before
    assert Upload.objects.get().status == "received"
    monkeypatch.undo()
    assert counts(load("members", FOUR)) == ("loaded", 4, 4, 0, 0)


def test_undo_removes_people_and_enrolments(load, four, clerk):
    from bureau.rosters.undo import undo_upload
    from members.models import Enrolment, Member

    undone = undo_upload(four, actor=clerk, now=NOW)
    assert undo_upload(four, actor=clerk, now=NOW).status == undone.status == "undone"
    assert not Member.objects.exists()
    assert not Enrolment.objects.exists()
    assert counts(load("members", FOUR)) == ("loaded", 4, 4, 0, 0)


def test_undo_restores_what_was_changed(load, four, clerk):
    from bureau.rosters.undo import undo_upload
    from members.models import BenefitPeriod, Member

    load("benefit_periods", roster(PERIODS, f"李明,{LI},310,2026-01-01,2026-12-31"))
    shortened = load("benefit_periods", roster(PERIODS, f"李明,{LI},310,2026-01-01,2026-06-30"))
    phones = load("members", members(f"李明,{LI},11,2026-01-01,,,,13900000009", f"孙七,{_sun()},11,2026-02-01"))
    undo_upload(shortened, actor=clerk, now=NOW)
    undo_upload(phones, actor=clerk, now=NOW)
    assert BenefitPeriod.objects.get().ends_on == date(2026, 12, 31)
    assert Member.objects.get(name="李明").phone == ""
    assert Member.objects.count() == 4


def _sun() -> str:
    from bureau.identifiers.identity import with_check_digit

    return with_check_digit("44162119700707005")


def refused_undo(upload, clerk) -> str:
    from bureau.rosters.undo import undo_upload

    before = rows_of_everything()
    with pytest.raises(DomainError) as refused:
        undo_upload(upload, actor=clerk, now=NOW)
    assert rows_of_everything() == before
    upload.refresh_from_db()
    assert upload.status == "loaded"
    return str(refused.value)


def test_undo_is_refused_once_others_refer_to_the_people(load, four, clerk):
    load("benefit_periods", roster(PERIODS, f"李明,{LI},310,2026-01-01,2026-12-31"))
    assert refused_undo(four, clerk) == (
        "1 records (benefit period) refer to people or things that this upload made known."
    )


def test_undo_is_refused_once_a_later_upload_changed_the_rows(load, four, clerk):
    first = load("benefit_periods", roster(PERIODS, f"李明,{LI},310,2026-01-01,2026-12-31"), "first.csv")
    second = load("benefit_periods", roster(PERIODS, f"李明,{LI},310,2026-01-01,2026-06-30"), "second.csv")
    third = load("benefit_periods", roster(PERIODS, f"李明,{LI},310,2026-01-01,2026-03-31"), "third.csv")
    assert "has changed the same records since" in refused_undo(first, clerk)
    assert refused_undo(second, clerk) == ("“third.csv” has changed the same records since; undo that upload first.")
    from bureau.rosters.undo import undo_upload
    from members.models import BenefitPeriod

    for upload, ends_on in [(third, date(2026, 6, 30)), (second, date(2026, 12, 31))]:
        undo_upload(upload, actor=clerk, now=NOW)
        assert BenefitPeriod.objects.get().ends_on == ends_on


def test_undo_is_refused_once_staff_changed_a_record(load, four, clerk):
    from members.models import BenefitPeriod
    from members.services.spans import end_benefit_period

    upload = load("benefit_periods", roster(PERIODS, f"李明,{LI},310,2026-01-01,2026-12-31"))
    end_benefit_period(period=BenefitPeriod.objects.get(), ends_on=date(2026, 9, 30), actor=clerk, now=NOW)
    assert refused_undo(upload, clerk) == (
        "One of its records has been changed since (benefit_period.end), so it cannot be undone any more."
    )


def test_undo_is_refused_once_anybody_changed_a_record_past_the_services(load, four, clerk):
    """No act tells of it, no audit entry: the history does. A change that was taken back by hand counts as well."""
    ran("UPDATE members_member SET phone = '139'")
    ran("UPDATE members_member SET phone = ''")
    assert refused_undo(four, clerk).startswith("One of its records has been changed since (")


def test_undo_passes_what_others_only_looked_at(load, four, clerk):
    """An act about a record that changed nothing of it is no change."""
    from bureau import audit
    from bureau.rosters.undo import undo_upload
    from members.models import Member

    audit.record("member.reveal", actor=clerk, now=NOW, subject=Member.objects.first())
    assert undo_upload(four, actor=clerk, now=NOW).status == "undone"


def test_undo_puts_back_what_loading_took_away(load, four, clerk, monkeypatch):
    from bureau.rosters import uploads
    from bureau.rosters.undo import undo_upload
    from members.models import Employer

    load("employers", "单位编号,单位名称\nE1,一公司\nE2,二公司\n".encode())
    before = list(Employer.objects.order_by("pk").values())
    roster, known = uploads.roster("employers"), uploads.roster("employers").load

    def changes_and_removes(batch):
        known(batch)
        batch.run("DELETE FROM members_employer WHERE code = 'E1'")

    monkeypatch.setattr(roster, "load", changes_and_removes)
    upload = load("employers", "单位编号,单位名称\nE1,甲公司\nE3,三公司\n".encode())
    assert list(Employer.objects.order_by("code").values_list("code", flat=True)) == ["E2", "E3"]
    undo_upload(upload, actor=clerk, now=NOW)
    assert list(Employer.objects.order_by("pk").values()) == before


def test_an_upload_from_before_there_was_a_history_stays(load, four, clerk):
    connection.check_constraints()
    ran("ALTER TABLE bureau_auditentry DISABLE TRIGGER audit_entries_stay")
    ran("UPDATE bureau_auditentry SET transaction = NULL WHERE action = 'upload.load'")
    assert refused_undo(four, clerk) == (
        "It was loaded before changes of records were kept, so it cannot be undone any more."
    )


def test_undo_is_refused_where_a_room_objects(load, four, clerk, monkeypatch):
    from bureau.rosters import uploads

    monkeypatch.setitem(uploads._objections, "members", [lambda upload: f"{upload.rows} accounts are credited."])
    assert refused_undo(four, clerk) == "4 accounts are credited."


def test_undo_is_refused_for_what_is_not_loaded(load, clerk):
    from bureau.rosters.undo import undo_upload

    upload = load("members", b"")
    with pytest.raises(DomainError, match="Only a loaded roster can be undone"):
        undo_upload(upload, actor=clerk, now=NOW)


def test_large_file_becomes_a_job(area, clerk):
    from bureau.jobs import services as jobs
    from bureau.jobs.queries import progress
    from bureau.models import Job
    from bureau.rosters.uploads import load_upload, receive_upload
    from members.models import Employer

    content = roster("单位编号,单位名称", *(f"E{number:05d},公司{number}" for number in range(1500)))
    upload = receive_upload(kind="employers", name="e.csv", content=content, area=area, actor=clerk, now=NOW)
    upload = load_upload(upload, actor=clerk, now=NOW)
    assert upload.status == "loading"
    job = Job.objects.get(key=f"upload {upload.pk}")
    assert (progress(job).total, progress(job).done) == (1, 0)
    assert jobs.work(job.pk, clock=lambda: NOW) == 1
    job.refresh_from_db()
    upload.refresh_from_db()
    assert (job.status, job.result) == ("done", {"rows": 1500, "accepted": 1500, "unchanged": 0, "rejected": 0})
    assert counts(upload) == ("loaded", 1500, 1500, 0, 0)
    assert Employer.objects.count() == 1500


def test_small_file_is_loaded_at_once(area, clerk):
    from bureau.models import Job
    from bureau.rosters.uploads import load_upload, receive_upload

    upload = receive_upload(kind="members", name="m.csv", content=FOUR, area=area, actor=clerk, now=NOW)
    assert counts(load_upload(upload, actor=clerk, now=NOW)) == ("loaded", 4, 4, 0, 0)
    assert not Job.objects.exists()


def test_database_keeps_editions_and_audit_entries(load, four):
    for statement in (
        "UPDATE bureau_auditentry SET action = 'x'",
        "DELETE FROM bureau_auditentry",
        "TRUNCATE bureau_auditentry",
        "DELETE FROM bureau_edition",
    ):
        with pytest.raises(IntegrityError, match="what is recorded there stays"), transaction.atomic():
            connection.check_constraints()
            connection.cursor().execute(statement)
