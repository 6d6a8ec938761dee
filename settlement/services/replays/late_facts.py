"""Looking for facts learnt late in all visits of a year: a job, whose parts are members with all their visits."""

import datetime

from bureau.jobs.services import create_job
from bureau.models import Area, Job, Staff
from bureau.staff import reach
from settlement.models import Visit
from settlement.services.replays.proposals import propose_late_facts

KIND = "late_facts"
MEMBERS = 2000


def search_late_facts(*, area: Area, year: int, actor: Staff, now: datetime.datetime) -> Job:
    """Have the workers look through the visits of a year; asked again within a minute it is the same job."""
    reach.require_whole(actor.reach, area.pk)
    visits = Visit.objects.filter(area=area, care_on__year=year, reverses=None, reversal=None)
    members = sorted(visits.order_by().values_list("member_id", flat=True).distinct())
    return create_job(
        kind=KIND,
        key=f"{KIND} {area.pk} {year} {now:%Y%m%d%H%M}",
        area_id=area.pk,
        params={"area": area.pk, "year": year},
        chunks=[{"members": members[start : start + MEMBERS]} for start in range(0, len(members) or 1, MEMBERS)],
        actor=actor,
        now=now,
    )


def search_members(params: dict, *, job: Job, actor: Staff, now: datetime.datetime) -> dict:
    """One part of the members. Returns how many proposals were made; a second time makes none."""
    made = propose_late_facts(
        area_id=job.params["area"], year=job.params["year"], member_ids=params["members"], actor=actor, now=now
    )
    return {"members": len(params["members"]), "proposals": len(made)}


def search_every_area(*, actor: Staff, now: datetime.datetime, today: datetime.date) -> list[Job]:
    """The year in every area, and in its first quarter the year before, whose rosters still come in."""
    years = [today.year - 1, today.year] if today.month <= 3 else [today.year]
    return [
        search_late_facts(area=area, year=year, actor=actor, now=now)
        for area in Area.objects.order_by("pk")
        for year in years
    ]
