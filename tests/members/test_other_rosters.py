"""Employers, contributions, benefit periods, suspensions and relatives."""

from datetime import date
from decimal import Decimal

import pytest

from bureau.identifiers.identity import with_check_digit
from tests.members.samples import CHEN, LI, WANG, roster

pytestmark = pytest.mark.django_db

PAYMENTS = "姓名,证件号码,费款所属期,险种类型,缴费基数,单位缴费金额,个人缴费金额,缴费类型,入国库时间"
PERIODS = "姓名,证件号码,险种类型,开始日期,结束日期"
SUSPENSIONS = "姓名,证件号码,类型,开始日期,结束日期,原因"
RELATIVES = "主账户人姓名,主账户人证件号码,成员姓名,成员证件号码,与主账户人关系,授权开始日期,授权结束日期"
CHILD = with_check_digit("44162120180303001")


def counts(upload) -> tuple:
    return upload.status, upload.rows, upload.accepted, upload.unchanged, upload.rejected


def test_employers_are_new_unchanged_or_renamed(load):
    from members.models import Employer

    load("employers", roster("单位编号,单位名称", "E1,一公司", "E2,二公司"))
    upload = load("employers", roster("单位编号,单位名称", "E1,一公司", "E2,新二公司", "E3,三公司", "E3,三公司"))
    assert counts(upload) == ("loaded", 4, 2, 1, 1)
    assert list(Employer.objects.order_by("code").values_list("code", "name")) == [
        ("E1", "一公司"), ("E2", "新二公司"), ("E3", "三公司"),
    ]  # fmt: skip


def test_contributions_are_recorded_once(load, four, reasons):
    from members.models import Contribution

    lines = [
        f"李明,{LI},202601,310,6543.21,425.31,130.86,正常缴费,2026-01-12",
        f"李明,{LI},202601,310,100.00,6.50,2.00,补差,2026-02-12",
    ]
    upload = load("contributions", roster(PAYMENTS, *lines))
    assert counts(upload) == ("loaded", 2, 2, 0, 0)
    assert list(
        Contribution.objects.order_by("id").values_list("month", "kind", "base", "employer_amount", "own_amount")
    ) == [
        (date(2026, 1, 1), "normal", Decimal("6543.21"), Decimal("425.31"), Decimal("130.86")),
        (date(2026, 1, 1), "difference", Decimal("100.00"), Decimal("6.50"), Decimal("2.00")),
    ]
    again = load(
        "contributions",
        roster(PAYMENTS, lines[0], f"李明,{LI},202601,310,100.00,6.50,2.01,补差,2026-02-12"),
    )
    assert counts(again) == ("loaded", 2, 0, 1, 1)
    assert reasons(again) == [
        (
            "3",
            "缴费基数",
            "This payment is recorded with base 100.00, employer's share 6.50 and own share 2.00;"
            " send the difference as a payment of its own.",
        )
    ]
    assert Contribution.objects.count() == 2


def test_contribution_of_an_unknown_person_is_turned_away(load, four, reasons):
    upload = load(
        "contributions",
        roster(PAYMENTS, f"周九,{CHILD},202601,310,6543.21,425.31,130.86,正常缴费,2026-01-12"),
    )
    assert reasons(upload) == [
        ("2", "证件号码", "No member is recorded with this document; load the roster of members first.")
    ]


def test_benefit_periods_are_added_shortened_and_refused(load, four, reasons):
    from members.models import BenefitPeriod

    load("benefit_periods", roster(PERIODS, f"李明,{LI},310,2026-01-01,2026-12-31"))
    upload = load(
        "benefit_periods",
        roster(
            PERIODS,
            f"李明,{LI},310,2026-01-01,2026-06-30",
            f"王芳,{WANG},310,2026-01-01,2026-06-30",
            f"王芳,{WANG},310,2026-06-30,",
            f"陈强,{CHEN},310,2026-05-01,2026-04-30",
        ),
    )
    assert counts(upload) == ("loaded", 4, 2, 0, 2)
    assert list(BenefitPeriod.objects.order_by("id").values_list("member__name", "starts_on", "ends_on")) == [
        ("李明", date(2026, 1, 1), date(2026, 6, 30)),
        ("王芳", date(2026, 1, 1), date(2026, 6, 30)),
    ]
    assert reasons(upload) == [
        ("4", "开始日期", "The days overlap those of line 3."),
        ("5", "结束日期", "The last day lies before the first."),
    ]
    late = load("benefit_periods", roster(PERIODS, f"李明,{LI},310,2026-06-01,"))
    assert reasons(late) == [("2", "开始日期", "The days overlap a record from 2026-01-01 to 2026-06-30.")]


def test_suspensions_keep_their_kind_and_reason(load, four, reasons):
    from members.models import Suspension

    line = f"李明,{LI},欠费,2026-03-01,,单位欠缴"
    load("suspensions", roster(SUSPENSIONS, line))
    assert counts(load("suspensions", roster(SUSPENSIONS, line, ""))) == ("loaded", 1, 0, 1, 0)
    assert counts(load("suspensions", roster(SUSPENSIONS, f"李明,{LI},欠费,2026-03-01,2026-04-30,"))) == (
        "loaded", 1, 1, 0, 0,
    )  # fmt: skip
    assert list(Suspension.objects.values_list("kind", "starts_on", "ends_on", "reason")) == [
        ("arrears", date(2026, 3, 1), date(2026, 4, 30), "单位欠缴")
    ]
    other = load("suspensions", roster(SUSPENSIONS, f"李明,{LI},暂停,2026-03-01,,"))
    assert reasons(other) == [("2", "类型", "The record has a suspension of another kind from this day on.")]


def test_a5_rosters_of_two_areas_stand_beside_each_other(load, four):
    """A row that another area never ended is none of ours: the same days load here, and change nothing there."""
    from bureau.models import Area, Staff
    from bureau.rosters.uploads import load_now, receive_upload
    from members.models import BenefitPeriod, Suspension
    from tests.members.samples import NOW

    other = Area.objects.create(code="440899", name="湛江市")
    clerk = Staff.objects.create(username="there", area=other)
    files = {
        "suspensions": roster(SUSPENSIONS, f"李明,{LI},欠费,2026-03-01,,单位欠缴"),
        "benefit_periods": roster(PERIODS, f"李明,{LI},310,2026-03-01,"),
    }
    for kind, content in files.items():
        upload = receive_upload(kind=kind, name="roster.csv", content=content, area=other, actor=clerk, now=NOW)
        assert counts(load_now(upload, actor=clerk, now=NOW)) == ("loaded", 1, 1, 0, 0)
    assert counts(load("suspensions", roster(SUSPENSIONS, f"李明,{LI},暂停,2026-03-01,2026-03-31,"))) == (
        "loaded", 1, 1, 0, 0,
    )  # fmt: skip
    assert counts(load("benefit_periods", roster(PERIODS, f"李明,{LI},310,2026-02-01,"))) == ("loaded", 1, 1, 0, 0)
    assert sorted(Suspension.objects.values_list("area", "kind", "starts_on", "ends_on")) == [
        ("440899", "arrears", date(2026, 3, 1), None),
        ("441699", "suspended", date(2026, 3, 1), date(2026, 3, 31)),
    ]
    assert sorted(BenefitPeriod.objects.values_list("area", "starts_on")) == [
        ("440899", date(2026, 3, 1)), ("441699", date(2026, 2, 1)),
    ]  # fmt: skip


def test_relative_becomes_known_once(load, four):
    from members.identity import decrypt
    from members.models import Member, Relative

    lines = [
        f"李明,{LI},李小明,{CHILD},子女,2026-01-01,",
        f"王芳,{WANG},李小明,{CHILD},子女,2026-01-01,",
        f"李明,{LI},王芳,{WANG},配偶,2026-01-01,2026-12-31",
    ]
    upload = load("relatives", roster(RELATIVES, *lines))
    assert counts(upload) == ("loaded", 3, 3, 0, 0)
    child = Member.objects.get(name="李小明")
    assert (child.sex, child.birth, decrypt(child.document_cipher)) == ("1", date(2018, 3, 3), CHILD)
    assert list(
        Relative.objects.order_by("id").values_list("member__name", "relative__name", "relation", "ends_on")
    ) == [
        ("李明", "李小明", "child", None),
        ("王芳", "李小明", "child", None),
        ("李明", "王芳", "spouse", date(2026, 12, 31)),
    ]
    assert counts(load("relatives", roster(RELATIVES, *reversed(lines)))) == ("loaded", 3, 0, 3, 0)


def test_d4_withdrawn_relative_is_loaded_with_its_last_day_or_turned_away(load, four, reasons):
    from members.models import Relative

    heading = RELATIVES + ",状态"
    upload = load(
        "relatives",
        roster(
            heading,
            f"李明,{LI},李小明,{CHILD},子女,2026-01-01,,无效",
            f"王芳,{WANG},李小明,{CHILD},子女,2026-01-01,2026-02-28,撤销",
            f"李明,{LI},王芳,{WANG},配偶,2026-01-01,,有效",
        ),
    )
    assert counts(upload) == ("loaded", 3, 2, 0, 1)
    assert reasons(upload) == [
        ("2", "授权结束日期", "The registration is no longer valid; give the last day on which it was.")
    ]
    assert list(Relative.objects.order_by("id").values_list("relation", "ends_on")) == [
        ("child", date(2026, 2, 28)),
        ("spouse", None),
    ]


def test_unfit_relatives_are_turned_away(load, four, reasons):
    from members.models import Member, Relative

    load("relatives", roster(RELATIVES, f"李明,{LI},李小明,{CHILD},子女,2026-01-01,2026-12-31"))
    upload = load(
        "relatives",
        roster(
            RELATIVES,
            f"李明,{LI},李小明,{CHILD},父母,2026-01-01,",
            f"李明,{LI},李大明,{CHILD},子女,2027-01-01,",
            f"李明,{LI},李小明,{CHILD},子女,2026-06-01,2027-12-31",
            f"李明,{LI},李明,{LI},其他,2026-01-01,",
        ),
    )
    assert counts(upload) == ("refused", 4, 0, 0, 4)
    assert reasons(upload) == [
        ("2", "与主账户人关系", "The record has another relation between the two from this day on."),
        (
            "3",
            "成员姓名",
            "The roster says 李大明, the record of this document 李小明; correct the one or the other.",
        ),
        ("4", "授权开始日期", "The days overlap a record from 2026-01-01 to 2026-12-31."),
        ("5", "成员证件号码", "A person is not a relative of their own."),
    ]
    assert Relative.objects.count() == 1
    assert Member.objects.count() == 5
