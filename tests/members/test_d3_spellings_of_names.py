"""Damaged names are refused; spellings that differ in dots, width, case or blanks are one person's (D3)."""

import pytest

from bureau.errors import DomainError
from bureau.identifiers.names import is_damaged
from tests.members.samples import LI, NOW, WANG, ZHAO, members, roster

pytestmark = pytest.mark.django_db

DAMAGED = ["谢?", "谢？", "?", "谢\ue863", "李\U000f0001", "谢□", "·", "--", "李\ufffd明", "李\ufdd0",
    "李*明", "李＊", "李○明", "李😀", "李\u3164明", "\u2800李", "李&#39134;", "李\\u9f98", "李\U000e0041"]  # fmt: skip
ALIKE = [
    ("买买提·艾力", ["买买提•艾力", "买买提‧艾力", "买买提・艾力", "买买提．艾力", "买买提.艾力"]),
    ("买买提·艾力江", ["买买提･艾力江", "买买提 · 艾力江", "买买提●艾力江"]),
    ("Anna Schmidt", ["ANNA SCHMIDT", "anna schmidt", "Ａｎｎａ　Ｓｃｈｍｉｄｔ", "Anna  Schmidt", "AnnaSchmidt"]),
    ("李明", ["李 明", "李　明", "李\u200b明", "李\u200d明", "\u2067李明\u2069", "李\u061c明"]),
    ("⼤明", ["大明"]),
]  # fmt: skip


@pytest.mark.parametrize("name", DAMAGED)
def test_d3_damaged_name_is_refused_in_files_and_at_the_desk(load, clerk, reasons, name):
    from members.models import Member
    from members.services.people import correct_member, register_member

    upload = load("members", members(f"{name},{LI},11,2026-01-01", f"王芳,{WANG},11,2026-01-01"))
    [(line, _field, said)] = reasons(upload)
    assert (line, upload.accepted) == ("2", 1)
    assert said in (
        f"“{name}” is a damaged name; write it as it stands on the document.",
        "The line contains damaged characters; save the file again as UTF-8 or XLSX.",
    )
    with pytest.raises(DomainError) as refused:
        register_member(name=name, document_number=LI, actor=clerk, now=NOW)
    assert refused.value.field == "name"
    assert "is a damaged name" in str(refused.value)
    wang = Member.objects.get()
    with pytest.raises(DomainError):
        correct_member(member=wang, name=name, reason="r", actor=clerk, now=NOW)
    wang.refresh_from_db()
    assert wang.name == "王芳"
    assert load("members", members(f"谢明,{LI},11,2026-01-01")).accepted == 1  # the right one is not kept out


@pytest.mark.parametrize(
    "name",
    ["𠀀明", "㐂明", "买买提·艾力", "O'Neil", "Anna-Maria Schmidt", "María José", "阿依古丽•买买提", "张三(小)",
     "葛\U000e0100明", "李〇明"],
)  # fmt: skip
def test_d3_unusual_names_are_names(name):
    assert not is_damaged(name)


@pytest.mark.parametrize(("recorded", "spelt"), [(one, other) for one, others in ALIKE for other in others])
def test_d3_other_spelling_is_the_same_person_and_the_recorded_one_stays(load, clerk, reasons, recorded, spelt):
    from members.models import Enrolment, Member
    from members.services.people import register_member

    assert load("members", members(f"{recorded},{LI},11,2026-01-01")).accepted == 1
    name = Member.objects.get().name
    again = load("members", members(f"{spelt},{LI},11,2026-01-01,2026-12-31"))
    assert (again.accepted, reasons(again)) == (1, [])
    periods = load("benefit_periods", roster("姓名,证件号码,险种类型,开始日期", f"{spelt},{LI},310,2026-01-01"))
    assert (periods.accepted, reasons(periods)) == (1, [])
    typed = spelt.strip("\u2067\u2069").replace("\u061c", "")
    known = register_member(name=typed, document_number=LI, actor=clerk, now=NOW)
    assert Member.objects.get() == known
    assert (Member.objects.get().name, Enrolment.objects.count()) == (name, 1)


@pytest.mark.parametrize("other", ["买买提艾力江", "买买提-艾力", "艾力·买买提", "买买堤·艾力"])
def test_d3_another_name_stays_another_name(load, clerk, reasons, other):
    from members.services.people import register_member

    load("members", members(f"买买提·艾力,{LI},11,2026-01-01"))
    upload = load("members", members(f"{other},{LI},11,2026-02-01"))
    said = f"The roster says {other}, the record of this document 买买提·艾力; correct the one or the other."
    assert reasons(upload) == [("2", "姓名", said)]
    with pytest.raises(DomainError):
        register_member(name=other, document_number=LI, actor=clerk, now=NOW)


def test_d3_spellings_in_one_file_and_of_relatives(load, reasons):
    from members.models import Member

    upload = load(
        "members",
        members(
            f"买买提·艾力,{LI},11,2026-01-01,2026-03-31",
            f"买买提•艾力,{LI},11,2026-04-01",
            f"王芳,{WANG},11,2026-01-01",
        ),
    )
    assert (upload.accepted, reasons(upload)) == (3, [])
    heads = "主账户人姓名,主账户人证件号码,成员姓名,成员证件号码,与主账户人关系,授权开始日期"
    upload = load(
        "relatives",
        roster(
            heads,
            f"买买提・艾力,{LI},ANNA SCHMIDT,{ZHAO},配偶,2026-01-01",
            f"王 芳,{WANG},Anna Schmidt,{ZHAO},子女,2026-01-01",
        ),
    )
    assert (upload.accepted, reasons(upload)) == (2, [])
    assert sorted(Member.objects.values_list("name", flat=True)) == ["ANNA SCHMIDT", "买买提·艾力", "王芳"]
