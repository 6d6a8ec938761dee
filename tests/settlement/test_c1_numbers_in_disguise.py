"""C1: no text or code keeps an identity number in clear, however it is written and in whichever field or column."""

import csv
import io

import pytest
from django import forms

from bureau.files.cells import phone, text
from bureau.files.problems import Refused
from bureau.identifiers.identity import numbers_in, without_numbers
from tests.admin.conftest import NOW, browse, city, full_city, march, staff
from tests.admin.test_every_page import acts
from tests.members.samples import LI, WANG, members
from tests.roster_files import rejects

__all__ = ["browse", "city", "full_city", "march", "staff"]

NUMBER = "11010519491231002X"
DISGUISES = [
    NUMBER, NUMBER.lower(), "１１０１０５１９４９１２３１００２Ｘ", "110105 19491231 002X", "110105-19491231-002x",
    "110105\u200b19491231002X", "1 1 0 1 0 5 1 9 4 9 1 2 3 1 0 0 2 X", "110105\u300019491231\u3000002X",
]  # fmt: skip
AROUND = ["{}", "证件{}号", "ID{}", "No.{}a", "第3 {}", "7，{} 8"]
SENTENCE = "请勿在此填写证件号码；证件号码只在参保人记录中加密保存。"


@pytest.mark.parametrize("around", AROUND)
@pytest.mark.parametrize("written", DISGUISES)
def test_c1_a_number_is_seen_however_it_is_written(written, around):
    told = around.format(written)
    assert numbers_in(told) == [NUMBER]
    assert without_numbers(told) == around.format("····002X")
    with pytest.raises(Refused) as refused:
        text(200)(told)
    assert refused.value.code == "identity_inside"


@pytest.mark.parametrize(
    "told",
    [
        "110105194912310021", "11010519491231002", "9110105194912310023", "2026-01-05 2026-02-05 17",
        "6222021001112223334", "", "一" * 40, "13800000000 13800000001", "3.14159265358979323846",
    ],
)  # fmt: skip
def test_c1_what_is_no_number_stays(told):
    assert numbers_in(told) == []
    assert text(200)(told or "x") == (told or "x")


def test_c1_a_telephone_is_no_number():
    assert phone("0762-3388888") == "0762-3388888"
    with pytest.raises(Refused) as refused:
        phone(LI)
    assert refused.value.code == "identity_inside"


def test_c1_every_free_text_of_every_form_refuses_it(full_city, staff, rf):
    asked, taken = 0, set()
    for _url, act, record, request in acts(staff["everybody"], rf):
        form = act.form(request=request, record=record)
        for name, field in form.fields.items():
            if not isinstance(field, forms.CharField) or "plan" in name:
                continue
            asked += 1
            try:
                field.clean("110105 19491231 002x")
                taken.add(name)
            except forms.ValidationError:
                pass
    assert asked > 60
    assert taken == {"bank_account", "code", "document_number", "encounter", "password", "proxy_document_number"}


def test_c1_the_members_own_number_is_no_encounter(full_city, staff, browse):
    from members.identity import keyed_hash
    from settlement.models import Visit

    visits = Visit.objects.count()
    said = {
        "member": full_city["member"].pk, "institution": full_city["centre"].pk, "key": "desk-1",
        "care_on": "2026-03-02", "channel": "clinic", "credential": "03", "pay_from": "account", "total": "10.00",
        "own_expense": "0", "over_limit": "0", "first_self": "0", "general_fee": "0",
    }  # fmt: skip
    member = full_city["member"]
    member.document_hash = keyed_hash(NUMBER)
    member.save(update_fields=["document_hash"])
    said |= {"encounter": NUMBER.lower()}
    page = browse(staff["clerk"]).post("/admin/settlement/visit/act/visit.settle/", said)
    assert page.context["form"].errors["encounter"] == [SENTENCE]
    assert Visit.objects.count() == visits


@pytest.mark.parametrize("column", ["人员编号", "单位编号"])
def test_c1_no_code_of_a_roster_is_the_persons_number(column, city):
    from bureau.rosters import uploads
    from members.models import Employer, Member

    line = members(f"李明,{LI},11,2026-01-01,,,{LI if column == '单位编号' else ''}", f"王芳,{WANG},11,2026-01-01")
    rows = list(csv.reader(io.StringIO(line.decode("utf-8-sig"))))
    if column == "人员编号":
        rows = [[*rows[0], column], [*rows[1], LI.lower()], [*rows[2], "M2"]]
    written = io.StringIO()
    csv.writer(written).writerows(rows)
    before = Member.objects.count(), Employer.objects.count()
    by = {"actor": city.clerk, "now": NOW}
    content = written.getvalue().encode()
    upload = uploads.receive_upload(kind="members", name="m.csv", content=content, area=city.area, **by)
    upload = uploads.load_now(upload, **by)
    assert (upload.accepted, upload.rejected) == (1, 1)
    assert (Member.objects.count(), Employer.objects.count()) == (before[0] + 1, before[1])
    reasons = list(csv.reader(io.StringIO(rejects(upload))))[1:]
    assert [(row[-2], row[-1]) for row in reasons] == [(column, "单元格中含有证件号码；证件号码只能填在证件号码列。")]
