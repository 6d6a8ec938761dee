"""What rests on an edition, and what another edition would give for visits settled on its days."""

import datetime

from django.db import transaction
from django.db.models import Q, QuerySet

from bureau.jobs.services import create_job
from bureau.models import Edition, Job, Staff
from settlement.models import Adjustment, Line, Run, Visit
from settlement.services.replays.proposals import propose_replay

KIND = "edition_replay"
MEMBERS = 200

Last = datetime.date | None


def visits_within(area_id: str, scheme: str, first: datetime.date, last: Last) -> int:
    """Surviving visits with care on these days that an edition has decided."""
    return _visits(area_id, scheme, first, last).count()


def visits_under(edition: Edition) -> int:
    return Visit.objects.filter(edition=edition).count()


def runs_within(area_id: str, scheme: str, first: datetime.date, last: Last) -> int:
    """Submitted, approved and paid runs of months on these days, and year-end settlements of their years."""
    months = Q(period__gte=first.replace(day=1))
    years = Q(kind=Run.Kind.YEAR_END, period__year__gte=first.year)
    runs = Run.objects.filter(months | years, area=area_id, scheme=scheme).exclude(status=Run.Status.COMPUTED)
    return (runs.filter(period__lte=last) if last else runs).count()


def lines_under(edition: Edition) -> int:
    """Run lines and adjustments whose receipts name it, a year's by one of its months among them."""
    named = [{"edition": edition.content_hash}]
    return sum(model.objects.filter(receipt__contains=named).count() for model in (Line, Adjustment))


def replay_visits(*, edition: Edition, actor: Staff, now: datetime.datetime) -> Job:
    """Have the years of all members with visits on the edition's days adjudicated again: one proposal a difference."""
    first = edition.starts_on
    visits = _visits(edition.area_id, edition.scheme, first, edition.last_day)
    years = sorted(set(visits.values_list("care_on__year", flat=True)))
    members = sorted(set(visits.values_list("member_id", flat=True)))
    return create_job(
        kind=KIND,
        key=f"{KIND} {edition.pk} {now:%Y%m%d%H%M%S}",
        area_id=edition.area_id,
        params={"edition": edition.pk, "years": years},
        chunks=[{"members": members[start : start + MEMBERS]} for start in range(0, len(members), MEMBERS)],
        actor=actor,
        now=now,
    )


@transaction.atomic
def replay_members(params: dict, *, job: Job, actor: Staff, now: datetime.datetime) -> dict:
    """One part of the members. Returns how many proposals were made; a second time makes none."""
    made = 0
    for member_id in params["members"]:
        for year in job.params["years"]:
            made += len(propose_replay(member_id=member_id, year=year, actor=actor, now=now))
    return {"members": len(params["members"]), "proposals": made}


def _visits(area_id: str, scheme: str, first: datetime.date, last: Last) -> QuerySet[Visit]:
    visits = Visit.objects.filter(
        area_id=area_id, scheme=scheme, care_on__gte=first, reverses=None, reversal=None, edition__isnull=False
    )
    return visits.filter(care_on__lte=last) if last else visits
