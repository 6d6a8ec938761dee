"""What a form does with an answer: a refusal at its field, a surprise with a number, a quote that moves nothing."""

import datetime
import re

import pytest
from django.urls import reverse

from bureau.models import AuditEntry, Upload
from settlement.models import Visit

pytestmark = pytest.mark.django_db


def settling(full_city, **other):
    return {
        "member": full_city["relative"].pk,
        "institution": full_city["centre"].pk,
        "key": "desk-1",
        "encounter": "E9",
        "care_on": "2026-03-10",
        "channel": "ordinary",
        "credential": "03",
        "total": "100.00",
        "own_expense": "0.00",
        "over_limit": "0.00",
        "first_self": "0.00",
        "general_fee": "0.00",
        "pay_from": "own",
    } | other


def test_settle_visit_shows_the_split_and_the_trace_before_anything_moves(full_city, staff, browse):
    client = browse(staff["clerk"])
    url = reverse("admin:settlement_visit_list_act", args=["visit.settle"])
    before = Visit.objects.count()
    quoted = client.post(url, settling(full_city))
    assert Visit.objects.count() == before
    page = quoted.content.decode()
    assert "各方支付" in page and "60.00" in page and "40.00" in page  # the cap of one visit, and cash
    assert "按单次就诊计的支付限额" in page

    # What was shown is what is done: another amount is shown anew first.
    changed = client.post(url, settling(full_city, total="50.00") | {"_shown": quoted.context["shown"]})
    assert changed.status_code == 200 and Visit.objects.count() == before
    settled = client.post(url, settling(full_city, total="50.00") | {"_shown": changed.context["shown"]})
    visit = Visit.objects.order_by("-pk").first()
    assert settled.headers["Location"] == reverse("admin:settlement_visit_change", args=[visit.pk])
    assert (str(visit.pooled), str(visit.cash), visit.settled_by) == ("35.00", "15.00", staff["clerk"])

    again = client.post(url, settling(full_city, total="50.00") | {"_shown": changed.context["shown"]})
    assert again.headers["Location"] == settled.headers["Location"]
    assert Visit.objects.count() == before + 1


def test_desk_asks_for_the_consultation_fee_that_the_edition_pays_and_shows_it(full_city, staff, browse):
    client = browse(staff["clerk"])
    url = reverse("admin:settlement_visit_list_act", args=["visit.settle"])
    offered = client.get(url).context["form"].fields
    assert "consultation_fee" in offered
    assert not {"other_funds", "other_remainder"} & offered.keys()  # no class of costs of this city's edition
    said = settling(full_city, consultation_fee="9.00")
    quoted = client.post(url, said)
    client.post(url, said | {"_shown": quoted.context["shown"]})
    visit = Visit.objects.order_by("-pk").first()
    assert (visit.key, str(visit.consultation_fee)) == ("desk-1", "9.00")
    page = client.get(reverse("admin:settlement_visit_change", args=[visit.pk])).content.decode()
    assert "9.00" in page and "按定额支付的诊查费" in page and "其他基金" not in page


def test_approve_run_is_refused_to_the_submitter_in_the_form(full_city, staff, browse):
    run = full_city["run"]
    run.refresh_from_db()
    assert run.submitted_by == staff["clerk"]
    staff["clerk"].groups.set(staff["reviewer"].groups.all())
    url = reverse("admin:settlement_run_act", args=[run.pk, "run.approve"])
    page = browse(staff["clerk"]).post(url)
    assert "批次须由提交人以外的人审批。" in page.content.decode()
    run.refresh_from_db()
    assert (run.status, run.approved_by) == ("submitted", None)
    assert browse(staff["reviewer"]).post(url).status_code == 302
    run.refresh_from_db()
    assert (run.status, run.approved_by) == ("approved", staff["reviewer"])


def test_a_refusal_stands_at_the_field_to_blame(full_city, staff, browse):
    url = reverse("admin:members_member_list_act", args=["member.register"])
    said = {"name": "张三", "document_kind": "01", "document_number": "110105194912310021", "sex": "0"}
    form = browse(staff["clerk"]).post(url, said).context["form"]
    assert form.errors == {"document_number": ["身份证号校验码不符，请与证件核对。"]}


def test_a_surprise_is_a_sentence_with_a_number_that_the_log_knows(full_city, staff, browse, monkeypatch, caplog):
    from bureau.rosters.admin import uploads

    def broken(**asked):
        raise ZeroDivisionError("secret")

    monkeypatch.setattr(uploads, "receive_upload", broken)
    from django.core.files.uploadedfile import SimpleUploadedFile

    url = reverse("admin:bureau_upload_list_act", args=["upload.load"])
    said = {"kind": "employers", "area": full_city["upload"].area_id, "file": SimpleUploadedFile("a.csv", b"x")}
    page = browse(staff["clerk"]).post(url, said).content.decode()
    number = re.search(r"编号 ([0-9A-F]{8}) ", page).group(1)
    assert "ZeroDivisionError" not in page and "secret" not in page
    assert any(number in record.getMessage() for record in caplog.records)


def test_load_a_bad_roster_shows_the_counts_and_gives_the_rejected_rows(full_city, staff, browse):
    client = browse(staff["clerk"])
    upload = Upload.objects.get()
    assert (upload.accepted, upload.rejected) == (1, 1)
    page = client.get(reverse("admin:bureau_upload_change", args=[upload.pk])).content.decode()
    assert "已导入" in page and "单位" in page
    rejects = client.get(reverse("admin:bureau_upload_act", args=[upload.pk, "upload.rejects"]))
    assert "attachment" in rejects.headers["Content-Disposition"]
    assert "单元格为空。" in b"".join(rejects.streaming_content).decode("utf-8-sig")
    assert (
        browse(staff["finance"]).get(reverse("admin:bureau_upload_act", args=[upload.pk, "upload.rejects"])).status_code
        == 403
    )


def test_reveal_shows_the_number_once_and_leaves_an_audit_entry(full_city, staff, browse):
    member = full_city["member"]
    url = reverse("admin:members_member_act", args=[member.pk, "member.reveal"])
    page = browse(staff["clerk"]).post(url, {"reason": "核对证件"})
    assert "11010519491231002X" in page.content.decode()
    assert "no-store" in page.headers["Cache-Control"]
    entry = AuditEntry.objects.get(action="member.reveal")
    assert (entry.actor, entry.record_id, entry.detail) == (staff["clerk"], str(member.pk), {"reason": "核对证件"})
    assert browse(staff["inspector"]).post(url, {"reason": "看看"}).status_code == 403
    assert AuditEntry.objects.filter(action="member.reveal").count() == 1
    shown = browse(staff["clerk"]).get(reverse("admin:members_member_change", args=[member.pk])).content.decode()
    assert "11010519491231002X" not in shown


def test_death_ends_the_selection_and_tells_of_the_balance(full_city, staff, browse):
    member = full_city["member"]
    url = reverse("admin:members_member_act", args=[member.pk, "member.death"])
    page = browse(staff["clerk"]).post(url, {"on": "2026-03-10"}).content.decode()
    assert "余额由继承人支取" in page
    member.refresh_from_db()
    assert str(member.died_on) == "2026-03-10"
    assert str(member.selections.get(year=2026).ends_on) == "2026-03-10"
    assert str(member.selections.get(year=2026).counts_to) == "2026-03-01"


@pytest.mark.parametrize("term", ["0004", "成员4", "胡说", "11010519491231002X", "H44160200001", "x\x00y", "%"])
def test_search_answers_whatever_is_typed(term, full_city, staff, browse):
    client = browse(staff["clerk"])
    for name in ("members_member", "members_enrolment", "settlement_visit", "accounts_account"):
        assert client.get(reverse(f"admin:{name}_changelist"), {"q": term}).status_code in (200, 302)


def test_a_clerk_of_another_area_sees_nothing_of_this_one(full_city, staff, browse):
    from bureau.models import Area

    clerk = staff["clerk"]
    clerk.area = Area.objects.create(code="440800", name="湛江市")
    clerk.save()
    client = browse(clerk)
    for name, record in (
        ("settlement_visit", full_city["visit"]),
        ("accounts_account", full_city["account"]),
        ("settlement_run", full_city["run"]),
        ("members_member", full_city["member"]),
    ):
        assert client.get(reverse(f"admin:{name}_changelist")).context["cl"].result_count == 0, name
        assert client.get(reverse(f"admin:{name}_change", args=[record.pk])).status_code == 302, name


def test_a_clerk_of_a_county_sees_only_its_runs(full_city, city, staff, browse):
    clerk = staff["clerk"]
    clerk.county = city.other_county
    clerk.save()
    assert browse(clerk).get(reverse("admin:settlement_run_changelist")).context["cl"].result_count == 0


def test_statement_of_an_account_as_page_and_file(full_city, staff, browse):
    import io

    import openpyxl

    url = reverse("admin:accounts_account_act", args=[full_city["account"].pk, "account.statement"])
    client = browse(staff["clerk"])
    period = {"starts_on": "2026-01-01", "ends_on": "2026-03-31"}
    page = client.get(url, period).content.decode()
    assert "480.00" in page and "定点药店购药" in page
    backwards = client.get(url, {"starts_on": "2026-03-31", "ends_on": "2026-01-01"}).content.decode()
    assert "截止日期早于起始日期。" in backwards
    file = client.get(url, period | {"_file": "1"})
    sheet = openpyxl.load_workbook(io.BytesIO(file.content)).active
    rows = list(sheet.iter_rows(values_only=True))
    assert rows[-1][2] == "合计" and rows[-1][6] == 480


def test_trial_balance_adds_up(full_city, staff, browse):
    url = reverse("admin:accounts_journal_list_act", args=["ledger.balance"])
    page = browse(staff["finance"]).get(url, {"area": full_city["account"].area_id, "on": "2026-03-31"})
    for panel in page.context["panels"]:
        _total, debit, credit, debit_balance, credit_balance = (cell.text for cell in panel.foot)
        assert debit == credit and debit_balance == credit_balance


def test_the_page_of_a_job_asks_again_by_itself_until_it_is_done(full_city, staff, browse):
    from bureau import clock
    from bureau.jobs import services as jobs

    job = full_city["job"]
    url = reverse("admin:bureau_job_change", args=[job.pk])
    client = browse(staff["finance"])
    assert client.get(url).headers["Refresh"] == "3"
    jobs.work(job.pk, clock=clock.now)
    page = client.get(url)
    assert "Refresh" not in page.headers
    assert "凭证在每个基金内借贷平衡" in page.content.decode()


def test_more_than_twenty_rows_lead_to_the_whole_list(full_city, staff, browse, city):
    from tests.settlement import factories, history

    centre = full_city["centre"]
    factories.heads(city, centre, 25)
    member = full_city["member"]
    for number in range(21):
        history.settled(city, centre, member, on=datetime.date(2026, 1, 5), fund="1.00", key=f"M{number}")
    page = browse(staff["clerk"]).get(reverse("admin:members_member_change", args=[member.pk]))
    [panel] = [panel for panel in page.context["panels"] if str(panel.title) == "门诊结算"]
    assert len(panel.rows) == 20
    everything = browse(staff["clerk"]).get(panel.more)
    assert everything.context["cl"].result_count == 23


def test_a_trace_that_cannot_be_worked_out_leaves_the_page_standing(full_city, staff, browse, monkeypatch):
    from settlement.admin import visits

    def broken(visit):
        raise ZeroDivisionError("secret")

    monkeypatch.setattr(visits, "explain", broken)
    page = browse(staff["clerk"]).get(reverse("admin:settlement_visit_change", args=[full_city["visit"].pk]))
    assert page.status_code == 200
    assert "无法显示" in page.content.decode() and "secret" not in page.content.decode()
