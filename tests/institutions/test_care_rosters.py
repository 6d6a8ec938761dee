"""The rosters of referrals, hospital stays and registrations out of the area."""

from datetime import UTC, date, datetime

import pytest

from bureau.identifiers.identity import with_check_digit
from bureau.rosters.undo import undo_upload
from institutions.models import HospitalStay, OutOfAreaRegistration, Referral
from institutions.services.selection import choose

pytestmark = pytest.mark.django_db

NOW = datetime(2026, 3, 10, 1, 30, tzinfo=UTC)
LI = with_check_digit("44162119800101001")
WANG = with_check_digit("44162119850215002")
REFERRALS = "姓名,证件号码,转出机构编码,转入机构编码,开始日期,有效期止,转诊原因"
STAYS = "姓名,证件号码,机构编码,入院日期,出院日期"
REGISTRATIONS = "姓名,证件号码,备案类型,就医地区划,开始日期,结束日期"


@pytest.fixture
def li(person, edition):
    return person(name="李明", document=LI)


@pytest.fixture
def dead(person):
    return person(name="王芳", document=WANG, died_on=date(2026, 2, 1))


def counts(upload):
    return upload.status, upload.rows, upload.accepted, upload.unchanged, upload.rejected


def test_referrals_go_in_once_and_bad_ones_come_back(load, li, place, clerk, reasons):
    centre, hospital, other = place("甲"), place("医院", "hospital", level=3), place("乙")
    closed = place("停业医院", "hospital", designated_from=None)
    choose(member=li, institutions=centre, year=2026, requested_on=date(2025, 10, 10), actor=clerk, now=NOW)
    good = f"李明,{LI},{centre.code},{hospital.code},2026-03-02,2026-03-31,专科"
    upload = load(
        "referrals",
        REFERRALS,
        good,
        f"李明,{LI},{other.code},{hospital.code},2026-05-02,2026-05-31,",
        f"李明,{LI},{centre.code},{closed.code},2026-05-02,2026-05-31,",
        f"李明,{LI},{centre.code},{hospital.code},2026-03-20,2026-04-20,",
        f"李明,{LI},{centre.code},H44160299999,2026-05-02,2026-05-31,",
        f"李明,{LI},{centre.code},{centre.code},2026-05-02,2026-05-31,",
        f"李明,{LI},{centre.code},{hospital.code},2025-12-31,2026-01-31,",
        f"李明,{LI},{centre.code},{hospital.code},2026-06-30,2026-06-01,",
    )
    assert counts(upload) == ("loaded", 8, 1, 0, 7)
    assert reasons(upload) == [
        ("3", "转出机构编码", "It is not the member's selected institution on 2026-05-02."),
        ("4", "转入机构编码", "It is not designated on 2026-05-02."),
        ("5", "开始日期", "The days overlap those of line 2."),
        (
            "6",
            "转入机构编码",
            "No institution is recorded under H44160299999; load the roster of institutions first.",
        ),
        ("7", "转入机构编码", "A referral leads to another institution."),
        ("8", "转出机构编码", "It is not the member's selected institution on 2025-12-31."),
        ("9", "有效期止", "The last day lies before the first."),
    ]
    longer = load("referrals", REFERRALS, good.replace("2026-03-31", "2026-04-15"))
    assert counts(longer) == ("loaded", 1, 1, 0, 0)
    assert Referral.objects.get().ends_on == date(2026, 4, 15)
    undo_upload(longer, actor=clerk, now=NOW)
    undo_upload(upload, actor=clerk, now=NOW)
    assert not Referral.objects.exists()


def test_stays_go_in_are_discharged_and_undone(load, li, dead, place, clerk, reasons):
    hospital = place("医院", "hospital", level=3)
    upload = load(
        "hospital_stays",
        STAYS,
        f"李明,{LI},{hospital.code},2026-03-01,2026-03-10",
        f"李明,{LI},{hospital.code},2026-03-10,",
        f"李明,{LI},,2026-04-01,2026-04-03",
        f"王芳,{WANG},,2026-02-02,2026-02-03",
        f"李明,{LI},,2026-05-03,2026-05-01",
    )
    assert counts(upload) == ("loaded", 5, 2, 0, 3)
    assert reasons(upload) == [
        ("4", "入院日期", "The days overlap those of line 3."),
        ("5", "入院日期", "The member died on 2026-02-01."),
        ("6", "出院日期", "The last day lies before the first."),
    ]
    later = load(
        "hospital_stays",
        STAYS,
        f"李明,{LI},{hospital.code},2026-03-01,2026-03-10",
        f"李明,{LI},,2026-03-10,2026-03-20",
    )
    assert counts(later) == ("loaded", 2, 1, 1, 0)
    wrong = load("hospital_stays", STAYS, f"李明,{LI},,2026-03-05,2026-03-06")
    assert reasons(wrong) == [("2", "入院日期", "The days overlap a stay from 2026-03-01 to 2026-03-10.")]
    assert list(HospitalStay.objects.values_list("admitted_on", "discharged_on", "institution")) == [
        (date(2026, 3, 1), date(2026, 3, 10), hospital.pk),
        (date(2026, 3, 10), date(2026, 3, 20), hospital.pk),
    ]
    undo_upload(later, actor=clerk, now=NOW)
    assert HospitalStay.objects.get(admitted_on=date(2026, 3, 10)).discharged_on is None
    undo_upload(upload, actor=clerk, now=NOW)
    assert not HospitalStay.objects.exists()


def test_registrations_go_in_end_and_are_undone(load, li, dead, clerk, reasons):
    upload = load(
        "out_of_area",
        REGISTRATIONS,
        f"李明,{LI},异地安置退休人员,310100,2026-04-01,9999-12-31",
        f"李明,{LI},临时外出就医人员,110100,2026-05-01,2026-05-31",
        f"王芳,{WANG},异地安置退休人员,310100,2026-04-01,",
    )
    assert counts(upload) == ("loaded", 3, 1, 0, 2)
    assert reasons(upload) == [
        ("3", "开始日期", "The days overlap those of line 2."),
        ("4", "开始日期", "The member died on 2026-02-01."),
    ]
    ended = load(
        "out_of_area",
        REGISTRATIONS,
        f"李明,{LI},异地安置退休人员,310100,2026-04-01,2026-06-30",
        f"李明,{LI},异地长期居住人员,310100,2026-08-01,",
    )
    assert counts(ended) == ("loaded", 2, 2, 0, 0)
    wrong = load("out_of_area", REGISTRATIONS, f"李明,{LI},异地安置退休人员,110100,2026-04-01,2026-06-30")
    assert reasons(wrong) == [
        ("2", "就医地区划", "The record has a registration of another kind or for another place from this day on.")
    ]
    undo_upload(ended, actor=clerk, now=NOW)
    assert list(OutOfAreaRegistration.objects.values_list("starts_on", "ends_on")) == [(date(2026, 4, 1), None)]
    undo_upload(upload, actor=clerk, now=NOW)
    assert not OutOfAreaRegistration.objects.exists()
