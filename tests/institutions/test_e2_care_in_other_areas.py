"""Stays, registrations and referrals of a member are recorded by the area that has them on the first day (E2)."""

from datetime import UTC, date, datetime

import pytest

from bureau.errors import DomainError
from bureau.identifiers.identity import with_check_digit
from bureau.models import Area, Staff
from institutions.models import HospitalStay, OutOfAreaRegistration, Referral
from institutions.services import care
from members.models import Enrolment

pytestmark = pytest.mark.django_db

NOW = datetime(2026, 3, 10, 1, 30, tzinfo=UTC)
LI = with_check_digit("44162119800101001")
SAID = "On {} the member belongs to 河源市; this is recorded there."
FEBRUARY, MARCH = date(2026, 2, 20), date(2026, 3, 2)


@pytest.fixture
def li(person, edition, other):
    """Enrolled in Heyuan until the end of February, in the other area since."""
    member = person(name="李明", document=LI, ends_on=date(2026, 2, 28))
    Enrolment.objects.create(
        member=member, area=other.area, scheme="310", person_class="active", starts_on=date(2026, 3, 1)
    )
    return member


@pytest.fixture
def other(area):
    return Staff.objects.create(username="other", area=Area.objects.create(code="440299", name="韶关市"))


@pytest.fixture
def theirs(other):
    """Load a roster of the other area."""
    from bureau.rosters.uploads import load_now, receive_upload

    def send(kind, *lines):
        content = "\r\n".join([*lines, ""]).encode("utf-8-sig")
        upload = receive_upload(kind=kind, name="r.csv", content=content, area=other.area, actor=other, now=NOW)
        return load_now(upload, actor=other, now=NOW)

    return send


STAYS = "姓名,证件号码,入院日期,出院日期"
REGISTRATIONS = "姓名,证件号码,备案类型,就医地区划,开始日期,结束日期"


def test_e2_stay_is_recorded_by_the_area_of_the_day_of_admission(li, theirs, load, other, clerk, reasons):
    refused = theirs("hospital_stays", STAYS, f"李明,{LI},2026-02-20,2026-02-25")
    assert (refused.accepted, refused.rejected) == (0, 1)
    assert reasons(refused) == [("2", "入院日期", SAID.format(FEBRUARY))]
    with pytest.raises(DomainError, match=SAID.format(FEBRUARY)):
        care.record_stay(member=li, admitted_on=FEBRUARY, actor=other, now=NOW)
    assert not HospitalStay.objects.exists()
    assert theirs("hospital_stays", STAYS, f"李明,{LI},2026-03-02,2026-03-03").accepted == 1
    assert load("hospital_stays", STAYS, f"李明,{LI},2026-02-20,2026-02-22").accepted == 1


def test_e2_stay_that_another_area_began_is_ended_on_a_day_of_ones_own(li, theirs, load, other, reasons):
    load("hospital_stays", STAYS, f"李明,{LI},2026-02-20,")
    early = theirs("hospital_stays", STAYS, f"李明,{LI},2026-02-20,2026-02-25")
    assert reasons(early) == [("2", "入院日期", SAID.format(FEBRUARY))]
    with pytest.raises(DomainError, match=SAID.format(FEBRUARY)):
        care.discharge(stay=HospitalStay.objects.get(), discharged_on=date(2026, 2, 25), actor=other, now=NOW)
    assert HospitalStay.objects.get().discharged_on is None
    assert theirs("hospital_stays", STAYS, f"李明,{LI},2026-02-20,2026-03-03").accepted == 1
    assert HospitalStay.objects.get().discharged_on == date(2026, 3, 3)
    care.discharge(stay=HospitalStay.objects.get(), discharged_on=date(2026, 3, 4), actor=other, now=NOW)
    assert HospitalStay.objects.get().discharged_on == date(2026, 3, 4)


def test_e2_registration_is_made_by_the_area_of_its_first_day(li, theirs, other, clerk, reasons):
    refused = theirs("out_of_area", REGISTRATIONS, f"李明,{LI},临时外出就医,440100,2026-02-20,2026-12-31")
    assert reasons(refused) == [("2", "开始日期", SAID.format(FEBRUARY))]
    with pytest.raises(DomainError, match=SAID.format(FEBRUARY)):
        care.register_out_of_area(
            member=li, kind="temporary", destination="440100", starts_on=FEBRUARY, actor=other, now=NOW
        )
    assert not OutOfAreaRegistration.objects.exists()
    with pytest.raises(DomainError, match="On 2026-03-02 the member belongs to 韶关市"):
        care.register_out_of_area(
            member=li, kind="temporary", destination="440100", starts_on=MARCH, actor=clerk, now=NOW
        )
    made = care.register_out_of_area(
        member=li, kind="temporary", destination="440100", starts_on=FEBRUARY, actor=clerk, now=NOW
    )
    with pytest.raises(DomainError, match=SAID.format(FEBRUARY)):
        care.end_out_of_area(registration=made, last_day=date(2026, 2, 25), actor=other, now=NOW)
    ended = care.end_out_of_area(registration=made, last_day=date(2026, 3, 1), actor=other, now=NOW)
    assert ended.ends_on == date(2026, 3, 1)


def test_e2_referral_is_made_by_the_area_of_its_first_day(li, place, theirs, other, clerk, reasons):
    from institutions.services.selection import choose

    centre, hospital = place("甲"), place("医院", "hospital", level=3)
    choose(member=li, institutions=centre, year=2026, requested_on=date(2025, 10, 10), actor=clerk, now=NOW)
    heads = "姓名,证件号码,转出机构编码,转入机构编码,开始日期,有效期止"
    refused = theirs("referrals", heads, f"李明,{LI},{centre.code},{hospital.code},2026-02-20,2026-02-27")
    assert reasons(refused) == [("2", "开始日期", SAID.format(FEBRUARY))]
    days = {"starts_on": FEBRUARY, "ends_on": date(2026, 2, 27)}
    with pytest.raises(DomainError, match=SAID.format(FEBRUARY)):
        care.refer(member=li, from_institution=centre, to_institution=hospital, **days, actor=other, now=NOW)
    assert not Referral.objects.exists()
    care.refer(member=li, from_institution=centre, to_institution=hospital, **days, actor=clerk, now=NOW)
    assert Referral.objects.count() == 1
