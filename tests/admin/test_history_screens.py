"""The history of a record on its page, and on the trail entry's page what the act changed."""

from datetime import date

import pytest
from django.urls import reverse

from bureau import audit
from bureau.models import Area, AuditEntry, Staff
from tests.admin.conftest import NOW
from tests.settlement import factories


def panel(response, title):
    return next((found for found in response.context["panels"] if str(found.title) == title), None)


def rows(found) -> list[list[str]]:
    return [[str(cell.text) for cell in row] for row in found.rows]


@pytest.fixture
def person(city, staff):
    made = factories.member(city)
    audit.record("member.register", actor=city.clerk, now=NOW, subject=made, area_id=city.area.pk)
    type(made).objects.filter(pk=made.pk).update(phone="13900000001", sex="2")
    audit.record("member.correct", actor=staff["clerk"], now=NOW, subject=made, area_id=city.area.pk)
    return made


def test_a_record_shows_who_changed_what_field_by_field(city, staff, browse, person):
    page = browse(staff["clerk"]).get(reverse("admin:members_member_change", args=[person.pk]))
    shown = rows(panel(page, "变更历史"))
    by_field = {row[3]: row for row in shown}
    # Codes in the reader's language; what a person typed as it stands.
    assert by_field["性别"][4:] == ["未知", "女"]
    assert by_field["联系电话"][4:] == ["–", "13900000001"]
    assert shown[0][1:3] == ["clerk", "更正"]
    assert shown[0][0].startswith("2026-03-16 10:00")  # clerks read no trail: no link
    assert shown[1][:3] == ["", "", ""]  # one act, said once
    assert shown[-1][3] == "新建"
    trail = browse(staff["security_auditor"])
    assert trail.get(reverse("admin:members_member_change", args=[person.pk])).status_code in (200, 403)


def test_an_act_of_another_area_is_not_told_to_this_one(city, staff, browse, person):
    other = Area.objects.create(code="440200", name="韶关市")
    stranger = Staff.objects.create(username="stranger", first_name="外地经办", area=other)
    type(person).objects.filter(pk=person.pk).update(phone="13900000002")
    AuditEntry.objects.create(at=NOW, actor=stranger, action="member.correct", area=other)
    page = browse(staff["clerk"]).get(reverse("admin:members_member_change", args=[person.pk]))
    first = rows(panel(page, "变更历史"))[0]
    assert first[1:] == ["–", "–", "联系电话", "13900000001", "13900000002"]
    assert "外地经办" not in page.content.decode()


def test_a_document_shows_its_last_four_and_no_cipher(city, staff, browse, person):
    type(person).objects.filter(pk=person.pk).update(
        document_cipher=b"x", document_hash=b"y" * 32, document_last4="9999"
    )
    audit.record("member.correct", actor=city.clerk, now=NOW, subject=person, area_id=city.area.pk)
    page = browse(staff["clerk"]).get(reverse("admin:members_member_change", args=[person.pk]))
    by_field = {row[3]: row[4:] for row in rows(panel(page, "变更历史"))[:3]}
    assert by_field["证件号码（加密）"] == ["已变更，内容不留存", ""]
    assert [value[1] for name, value in by_field.items() if "后四位" in name] == ["9999"]


def test_the_trail_entry_shows_what_it_wrote(city, staff, browse, person):
    entry = AuditEntry.objects.get(action="member.correct")
    reader = next(
        one for one in (staff["security_auditor"], staff["inspector"], staff["everybody"])
        if browse(one).get(reverse("admin:bureau_auditentry_change", args=[entry.pk])).status_code == 200
    )  # fmt: skip
    page = browse(reader).get(reverse("admin:bureau_auditentry_change", args=[entry.pk]))
    assert rows(panel(page, "写入的记录")) == [["参保人", "0", "1", "0"]]
    page = browse(staff["everybody"]).get(reverse("admin:bureau_auditentry_change", args=[entry.pk]))
    assert {row[1]: row[2:] for row in rows(panel(page, "变更的字段"))} == {
        "性别": ["未知", "女"],
        "联系电话": ["–", "13900000001"],
    }


def test_the_trail_shows_no_field_of_a_record_beyond_the_readers_reach(city, staff, browse, person):
    """The act is one that no area owns; the member is another area's by now."""
    other = Area.objects.create(code="440200", name="韶关市")
    type(person).objects.filter(pk=person.pk).update(phone="13900000003")
    entry = audit.record("member.correct", actor=Staff.objects.create(username="central"), now=NOW, subject=person)
    person.enrolments.update(area=other)
    audit.record("x", actor=Staff.objects.get(username="central"), now=NOW)
    page = browse(staff["everybody"]).get(reverse("admin:bureau_auditentry_change", args=[entry.pk]))
    assert panel(page, "变更的字段").rows == []
    assert "13900000003" not in page.content.decode()


def test_keys_become_the_records_they_name(city, staff, browse, person):
    from institutions.models import Institution, Selection

    first, second = factories.institution(city, "甲卫生院"), factories.institution(city, "乙卫生院")
    chosen = Selection.objects.create(
        member=person, area=city.area, scheme="310", year=2026, institution=first, route="window",
        requested_on=date(2026, 1, 1), starts_on=date(2026, 1, 1), ends_on=date(2026, 12, 31), recorded_by=city.clerk,
    )  # fmt: skip
    audit.record("selection.choose", actor=city.clerk, now=NOW, subject=chosen)
    Selection.objects.update(institution=second, ends_on=date(2026, 6, 30))
    audit.record("selection.change", actor=city.clerk, now=NOW, subject=chosen)
    page = browse(staff["clerk"]).get(reverse("admin:institutions_selection_change", args=[chosen.pk]))
    shown = {row[3]: row[4:] for row in rows(panel(page, "变更历史"))[:2]}
    assert sorted(shown.values()) == [["2026-12-31", "2026-06-30"], ["甲卫生院", "乙卫生院"]]
    assert Institution.objects.count() == 2
