"""The start page: returns to review and returns that are late, scores to confirm, figures that the year lacks."""

from datetime import date
from decimal import Decimal

import pytest

from bureau.editions.figures import enter_figure
from institutions.services.places import record_assessment
from settlement.services.returns import submit_return
from tests.admin.conftest import NOW
from tests.settlement import factories

START = "/admin/"


@pytest.fixture
def city(db):
    return factories.city_of("shaoguan")


def test_returns_and_scores_wait_for_whoever_may_act_on_them(city, staff, browse):
    centre, other = (factories.institution(city, name) for name in ("甲卫生院", "乙卫生院"))
    for place in (centre, other):
        factories.heads(city, place, 1)
    submit_return(
        institution=centre, scheme="390", month=date(2026, 2, 1), visits=0, total=Decimal("0.00"),
        fund=Decimal("0.00"), submitted_on=date(2026, 3, 4), actor=city.clerk, now=NOW,
    )  # fmt: skip
    record_assessment(institution=centre, year=2025, score=Decimal("90"), actor=city.clerk, now=NOW)
    by_reviewer = browse(staff["reviewer"]).get(START).context["tasks"]
    counts = {task.url: (task.count, task.mine) for task in by_reviewer}
    late = "/admin/settlement/monthlyreturn/act/return.late/?area=440299&scheme=390&month=2026-02"
    assert counts == {
        "/admin/settlement/monthlyreturn/?status__exact=submitted": (1, True),
        "/admin/institutions/assessment/?confirmed_at__isnull=True": (1, True),
        late: (1, False),
    }
    mine = {task.url: task.mine for task in browse(staff["clerk"]).get(START).context["tasks"]}
    assert mine[late] and sum(mine.values()) == 1
    page = browse(staff["clerk"]).get(late).content.decode()
    assert "乙卫生院" in page and "甲卫生院" not in page
    assert "2026-02" in browse(staff["clerk"]).get(START).content.decode()


def test_returns_of_the_month_before_are_shown_until_the_next_are_due(city, staff, browse, monkeypatch):
    monkeypatch.setenv("GONGJI_TODAY", "2026-03-05")
    factories.heads(city, factories.institution(city), 1)
    [task] = browse(staff["clerk"]).get(START).context["tasks"]
    assert "month=2026-01" in task.url


def test_nothing_waits_where_no_return_is_asked_for(staff_of_heyuan, browse):
    city, clerk = staff_of_heyuan
    factories.heads(city, factories.institution(city), 1)
    assert browse(clerk).get(START).context["tasks"] == []


def test_missing_figures_are_named_with_their_years(staff_of_heyuan, browse):
    city, staff = staff_of_heyuan
    lacks = browse(staff).get(START).context["missing"]
    figures = city.rules.figures
    for code, year in (("yearly_cap", 2026), ("average_wage", 2024)):
        assert any(figures[code].label in said and str(year) in said for said in lacks), (code, lacks)
    assert not any(code in said for said in lacks for code in figures)
    enter_figure(
        area=city.area, code="average_wage", year=2024, value=Decimal("85000.00"), document="公告", actor=city.clerk,
        now=NOW,
    )  # fmt: skip
    from django.core.cache import cache

    cache.clear()
    again = browse(staff).get(START).context["missing"]
    assert len(again) == len(lacks) and again != lacks


def test_the_desk_names_the_figure_that_is_missing_with_its_year(staff_of_heyuan, browse):
    city, clerk = staff_of_heyuan
    centre = factories.institution(city)
    person = factories.member(city, selected=centre)
    asked = {
        "member": person.pk, "institution": centre.pk, "key": "desk-1", "encounter": "E1", "care_on": "2026-03-10",
        "channel": "ordinary", "credential": "03", "total": "100.00", "own_expense": "0.00", "over_limit": "0.00",
        "first_self": "0.00", "general_fee": "0.00", "pay_from": "own",
    }  # fmt: skip
    [said] = browse(clerk).post("/admin/settlement/visit/act/visit.settle/", asked).context["form"].non_field_errors()
    assert city.rules.figures["yearly_cap"].label in said and "2026" in said and "yearly_cap" not in said


@pytest.fixture
def staff_of_heyuan(db):
    from django.contrib.auth.models import Group

    city = factories.city_of("heyuan")
    city.clerk.is_staff = True
    city.clerk.save()
    city.clerk.groups.add(Group.objects.get(name="clerk"))
    return city, city.clerk
