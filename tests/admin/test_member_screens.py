"""A member's plan, and a newborn's enrolment, on screen."""

from datetime import date

from django.contrib.auth.models import Group
from django.urls import reverse

from members.models import BenefitPeriod, Enrolment
from tests.settlement import factories


def act(member, name: str) -> str:
    return reverse("admin:members_member_act", args=[member.pk, name])


def test_plan_changes_what_is_said_and_leaves_the_rest(city, staff, browse):
    member = factories.member(city)
    Enrolment.objects.filter(member=member).update(plan="unit", large_claims=True)
    client = browse(staff["clerk"])
    assert {"plan", "large_claims", "by_hand_elsewhere"} <= set(
        client.get(act(member, "enrolment.change_plan")).context["form"].fields
    )
    asked = {"on": "2026-03-10", "plan": "", "large_claims": "", "by_hand_elsewhere": "True"}
    assert client.post(act(member, "enrolment.change_plan"), asked).status_code == 302
    before, after = member.enrolments.order_by("starts_on")
    assert (before.ends_on, before.by_hand_elsewhere) == (date(2026, 3, 9), False)
    assert (after.plan, after.large_claims, after.by_hand_elsewhere) == ("unit", True, True)
    assert browse(staff["inspector"]).post(act(member, "enrolment.change_plan"), asked).status_code == 403


def test_newborn_is_enrolled_for_the_days_of_the_first_premium(db, browse):
    city = factories.city_of("shaoguan")
    city.clerk.is_staff = True
    city.clerk.save()
    city.clerk.groups.add(Group.objects.get(name="clerk"))
    [child] = factories.bare_members(1, birth=date(2026, 1, 10))
    client = browse(city.clerk)
    assert client.post(act(child, "enrolment.newborn"), {"area": city.area.pk, "paid_on": ""}).status_code == 200
    assert not Enrolment.objects.exists()
    asked = {"area": city.area.pk, "paid_on": "2026-03-02"}
    assert client.post(act(child, "enrolment.newborn"), asked).status_code == 302
    enrolment = Enrolment.objects.get()
    assert (enrolment.starts_on, enrolment.ends_on) == (date(2026, 1, 10), date(2026, 12, 31))
    assert (enrolment.paid_on, enrolment.person_class) == (date(2026, 3, 2), "resident")
    assert BenefitPeriod.objects.get().starts_on == date(2026, 1, 10)
