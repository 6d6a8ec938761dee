"""The roster of members: people and their enrolments."""

from datetime import date

import pytest

from tests.members.samples import CHEN, FOUR, LI, NOW, WANG, ZHAO, members, roster

pytestmark = pytest.mark.django_db


def counts(upload) -> tuple:
    return upload.status, upload.rows, upload.accepted, upload.unchanged, upload.rejected


def test_members_are_registered_and_enrolled(load):
    from members.identity import decrypt
    from members.models import Enrolment, Member

    upload = load("members", members(f"李明,{LI},11,2026-01-01,,441602,,13800000001", f"陈强,{CHEN},12,20260201"))
    assert counts(upload) == ("loaded", 2, 2, 0, 0)
    li, chen = Member.objects.order_by("id")
    assert (li.name, li.document_kind, li.sex, li.birth, li.phone, li.document_last4) == (
        "李明", "01", "1", date(1980, 1, 1), "13800000001", LI[-4:],
    )  # fmt: skip
    assert decrypt(li.document_cipher) == LI
    assert list(
        Enrolment.objects.order_by("id").values_list(
            "member", "area", "scheme", "person_class", "person_type", "starts_on", "ends_on", "upload"
        )
    ) == [
        (li.pk, "441699", "310", "active", "11", date(2026, 1, 1), None, upload.pk),
        (chen.pk, "441699", "310", "retired", "12", date(2026, 2, 1), None, upload.pk),
    ]


def test_same_rows_in_another_file_are_unchanged(load, four):
    from bureau.models import Change

    before = Change.objects.count()
    again = load("members", FOUR + f"王芳二,{ZHAO},310,11,2026-01-01,,441699,,,\r\n".encode())
    assert counts(again) == ("loaded", 5, 0, 4, 1)
    assert Change.objects.count() == before


def test_new_details_change_the_record(load, four):
    from members.models import Enrolment, Member

    load("employers", "单位编号,单位名称\nE1,一公司\n".encode())
    upload = load("members", members(f"李明,{LI},11,2026-01-01,,,E1,13900000009"))
    assert counts(upload) == ("loaded", 1, 1, 0, 0)
    assert Member.objects.get(name="李明").phone == "13900000009"
    assert Enrolment.objects.get(member__name="李明").employer.code == "E1"
    assert Member.objects.count() == Enrolment.objects.count() == 4


def test_second_span_of_a_person_in_one_file_is_enrolled(load):
    from members.models import Enrolment, Member

    upload = load("members", members(f"李明,{LI},11,2026-01-01,2026-06-30", f"李明,{LI},12,2026-07-01,,,,13800000001"))
    assert counts(upload) == ("loaded", 2, 2, 0, 0)
    assert Member.objects.get().enrolments.count() == Enrolment.objects.count() == 2


@pytest.mark.parametrize(
    ("line", "field", "reason"),
    [
        (
            f"李敏,{LI},11,2026-01-01",
            "姓名",
            "The roster says 李敏, the record of this document 李明; correct the one or the other.",
        ),
        (
            f"李明,{LI},11,2026-02-01",
            "本次参保日期",
            "The person is enrolled from 2026-01-01 to … already.",
        ),
        (
            f"李明,{LI},12,2026-01-01",
            "本次参保日期",
            "The record has another person class, scheme or area from this day on; send a change instead.",
        ),
        (f"孙七,{WANG[:-1]}{'0' if WANG[-1] != '0' else '1'},11,2026-01-01", "证件号码", None),
        (
            f"李明,{LI},11,2026-01-01,,440100",
            "参保所属医保区划",
            "440100 is not a code of this area or its counties.",
        ),
        (
            f"李明,{LI},11,2026-01-01,,,E9",
            "单位编号",
            "The employer E9 is not recorded; load the roster of employers first.",
        ),
    ],
)
def test_unfit_line_is_turned_away(load, four, reasons, line, field, reason):
    from members.models import Enrolment, Member

    before = list(Member.objects.values()), list(Enrolment.objects.values())
    upload = load("members", members(line))
    assert counts(upload) == ("refused", 1, 0, 0, 1)
    assert upload.problem == "No row can be used; the file of rejected rows gives the reasons."
    [(number, said_field, said)] = reasons(upload)
    assert (number, said_field) == ("2", field)
    assert said == (reason or "The check digit of the identity number is wrong; compare it with the card.")
    assert (list(Member.objects.values()), list(Enrolment.objects.values())) == before


def test_overlap_within_the_file_rejects_the_later_line(load, reasons):
    from members.models import Enrolment

    upload = load("members", members(f"李明,{LI},11,2026-01-01", f"李明,{LI},12,2026-07-01"))
    assert counts(upload) == ("loaded", 2, 1, 0, 1)
    assert reasons(upload) == [("3", "本次参保日期", "The days overlap those of line 2.")]
    assert Enrolment.objects.get().person_class == "active"


def test_two_names_for_a_document_in_a_file_reject_the_later_line(load, reasons):
    upload = load("members", members(f"李明,{LI},11,2026-01-01,2026-03-31", f"李敏,{LI},11,2026-04-01"))
    assert reasons(upload) == [("3", "姓名", "Line 2 names the holder of this document 李明.")]


def test_ended_enrolment_is_not_opened_by_an_old_roster(load, four, clerk, reasons):
    from members.models import Enrolment
    from members.services.spans import end_enrolment

    end_enrolment(enrolment=Enrolment.objects.get(member__name="李明"), ends_on=date(2026, 2, 28), actor=clerk, now=NOW)
    upload = load("members", members(f"李明,{LI},11,2026-01-01"))
    assert reasons(upload) == [
        (
            "2",
            "终止日期",
            "The record says that this enrolment ended on 2026-02-28; send a change to enrol the person again.",
        )
    ]
    assert Enrolment.objects.get(member__name="李明").ends_on == date(2026, 2, 28)


def test_b6_day_of_the_retirement_age_comes_by_roster_and_by_correction(load, clerk):
    from members.services.people import correct_member

    headings = "姓名,证件号码,险种类型,人员类别,本次参保日期,参保所属医保区划,待遇人员类别,达到法定退休年龄日期"
    line = f"王芳,{WANG},310,11,2026-01-01,441699,到龄按月缴费"
    load("members", roster(headings, f"{line},2023-05-31"))
    from members.models import Member

    member = Member.objects.get()
    assert member.reached_age_on == date(2023, 5, 31)
    assert load("members", roster(headings, f"{line},")).unchanged == 1  # an empty cell says nothing
    correct_member(member=member, reached_age_on=date(2023, 6, 1), reason="退休审批表", actor=clerk, now=NOW)
    member.refresh_from_db()
    assert member.reached_age_on == date(2023, 6, 1)
