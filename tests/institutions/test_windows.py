"""Opening and closing the selection window, by staff and by the scheduler."""

from datetime import UTC, date, datetime

import pytest

from bureau.errors import DomainError
from bureau.models import AuditEntry
from institutions.models import SelectionWindow
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
