"""What the house shows and does of the rooms is said by the rooms: tasks, charts, jobs, schedule, words of acts."""

import pytest
from django.contrib import admin
from django.utils import translation

from bureau.jobs import services as jobs
from bureau.jobs.schedule import ENTRIES
from bureau.site import start
from bureau.staff import roles


def test_every_task_of_the_start_page_stands_in_a_list_and_waits_for_an_act_of_some_role():
    names = [task.name for task in start.TASKS]
    assert len(names) == len(set(names)) >= 21
    assert {task.act for task in start.TASKS} - {""} <= roles.ACTS
    assert [task.name for task in start.TASKS if not admin.site.is_registered(task.model)] == []


@pytest.mark.django_db
def test_what_a_task_counts_is_what_its_list_shows(whole_city, staff, browse, rf):
    request = rf.get("/")
    request.user = staff["everybody"]
    client = browse(staff["everybody"])
    counted = {}
    for task in start.TASKS:
        counted[task.name] = start._count(request, task)
        page = client.get(start._list_of(task))
        assert page.status_code == 200, task.name
        if not task.recent:  # how young a file is stands in no filter of its list
            assert page.context["cl"].result_count == counted[task.name], task.name
    waiting = {"runs_submitted", "payouts_submitted", "claims_received", "proposals", "accounts", "scores"}
    assert {name for name in waiting if not counted[name]} == set()


@pytest.mark.django_db
def test_charts_come_from_the_rooms_with_a_figure_for_each_of_twelve_months(full_city, staff, browse):
    charts = browse(staff["clerk"]).get("/admin/").context["charts"]
    assert [chart["id"] for chart in charts] == ["fund-chart", "accounts-chart"]
    assert {len(one["data"]) for chart in charts for one in chart["data"]["series"]} == {12}
    fund, visits = charts[0]["data"]["series"]
    # February: 100.00 at 70 % up to 60.00, taken back in March, and 60.00 at 70 %.
    assert dict(zip(charts[0]["data"]["months"], fund["data"], strict=True))["2026-02"] == "102.00"
    assert visits["data"][-2:] == ["2", "-1"]
    assert browse(staff["system_administrator"]).get("/admin/").context["charts"] == []


def test_every_kind_of_job_has_a_name_in_chinese():
    with translation.override("zh-hans"):
        said = {kind: str(jobs.label_of(kind)) for kind in jobs._kinds}
    assert {"upload", "credit", "check_books", "runs", "visits", "edition_replay", "late_facts", "demo"} <= set(said)
    assert {kind: label for kind, label in said.items() if label.isascii()} == {}


def test_every_scheduled_task_is_one_that_workers_know():
    from bureau.celery import app

    assert len(ENTRIES) == len({entry.task for entry in ENTRIES}) >= 7
    assert {entry.task for entry in ENTRIES} <= set(app.tasks)
    with translation.override("zh-hans"):
        assert [entry.name for entry in ENTRIES if translation.gettext(entry.name).isascii()] == []
