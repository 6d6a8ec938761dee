"""选点: choosing, changing and ending the institution where a member is treated."""

import datetime
from collections.abc import Iterator, Sequence

from django.db import connection, transaction
from django.utils.translation import gettext_lazy as _

from bureau import audit
from bureau.errors import DomainError
from bureau.models import Staff
from bureau.saving import locked
from bureau.staff import reach
from institutions.models import Institution, Selection
from institutions.services.choices import CHANGEABLE, Ask, Plan, plan_for
from institutions.services.facts import Facts
from members.models import Member

MEMBERS_AT_ONCE = 1_000
LONGEST_REASON = Selection._meta.get_field("reason").max_length


def choose(
    *,
    member: Member,
    institutions: Institution | Sequence[Institution],
    year: int,
    requested_on: datetime.date,
    reason: str = "",
    route: str = "",
    actor: Staff,
    now: datetime.datetime,
) -> list[Selection]:
    """Choose for a year: in the window, for the first time in the year, or, with a reason, another institution.

    Which of these it is follows from the day and from what is selected; a `route` that says otherwise (a change
    where nothing is selected, say) is refused. Afterwards the selections hold from the day that the rules give
    to the end of the year, with the months that count; what they replace has ended the day before and counts no
    month of theirs (Heyuan, articles 13(5) and 15; HY-8, HY-9). Returned in the order of `institutions`: one,
    or one for each role (a centre and its station). The same request again returns the same selections.

    Refused (RefusedError, with the rules' code): outside the window, too many institutions, a kind that cannot
    be selected, a station of another centre, a change without a reason or to the same institution, a member not
    enrolled on the day of the request and on the first day of care, an institution without an agreement.
    """
    reach.require(actor.reach, member)
    chosen = [institutions] if isinstance(institutions, Institution) else list(institutions)
    ask = Ask(member.pk, tuple(one.pk for one in chosen), year, requested_on, reason=reason.strip(), route=route)
    if len(ask.reason) > LONGEST_REASON:
        raise DomainError(_("The reason is longer than %(limit)d characters."), field="reason", limit=LONGEST_REASON)
    with transaction.atomic():
        plan = plan_for([ask], actor=actor)
        selections = plan.choose(ask)
        if plan.steps:
            first = selections[0]
            overwritten = plan.before(first) if first in plan.changed else {}
            ended = [row for row in plan.changed if row not in selections]
            _record_ends(plan, ended, actor, now, route="change")
            write(plan)
            audit.record(
                "selection.choose", actor=actor, now=now, subject=first,
                member=member.pk, year=year, requested_on=str(requested_on), reason=ask.reason,
                institutions=[one.code for one in chosen], before=overwritten,
            )  # fmt: skip
    return selections


def withdraw(*, selection: Selection, on: datetime.date, reason: str, actor: Staff, now: datetime.datetime) -> None:
    """Take back a mistaken choice before its first day, while no visit and no run can have built on it.

    Afterwards it is corrected by another choice: on the same day it is overwritten, later it is a change. A
    change is not withdrawn, since it has ended another selection.
    """
    reach.require(actor.reach, selection)
    with transaction.atomic():
        locked(selection.member)
        row = Selection.objects.filter(pk=selection.pk).first()
        if row is None:
            return
        if row.starts_on <= on or row.route == Selection.Route.CHANGE:
            raise DomainError(_("The selection cannot be taken back any more; choose another institution instead."))
        audit.record(
            "selection.take_back", actor=actor, now=now, subject=row, member=row.member_id, year=row.year,
            institution=row.institution.code, requested_on=str(row.requested_on), reason=reason,
        )  # fmt: skip
        row.delete()


def end_selections(
    *,
    member: Member,
    last_day: datetime.date,
    event: str,
    area_id: str = "",
    scheme: str = "",
    reason: str = "",
    actor: Staff,
    now: datetime.datetime,
) -> None:
    """End a member's selections with the last day: `event` is death or exit, an exit from one area and scheme.

    Months count through that of the event (HY-16). A selection for later days is taken away. Doing it again
    changes nothing.
    """
    reach.require(actor.reach, member)
    with transaction.atomic():
        plan = Plan(Facts([member.pk]), actor=actor)
        plan.leave(member.pk, last_day, event, area_id, scheme)
        _record_ends(plan, plan.changed, actor, now, event=event, last_day=str(last_day), reason=reason)
        write(plan)


def end_selections_of_departed(*, area_id: str, on: datetime.date, actor: Staff, now: datetime.datetime) -> int:
    """End the selections of members who have died or left by a day, as the rosters of members say.

    A member who left and is enrolled again, even after a gap, keeps the selection. Returns how many members'
    selections have changed; all other members are left alone, so it may run as often as one likes.
    """
    reach.require_whole(actor.reach, area_id)
    changed = 0
    for members in _departed(area_id, on):
        with transaction.atomic():
            plan = Plan(Facts(members), actor=actor)
            for member_id in members:
                plan.depart(member_id, on)
            _record_ends(plan, plan.changed, actor, now, event="departure")
            changed += len({row.member_id for row in [*plan.changed, *plan.removed]})
            write(plan)
    return changed


def write(plan: Plan) -> None:
    """Store what one plan has worked out. Ends come first, so that new days and months find their place free."""
    Selection.objects.filter(pk__in=[row.pk for row in plan.removed]).delete()
    Selection.objects.bulk_update(plan.changed, CHANGEABLE, batch_size=500)
    Selection.objects.bulk_create(plan.new)


def _record_ends(plan: Plan, ended: list[Selection], actor: Staff, now: datetime.datetime, **detail) -> None:
    """An audit entry for each selection that a plan ends or takes away, before it is written."""
    for row in ended:
        audit.record("selection.end", actor=actor, now=now, subject=row, before=plan.before(row), **detail)
    for row in plan.removed:
        said = {name: str(getattr(row, name)) for name in ("institution_id", "role", "requested_on", "starts_on")}
        audit.record("selection.take_back", actor=actor, now=now, subject=row, before=said, **detail)


def _departed(area_id: str, on: datetime.date) -> Iterator[list[int]]:
    """Members with a selection of the area that goes on after their death or last enrolment there, in parts."""
    with connection.cursor() as cursor:
        cursor.execute(
            """SELECT DISTINCT s.member_id
               FROM institutions_selection s
               JOIN members_member m ON m.id = s.member_id
               LEFT JOIN LATERAL (
                   SELECT max(coalesce(e.ends_on, 'infinity')) AS ends_on FROM members_enrolment e
                   WHERE e.member_id = s.member_id AND e.area_id = s.area_id AND e.scheme = s.scheme
               ) enrolled ON true
               WHERE s.area_id = %(area)s
                 AND ((m.died_on <= %(on)s AND m.died_on < s.ends_on)
                      OR (enrolled.ends_on < %(on)s AND enrolled.ends_on < s.ends_on))
               ORDER BY s.member_id""",
            {"area": area_id, "on": on},
        )
        members = [member_id for (member_id,) in cursor]
    for start in range(0, len(members), MEMBERS_AT_ONCE):
        yield members[start : start + MEMBERS_AT_ONCE]
