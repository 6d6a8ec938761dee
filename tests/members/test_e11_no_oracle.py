"""E11: a document's number does not tell who holds it beyond the reach of who asks: at the desk or by file."""

import pytest

from bureau.errors import DomainError
from bureau.models import Area, AuditEntry, Staff
from members.models import Member
from tests.members.samples import CHEN, FOUR, LI, NOW, WANG, ZHAO, members, roster
from tests.members.test_other_rosters import RELATIVES
from tests.roster_files import rejects

ELSEWHERE = (
    "This document is recorded already, in another area and under another name; compare it with the card, and if the "
    "name is right, have the area that keeps the record correct it."
)


@pytest.fixture
def stranger(load, area, clerk):
    """A clerk of another area than that of the four."""
    load("members", FOUR)
    there = Area.objects.create(code="440200", name="韶关")
    return Staff.objects.create(username="stranger", area=there, is_staff=True)


def by_file(kind, content, actor):
    from bureau.rosters.uploads import load_now, receive_upload

    upload = receive_upload(kind=kind, name="f.csv", content=content, area=actor.area, actor=actor, now=NOW)
    return load_now(upload, actor=actor, now=NOW)


def test_e11_registering_a_number_of_elsewhere_names_nobody(stranger, clerk):
    from members.services.people import register_member

    before = Member.objects.count(), AuditEntry.objects.count()
    with pytest.raises(DomainError) as refused:
        register_member(name="某某", document_number=LI, actor=stranger, now=NOW)
    assert (str(refused.value), refused.value.params) == (ELSEWHERE, {})
    with pytest.raises(DomainError) as refused:
        register_member(name="某某", document_number=LI, actor=clerk, now=NOW)
    assert "李明" in str(refused.value)
    assert (Member.objects.count(), AuditEntry.objects.count()) == before


def test_e11_the_desk_neither_names_nor_opens_the_record(stranger, client):
    from django.contrib.auth.models import Group

    stranger.groups.add(Group.objects.get(name="clerk"))
    client.force_login(stranger)
    url, said = "/admin/members/member/act/member.register/", {"document_kind": "01", "document_number": LI, "sex": "0"}
    page = client.post(url, said | {"name": "某某"}).content.decode()
    assert "该证件已在其他统筹区以另一姓名登记；请核对证件，如姓名无误，请由登记的统筹区更正。" in page
    assert "李明" not in page
    page = client.post(url, said | {"name": "李明"})
    assert page.status_code == 200 and "该人员已在其他统筹区登记" in page.content.decode()


def test_e11_correcting_to_a_number_of_elsewhere_names_nobody(stranger, clerk):
    from members.services.people import correct_member, register_member

    mine = register_member(name="孙七", document_kind="08", document_number="E12345678", actor=stranger, now=NOW)
    asked = {"member": mine, "document_kind": "01", "document_number": WANG, "reason": "换证", "now": NOW}
    with pytest.raises(DomainError) as refused:
        correct_member(**asked, actor=stranger)
    assert str(refused.value) == ELSEWHERE
    with pytest.raises(DomainError) as refused:
        correct_member(**asked, actor=clerk)
    assert "王芳" in str(refused.value)
    assert Member.objects.get(pk=mine.pk).document_kind == "08"


def test_e11_no_file_names_people_of_elsewhere(stranger, load, reasons):
    away = members(f"某某,{LI},11,2026-01-01,,440299")
    upload = by_file("members", away, stranger)
    assert (upload.accepted, reasons(upload)) == (0, [("2", "姓名", ELSEWHERE)])
    kin = roster(RELATIVES, f"赵小,{ZHAO},某某,{CHEN},父母,2026-01-01,", f"某某,{CHEN},赵小,{ZHAO},子女,2026-01-01,")
    upload = by_file("relatives", kin, stranger)
    assert [said[1:] for said in reasons(upload)] == [("成员姓名", ELSEWHERE), ("主账户人姓名", ELSEWHERE)]
    for kind, content in {
        "suspensions": roster("证件号码,类型,开始日期", f"{WANG},暂停,2026-02-01"),
        "benefit_periods": roster("证件号码,险种类型,开始日期", f"{WANG},310,2026-02-01"),
    }.items():
        upload = by_file(kind, content, stranger)
        assert upload.accepted == 0, kind
        said = rejects(upload)
        assert "Nobody of this area is recorded with this document; give the name as it stands on" in said, kind
        assert not any(name in said for name in ("李明", "王芳", "陈强", "赵小"))
    here = load("members", members(f"某某,{LI},11,2026-01-01"))
    assert "李明" in reasons(here)[0][2]
