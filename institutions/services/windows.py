"""选点期: the days on which members choose for the coming year, as the edition sets them."""

import datetime

from django.db import transaction
from django.utils.translation import gettext_lazy as _

from bureau import audit
from bureau.editions.rulebook import rulebook
from bureau.errors import DomainError
from bureau.models import Area, Staff
from bureau.rules import selection as rules
from bureau.rules.format.edition import Edition
from bureau.rules.periods import Span
from bureau.staff import reach
from institutions.models import SelectionWindow
from institutions.queries import not_yet_selected
from institutions.services.renewal import renew_selections


def open_window(
    *, area: Area, scheme: str, year: int, on: datetime.date, actor: Staff, now: datetime.datetime
) -> SelectionWindow:
    """Open the window for a year, on its first day or later. Opening it again changes nothing.

    Refused: where no edition in force sets a window, before the window's first day, once it is closed.
    """
    reach.require_whole(actor.reach, area.pk)
    with transaction.atomic():
        area = Area.objects.select_for_update(no_key=True).get(pk=area.pk)
        window = SelectionWindow.objects.filter(area=area, scheme=scheme, year=year).first()
        if window is not None:
            if window.closed_at is not None:
                raise DomainError(_("The selection window for %(year)s is closed."), year=str(year))
            return window
        days = _days(area.pk, scheme, year)
        if days is None:
            raise DomainError(_("No edition sets a selection window for %(year)s."), field="year", year=str(year))
        if on < days.starts_on:
            raise DomainError(_("The window opens on %(day)s."), field="on", day=days.starts_on)
        window = SelectionWindow.objects.create(
            area=area, scheme=scheme, year=year, opens_on=days.starts_on, closes_on=days.ends_on, opened_at=now
        )
        audit.record(
            "window.open", actor=actor, now=now, subject=window,
            scheme=scheme, year=year, opens_on=str(window.opens_on), closes_on=str(window.closes_on),
        )  # fmt: skip
    return window


def close_window(
    *, window: SelectionWindow, on: datetime.date, actor: Staff, now: datetime.datetime
) -> SelectionWindow:
    """Close a window after its last day, and record how many enrolled members have not chosen.

    Before that, last year's choices are renewed where the edition reads so (HY-10). Requests that were made in
    the window's days may still be recorded later: the day of the request decides. Closing it again changes
    nothing.
    """
    reach.require_whole(actor.reach, window.area_id)
    if on <= window.closes_on:
        raise DomainError(_("The window is open until %(day)s."), field="on", day=window.closes_on)
    if window.closed_at is None:
        renew_selections(window=window, actor=actor, now=now)
    with transaction.atomic():
        window = SelectionWindow.objects.select_for_update(no_key=True).get(pk=window.pk)
        if window.closed_at is not None:
            return window
        window.closed_at = now
        window.save(update_fields=["closed_at"])
        audit.record(
            "window.close", actor=actor, now=now, subject=window, scheme=window.scheme, year=window.year,
            not_chosen=not_yet_selected(window.area_id, window.scheme, window.year, window.closes_on),
        )  # fmt: skip
    return window


def open_and_close_windows(
    *, on: datetime.date, area: Area | None = None, actor: Staff, now: datetime.datetime
) -> tuple[list[SelectionWindow], list[SelectionWindow]]:
    """Open every window whose days have come and close every one whose days are over, of one area or of all.

    Returns (opened, closed). Late or twice, it does each once: a window that nobody opened in its days is opened and
    closed.
    """
    opened, closed = [], []
    for each in [area] if area is not None else Area.objects.order_by("pk"):
        for scheme in sorted({edition.scheme for edition in rulebook(each.pk).editions}):
            for year in (on.year, on.year + 1):
                days = _days(each.pk, scheme, year)
                if days is None or on < days.starts_on:
                    continue
                known = SelectionWindow.objects.filter(area=each, scheme=scheme, year=year).first()
                window = known or open_window(area=each, scheme=scheme, year=year, on=on, actor=actor, now=now)
                if known is None:
                    opened.append(window)
                if window.closed_at is None and on > window.closes_on:
                    closed.append(close_window(window=window, on=on, actor=actor, now=now))
    return opened, closed


def _days(area_id: str, scheme: str, year: int) -> Span | None:
    """The window for a year, from the edition in force on its last day; None where none sets one."""
    for edition in rulebook(area_id).editions:
        if edition.scheme == scheme and (days := _days_of(edition, year)) is not None:
            return days
    return None


def _days_of(edition: Edition, year: int) -> Span | None:
    days = rules.window(edition, year)
    return days if days is not None and edition.in_force(days.ends_on or days.starts_on, "selection") else None
