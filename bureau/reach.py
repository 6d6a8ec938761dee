"""How the records of the house itself are tied to places; each room has such a module."""

from django.contrib.auth.models import Group
from django.db.models import Q
from django_celery_beat.models import CrontabSchedule, IntervalSchedule, PeriodicTask

from bureau.models import (
    Area,
    AuditEntry,
    Change,
    Chunk,
    County,
    Edition,
    Job,
    PublishedFigure,
    RejectedRow,
    Staff,
    Upload,
)
from bureau.staff import reach
from bureau.staff.reach import Principal, Tie


def entries_read(who: Principal, path: str) -> Q:
    """What is read of the audit trail: the acts of one's area and agency.

    Without an area are acts on what may have none; without an agency, those on what no agency owns: of runs and the
    like, an entry that names no agency was written before entries named it.
    """
    at = f"{path}__" if path else ""
    unplaced = Q(**{f"{at}area__isnull": True, f"{at}record_type__in": _labels(_without_area)})
    found = Q(**{f"{at}area": who.area}) | unplaced
    if who.county is not None:
        unowned = Q(**{f"{at}county__isnull": True}) & ~Q(**{f"{at}record_type__in": _labels(_owned)})
        found &= Q(**{f"{at}county": who.county}) | unowned
    return found


def _without_area(tie: Tie) -> bool:
    return tie.house or tie.outside or tie.above


def _owned(tie: Tie) -> bool:
    return bool(tie.county)


def _labels(which) -> list[str]:
    return [model._meta.label_lower for model, tie in reach.ties().items() if which(tie)]


reach.of(Area, area="code")
reach.of(County, area="area", county="code", neighbours=True)
reach.of(Staff, area="area", county="county", above=True)
reach.of(Edition, area="area")
reach.of(PublishedFigure, area="area")
reach.of(Upload, area="area", county="uploaded_by__county", above=True)
reach.of(RejectedRow, via="upload")
reach.of(Job, area="area", county="actor__county")
reach.of(Chunk, via="job")
reach.of(AuditEntry, rows=entries_read)
# Changes are read with the record that they are of, and with the act that made them.
reach.of(Change, rows=lambda who, path: Q(**{f"{path}__pk__in" if path else "pk__in": []}))
for kept in (Group, PeriodicTask, CrontabSchedule, IntervalSchedule):
    reach.of(kept, house=True)
