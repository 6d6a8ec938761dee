"""What staff do on an ordinary day, in a browser."""

import re

import pytest

from bureau.models import Upload
from bureau.staff.roles import ROLES
from settlement.models import Run, Visit

pytestmark = pytest.mark.django_db(transaction=True)


def choose(page, field: str, typed: str, shown: str) -> None:
    """Find a record by typing a part of it."""
    page.click(f".field-{field} .select2-selection")
    page.fill(".select2-search__field", typed)
    page.click(f".select2-results__option:has-text('{shown}')")


def test_every_role_reads_its_lists_in_chinese(office):
    for role in ROLES:
        page = office(role)
        assert page.get_attribute("html", "lang") == "zh-hans"
        links = page.eval_on_selector_all("#nav-sidebar th a", "all => all.map(one => one.getAttribute('href'))")
        assert links, role
        for link in links:
            page.goto(link)
            assert re.search("[\u4e00-\u9fff]", page.inner_text("#content h1")), link
            assert "Traceback" not in page.content()


def test_the_start_page_draws_its_charts_beside_their_tables(office):
    page = office("reviewer")
    page.wait_for_selector(".chart canvas")
    assert page.locator(".chart canvas").count() == 2
    assert "基金支付" in page.get_attribute(".chart", "aria-label")
    assert "2026-02" in page.inner_text(".picture table")
    page.hover(".chart canvas")


def test_a_bad_roster_comes_back_with_its_reasons(office, tmp_path):
    roster = tmp_path / "单位名册.csv"
    roster.write_bytes("单位编号,单位名称\nD100,源城二厂\n,无编号厂\nD101,=1+1\n".encode("gb18030"))
    page = office("clerk")
    page.goto("/admin/bureau/upload/")
    page.click("text=导入名册 >> visible=true")
    page.goto("/admin/bureau/upload/act/upload.load/")
    page.select_option("#id_kind", "employers")
    page.set_input_files("#id_file", roster)
    page.click("input[type=submit]")
    page.wait_for_selector("text=已办理：导入名册。")
    upload = Upload.objects.get(name="单位名册.csv")
    assert (upload.status, upload.accepted, upload.rejected) == ("loaded", 1, 2)
    with page.expect_download() as download:
        page.click("text=下载退回行")
    rejects = download.value.path().read_bytes().decode("utf-8-sig")
    assert "单元格为空。" in rejects and "单元格内是公式" in rejects


def test_a_visit_is_quoted_and_then_settled(office, full_city):
    before = Visit.objects.count()
    page = office("clerk")
    page.goto("/admin/settlement/visit/act/visit.settle/")
    choose(page, "member", full_city["relative"].name, full_city["relative"].name)
    choose(page, "institution", full_city["centre"].code, full_city["centre"].name)
    page.fill("#id_encounter", "E77")
    page.fill("#id_total", "100")
    page.click("input[type=submit]")
    page.wait_for_selector("text=计算过程")
    assert Visit.objects.count() == before
    split = page.inner_text(".panel >> nth=0")
    assert "60.00" in split and "40.00" in split
    page.click("input[value=办理门诊结算]")
    page.wait_for_selector("text=已办理：办理门诊结算。")
    visit = Visit.objects.order_by("-pk").first()
    assert (Visit.objects.count(), str(visit.pooled), str(visit.cash)) == (before + 1, "60.00", "40.00")
    assert "按单次就诊计的支付限额 60.00" in page.inner_text("#content")


def test_a_run_is_approved_by_another_than_its_submitter(office, full_city, staff):
    run = full_city["run"]
    staff["clerk"].groups.add(staff["reviewer"].groups.get())
    page = office("clerk")
    page.goto(f"/admin/settlement/run/{run.pk}/change/")
    page.click("text=审批通过")
    page.click("input[value=审批通过]")
    page.wait_for_selector("text=批次须由提交人以外的人审批。")
    assert Run.objects.get(pk=run.pk).status == "submitted"

    page = office("reviewer")
    page.goto(f"/admin/settlement/run/{run.pk}/change/")
    page.click("text=审批通过")
    page.click("input[value=审批通过]")
    page.wait_for_selector("text=已办理：审批通过。")
    assert Run.objects.get(pk=run.pk).approved_by == staff["reviewer"]
    assert page.locator("text=审批通过 >> visible=true").count() == 1  # the message; the button is gone


def test_one_click_makes_it_english_and_another_chinese(office):
    page = office("finance")
    page.goto("/admin/settlement/visit/")
    page.click("button:has-text('English')")
    page.wait_for_selector("h1:has-text('Visits')")
    assert page.url.endswith("/admin/settlement/visit/")
    page.click("button:has-text('中文')")
    page.wait_for_selector("h1:has-text('门诊结算')")


def test_c6_a_number_is_typed_into_a_picker_and_a_search_and_stands_in_no_address(office, full_city):
    from members.identity import keyed_hash

    number, relative = "11010519491231002X", full_city["relative"]
    relative.document_hash, relative.document_last4 = keyed_hash(number), number[-4:]
    relative.save()
    page, asked = office("clerk"), []
    page.on("request", lambda request: asked.append(request.url))
    page.goto("/admin/settlement/visit/act/visit.settle/")
    choose(page, "member", number, relative.name)
    page.goto("/admin/settlement/visit/")
    page.fill("#searchbar", number)
    page.press("#searchbar", "Enter")
    page.wait_for_url(re.compile(rf"member__exact={relative.pk}$"))
    assert relative.name in page.inner_text("#result_list")
    page.goto("/admin/members/member/")
    page.fill("#searchbar", number)
    page.press("#searchbar", "Enter")
    page.wait_for_url(re.compile(rf"/admin/members/member/{relative.pk}/change/$"))
    assert len(asked) > 10 and not any(number in url for url in asked)


def test_c2_a_reset_password_is_changed_first(office, staff):
    from bureau.staff.services import set_password
    from tests.admin.conftest import NOW

    page = office("clerk")
    page.goto("/admin/")
    set_password(staff=staff["clerk"], password="qing-shan-2027", actor=staff["system_administrator"], now=NOW)
    page.goto("/admin/")
    page.fill("#id_username", staff["clerk"].username)
    page.fill("#id_password", "qing-shan-2027")
    page.click("input[type=submit]")
    page.wait_for_selector("text=您的密码由他人设定")
    page.goto("/admin/members/member/")
    page.fill("#id_old_password", "qing-shan-2027")
    page.fill("#id_new_password1", "du-zi-zhi-dao-27")
    page.fill("#id_new_password2", "du-zi-zhi-dao-27")
    page.click("input[type=submit]")
    page.goto("/admin/members/member/")
    assert page.inner_text("#content h1") == "参保人"


def test_8_2_a_list_is_exported_as_it_is_filtered(office, full_city, tmp_path):
    from members.models import Enrolment

    page = office("clerk")
    page.goto("/admin/members/enrolment/?scheme__exact=310")
    page.click(".object-tools a:has-text('导出')")
    assert "清单共 3 行。" in page.inner_text("#content-main") and "险种" in page.inner_text("#content-main")
    page.select_option("#id_kind", "csv")
    with page.expect_download() as download:
        page.click(".submit-row input[type=submit]")
    assert download.value.suggested_filename.endswith(".csv")
    lines = download.value.path().read_bytes().decode("utf-8-sig").splitlines()
    assert "人员编号" in lines[0] and len(lines) == 1 + Enrolment.objects.count()
    page.click(".closelink")
    assert page.url.endswith("/admin/members/enrolment/?scheme__exact=310")
