"""Last year's choice runs on for members who made none, where the edition reads so (HY-10)."""

import datetime

from django.db import connection, transaction

from bureau import audit
from bureau.editions.rulebook import rulebook
from bureau.errors import DomainError
from bureau.models import Staff
from bureau.rules import selection as rules
from bureau.staff import reach
from institutions.models import SelectionWindow
from institutions.services.choices import Ask, plan_for
from institutions.services.selection import write

MEMBERS_AT_ONCE = 5_000


def renew_selections(*, window: SelectionWindow, actor: Staff, now: datetime.datetime) -> tuple[int, int]:
    """Choose the same again for members who have chosen nothing for the window's year, as of its last day.

    Returns how many were renewed and for how many the rules refuse it (an institution no longer designated,
    say): those choose in the year. Does nothing where members must choose. In parts, each of its own; doing it
    again finds those that are left.
    """
    reach.require_whole(actor.reach, window.area_id)
    edition = rulebook(window.area_id).on(window.area_id, window.scheme, window.closes_on)
    if not rules.renews(edition, window.closes_on):
        return 0, 0
    renewed = refused = after = 0
    while asks := _asks(window, after):
        after = asks[-1].member_id
        with transaction.atomic():
            plan = plan_for(asks, actor=actor)
            done = 0
            for ask in asks:
                try:
                    plan.choose(ask)
                    done += 1
                except DomainError:
                    refused += 1
            write(plan)
            if done:
                audit.record("selection.renew", actor=actor, now=now, subject=window, year=window.year, members=done)
        renewed += done
    return renewed, refused


def _asks(window: SelectionWindow, after: int) -> list[Ask]:
    """Requests for what is selected on the last day of the year before, a centre together with its station."""
    with connection.cursor() as cursor:
        cursor.execute(
            """SELECT s.member_id, array_agg(s.institution_id ORDER BY s.role)
               FROM institutions_selection s
               WHERE s.area_id = %(area)s AND s.scheme = %(scheme)s AND s.member_id > %(after)s
                 AND s.ends_on = make_date(%(year)s - 1, 12, 31) AND s.year = %(year)s - 1
                 AND NOT EXISTS (
                     SELECT FROM institutions_selection n
                     WHERE n.member_id = s.member_id AND n.year = %(year)s
                       AND n.area_id = s.area_id AND n.scheme = s.scheme)
               GROUP BY s.member_id ORDER BY s.member_id LIMIT %(limit)s""",
            {
                "area": window.area_id,
                "scheme": window.scheme,
                "year": window.year,
                "after": after,
                "limit": MEMBERS_AT_ONCE,
            },
        )
        return [
            Ask(member_id, tuple(institutions), window.year, window.closes_on, area_id=window.area_id)
            for member_id, institutions in cursor
        ]
