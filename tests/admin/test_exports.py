"""8.2: every list goes out (export_list) as its filters show it, within reach, by permission, with an audit entry."""

import csv
import datetime
import io
import re
import tracemalloc
from decimal import Decimal

import openpyxl
import pytest
from django.contrib import admin
from django.urls import reverse

from bureau.jobs import services as jobs
from bureau.models import AuditEntry, Job, Upload
from bureau.rosters import uploads
from bureau.rosters.roster import Roster
from bureau.site.exports import services, store
from members.models import Enrolment, Member
from tests.admin.conftest import NOW

ROSTERS = [known for known in uploads.rosters() if isinstance(known, Roster) and known._meta.key]


def address(model, query: str = "") -> str:
    name = f"admin:{model._meta.app_label}_{model._meta.model_name}_list_act"
    return reverse(name, args=[services.act_of(model)]) + (f"?{query}" if query else "")


def export(client, model, query: str = "", **said):
    """The answer to the form of a list's export, as it is sent."""
    form = client.get(address(model, query)).context["form"]
    return client.post(address(model, query), {"kind": "csv", "key": form["key"].value()} | said)


def cells(answer) -> list[list[str]]:
    return list(csv.reader(io.StringIO(content(answer).decode("utf-8-sig"))))


def content(answer) -> bytes:
    said = answer.context and answer.context.get("form")
    sent = answer.headers.get("Content-Disposition", "").startswith("attachment")
    assert sent, (answer.status_code, answer.request["PATH_INFO"], said and said.errors)
    return b"".join(answer.streaming_content) if answer.streaming else answer.content


def trail(act: str) -> list[dict]:
    return list(AuditEntry.objects.filter(action=act).order_by("pk").values_list("detail", flat=True))


def load(client, kind: str, area, name: str, file: bytes) -> Upload:
    """A file through the upload page."""
    file = io.BytesIO(file)
    file.name = name
    url = reverse("admin:bureau_upload_list_act", args=["upload.load"])
    answer = client.post(url, {"kind": kind, "area": area.pk, "file": file})
    assert answer.status_code == 302, answer.context and answer.context["form"].errors
    return Upload.objects.latest("pk")


def counts(upload: Upload) -> tuple:
    return upload.status, upload.accepted, upload.unchanged, upload.rejected


@pytest.mark.parametrize("kind", ["csv", "gb18030", "xlsx"])
def test_8_2_every_roster_that_is_exported_comes_in_again_unchanged(kind, whole_city, staff, city, browse):
    client, came, known = browse(staff["clerk"]), {}, {}
    for roster in ROSTERS:
        model = roster._meta.model
        rows = known[roster.kind] = model.objects.count()
        file = content(export(client, model, kind=kind))
        came[roster.kind] = counts(load(client, roster.kind, city.area, f"x.{kind}", file))
        [entry] = trail(services.act_of(model))
        assert (entry["rows"], entry["list"], entry["format"]) == (rows, model._meta.label_lower, kind)
    assert all(known.values()) and len(known) >= 12
    assert came == {kind: ("loaded", 0, rows, 0) for kind, rows in known.items()}


def test_8_2_exported_changed_and_imported_changes_that_row_alone(full_city, staff, city, browse):
    client = browse(staff["clerk"])
    head, *rows = cells(export(client, Enrolment))
    assert len(rows) == Enrolment.objects.count() == 3
    number = full_city["member"].number
    [row] = [row for row in rows if row[head.index("人员编号")] == number]
    row[head.index("联系电话")] = "13900001234"
    assert re.fullmatch(r"\*{14}....", row[head.index("证件号码")])
    before = {member.pk: (member.document_hash, member.phone) for member in Member.objects.all()}
    written = io.StringIO()
    csv.writer(written).writerows([head, *rows])
    upload = load(client, "members", city.area, "改.csv", written.getvalue().encode("utf-8-sig"))
    assert counts(upload) == ("loaded", 1, 2, 0)
    after = {member.pk: (member.document_hash, member.phone) for member in Member.objects.all()}
    changed = full_city["member"].pk
    assert after == before | {changed: (before[changed][0], "13900001234")}


def test_8_2_what_filters_and_search_show_is_exported_and_the_trail_says_it(full_city, staff, browse):
    from settlement.models import Run

    client = browse(staff["finance"])
    head, *rows = cells(export(client, Run, "kind__exact=advance&status__exact=submitted"))
    assert len(head) == 11 and len(rows) == 1 and Run.objects.count() == 2
    [entry] = trail("run.export")
    assert entry["rows"] == 1 and entry["filter"].count(": ") == 2 and "__exact" not in entry["filter"]
    form = client.get(address(Run, "kind__exact=advance")).content.decode()
    assert "清单共 1 行。" in form and "仅含筛选结果：" in form
    everything = cells(export(client, Run))
    assert len(everything) == 3 and trail("run.export")[1]["filter"] == ""


def test_8_2_the_button_takes_the_filters_of_the_list(full_city, staff, browse):
    page = browse(staff["clerk"]).get("/admin/members/enrolment/?scheme__exact=310&p=0").content.decode()
    assert "act/enrolment.export/?scheme__exact=310" in page and ">导出<" in page
    form = browse(staff["clerk"]).get(address(Enrolment, "scheme__exact=310")).content.decode()
    assert "/admin/members/enrolment/?scheme__exact=310" in form


@pytest.mark.parametrize("kind", ["csv", "xlsx"])
def test_8_2_every_list_is_exported_as_it_is_shown(kind, full_city, staff, browse, caplog):
    client, done = browse(staff["everybody"]), 0
    for model in admin.site._registry:
        rows = client.get(reverse(f"admin:{model._meta.app_label}_{model._meta.model_name}_changelist")).context["cl"]
        shown, width = rows.result_count, len(set(rows.list_display) - {"action_checkbox"})
        file = content(export(client, model, kind=kind))
        if kind == "xlsx":
            table = [list(row) for row in openpyxl.load_workbook(io.BytesIO(file)).active.iter_rows(values_only=True)]
        else:
            table = list(csv.reader(io.StringIO(file.decode("utf-8-sig"))))
        assert len(table) == shown + 1, model
        assert uploads.of_records(model) or len(table[0]) == width, model
        assert not any("<" in str(cell) for row in table for cell in row if cell), model
        assert len(trail(services.act_of(model))) == 1
        done += 1
    assert done == len(admin.site._registry) >= 50
    assert caplog.records == []


def test_8_2_amounts_of_a_list_are_numbers(full_city, staff, browse):
    from settlement.models import Line

    amounts = sorted(Line.objects.values_list("amount", flat=True))
    client = browse(staff["finance"])
    head, *rows = cells(export(client, Line))
    assert len(head) == 8
    assert sorted(Decimal(row[2]) for row in rows) == amounts and all("," not in row[2] for row in rows)
    book = openpyxl.load_workbook(io.BytesIO(content(export(client, Line, kind="xlsx")))).active
    assert sorted(Decimal(str(row[2])) for row in book.iter_rows(min_row=2, values_only=True)) == amounts


def test_8_2_who_may_not_export_gets_nothing_and_leaves_no_entry(full_city, staff, browse):
    from accounts.models import Journal

    client = browse(staff["clerk"])
    before = AuditEntry.objects.count()
    for model in (Journal, AuditEntry):
        assert client.get(address(model)).status_code == 403
        assert client.post(address(model), {"kind": "csv", "key": "x"}).status_code == 403
    assert "journal.export" not in client.get("/admin/accounts/journal/").content.decode()
    assert browse(staff["finance"]).post(address(Enrolment), {"kind": "csv", "key": "x"}).status_code == 403
    assert AuditEntry.objects.count() == before


def test_8_2_document_numbers_are_masked_unless_a_role_and_a_reason_ask_for_them(full_city, staff, browse):
    number = "11010519491231002X"
    client = browse(staff["clerk"])
    assert "in_full" not in client.get(address(Enrolment)).context["form"].fields
    masked = export(client, Enrolment, in_full="on", reason="核对")
    assert number not in content(masked).decode("utf-8-sig")
    client = browse(staff["reviewer"])
    assert "in_full" not in client.get(address(Member)).context["form"].fields  # a list that has no numbers
    refused = export(client, Enrolment, in_full="on")
    assert refused.context["form"].errors["reason"] == ["这个字段是必填项。"]
    assert len(trail("enrolment.export")) == 1
    full = cells(export(client, Enrolment, in_full="on", reason="与公安比对"))
    assert {row[full[0].index("证件号码")].strip() for row in full[1:]} == {number}
    assert [entry["documents"] for entry in trail("enrolment.export")] == ["masked", "in full"]
    assert trail("enrolment.export")[1]["reason"] == "与公安比对"
    assert not AuditEntry.objects.filter(detail__icontains=number[:14]).exists()


def test_8_2_an_identity_number_in_the_address_is_not_searched_by(full_city, staff, browse):
    answer = browse(staff["clerk"]).post(address(Enrolment, "q=11010519491231002X"), {"kind": "csv", "key": "x"})
    assert answer.status_code == 200 and "此处不按证件号码查询" in str(answer.context["form"].errors)
    assert trail("enrolment.export") == []


@pytest.fixture
def large(monkeypatch):
    """Two rows are many."""
    monkeypatch.setattr(services, "ROWS_AT_ONCE", 2)
    monkeypatch.setattr(services, "TOLD_EVERY", 1)


def work(job: Job, now=NOW) -> Job:
    while jobs.work(job.pk, clock=lambda: now):
        pass
    job.refresh_from_db()
    return job


@pytest.mark.parametrize("kind", ["csv", "gb18030", "xlsx"])
def test_8_2_a_large_list_is_a_job_whose_file_is_fetched_from_its_page(large, kind, full_city, staff, city, browse):
    client = browse(staff["clerk"])
    answer = export(client, Enrolment, "scheme__exact=310", kind=kind)
    job = Job.objects.get(kind="export")
    page = f"/admin/bureau/job/{job.pk}"
    assert answer.headers["Location"] == f"{page}/change/"
    assert "export.fetch" not in client.get(f"{page}/change/").content.decode()
    assert "没有可下载的文件。" in client.get(f"{page}/act/export.fetch/").content.decode()
    assert work(job).status == "done" and job.result == {"rows": 3}
    shown = client.get(f"{page}/change/").content.decode()
    assert "export.fetch" in shown and "2026-03-23" in shown
    file = content(client.get(f"{page}/act/export.fetch/"))
    upload = load(client, "members", city.area, f"x.{kind}", file)
    assert counts(upload) == ("loaded", 0, 3, 0)
    [entry] = trail("enrolment.export")
    assert (entry["rows"], entry["job"], entry["documents"]) == (3, job.pk, "masked")
    assert entry["filter"].startswith("险种: ")
    assert len(trail("export.fetch")) == 1
    assert not job.chunks.exclude(sealed=None).exists()  # what was searched by


def test_8_2_the_same_form_sent_twice_is_one_job(large, full_city, staff, browse):
    client = browse(staff["clerk"])
    for _twice in range(2):
        assert client.post(address(Enrolment), {"kind": "csv", "key": "desk-1"}).status_code == 302
    assert browse(staff["reviewer"]).post(address(Enrolment), {"kind": "csv", "key": "desk-1"}).status_code == 302
    assert Job.objects.filter(kind="export").count() == 2


def test_8_2_an_export_is_fetched_by_who_asked_for_it_while_they_may_and_for_a_week(large, full_city, staff, browse):
    client = browse(staff["reviewer"])
    export(client, Enrolment, in_full="on", reason="核对")
    job = work(Job.objects.get(kind="export"))
    url = f"/admin/bureau/job/{job.pk}/act/export.fetch/"

    def refused(who) -> str:
        answer = browse(who).get(url)
        assert answer.status_code == 200
        return str(answer.context["form"].non_field_errors())

    assert "导出文件由发起导出的人下载。" in refused(staff["inspector"])
    assert "您的角色已无权导出此清单。" in refused(staff["clerk"])
    assert trail("export.fetch") == []
    reviewer = staff["reviewer"]
    reviewer.county = full_city["centre"].county
    reviewer.save()
    assert "您的账号已改属其他统筹区或经办机构" in refused(reviewer)
    reviewer.county = None
    reviewer.save()
    assert "11010519491231002X" in content(browse(reviewer).get(url)).decode("utf-8-sig")
    assert store.drop_old(now=NOW + datetime.timedelta(days=7)) == 0
    assert store.drop_old(now=NOW + datetime.timedelta(days=8)) >= 1
    assert "文件已到期清除，请重新导出。" in refused(reviewer)
    assert len(trail("export.fetch")) == 1


def test_8_2_a_kept_export_is_encrypted(large, full_city, staff, browse, settings):
    from pathlib import Path

    export(browse(staff["reviewer"]), Enrolment, in_full="on", reason="核对")
    job = work(Job.objects.get(kind="export"))
    folder = Path(settings.STORAGES["exports"]["OPTIONS"]["location"])
    stored = (folder / services._name(job)).read_bytes()
    assert stored.startswith(b"gongji1\n") and "证件号码".encode() not in stored and b"110105" not in stored


def test_8_2_a_list_that_no_worksheet_holds_is_refused(large, full_city, staff, browse, monkeypatch):
    from bureau.files import tables

    monkeypatch.setattr(tables, "MOST_ROWS", 2)
    client = browse(staff["clerk"])
    export(client, Enrolment, kind="xlsx")
    job = work(Job.objects.get(kind="export"))
    assert job.status == "failed"
    assert job.chunks.get().problem == "工作表最多 1048576 行，请改选 CSV，或先筛选清单。"
    assert trail("enrolment.export") == []


@pytest.mark.parametrize("kind", ["csv", "xlsx"])
def test_8_2_a_long_list_is_written_in_flat_memory(kind, city, staff, rf):
    from bureau.files import tables
    from bureau.site.exports.lists import Listed
    from members.models import Employer

    def most(rows: int) -> int:
        Employer.objects.bulk_create(
            Employer(area=city.area, code=f"L{number}", name="一家名字很长的有限责任公司" * 3)
            for number in range(Employer.objects.count(), rows)
        )
        listed = Listed(admin.site.get_model_admin(Employer), "", staff["everybody"])
        written = 0
        tracemalloc.start()
        for block in listed.blocks(kind, tables.Counted()):
            written += len(block)
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        assert written > rows * 5
        return peak

    few, many = most(8_000), most(32_000)
    assert many < few * 1.5 + 1_000_000


def test_8_2_cells_of_lists():
    from django.utils.html import format_html

    from bureau.site.exports.lists import cell

    assert cell(None) is None and cell("–") is None
    assert cell(True) == "是" and cell(Decimal("1.50")) == Decimal("1.50") and cell(2026) == 2026
    assert cell(datetime.datetime(2026, 3, 1, 16, 0, tzinfo=datetime.UTC)) == "2026-03-02 00:00:00"
    assert cell(datetime.date(2026, 3, 1)) == "2026-03-01"
    assert cell(format_html('<a href="/x">{}</a>', "甲 & 乙")) == "甲 & 乙"
    assert cell("<甲>") == "<甲>" and cell("=1") == "'=1" and cell(10**15) == "1000000000000000\t"
