"""What visits would be paid if they were adjudicated again: proposals for a person to decide, never silent changes.

After a reversal the visits settled later stay as they are (G-6), and facts learnt late rewrite nothing (G-19); the
difference is put before a reviewer, and a confirmed one is booked and counts in every window of its visit.
"""

import datetime
from collections.abc import Iterable, Sequence
from dataclasses import replace
from decimal import Decimal

from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from accounts.services import EntryRequest, JournalRequest, post
from bureau import audit
from bureau.errors import DomainError
from bureau.models import Staff
from bureau.rules import benefits, receipts
from bureau.rules.edition import Rulebook
from bureau.rules.program import days_counted
from bureau.services.editions import rulebook
from settlement.models import Proposal, Visit
from settlement.queries import facts as reading
from settlement.queries.facts import Asked, fen
from settlement.services.adjudication import edition_of, standing_of, used_by
from settlement.services.recording import difference_entries, yuan

PART = 2000
LARGE_CLAIMS = "large_claims"


@transaction.atomic
def propose_replay(
    *, member_id: int, year: int, actor: Staff, now: datetime.datetime
) -> list[Proposal]:
    """Adjudicate the surviving visits of a member's year again, in the order in which they were settled.

    One open proposal for each visit whose fund amount would differ. A second call proposes nothing new.
    """
    reading.lock_members([member_id])
    standing = Visit.objects.filter(member_id=member_id, reverses=None, reversal=None, edition__isnull=False)
    proposals: list[Proposal] = []
    for area_id, scheme in standing.filter(care_on__year=year).order_by().values_list("area_id", "scheme").distinct():
        visits = standing.filter(area_id=area_id, scheme=scheme)
        first, last = days_around(rulebook(area_id), visits.filter(care_on__year=year))
        chain = list(visits.filter(care_on__range=(first, last)).order_by("id"))
        opening = [
            used_by(row).past
            for row in reading.load_opening((member_id, first, last))
            if (row["area_id"], row["scheme"]) == (area_id, scheme)
        ]
        book = rulebook(area_id)
        outcomes = benefits.replay_chain(
            lambda on, book=book, area_id=area_id, scheme=scheme: book.on(area_id, scheme, on),
            [receipts.care_from(v.receipt) if v.care_on.year == year else as_it_stands(v) for v in chain],
            opening,
        )
        of_year = [visit for visit in chain if visit.care_on.year == year]
        for visit, outcome in zip(of_year, outcomes, strict=True):
            proposals += propose(
                visit, outcome, cause=Proposal.Cause.REPLAY, reason="replay", actor=actor, now=now
            )
    return proposals


def days_around(book: Rulebook, visits: Iterable[Visit]) -> tuple[datetime.date, datetime.date]:
    """The first and the last day of care that counts with any of these visits, those that wrote prescriptions too."""
    visits = list(visits)
    filled = [(v.member_id, v.prescriber_id, v.encounter, v.care_on) for v in visits if v.prescriber_id]
    written = reading.written_on(filled).values() if filled else ()
    spans = [
        days_counted(edition_of({v.area_id: book}, {"area_id": v.area_id, "scheme": v.scheme}, v.care_on), v.care_on)
        for v in visits
    ]
    return min([*(first for first, _last in spans), *written]), max(last for _first, last in spans)


def as_it_stands(visit: Visit) -> benefits.Past:
    """What a visit counts for, with what was confirmed of it."""
    care = receipts.care_from(visit.receipt)
    past = benefits.Past(
        on=care.on,
        encounter=care.encounter,
        institution=care.institution,
        place=care.place,
        cost=fen(visit.counted),
        fund=fen(visit.pooled) + fen(visit.large_claims),
        deductible=fen(visit.deductible),
        fixed=fen(visit.fixed),
        shares={visit.pool: fen(visit.pooled), LARGE_CLAIMS: fen(visit.large_claims)},
    )
    for proposal in visit.proposals.all():
        if proposal.status != Proposal.Status.CONFIRMED:
            continue
        difference, large_claims = fen(proposal.proposed) - fen(proposal.settled), fen(proposal.large_claims)
        shares = dict(past.shares)
        shares[proposal.pool] = shares.get(proposal.pool, 0) + difference - large_claims
        shares[LARGE_CLAIMS] += large_claims
        past = replace(
            past,
            cost=past.cost + fen(proposal.counted),
            fund=past.fund + difference,
            deductible=past.deductible + fen(proposal.deductible),
            fixed=past.fixed + fen(proposal.fixed),
            shares=shares,
        )
    return past


def propose_late_facts(
    *, area_id: str, year: int, actor: Staff, now: datetime.datetime, member_ids: Iterable[int] | None = None
) -> list[Proposal]:
    """Visits that the fund paid on a day against which the rosters say something now that they did not say then."""
    visits = Visit.objects.filter(
        area_id=area_id, care_on__year=year, reverses=None, reversal=None, edition__isnull=False, pooled__gt=0
    ).order_by("id")
    if member_ids is not None:
        visits = visits.filter(member_id__in=list(member_ids))
    proposals: list[Proposal] = []
    part: list[Visit] = []
    for visit in visits.iterator(PART):
        part.append(visit)
        if len(part) == PART:
            proposals += propose_late(part, actor=actor, now=now)
            part = []
    return proposals + propose_late(part, actor=actor, now=now)


@transaction.atomic
def propose_late(visits: Sequence[Visit], *, actor: Staff, now: datetime.datetime) -> list[Proposal]:
    proposals: list[Proposal] = []
    asked = [Asked(v.member_id, v.institution_id, v.prescriber_id, v.care_on) for v in visits]
    for visit, facts in zip(visits, reading.load_facts(asked) if asked else (), strict=True):
        care = receipts.care_from(visit.receipt)
        learnt = standing_of(facts, visit.care_on) - care.standing
        if not learnt:
            continue
        edition = rulebook(visit.area_id).on(visit.area_id, visit.scheme, visit.care_on)
        outcome = benefits.adjudicate(
            edition, replace(care, standing=care.standing | learnt), visit.receipt["used"]
        )
        reason = outcome.refusal.code if outcome.refusal else ", ".join(sorted(learnt))
        proposals += propose(
            visit, outcome, cause=Proposal.Cause.LATE_FACT, reason=reason, actor=actor, now=now
        )
    return proposals


def propose(
    visit: Visit, outcome: benefits.Outcome, *, cause: str, reason: str, actor: Staff, now: datetime.datetime
) -> list[Proposal]:
    """A new proposal where the fund amount as adjusted so far differs and none like it has been made."""
    past, fund = as_it_stands(visit), outcome.fund
    made = [p for p in visit.proposals.all() if p.status != Proposal.Status.CONFIRMED]
    if past.fund == fund or any(fen(p.proposed) == fund for p in made):
        return []
    large_claims = outcome.shares.get(LARGE_CLAIMS, 0) - past.shares[LARGE_CLAIMS]
    proposal = Proposal.objects.create(
        visit=visit,
        cause=cause,
        pool=visit.pool or next(iter(outcome.shares)),
        settled=Decimal(yuan(past.fund)),
        proposed=Decimal(yuan(fund)),
        large_claims=Decimal(yuan(large_claims)),
        counted=Decimal(yuan(outcome.cost - past.cost)),
        deductible=Decimal(yuan(outcome.deductible - past.deductible)),
        fixed=Decimal(yuan(outcome.fixed - past.fixed)),
        reason=reason,
        proposed_by=actor,
        proposed_at=now,
    )
    audit.record("proposal.make", actor=actor, now=now, subject=proposal, area_id=visit.area_id, cause=cause)
    return [proposal]


@transaction.atomic
def decide_proposal(
    proposal_id: int, *, confirm: bool, note: str = "", actor: Staff, now: datetime.datetime
) -> Proposal:
    """Confirm a proposal, which books the difference, or drop it. By someone other than who made it."""
    proposal = Proposal.objects.select_for_update(no_key=True, of=("self",)).select_related("visit").get(pk=proposal_id)
    wanted = Proposal.Status.CONFIRMED if confirm else Proposal.Status.DROPPED
    if proposal.status == wanted:
        return proposal
    if proposal.status != Proposal.Status.OPEN:
        raise DomainError(_("The proposal has been decided already."))
    if proposal.proposed_by_id == actor.pk:
        raise DomainError(_("A proposal is decided by someone other than who made it."))
    if not confirm and not note.strip():
        raise DomainError(_("Say why the proposal is dropped."), field="note")
    proposal.status = wanted
    proposal.decided_by, proposal.decided_at, proposal.note = actor, now, note
    proposal.save(update_fields=["status", "decided_by", "decided_at", "note"])
    if confirm:
        post([journal_of(proposal, now)], actor=actor, now=now)
    audit.record(
        "proposal.confirm" if confirm else "proposal.drop",
        actor=actor,
        now=now,
        subject=proposal,
        area_id=proposal.visit.area_id,
        county_id=proposal.visit.institution.county_id or ...,
    )
    return proposal


def journal_of(proposal: Proposal, now: datetime.datetime) -> JournalRequest:
    visit = proposal.visit
    return JournalRequest(
        key=f"proposal:{proposal.pk}",
        area_id=visit.area_id,
        kind="recovery",
        posted_on=timezone.localdate(now),
        source=f"proposal:{proposal.pk}",
        entries=[EntryRequest(*entry) for entry in difference_entries(proposal)],
    )
