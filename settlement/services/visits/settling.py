"""Settling outpatient visits: one at the desk or many from a file, by the same path.

The order never changes: lock the members, then the accounts, each in the order of its numbers; then read what has
been used; then ask the rules; then record everything in one statement.
"""

import datetime
from collections.abc import Sequence
from dataclasses import dataclass, replace

from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from bureau import audit
from bureau.errors import DomainError
from bureau.models import Staff
from institutions.services.places import require_agency_of
from settlement.models import Visit
from settlement.queries import facts as reading
from settlement.services.visits import locking
from settlement.services.visits.desk import Desk, Quote
from settlement.services.visits.invoices import register_for_visits, require_unused, turn_away
from settlement.services.visits.recording import Batch
from settlement.services.visits.requests import VisitRequest


class KeyReused(DomainError):
    """The institution has used this number for another request."""


@dataclass(frozen=True, slots=True)
class Settled:
    """The answer to one request. `error` instead of a visit where the request itself cannot be settled."""

    visit_id: int | None
    repeated: bool = False
    error: DomainError | None = None


def settle_visit(request: VisitRequest, *, actor: Staff, now: datetime.datetime, area_id: str | None = None) -> Visit:
    """Settle one visit, or return the first answer to the same request.

    Afterwards the visit, its payment lines, its journal and its audit entry are recorded together. Raises
    DomainError for a request that cannot be settled and KeyReused for a used number; then nothing has moved. A
    refusal by the fund is not an error: the visit is recorded with its reason and the account may still pay.
    """
    [settled] = settle_visits([request], actor=actor, now=now, area_id=area_id)
    if settled.error is not None:
        raise settled.error
    return Visit.objects.get(pk=settled.visit_id)


@transaction.atomic
def settle_visits(
    requests: Sequence[VisitRequest],
    *,
    actor: Staff,
    now: datetime.datetime,
    area_id: str | None = None,
    upload_id: int | None = None,
) -> list[Settled]:
    """Settle requests in the given order, in one transaction; each is answered, by a visit or by an error.

    `area_id`: whose file or claims they are, or else the actor's own area; the bills of another are not settled.
    """
    today = timezone.localdate(now)
    answers: list[Settled | None] = [checked(request, today) for request in requests]
    open_at = [n for n, answer in enumerate(answers) if answer is None]
    desk = Desk.open([requests[n] for n in open_at], lock=True, area_id=area_id or actor.area_id)
    for n, answer in zip(open_at, repeats(desk.requests), strict=True):
        answers[n] = answer
    fresh = [n for n in open_at if answers[n] is None]
    batch = Batch(actor_id=actor.pk, now=now)
    ids = dict(zip(fresh, locking.new_visit_ids(len(fresh)) if fresh else (), strict=True))
    used = register_for_visits([(ids[n], requests[n].invoices) for n in fresh])
    seen: dict[tuple[int, str], int] = {}
    for n in fresh:
        request = requests[n]
        first = seen.setdefault((request.institution_id, request.key), n)
        if first != n:
            answers[n] = same_or_reused(request, requests[first].fingerprint(), answers[first])
            continue
        try:
            if ids[n] in used:
                raise used[ids[n]]
            if (place := desk.institutions.get(request.institution_id)) is not None and not request.by_hand:
                require_agency_of(actor.reach, place["area_id"], place["county_id"])
            quote = desk.decide(request)
        except DomainError as error:
            answers[n] = Settled(None, error=error)
            continue
        desk.take(request, quote, ids[n])
        row = quote.row | {
            "id": ids[n],
            "settled_on": request.settled_on or today,
            "settled_at": now,
            "settled_by_id": actor.pk,
            "upload_id": upload_id,
        }
        batch.add(row, quote.shares, dict(quote.decision.outcome.shares), desk.code(row["payee_id"]))
        answers[n] = Settled(ids[n])
    recorded = {row["id"] for row in batch.visits}
    turn_away(ids[n] for n in fresh if requests[n].invoices and ids[n] not in recorded)
    batch.write()
    record_settling(batch, actor=actor, now=now, upload_id=upload_id)
    return [answer for answer in answers if answer is not None]


def record_settling(batch: Batch, *, actor: Staff, now: datetime.datetime, upload_id: int | None) -> None:
    """One audit entry for each visit that comes alone, one for the whole of a file's part."""
    if upload_id is None:
        for row in batch.visits:
            audit.record("visit.settle", actor=actor, now=now, subject=Visit(pk=row["id"], area_id=row["area_id"]))
    elif batch.visits:
        first, last = batch.visits[0], batch.visits[-1]
        audit.record(
            "visit.settle_file",
            actor=actor,
            now=now,
            area_id=first["area_id"],
            upload=upload_id,
            first=first["id"],
            last=last["id"],
            count=len(batch.visits),
        )


def quote_visit(request: VisitRequest, *, now: datetime.datetime, area_id: str | None = None) -> Quote:
    """What settling this request at an area's desk (None: at any) would give now. Takes no lock, moves nothing."""
    request.check(timezone.localdate(now))
    require_unused(request.invoices)
    return Desk.open([request], lock=False, area_id=area_id).decide(request)


def checked(request: VisitRequest, today: datetime.date) -> Settled | None:
    try:
        request.check(today)
    except DomainError as error:
        return Settled(None, error=error)
    return None


def repeats(requests: Sequence[VisitRequest]) -> list[Settled | None]:
    """The first answer for each request whose key is known, an error where the key belonged to another request."""
    known = reading.known_keys([(r.institution_id, r.key) for r in requests]) if requests else {}
    return [
        same_or_reused(request, known[n]["request_hash"], Settled(known[n]["id"])) if n in known else None
        for n, request in enumerate(requests)
    ]


def same_or_reused(request: VisitRequest, first_hash: str, first: Settled) -> Settled:
    if request.fingerprint() == first_hash:
        return replace(first, repeated=True)
    return Settled(
        None,
        error=KeyReused(
            _("Number %(key)s has been used by this institution for another settlement."),
            field="key",
            key=request.key,
        ),
    )
