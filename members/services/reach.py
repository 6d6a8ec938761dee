"""Which area records what happens to a member: the one that has them on the day (G-3), and no other."""

import datetime

from django.utils.translation import gettext_lazy
from django.utils.translation import gettext_noop as _

from bureau.errors import DomainError
from bureau.models import Area
from bureau.rosters.staging import Batch
from members.models import Member
from members.queries import AREA_ON, area_on

_ELSEWHERE = _("On %(day)s the member belongs to %(area)s; this is recorded there.")


def require_here(member: Member, *days: datetime.date, area_id: str | None) -> None:
    """Refuse an act on a member whom another area has on each of these days. `area_id` None: staff of every area."""
    if area_id is None:
        return
    areas = [area_on(member.pk, day) for day in days]
    if area_id not in areas and areas[0] is not None:
        raise DomainError(gettext_lazy(_ELSEWHERE), field="member", day=days[0], area=Area.objects.get(pk=areas[0]))


def refuse_elsewhere(batch: Batch, first: str, *, unless: str = "FALSE") -> None:
    """Turn away the lines of members whom another area has on the day in the column `first`.

    `unless`: SQL over `s` for lines that may pass all the same.
    """
    area = AREA_ON.format(member="s.member_id", day=f"s.{first}")
    batch.refuse(
        first,
        _ELSEWHERE,
        f"a.code = {area} AND a.code <> %(area)s AND NOT ({unless})",
        using="bureau_area a",
        places={"day": f"s.{first}", "area": "a.name"},
    )


def ends_here(table: str, same: str, last: str) -> str:
    """SQL: a line ends a record `r` that another area began, on a day on which this area has the member."""
    area = AREA_ON.format(member="s.member_id", day=f"s.{last}")
    return f"s.{last} IS NOT NULL AND {area} = %(area)s AND EXISTS (SELECT FROM {table} r WHERE {same})"
