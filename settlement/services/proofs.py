"""The nightly proof of the books, as a job whose result staff can read."""

import datetime

from django.utils import timezone

from bureau.jobs.services import create_job
from bureau.models import Area, Job, Staff
from settlement.queries.proofs.books import check_books

KIND = "check_books"


def prove_books(*, area_id: str | None = None, actor: Staff, now: datetime.datetime) -> Job:
    """Have the books of an area (of every area, if none is named) proved by the workers; once a minute at most."""
    areas = [area_id] if area_id else list(Area.objects.order_by("pk").values_list("pk", flat=True))
    stamp = timezone.localtime(now).strftime("%Y-%m-%d %H:%M")
    return create_job(
        kind=KIND,
        key=f"{KIND} {area_id or 'all'} {stamp}",
        area_id=area_id,
        params={},
        chunks=[{"area": area} for area in areas],
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
