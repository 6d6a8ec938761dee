"""Opening and closing the selection window, by staff and by the scheduler."""

from datetime import UTC, date, datetime

import pytest

from bureau.editions.life import load_edition
from bureau.errors import DomainError
from bureau.models import AuditEntry, Staff
from bureau.rules.format.edition import RULEBOOKS
from institutions import tasks
from institutions.models import Selection, SelectionWindow
from institutions.services import places
from institutions.services.selection import choose, end_selections
from institutions.services.windows import close_window, open_and_close_windows, open_window

pytestmark = pytest.mark.django_db

NOW = datetime(2025, 9, 1, 0, 5, tzinfo=UTC)


def pass_day(clerk, on):
    opened, closed = open_and_close_windows(on=on, actor=clerk, now=NOW)
    return [window.year for window in opened], [window.year for window in closed]


def test_windows_open_and_close_on_the_days_of_the_edition(edition, clerk):
    assert pass_day(clerk, date(2025, 8, 31)) == ([], [])
    assert pass_day(clerk, date(2025, 9, 1)) == ([2026], [])
    assert pass_day(clerk, date(2025, 9, 1)) == ([], [])
    assert pass_day(clerk, date(2025, 12, 31)) == ([], [])
    assert pass_day(clerk, date(2026, 1, 1)) == ([], [2026])
    assert pass_day(clerk, date(2026, 1, 2)) == ([], [])
    window = SelectionWindow.objects.get()
    assert (window.opens_on, window.closes_on) == (date(2025, 9, 1), date(2025, 12, 31))
    assert AuditEntry.objects.filter(action__startswith="window.").count() == 2


def test_scheduler_that_slept_opens_and_closes_once(edition, clerk):
    assert pass_day(clerk, date(2026, 2, 1)) == ([2026], [2026])
    assert pass_day(clerk, date(2026, 2, 1)) == ([], [])


def test_window_after_the_edition_does_not_open(edition, clerk):
    """In force until 31 July 2030: the window for 2031 needs another edition."""
    assert pass_day(clerk, date(2030, 10, 1)) == ([2030], [2030])


def test_closing_records_how_many_have_not_chosen(edition, area, clerk, person):
    person()
    window = open_window(area=area, scheme="310", year=2026, on=date(2025, 9, 1), actor=clerk, now=NOW)
    assert open_window(area=area, scheme="310", year=2026, on=date(2025, 9, 2), actor=clerk, now=NOW) == window
    close_window(window=window, on=date(2026, 1, 1), actor=clerk, now=NOW)
    assert AuditEntry.objects.get(action="window.close").detail["not_chosen"] == 1


def test_window_before_its_days_and_after_its_end_is_refused(edition, area, clerk):
    with pytest.raises(DomainError) as refused:
        open_window(area=area, scheme="310", year=2026, on=date(2025, 8, 31), actor=clerk, now=NOW)
    assert refused.value.field == "on"
    with pytest.raises(DomainError) as refused:
        open_window(area=area, scheme="390", year=2026, on=date(2025, 9, 1), actor=clerk, now=NOW)
    assert refused.value.field == "year"
    assert not SelectionWindow.objects.exists()
    window = open_window(area=area, scheme="310", year=2026, on=date(2025, 9, 1), actor=clerk, now=NOW)
    with pytest.raises(DomainError):
        close_window(window=window, on=date(2025, 12, 31), actor=clerk, now=NOW)
    assert SelectionWindow.objects.get().closed_at is None
    close_window(window=window, on=date(2026, 1, 1), actor=clerk, now=NOW)
    with pytest.raises(DomainError):
        open_window(area=area, scheme="310", year=2026, on=date(2026, 1, 2), actor=clerk, now=NOW)


def test_tasks_delivered_twice_take_effect_once(edition, area, clerk, person, place, monkeypatch):
    monkeypatch.setenv("GONGJI_TODAY", "2026-05-31")
    member = person()
    choose(member=member, institutions=place("甲"), year=2026, requested_on=date(2025, 10, 10), actor=clerk, now=NOW)
    member.died_on = date(2026, 5, 20)
    member.save()
    for _delivery in range(2):
        tasks.open_and_close_windows()
        tasks.end_selections_of_departed()
    assert Selection.objects.get().ends_on == date(2026, 5, 20)
    scheduler = Staff.objects.get(username="scheduler")
    acts = AuditEntry.objects.filter(actor=scheduler).order_by("id").values_list("action", flat=True)
    assert list(acts) == ["staff.register", "window.open", "window.close", "selection.end"]


def choices_of_2027():
    rows = Selection.objects.filter(year=2027).order_by("member")
    return list(rows.values_list("member", "institution__name", "route", "requested_on", "counts_from", "counts_to"))


@pytest.mark.parametrize("reading", ["must_choose", "automatic"])
def test_last_years_choice_runs_on_where_the_edition_reads_so(area, clerk, reviewer, person, place, reading):
    texts = {path.name: path.read_text("utf-8") for path in (RULEBOOKS / "heyuan").glob("*.toml")}
    texts = {name: text.replace('"must_choose"\n', f'"{reading}"\n') for name, text in texts.items()}
    load_edition(texts=texts, area=area, actor=clerk, approver=reviewer, now=NOW)
    a, b = place("甲"), place("乙")
    silent, chooses, closed, dead, newcomer = (person() for _ in range(5))

    def ask(member, institution, on, year=2026):
        choose(member=member, institutions=institution, year=year, requested_on=on, actor=clerk, now=NOW)

    for member in (silent, chooses, dead):
        ask(member, a, date(2025, 10, 10))
    ask(closed, b, date(2025, 10, 10))
    ask(chooses, b, date(2026, 10, 10), year=2027)
    places.undesignate(institution=b, last_day=date(2026, 11, 30), reason="违约", actor=clerk, now=NOW)
    end_selections(member=dead, last_day=date(2026, 8, 1), event="death", actor=clerk, now=NOW)
    ask(newcomer, a, date(2026, 12, 5))
    for _delivery in range(2):
        pass_day(clerk, date(2027, 1, 1))

    months = (date(2027, 1, 1), date(2027, 12, 1))
    chosen = (chooses.pk, "乙", "window", date(2026, 10, 10), *months)
    renewed = [(member.pk, "甲", "window", date(2026, 12, 31), *months) for member in (silent, newcomer)]
    assert choices_of_2027() == ([renewed[0], chosen, renewed[1]] if reading == "automatic" else [chosen])
    assert AuditEntry.objects.filter(action="selection.renew").count() == (reading == "automatic")
