"""The nightly proof of the books, as a job whose result staff can read."""

import datetime

from django.utils import timezone

from bureau.jobs.services import create_job
from bureau.models import Area, Job, Staff
from bureau.staff import reach
from settlement.queries.proofs.books import check_books

KIND = "check_books"


def prove_every_area(*, actor: Staff, now: datetime.datetime) -> list[Job]:
    """A proof for each area, whose staff read its result."""
    areas = Area.objects.order_by("pk").values_list("pk", flat=True)
    return [prove_books(area_id=area, actor=actor, now=now) for area in areas]


def prove_books(*, area_id: str, actor: Staff, now: datetime.datetime) -> Job:
    """Have the books of an area proved by the workers; once a minute at most."""
    reach.require_whole(actor.reach, area_id)
    stamp = timezone.localtime(now).strftime("%Y-%m-%d %H:%M")
    return create_job(
        kind=KIND,
        key=f"{KIND} {area_id} {stamp}",
        area_id=area_id,
        params={},
        chunks=[{"area": area_id}],
        actor=actor,
        now=now,
    )


def prove_area(params: dict, *, job: Job, actor: Staff, now: datetime.datetime) -> dict:
    """One area's proofs: how many rows were asked, how many differ, and the first that do."""
    proofs = list(check_books(params["area"]))
    return {
        "area": params["area"],
        "differences": sum(proof.wrong for proof in proofs),
        "proofs": [
            {
                "code": proof.code,
                "question": str(proof.question),
                "asked": proof.asked,
                "wrong": proof.wrong,
                "shown": proof.shown,
            }
            for proof in proofs
        ],
    }
