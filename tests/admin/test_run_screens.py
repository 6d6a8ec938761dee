"""What a finance officer sees of a year's total or pool, and how a year kept back by the month ends."""

from datetime import date

import pytest
from django.urls import reverse

from settlement.models import Run
from tests.settlement import factories

YEAR_PAGE = "/admin/settlement/run/act/run.year/"
RUNS = "/admin/settlement/run/"


def city_with(key: str, staff_of):
    """A city, its staff by role, an institution and a member."""
    city = factories.city_of(key)
    return city, staff_of(city), factories.institution(city), factories.bare_members(1)[0]


@pytest.fixture
def staff_of(db):
    from django.contrib.auth.models import Group

    def roles(city):
        found = {"clerk": city.clerk, "reviewer": city.reviewer, "finance": city.finance}
        for code, staff in found.items():
            staff.is_staff = True
            staff.save()
            staff.groups.add(Group.objects.get(name=code))
        return found

    return roles


def compute(client, city, kind: str, period: str) -> Run:
    asked = {
        "area": city.area.pk, "county": city.county.pk, "scheme": city.scheme, "kind": kind, "period": period,
    }  # fmt: skip
    answer = client.post(f"{RUNS}act/run.compute/", asked)
    assert answer.status_code == 302, answer.context["form"].errors
    return Run.objects.get(kind=kind, period=f"{period}-01")


def panels(answer):
    return [[[cell.text for cell in row] for row in panel.rows] for panel in answer.context["panels"]]


@pytest.mark.parametrize("key", ["kaifeng", "chongqing"])
def test_run_and_list_say_what_the_year_has_used_of_its_total(key, staff_of, browse):
    city, staff, where, person = city_with(key, staff_of)
    factories.figure(city.area, "total_budget", 2026, "1000.00", city.clerk, city.reviewer)
    by_item = {"charge": "fee_for_service"}
    factories.settled(city, where, person, on=date(2026, 1, 6), fund="700.00", **by_item)
    factories.settled(city, where, person, on=date(2026, 2, 6), fund="450.00", **by_item)
    for kind in ("month", "items"):
        run = compute(browse(staff["clerk"]), city, kind, "2026-02")
        assert all(said in run.note for said in ("1150.00", "1000.00", "150.00", "115%"))
        for url in (f"{RUNS}{run.pk}/change/", f"{RUNS}?kind__exact={kind}"):
            assert run.note in browse(staff["finance"]).get(url).content.decode()
    ask = {"area": city.area.pk, "scheme": city.scheme, "year": "2026"}
    [[row]] = panels(browse(staff["finance"]).get(YEAR_PAGE, ask))
    assert row == ["1,000.00", "1,150.00", "115%", "0.00", "150.00"]
    [[row]] = panels(browse(staff["finance"]).get(YEAR_PAGE, ask | {"year": "2025"}))
    assert row[:3] == ["–", "0.00", "–"]


def test_year_page_shows_the_pool_or_names_the_figure_that_is_missing(staff_of, browse):
    city, staff, _where, _person = city_with("zhanjiang", staff_of)
    client = browse(staff["finance"])
    ask = {"area": city.area.pk, "scheme": "310", "year": "2024"}
    errors = str(client.get(YEAR_PAGE, ask).context["form"].non_field_errors())
    assert city.rules.figures["levy_y_minus_2"].label in errors and "2022" in errors and "levy" not in errors
    factories.publish_pool(city, 2024, "1000.00")
    pool, reserves = panels(client.get(YEAR_PAGE, ask))
    assert [row[1] for row in pool] == ["76,000,000.00", "3,800,000.00", "12,000.00", "1,000.00", "1,000.00"]
    assert [row[1:] for row in reserves] == [["72,188,000.00", "0.00", "72,188,000.00"], ["0.00", "0.00", "0.00"]]


def test_year_page_says_where_there_is_neither_total_nor_pool(staff_of, browse):
    city, staff, _where, _person = city_with("shaoguan", staff_of)
    client = browse(staff["finance"])
    [panel] = client.get(YEAR_PAGE, {"area": city.area.pk, "scheme": "390", "year": "2026"}).context["panels"]
    assert city.rules.document in str(panel.note)
    without = client.get(YEAR_PAGE, {"area": city.area.pk, "scheme": "310", "year": "2026"})
    assert without.context["form"].non_field_errors()
    assert reverse("admin:settlement_run_list_act", args=["run.year"]) in client.get(RUNS).content.decode()
