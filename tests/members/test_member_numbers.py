"""人员编号: who is known can be named without a document, and a masked document is no change."""

import csv
import io

import pytest

from bureau.identifiers.identity import with_check_digit
from tests.members.samples import CHEN, LI, NOW, WANG, ZHAO, members, roster

pytestmark = pytest.mark.django_db

HEAD = "人员编号,姓名,证件号码,险种类型,人员类别,本次参保日期,参保所属医保区划,联系电话"
PERIODS = "人员编号,姓名,证件号码,险种类型,开始日期,结束日期"
SUN = with_check_digit("44162119900909005")


def counts(upload) -> tuple:
    return upload.status, upload.rows, upload.accepted, upload.unchanged, upload.rejected


def masked(number: str) -> str:
    return f"{number[:6]}********{number[-4:]}"


@pytest.fixture
def numbered(load):
    """李明 with a number of the roster's, 王芳 with one made here."""
    return load(
        "members",
        roster(HEAD, f"44160001,李明,{LI},310,11,2026-01-01,441699,", f",王芳,{WANG},310,11,2026-01-01,441699,"),
    )


def number_of(name: str) -> str:
    from members.models import Member

    return Member.objects.get(name=name).number


def test_everybody_has_a_number_of_the_rosters_or_made_here(numbered):
    assert number_of("李明") == "44160001"
    assert number_of("王芳").startswith("GJ")
    assert len(number_of("王芳")) == 12


def test_a_number_made_here_gives_way_to_the_real_one_and_no_other_does(load, numbered, reasons):
    upload = load("members", roster(HEAD, f"44160002,王芳,{WANG},310,11,2026-01-01,441699,"))
    assert counts(upload) == ("loaded", 1, 1, 0, 0)
    assert number_of("王芳") == "44160002"
    upload = load(
        "members",
        roster(
            HEAD,
            f"44160003,李明,{LI},310,11,2026-01-01,441699,",
            f"44160001,陈强,{CHEN},310,11,2026-01-01,441699,",
            f"44160007,赵小,{ZHAO},310,11,2026-01-01,441699,",
            f"44160007,孙七,{SUN},310,11,2026-01-01,441699,",
        ),
    )
    two = "The member number and the document belong to two people; correct the one or the other."
    assert reasons(upload) == [
        ("2", "人员编号", two),
        ("3", "人员编号", two),
        ("5", "人员编号", "Line 4 has this member number for another document."),
    ]
    assert (number_of("李明"), number_of("赵小")) == ("44160001", "44160007")


def test_a_masked_document_is_no_change_and_the_number_finds_the_person(load, numbered, reasons):
    from members.models import Member

    before = Member.objects.values_list("pk", "name", "document_hash", "document_last4").order_by("pk")
    was = list(before)
    upload = load(
        "members",
        roster(
            HEAD,
            f"44160001,李明,{masked(LI)},310,11,2026-01-01,441699,13900000001",
            f"{number_of('王芳')},王芳,**************{WANG[-4:]},310,11,2026-01-01,441699,",
        ),
    )
    assert (counts(upload), reasons(upload)) == (("loaded", 2, 1, 1, 0), [])
    assert list(before) == was
    assert Member.objects.get(name="李明").phone == "13900000001"


def test_a_masked_document_alone_or_of_another_person_finds_nobody(load, numbered, reasons):
    upload = load(
        "members",
        roster(
            HEAD,
            f",李明,{masked(LI)},310,11,2026-01-01,441699,",
            f"44160001,李明,{masked(WANG)},310,11,2026-01-01,441699,",
            f"44169999,李明,{masked(LI)},310,11,2026-01-01,441699,",
            f"44160001,王芳,{masked(LI)},310,11,2026-01-01,441699,",
        ),
    )
    assert reasons(upload) == [
        ("2", "证件号码", "The document is masked; give it in full, or the member number beside it."),
        (
            "3",
            "证件号码",
            "The last four digits are not those of this member's document; compare number and document.",
        ),
        ("4", "人员编号", "No member has the number 44169999; give the document in full."),
        ("5", "", "The line repeats line 3."),
    ]
    assert upload.accepted == 0


def test_other_rosters_find_people_by_number_alone(load, numbered, reasons):
    from members.models import BenefitPeriod

    upload = load(
        "benefit_periods",
        roster(
            "人员编号,姓名,险种类型,开始日期,结束日期",
            "44160001,李明,310,2026-01-01,2026-06-30",
            "44160001,李明,310,2026-07-01,",
            "44169999,李明,310,2026-01-01,",
            ",李明,310,2026-01-01,",
        ),
    )
    assert reasons(upload) == [
        ("4", "人员编号", "No member has the number 44169999; give the document in full."),
        ("5", "证件号码", "The cell is empty."),
    ]
    assert counts(upload) == ("loaded", 4, 2, 0, 2)
    assert BenefitPeriod.objects.filter(member__number="44160001").count() == 2


def test_one_person_by_number_and_by_document_is_one_person(load, numbered, reasons):
    upload = load(
        "benefit_periods",
        roster(PERIODS, "44160001,李明,,310,2026-01-01,2026-06-30", f",李明,{LI},310,2026-03-01,"),
    )
    assert reasons(upload) == [("3", "开始日期", "The days overlap those of line 2.")]
    payment = "人员编号,姓名,证件号码,费款所属期,险种类型,缴费基数,单位缴费金额,个人缴费金额,入国库时间"
    upload = load(
        "contributions",
        roster(
            payment,
            "44160001,李明,,202601,310,1000,50,20,2026-01-12",
            f",李明,{LI},202601,310,1000,50,20,2026-01-12",
        ),
    )
    assert reasons(upload) == [("3", "", "The line repeats line 2.")]
    assert counts(upload) == ("loaded", 2, 1, 0, 1)


def test_exports_of_people_come_in_again_unchanged(load, numbered):
    """Masked, and the same from the library as from PostgreSQL."""
    from bureau.rosters import exports
    from bureau.rosters.uploads import roster as known

    load("employers", roster("单位编码,单位名称", "E1,一公司"))
    load("members", members(f"陈强,{CHEN},12,2024-01-01,2025-12-31,441699,E1,+8613800000000,到龄按月缴费"))
    load("members", members(f"陈强,{CHEN},12,2026-01-01,,441699,E1"))
    load("benefit_periods", roster(PERIODS, f",李明,{LI},310,2026-01-01,", f",王芳,{WANG},310,2026-01-01,2026-06-30"))
    load("suspensions", roster("姓名,证件号码,类型,开始日期,结束日期,原因", f"李明,{LI},欠费,2026-03-01,,-待查"))
    load(
        "contributions",
        roster(
            "姓名,证件号码,费款所属期,险种类型,缴费基数,单位缴费金额,个人缴费金额,缴费类型,入国库时间",
            f"李明,{LI},202601,310,6543.21,425.31,130.86,补缴,2026-01-12",
        ),
    )
    load(
        "relatives",
        roster(
            "主账户人姓名,主账户人证件号码,成员姓名,成员证件号码,与主账户人关系,授权开始日期,授权结束日期",
            f"李明,{LI},孙七,{SUN},妻子,2026-01-01,",
            f"李明,{LI},王芳,{WANG},兄弟姐妹,2026-01-01,2026-12-31",
        ),
    )
    rows = {"employers": 1, "members": 4, "benefit_periods": 2, "suspensions": 1, "contributions": 1, "relatives": 2}
    for kind, count in rows.items():
        exported = known(kind).export().export("csv")
        assert LI not in exported
        written = b"".join(exports.blocks(known(kind), known(kind).get_queryset())).decode("utf-8-sig")
        assert list(csv.reader(io.StringIO(written))) == list(csv.reader(io.StringIO(exported)))
        again = load(kind, exported.encode("utf-8-sig"))
        assert (kind, *counts(again)) == (kind, "loaded", count, 0, count, 0)


def test_staff_find_a_member_by_number(numbered):
    from members.queries import find

    assert [member.name for member in find("44160001")] == ["李明"]
    assert [member.name for member in find(LI)] == ["李明"]


def test_documents_are_written_in_full_where_that_is_asked_for(load, numbered):
    from bureau.rosters import exports
    from bureau.rosters.uploads import roster as known

    members = known("members")
    people = members.get_queryset().filter(member__name="李明")
    [line] = exports.rows(members, people, in_full=True)
    [masked_line] = exports.rows(members, people)
    heads = members.get_export_headers()
    assert dict(zip(heads, line, strict=True))["证件号码"] == LI + "\t"
    assert dict(zip(heads, masked_line, strict=True))["证件号码"] == "*" * 14 + LI[-4:]
    written = b"".join(exports.blocks(members, people, in_full=True)).decode("utf-8-sig")
    again = load("members", written.encode())
    assert counts(again) == ("loaded", 1, 0, 1, 0)


def test_a_wrong_number_is_corrected_at_the_desk_and_anothers_is_refused(numbered, clerk):
    from bureau.errors import DomainError
    from bureau.models import AuditEntry
    from members.models import Member
    from members.services.people import correct_member

    li, wang = Member.objects.order_by("pk")
    correct_member(member=li, number="44160009", reason="录错", actor=clerk, now=NOW)
    assert number_of("李明") == "44160009"
    assert AuditEntry.objects.get(action="member.correct").detail["changed"] == {"number": ["44160001", "44160009"]}
    with pytest.raises(DomainError, match="A person with this member number is already recorded"):
        correct_member(member=wang, number="44160009", reason="录错", actor=clerk, now=NOW)
    with pytest.raises(DomainError, match="member number"):
        correct_member(member=wang, number=" ", reason="录错", actor=clerk, now=NOW)
    assert number_of("王芳").startswith("GJ")
