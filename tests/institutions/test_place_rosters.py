"""The rosters of institutions and of scores: what goes in, what comes back, and undo."""

from datetime import UTC, date, datetime
from decimal import Decimal

import pytest

from bureau.errors import DomainError
from bureau.models import Staff
from bureau.rosters.undo import undo_upload
from institutions.models import AccountChange, Agreement, Assessment, Institution, Level
from institutions.services import places
from institutions.services.bank_accounts import confirm_account

pytestmark = pytest.mark.django_db

NOW = datetime(2026, 3, 10, 1, 30, tzinfo=UTC)
HEADINGS = "机构编码,机构名称,机构类型,统筹区,经办区县,上级机构编码,结算等级,协议开始,协议结束,开户行,银行账号,户名"
CENTRE = "H44160200001,东埠卫生院,乡镇卫生院,441699,441602,,一级,2025-01-01,,工商银行,622200000001,东埠卫生院"
STATION = "H44160200002,东埠田心村卫生站,村卫生站,441699,441602,H44160200001,,2025-01-01,,,,"
HOSPITAL = "H44160200003,和安医院,综合医院,441602,441602,,三级,2025-01-01,2027-12-31,农业银行,622200000003,和安医院"
PHARMACY = "P44160200004,康民大药房,定点零售药店,441699,441602,,,2025-01-01,,,,"
AWAY = "H44010000005,广州和安医院,综合医院,,,,三级,2025-01-01,,,,"
FIVE = (STATION, CENTRE, HOSPITAL, PHARMACY, AWAY)


@pytest.fixture
def city(county):
    return county


def counts(upload):
    return upload.status, upload.rows, upload.accepted, upload.unchanged, upload.rejected


def everything():
    return (
        list(Institution.objects.order_by("code").values("code", "name", "bank_account", "parent__code", "county")),
        list(Agreement.objects.order_by("institution__code", "starts_on").values("starts_on", "ends_on")),
        list(Level.objects.order_by("institution__code", "starts_on").values("level", "starts_on", "ends_on")),
    )


def test_institutions_are_registered_designated_and_rated(load, city):
    assert counts(load("institutions", HEADINGS, *FIVE)) == ("loaded", 5, 5, 0, 0)
    assert list(
        Institution.objects.order_by("code").values_list("code", "kind", "area_id", "county_id", "parent__code")
    ) == [
        ("H44010000005", "hospital", None, None, None),
        ("H44160200001", "centre", "441699", "441602", None),
        ("H44160200002", "station", "441699", "441602", "H44160200001"),
        ("H44160200003", "hospital", "441699", "441602", None),
        ("P44160200004", "pharmacy", "441699", "441602", None),
    ]
    assert list(Level.objects.order_by("institution__code").values_list("level", flat=True)) == [3, 1, 0, 3, 0]
    assert Agreement.objects.get(institution__code="H44160200003").ends_on == date(2027, 12, 31)


def test_same_lines_again_change_nothing(load, city):
    load("institutions", HEADINGS, *FIVE)
    before = everything()
    assert counts(load("institutions", HEADINGS, *reversed(FIVE))) == ("loaded", 5, 0, 5, 0)
    assert everything() == before


def test_new_agreement_brings_its_level_from_its_first_day(load, city):
    load("institutions", HEADINGS, HOSPITAL)
    lines = [
        HOSPITAL.replace("2025-01-01,2027-12-31", "2028-01-01,2028-12-31").replace("三级", "二级"),
        HOSPITAL.replace("2025-01-01,2027-12-31", "2029-01-01,").replace("三级", "一级"),
    ]
    assert counts(load("institutions", HEADINGS, *lines)) == ("loaded", 2, 2, 0, 0)
    assert list(Level.objects.order_by("starts_on").values_list("level", "starts_on", "ends_on")) == [
        (3, date(2025, 1, 1), date(2027, 12, 31)),
        (2, date(2028, 1, 1), date(2028, 12, 31)),
        (1, date(2029, 1, 1), None),
    ]
    assert Agreement.objects.count() == 3


def test_level_set_at_the_desk_survives_the_old_roster(load, city, clerk):
    load("institutions", HEADINGS, CENTRE)
    centre = Institution.objects.get()
    places.set_level(institution=centre, level=2, starts_on=date(2026, 7, 1), actor=clerk, now=NOW)
    before = everything()
    assert counts(load("institutions", HEADINGS, CENTRE, HOSPITAL)) == ("loaded", 2, 1, 1, 0)
    assert everything()[2][:2] == before[2]


def test_details_that_differ_are_changed_and_undone(load, city, clerk):
    load("institutions", HEADINGS, *FIVE)
    before = everything()
    upload = load("institutions", HEADINGS, CENTRE.replace("622200000001", "622200009999").replace("一级", "二级"))
    assert counts(upload) == ("loaded", 1, 1, 0, 0)
    assert Institution.objects.get(code="H44160200001").bank_account == "622200000001"
    waiting = AccountChange.objects.get()
    assert (waiting.institution.code, waiting.bank_account, waiting.status) == ("H44160200001", "622200009999", "open")
    assert (waiting.bank_name, waiting.account_name, waiting.entered_by) == ("工商银行", "东埠卫生院", clerk)
    assert Level.objects.get(institution__code="H44160200001").level == 2
    undo_upload(upload, actor=clerk, now=NOW)
    assert everything() == before
    assert not AccountChange.objects.exists()


def test_e3_account_in_a_roster_waits_for_a_second_person(load, city, clerk, reviewer):
    load("institutions", HEADINGS, CENTRE)
    other = CENTRE.replace("622200000001", "622200009999")
    assert counts(load("institutions", HEADINGS, other)) == ("loaded", 1, 1, 0, 0)
    assert counts(load("institutions", HEADINGS, other, PHARMACY)) == ("loaded", 2, 1, 1, 0)
    assert counts(load("institutions", HEADINGS, CENTRE.replace("工商银行", "农业银行"))) == ("loaded", 1, 1, 0, 0)
    change = AccountChange.objects.get()
    assert (change.bank_name, change.bank_account) == ("农业银行", "622200000001")
    with pytest.raises(DomainError, match="entered it"):
        confirm_account(change=change, actor=clerk, now=NOW)
    confirm_account(change=change, actor=reviewer, now=NOW)
    assert Institution.objects.get(code="H44160200001").bank_name == "农业银行"


def test_e3_roster_whose_account_was_confirmed_is_not_undone(load, city, clerk, reviewer):
    load("institutions", HEADINGS, CENTRE)
    upload = load("institutions", HEADINGS, CENTRE.replace("622200000001", "622200009999"))
    confirm_account(change=AccountChange.objects.get(), actor=reviewer, now=NOW)
    with pytest.raises(DomainError, match=r"institution.account_confirm"):
        undo_upload(upload, actor=clerk, now=NOW)
    assert Institution.objects.get().bank_account == "622200009999"


@pytest.mark.parametrize("number", ["62220000000A", "622200-", "6222\t00000001", "1234567", "6" * 31])
def test_d5_roster_takes_no_number_that_is_no_account(load, city, reasons, number):
    upload = load("institutions", HEADINGS, CENTRE.replace("622200000001", number), PHARMACY)
    assert reasons(upload) == [("2", "银行账号", "A bank account has 8 to 30 digits.")]
    assert Institution.objects.get().code == "P44160200004"


def test_d5_roster_stores_no_blanks_or_invisible_marks_of_a_number(load, city):
    load("institutions", HEADINGS, CENTRE.replace("622200000001", "\u200b6222 0000 0001\t"))
    assert Institution.objects.get().bank_account == "622200000001"


def test_first_roster_is_undone_whole(load, city, clerk):
    upload = load("institutions", HEADINGS, *FIVE)
    undo_upload(upload, actor=clerk, now=NOW)
    assert everything() == ([], [], [])


def test_roster_on_which_others_rest_is_not_undone(load, city, clerk):
    upload = load("institutions", HEADINGS, CENTRE)
    load("institutions", HEADINGS, STATION)
    before = everything()
    with pytest.raises(DomainError):
        undo_upload(upload, actor=clerk, now=NOW)
    assert everything() == before


@pytest.mark.parametrize(
    ("line", "field", "reason"),
    [
        (
            CENTRE.replace("441699", "440299"),
            "统筹区",
            "440299 is not a code of this area or its counties.",
        ),
        (CENTRE.replace(",441602,", ",441625,"), "经办区县", "441625 is not a county agency of this area."),
        (
            STATION.replace("H44160200001", "H44160200999"),
            "上级机构编码",
            "The parent H44160200999 is neither recorded nor in this file.",
        ),
        (
            STATION.replace("H44160200001", "P44160200004"),
            "上级机构编码",
            "P44160200004 cannot be a parent: it is a station or a pharmacy.",
        ),
        (
            HOSPITAL.replace("2025-01-01,2027-12-31", "2027-06-01,"),
            "协议开始",
            "The days overlap an agreement from 2025-01-01 to 2027-12-31.",
        ),
        (
            HOSPITAL.replace("综合医院", "乡镇卫生院"),
            "机构类型",
            "The institution is recorded as another kind; correct the one or the other.",
        ),
        (HOSPITAL.replace("441602,441602", ","), "统筹区", "The institution is recorded in another area."),
        (
            CENTRE.replace("441602,,一级", "441602,H44160200003,一级").replace("2025-01-01", "2025-01-01"),
            "上级机构编码",
            "The institution is recorded under another parent; change that at the desk.",
        ),
        (CENTRE.replace("2025-01-01,", "2025-01-01,2024-12-31"), "协议结束", "The last day lies before the first."),
        (CENTRE.replace("H44160200001", "44160200001"), "机构编码", None),
    ],
)
def test_bad_line_comes_back_with_its_reason(load, city, reasons, line, field, reason):
    load("institutions", HEADINGS, *FIVE)
    before = everything()
    upload = load("institutions", HEADINGS, line)
    assert upload.status == "refused"
    assert counts(upload)[1:] == (1, 0, 0, 1)
    ((number, blamed, said),) = reasons(upload)
    assert (number, blamed) == ("2", field)
    assert reason is None or said == reason
    assert everything() == before


def test_lines_that_contradict_each_other_come_back(load, city, reasons):
    upload = load(
        "institutions",
        HEADINGS,
        CENTRE,
        CENTRE.replace("2025-01-01", "2025-06-01"),
        HOSPITAL,
        HOSPITAL.replace("综合医院", "乡镇卫生院").replace("2025-01-01,2027-12-31", "2028-01-01,"),
    )
    assert counts(upload) == ("loaded", 4, 2, 0, 2)
    assert reasons(upload) == [
        ("3", "协议开始", "The days overlap those of line 2."),
        ("5", "机构类型", "Line 4 describes the institution of this code otherwise."),
    ]


def test_station_whose_centre_comes_back_comes_back_too(load, city, reasons):
    upload = load("institutions", HEADINGS, STATION, CENTRE.replace(",441602,", ",441625,"), HOSPITAL)
    assert counts(upload) == ("loaded", 3, 1, 0, 2)
    assert [row[:2] for row in reasons(upload)] == [("2", "上级机构编码"), ("3", "经办区县")]


SCORES = "定点机构编码,年度,得分,文号"


def test_scores_are_recorded_changed_and_undone(load, city, clerk, reasons):
    load("institutions", HEADINGS, CENTRE, HOSPITAL)
    upload = load("assessments", SCORES, "H44160200001,2026,92.5,一号文", "H44160209999,2026,90,")
    assert counts(upload) == ("loaded", 2, 1, 0, 1)
    assert reasons(upload) == [
        (
            "3",
            "定点机构编码",
            "No institution is recorded under H44160209999; load the roster of institutions first.",
        )
    ]
    reviewer = Staff.objects.create(username="reviewer")
    area = upload.area
    [first] = places.confirm_assessments(area=area, year=2026, actor=reviewer, now=NOW)
    assert (first.entered_by, first.confirmed_by) == (clerk, reviewer)
    change = load("assessments", SCORES, "H44160200001,2026,90,一号文", "H44160200003,2026,100,一号文")
    assert Assessment.objects.filter(confirmed_at=None, entered_by=clerk).count() == 2
    assert counts(change) == ("loaded", 2, 2, 0, 0)
    assert Assessment.objects.get(institution__code="H44160200001").score == Decimal("90.00")
    undo_upload(change, actor=clerk, now=NOW)
    again = Assessment.objects.get()
    assert (again.score, again.confirmed_by) == (Decimal("92.50"), reviewer)
