"""What a finance officer sees of a year's total or pool, and how a year kept back by the month ends."""

from datetime import date

import pytest
from django.urls import reverse

from settlement.models import Run
from tests.settlement import factories, history

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


def do(client, name: str, record, **said):
    """An act on a record, its preview sent back where there is one."""
    url = reverse(f"admin:{record._meta.app_label}_{record._meta.model_name}_act", args=[record.pk, name])
    answer = client.post(url, said)
    assert answer.status_code == 302, answer.context["form"].errors
    record.refresh_from_db()
    return record


def pay(browse, staff, run: Run) -> Run:
    for code, name in (("clerk", "run.submit"), ("reviewer", "run.approve"), ("finance", "run.pay")):
        do(browse(staff[code]), name, run)
    assert run.status == Run.Status.PAID
    return run


def panels(answer):
    return [[[cell.text for cell in row] for row in panel.rows] for panel in answer.context["panels"]]


@pytest.mark.parametrize("key", ["kaifeng", "chongqing"])
def test_run_and_list_say_what_the_year_has_used_of_its_total(key, staff_of, browse):
    city, staff, where, person = city_with(key, staff_of)
    factories.figure(city.area, "total_budget", 2026, "1000.00", city.clerk, city.reviewer)
    by_item = {"charge": "fee_for_service"}
    history.settled(city, where, person, on=date(2026, 1, 6), fund="700.00", **by_item)
    history.settled(city, where, person, on=date(2026, 2, 6), fund="450.00", **by_item)
    for kind in ("month", "items"):
        run = compute(browse(staff["clerk"]), city, kind, "2026-02")
        assert all(said in run.note for said in ("1150.00", "1000.00", "150.00", "115.0%"))
        for url in (f"{RUNS}{run.pk}/change/", f"{RUNS}?kind__exact={kind}"):
            assert run.note in browse(staff["finance"]).get(url).content.decode()
    ask = {"area": city.area.pk, "scheme": city.scheme, "year": "2026"}
    [[row]] = panels(browse(staff["finance"]).get(YEAR_PAGE, ask))
    assert row == ["1,000.00", "1,150.00", "115.0%", "0.00", "150.00"]
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
    # What the reserves leave or lack is settled against the contingencies.
    assert [row[1:] for row in reserves] == [
        ["72,188,000.00", "0.00", "72,188,000.00"],
        ["0.00", "0.00", "0.00"],
        ["3,800,000.00", "-72,188,000.00", "75,988,000.00"],
    ]


def test_year_page_says_where_there_is_neither_total_nor_pool(staff_of, browse):
    city, staff, _where, _person = city_with("shaoguan", staff_of)
    client = browse(staff["finance"])
    [panel] = client.get(YEAR_PAGE, {"area": city.area.pk, "scheme": "390", "year": "2026"}).context["panels"]
    assert city.rules.document in str(panel.note)
    without = client.get(YEAR_PAGE, {"area": city.area.pk, "scheme": "310", "year": "2026"})
    assert without.context["form"].non_field_errors()
    assert reverse("admin:settlement_run_list_act", args=["run.year"]) in client.get(RUNS).content.decode()


# What the months kept back, and the year


def kept_back(key: str):
    """Three months in which the fund gave an institution 100.00 each, and another 60.00 in March."""
    city = factories.city_of(key)
    since = {"since": date(2024, 1, 1)}
    where, other = factories.institution(city, "甲医院", **since), factories.institution(city, "乙医院", **since)
    person = factories.bare_members(1)[0]
    if key == "shaoguan":
        for place in (where, other):
            factories.heads(city, place, 100, year=2025)
    else:
        factories.publish_pool(city, 2024, "100000.00")
    year = 2025 if key == "shaoguan" else 2024  # Zhanjiang's rules do not outlast 2025
    charge = "selected_capitation" if key == "shaoguan" else "pool"
    for month in (1, 2, 3):
        history.settled(city, where, person, on=date(year, month, 6), fund="100.00", charge=charge)
    history.settled(city, other, person, on=date(year, 3, 7), fund="60.00", charge=charge)
    return city, where, other, year


@pytest.mark.parametrize(
    ("key", "released", "total"),
    [
        # 5 % of 105.00 a month: 5.25 three times, and 3.15 of 63.00; at 90 and 100 points.
        ("zhanjiang", {"甲医院": "14.18", "乙医院": "3.15"}, "17.33"),
        # Due is the use less what the deposit (15.00, 3.00) forfeits, less what the months paid (285.00, 57.00).
        ("shaoguan", {"甲医院": "13.50", "乙医院": "3.00"}, "16.50"),
    ],
)
def test_months_then_scores_then_what_was_kept_back(key, released, total, staff_of, browse):
    city, where, other, year = kept_back(key)
    staff = staff_of(city)
    for month in ("01", "02", "03"):
        pay(browse, staff, compute(browse(staff["clerk"]), city, "month", f"{year}-{month}"))
    asked = {"area": city.area.pk, "county": city.county.pk, "scheme": city.scheme}
    asked |= {"kind": "year_end", "period": f"{year}-01"}
    scores = [(where, "90"), (other, "100")]

    refused = browse(staff["clerk"]).post(f"{RUNS}act/run.compute/", asked).context["form"].non_field_errors()
    assert "甲医院" in refused[0] and "乙医院" in refused[0]
    for place, score in scores:
        do(browse(staff["clerk"]), "institution.assess", place, year=year, score=score, document="考核通报")
    refused = browse(staff["clerk"]).post(f"{RUNS}act/run.compute/", asked).context["form"].non_field_errors()
    assert "甲医院" in refused[0]

    first = where.assessments.get()
    page = f"/admin/institutions/assessment/{first.pk}/act/assessment.confirm/"
    assert browse(staff["clerk"]).post(page).status_code == 403
    do(browse(staff["reviewer"]), "assessment.confirm", first)
    every = "/admin/institutions/assessment/act/assessment.confirm/"
    said = {"area": city.area.pk, "year": year}
    shown = browse(staff["reviewer"]).post(every, said)
    assert [row[1:] for row in panels(shown)[0]] == [["100.00", "考核通报", "clerk"]]
    browse(staff["reviewer"]).post(every, said | {"_shown": shown.context["shown"]})
    assert {one.confirmed_by for place, _score in scores for one in place.assessments.all()} == {staff["reviewer"]}

    run = pay(browse, staff, compute(browse(staff["clerk"]), city, "year_end", f"{year}-01"))
    assert str(run.total) == total
    assert {line.institution.name: str(line.to_pay) for line in run.lines.all()} == released
    shown = browse(staff["finance"]).get(f"{RUNS}{run.pk}/change/").content.decode()
    assert all(amount in shown for amount in (*released.values(), total))
