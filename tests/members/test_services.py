"""What staff do at the desk, one act at a time."""

from datetime import date
from decimal import Decimal

import pytest
from django.utils import timezone

from bureau.errors import DomainError
from tests.members.samples import CHEN, LI, NOW, WANG

pytestmark = pytest.mark.django_db


@pytest.fixture
def li(clerk):
    from members.services.people import register_member

    return register_member(name="李明", document_number=LI.lower(), actor=clerk, now=NOW)


@pytest.fixture
def enrolled(li, area, clerk):
    from members.services.spans import enrol

    return enrol(
        member=li, area=area, scheme="310", person_class="active", starts_on=date(2026, 1, 1), actor=clerk, now=NOW
    )


def acts() -> list[str]:
    from bureau.models import AuditEntry

    return list(AuditEntry.objects.order_by("id").values_list("action", flat=True))


def test_register_member_once(li, clerk):
    from members.models import Member
    from members.services.people import register_member

    again = register_member(name="李 明".replace(" ", ""), document_number=LI, actor=clerk, now=NOW)
    assert again == li
    assert (li.sex, li.birth) == ("1", date(1980, 1, 1))
    assert Member.objects.count() == 1
    assert acts() == ["member.register"]


@pytest.mark.parametrize(
    ("facts", "field", "problem"),
    [
        (
            {"name": "李敏", "document_number": LI},
            "name",
            "This document is recorded for 李明; compare the card, or correct the record.",
        ),
        (
            {"name": "王芳", "document_number": WANG[:-1]},
            "document_number",
            "An identity number has 18 characters; this one has 17.",
        ),
        ({"name": " ", "document_number": WANG}, "name", "Enter a name."),
        (
            {"name": "王芳", "document_number": WANG, "sex": "1"},
            "sex",
            "The identity number says another sex.",
        ),
        (
            {"name": "王芳", "document_number": WANG, "birth": date(1985, 2, 16)},
            "birth",
            "The identity number says 1985-02-15; the date of birth differs.",
        ),
    ],
)
def test_register_member_refuses(li, clerk, facts, field, problem):
    from members.models import Member
    from members.services.people import register_member

    with pytest.raises(DomainError) as refused:
        register_member(**facts, actor=clerk, now=NOW)
    assert (refused.value.field, str(refused.value)) == (field, problem)
    assert Member.objects.count() == 1
    assert acts() == ["member.register"]


def test_correct_member_audits_before_and_after(li, clerk):
    from bureau.models import AuditEntry
    from members.identity import decrypt
    from members.services.people import correct_member

    member = correct_member(member=li, name="李铭", document_number=CHEN, reason="登记时录错", actor=clerk, now=NOW)
    member.refresh_from_db()
    assert (member.name, member.birth, member.sex) == ("李铭", date(1964, 6, 30), "1")
    assert decrypt(member.document_cipher) == CHEN
    detail = AuditEntry.objects.get(action="member.correct").detail
    assert detail["reason"] == "登记时录错"
    assert detail["changed"]["name"] == ["李明", "李铭"]
    assert sorted(detail["changed"]) == ["birth", "document", "name"]


def test_correct_member_refuses_anothers_document(li, clerk):
    from members.services.people import correct_member, register_member

    register_member(name="王芳", document_number=WANG, actor=clerk, now=NOW)
    with pytest.raises(DomainError, match="This document is recorded for 王芳"):
        correct_member(member=li, document_number=WANG, reason="x", actor=clerk, now=NOW)
    with pytest.raises(DomainError, match="A correction needs a reason"):
        correct_member(member=li, name="李铭", reason=" ", actor=clerk, now=NOW)
    li.refresh_from_db()
    assert (li.name, li.document_last4) == ("李明", LI[-4:])
    assert acts() == ["member.register", "member.register"]


def test_enrol_refuses_a_second_enrolment_on_a_day(enrolled, area, clerk):
    from members.models import Enrolment
    from members.services.spans import enrol

    facts = {"member": enrolled.member, "area": area, "actor": clerk, "now": NOW}
    same = enrol(scheme="310", person_class="active", starts_on=date(2026, 1, 1), **facts)
    assert same == enrolled
    with pytest.raises(DomainError, match="already enrolled on some of these days"):
        enrol(scheme="390", person_class="resident", starts_on=date(2026, 6, 1), **facts)
    with pytest.raises(DomainError, match="last day lies before the first"):
        enrol(scheme="310", person_class="active", starts_on=date(2025, 6, 1), ends_on=date(2025, 5, 1), **facts)
    assert Enrolment.objects.count() == 1
    assert acts() == ["member.register", "enrolment.start"]


def test_change_class_in_mid_year_begins_a_new_span(enrolled, clerk):
    from members.queries import enrolment_on
    from members.services.spans import change_class

    facts = {"member": enrolled.member, "person_class": "retired", "actor": clerk, "now": NOW}
    retired = change_class(on=date(2026, 7, 1), **facts)
    assert change_class(on=date(2026, 7, 1), **facts) == retired
    assert (retired.starts_on, retired.ends_on) == (date(2026, 7, 1), None)
    assert enrolment_on(enrolled.member_id, date(2026, 6, 30)).person_class == "active"
    assert enrolment_on(enrolled.member_id, date(2026, 7, 1)).person_class == "retired"
    with pytest.raises(DomainError, match="not enrolled on 2025-12-31"):
        change_class(on=date(2025, 12, 31), **facts)


def test_record_death_ends_what_runs(enrolled, area, clerk):
    from members.services.people import record_death
    from members.services.spans import add_benefit_period, enrol

    facts = {"actor": clerk, "now": NOW}
    period = add_benefit_period(
        member=enrolled.member, area=area, scheme="310", starts_on=date(2026, 1, 1), ends_on=date(2026, 12, 31), **facts
    )
    with pytest.raises(DomainError, match="lies in the future"):
        record_death(member=enrolled.member, on=date(2026, 3, 11), **facts)
    record_death(member=enrolled.member, on=date(2026, 2, 3), **facts)
    member = record_death(member=enrolled.member, on=date(2026, 2, 3), **facts)
    enrolled.refresh_from_db()
    period.refresh_from_db()
    assert member.died_on == enrolled.ends_on == period.ends_on == date(2026, 2, 3)
    with pytest.raises(DomainError, match="recorded for 2026-02-03"):
        record_death(member=enrolled.member, on=date(2026, 2, 4), **facts)
    with pytest.raises(DomainError, match="died on 2026-02-03"):
        enrol(member=member, area=area, scheme="310", person_class="active", starts_on=date(2026, 3, 1), **facts)
    assert acts()[-3:] == ["enrolment.end", "benefit_period.end", "member.death"]


def test_suspension_and_its_end(enrolled, area, clerk):
    from members.services.spans import end_suspension, suspend

    facts = {"actor": clerk, "now": NOW}
    suspension = suspend(
        member=enrolled.member, area=area, kind="arrears", starts_on=date(2026, 3, 1), reason="欠缴", **facts
    )
    ended = end_suspension(suspension=suspension, ends_on=date(2026, 3, 31), **facts)
    assert ended.ends_on == date(2026, 3, 31)
    with pytest.raises(DomainError, match="last day lies before the first"):
        end_suspension(suspension=suspension, ends_on=date(2026, 2, 28), **facts)


def test_contribution_is_recorded_once(enrolled, area, clerk):
    from members.models import Contribution
    from members.services.facts import record_contribution

    facts = {
        "member": enrolled.member, "area": area, "scheme": "310", "month": date(2026, 1, 1),
        "base": Decimal("6543.21"), "employer_amount": Decimal("425.31"), "paid_on": date(2026, 1, 12),
        "actor": clerk, "now": NOW,
    }  # fmt: skip
    first = record_contribution(own_amount=Decimal("130.86"), **facts)
    assert record_contribution(own_amount=Decimal("130.86"), **facts) == first
    with pytest.raises(DomainError, match="recorded with other amounts"):
        record_contribution(own_amount=Decimal("130.87"), **facts)
    assert Contribution.objects.count() == 1


def test_relatives_are_other_people(li, clerk):
    from members.models import Relative
    from members.services.facts import add_relative, end_relative
    from members.services.people import register_member

    wang = register_member(name="王芳", document_number=WANG, actor=clerk, now=NOW)
    facts = {"member": li, "relation": "spouse", "starts_on": date(2026, 1, 1), "actor": clerk, "now": NOW}
    bond = add_relative(relative=wang, **facts)
    assert add_relative(relative=wang, **facts) == bond
    with pytest.raises(DomainError, match="not a relative of their own"):
        add_relative(relative=li, **facts)
    assert end_relative(bond=bond, ends_on=date(2026, 6, 30), actor=clerk, now=NOW).ends_on == date(2026, 6, 30)
    assert Relative.objects.count() == 1


@pytest.mark.parametrize(
    ("text", "names"),
    [
        (LI, ["李明"]),
        (f" {LI[:6]} {LI[6:14]} {LI[14:].lower()} ", ["李明"]),
        (LI[-4:], ["李明"]),
        ("李", ["李明"]),
        ("李明", ["李明"]),
        ("王", ["王芳"]),
        ("明", []),
        ("12345", []),
        ("", []),
        ("%", []),
    ],
)
def test_find_by_document_last_four_or_name(li, clerk, text, names):
    from members.queries import find
    from members.services.people import register_member

    register_member(name="王芳", document_number=WANG, actor=clerk, now=NOW)
    assert [member.name for member in find(text)] == names


def test_clock_stands_on_the_stated_day(monkeypatch):
    from bureau import clock

    monkeypatch.setenv("GONGJI_TODAY", "2026-12-31")
    assert clock.today() == date(2026, 12, 31)
    assert timezone.localdate(clock.now()) == date(2026, 12, 31)
    monkeypatch.delenv("GONGJI_TODAY")
    assert abs((clock.now() - timezone.now()).total_seconds()) < 5
