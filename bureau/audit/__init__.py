"""The only writer of AuditEntry, and the last who asks whether an act lies within its actor's reach."""

import datetime
from typing import Any

from django.db.models import Model
from django.utils import timezone

from bureau.audit.models import AuditEntry
from bureau.identifiers.identity import without_numbers
from bureau.staff import reach
from bureau.staff.models import Staff

# What acts were called before. Entries are never rewritten; whoever reads them takes both words for the same act.
FORMER = {
    "account.collect": "account.recovery_collect",
    "account.open_many": "account.open",
    "claim.reverse": "claim.take_back",
    "institution.designate": "agreement.record",
    "institution.undesignate": "agreement.end",
    "referral.cancel": "referral.take_back",
    "return.submit": "return.enter",
    "run.adjust": "run.late",
    "run.decide": "run.record_decision",
    "selection.remove": "selection.take_back",
    "selection.withdraw": "selection.take_back",
}


def called(column: str) -> str:
    """SQL: what the act of an entry is called now."""
    whens = " ".join(f"WHEN '{former}' THEN '{now}'" for former, now in FORMER.items())
    return f"CASE {column} {whens} ELSE {column} END"


def record(
    action: str,
    *,
    actor: Staff,
    now: datetime.datetime,
    subject: Model | None = None,
    area_id: str | None = None,
    whole: bool = False,
    **detail,
) -> AuditEntry:
    """Write down one act, in the caller's transaction. `action` is dotted: visit.settle, run.approve.

    An act beyond the actor's reach is refused, and the caller's transaction undone: whichever door it came by, and
    whatever its service forgot. Area and agency are the subject's own; of a person's, who belongs to none, the actor's,
    or else the area that answers for them today. `whole`: an act on the whole area, which no agency does alone.
    Identity numbers in the detail are cut to their last four, but for keys of requests, which only look like one.
    """
    place = _place(subject, actor, now)
    area_id = area_id or place.area
    if area_id is not None and whole:
        reach.require_whole(actor.reach, area_id)
    elif area_id is not None:
        reach.require_area(actor.reach, area_id)
    if subject is not None:
        reach.require(actor.reach, subject)
    return AuditEntry.objects.create(
        at=now,
        actor=actor,
        action=action,
        area_id=area_id,
        county_id=place.county,
        record_type=subject._meta.label_lower if subject is not None else "",
        record_id=str(subject.pk) if subject is not None else "",
        detail={name: value if name == "key" else _cut(value) for name, value in detail.items()},
    )


def _place(subject: Model | None, actor: Staff, now: datetime.datetime) -> reach.Place:
    if subject is None:
        return reach.Place()
    if reach.tie(type(subject)).answering is not None and actor.area_id is not None:
        return reach.Place(actor.area_id)
    return reach.place_of(subject, timezone.localdate(now))


def _cut(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _cut(one) for name, one in value.items()}
    if isinstance(value, list | tuple):
        return [_cut(one) for one in value]
    return without_numbers(value) if isinstance(value, str) else value
