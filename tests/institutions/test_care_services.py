"""Referrals, registrations out of the area, and hospital stays."""

from datetime import UTC, date, datetime

import pytest

from bureau.errors import DomainError
from bureau.models import AuditEntry
from institutions import queries
from institutions.models import HospitalStay, OutOfAreaRegistration, Referral, Selection
from institutions.services import care, places

pytestmark = pytest.mark.django_db

NOW = datetime(2025, 10, 10, 9, 30, tzinfo=UTC)


@pytest.fixture
def chosen(place, person, area, clerk):
    """A member, the centre chosen for 2026, and a hospital."""
    member, centre, hospital = person(), place("中心卫生院"), place("人民医院", "hospital", level=3)
    Selection.objects.create(
        member=member, area=area, scheme="310", year=2026, institution=centre, route="window",
        requested_on=date(2025, 10, 10), starts_on=date(2026, 1, 1), ends_on=date(2026, 12, 31),
        counts_from=date(2026, 1, 1), counts_to=date(2026, 12, 1), recorded_by=clerk,
    )  # fmt: skip
    return member, centre, hospital


def refer(member, origin, target, clerk, first=date(2026, 3, 2), last=date(2026, 3, 31)):
    return care.refer(
        member=member, from_institution=origin, to_institution=target, starts_on=first, ends_on=last,
        reason="专科治疗", actor=clerk, now=NOW,
    )  # fmt: skip


def test_referral_twice_records_once(chosen, clerk):
    member, centre, hospital = chosen
    first = refer(member, centre, hospital, clerk)
    assert refer(member, centre, hospital, clerk) == first
    assert Referral.objects.count() == 1
    assert AuditEntry.objects.filter(action="referral.record").count() == 1


def test_referral_from_another_than_the_selected_is_refused(chosen, clerk, place):
    member, centre, hospital = chosen
    other = place("源西卫生院")
    with pytest.raises(DomainError) as refused:
        refer(member, other, hospital, clerk)
    assert refused.value.field == "from_institution"
    with pytest.raises(DomainError):
        refer(member, centre, hospital, clerk, first=date(2025, 12, 31), last=date(2026, 1, 10))
    assert not Referral.objects.exists()


def test_referral_to_an_undesignated_institution_is_refused(chosen, clerk):
    member, centre, hospital = chosen
    places.undesignate(institution=hospital, last_day=date(2026, 3, 1), reason="违约", actor=clerk, now=NOW)
    with pytest.raises(DomainError) as refused:
        refer(member, centre, hospital, clerk)
    assert refused.value.field == "to_institution"
    assert not Referral.objects.exists()


def test_referral_out_of_every_area_needs_no_agreement(chosen, clerk, place):
    member, centre, _hospital = chosen
    remote = place("省人民医院", "hospital", area=None, county=None, designated_from=None)
    assert refer(member, centre, remote, clerk).to_institution == remote


def test_overlapping_referral_to_the_same_hospital_is_refused(chosen, clerk):
    member, centre, hospital = chosen
    refer(member, centre, hospital, clerk)
    with pytest.raises(DomainError):
        refer(member, centre, hospital, clerk, first=date(2026, 3, 31), last=date(2026, 4, 30))
    assert Referral.objects.count() == 1


def test_referral_to_itself_is_refused(chosen, clerk):
    member, centre, _hospital = chosen
    with pytest.raises(DomainError) as refused:
        refer(member, centre, centre, clerk)
    assert refused.value.field == "to_institution"


def test_ended_referral_has_its_new_last_day(chosen, clerk):
    member, centre, hospital = chosen
    referral = refer(member, centre, hospital, clerk)
    care.end_referral(referral=referral, last_day=date(2026, 3, 10), reason="已治愈", actor=clerk, now=NOW)
    assert Referral.objects.get().ends_on == date(2026, 3, 10)
    with pytest.raises(DomainError):
        care.end_referral(referral=referral, last_day=date(2026, 3, 20), reason="", actor=clerk, now=NOW)
    assert Referral.objects.get().ends_on == date(2026, 3, 10)


def test_referral_is_cancelled_only_before_it_begins(chosen, clerk):
    member, centre, hospital = chosen
    referral = refer(member, centre, hospital, clerk)
    with pytest.raises(DomainError):
        care.cancel_referral(referral=referral, on=date(2026, 3, 2), reason="", actor=clerk, now=NOW)
    assert Referral.objects.exists()
    for _delivery in range(2):
        care.cancel_referral(referral=referral, on=date(2026, 3, 1), reason="误登", actor=clerk, now=NOW)
    assert not Referral.objects.exists()
    assert AuditEntry.objects.filter(action="referral.take_back").count() == 1


def file_out_of_area(member, clerk, first, last=None, destination="310100"):
    return care.register_out_of_area(
        member=member, kind="retired_resettled", destination=destination, starts_on=first, ends_on=last,
        actor=clerk, now=NOW,
    )  # fmt: skip


def test_registration_twice_records_once(person, clerk):
    member = person()
    first = file_out_of_area(member, clerk, date(2026, 4, 1))
    assert file_out_of_area(member, clerk, date(2026, 4, 1)) == first
    assert queries.registered_out_of_area(member.pk, date(2026, 12, 31)) == first
    assert queries.registered_out_of_area(member.pk, date(2026, 3, 31)) is None


def test_overlapping_registration_is_refused(person, clerk):
    member = person()
    file_out_of_area(member, clerk, date(2026, 4, 1))
    with pytest.raises(DomainError):
        file_out_of_area(member, clerk, date(2026, 5, 1), destination="110100")
    assert OutOfAreaRegistration.objects.count() == 1


def test_registration_of_the_dead_and_for_no_place_is_refused(person, clerk):
    with pytest.raises(DomainError) as refused:
        file_out_of_area(person(died_on=date(2026, 3, 31)), clerk, date(2026, 4, 1))
    assert refused.value.field == "member"
    with pytest.raises(DomainError) as refused:
        file_out_of_area(person(), clerk, date(2026, 4, 1), destination="上海市")
    assert refused.value.field == "destination"
    assert not OutOfAreaRegistration.objects.exists()


def test_ended_registration_has_its_last_day(person, clerk):
    registration = file_out_of_area(person(), clerk, date(2026, 4, 1))
    care.end_out_of_area(registration=registration, last_day=date(2026, 6, 30), actor=clerk, now=NOW)
    assert OutOfAreaRegistration.objects.get().ends_on == date(2026, 6, 30)
    with pytest.raises(DomainError):
        care.end_out_of_area(registration=registration, last_day=date(2026, 3, 31), actor=clerk, now=NOW)
    assert OutOfAreaRegistration.objects.get().ends_on == date(2026, 6, 30)


def admit(member, clerk, first, last=None):
    return care.record_stay(member=member, admitted_on=first, discharged_on=last, actor=clerk, now=NOW)


def test_stay_may_begin_on_the_day_another_ends(person, clerk):
    member = person()
    admit(member, clerk, date(2026, 3, 1), date(2026, 3, 10))
    admit(member, clerk, date(2026, 3, 10), date(2026, 3, 20))
    assert HospitalStay.objects.count() == 2


def test_stay_during_another_is_refused(person, clerk):
    member = person()
    stay = admit(member, clerk, date(2026, 3, 1))
    assert admit(member, clerk, date(2026, 3, 1)) == stay
    with pytest.raises(DomainError):
        admit(member, clerk, date(2026, 3, 9), date(2026, 3, 12))
    care.discharge(stay=stay, discharged_on=date(2026, 3, 9), actor=clerk, now=NOW)
    admit(member, clerk, date(2026, 3, 9), date(2026, 3, 12))
    with pytest.raises(DomainError):
        care.discharge(stay=stay, discharged_on=date(2026, 3, 10), actor=clerk, now=NOW)
    assert list(HospitalStay.objects.values_list("admitted_on", "discharged_on")) == [
        (date(2026, 3, 1), date(2026, 3, 9)),
        (date(2026, 3, 9), date(2026, 3, 12)),
    ]


def test_discharge_before_admission_is_refused(person, clerk):
    stay = admit(person(), clerk, date(2026, 3, 5))
    with pytest.raises(DomainError) as refused:
        care.discharge(stay=stay, discharged_on=date(2026, 3, 4), actor=clerk, now=NOW)
    assert refused.value.field == "discharged_on"
    assert HospitalStay.objects.get().discharged_on is None
