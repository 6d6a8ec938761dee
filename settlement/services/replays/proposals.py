"""What visits would be paid if they were adjudicated again: proposals for a person to decide, never silent changes.

After a reversal the visits settled later stay as they are (G-6), and facts learnt late rewrite nothing (G-19); the
difference is put before a reviewer, and a confirmed one is booked and counts in every window of its visit. A proposal
holds only for the state that it was computed from: what stood settled, and what was known.
"""

import datetime
from collections.abc import Iterable, Iterator
from decimal import Decimal
from itertools import islice

from django.db import transaction
from django.db.models import QuerySet
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from accounts.services import EntryRequest, JournalRequest, post
from accounts.services.standing import close_refunded, take_refund
from bureau import audit
from bureau.errors import DomainError, RefusedError
from bureau.models import Staff
from bureau.staff import reach
from bureau.steps import require_step, take_step
from institutions.services.places import require_agency_of
from settlement.models import AccountRecovery, Proposal, Visit
from settlement.queries.facts import fen
from settlement.services.replays.differences import LEARNT_LATE, REPLAYED, Again
from settlement.services.replays.readjudication import Known, Replay, standing
from settlement.services.visits import locking
from settlement.services.visits.recording import difference_entries, yuan

PART, MEMBERS = 2000, 500  # visits, and members with all their visits of a year, that are read at once
OUTDATED = gettext_lazy(
    "The proposal is outdated: the visit or what is known of it has changed since. Look for differences anew."
)
EARLIER_FIRST = gettext_lazy(
    "It rests on a proposal for an earlier visit of this member that waits: decide %(proposal)s first."
)


class Outdated(DomainError):
    """The proposal says something else than what would be computed now."""


@transaction.atomic
def propose_replay(*, member_id: int, year: int, actor: Staff, now: datetime.datetime) -> list[Proposal]:
    """Adjudicate the surviving visits of a member's year again by what is known now, in the order of their settling.

    Those with the actor's area; staff without one reach every area's.
    One open proposal for each visit that would be paid otherwise; one that says something else than today is closed.
    A second call proposes nothing new, and nothing that a person has dropped. Raises RefusedError where a figure or a
    fact is missing that the rules ask for.
    """
    locking.lock_members([member_id])
    visits = reach.visible(Visit, actor.reach).filter(
        member_id=member_id, care_on__year=year, reverses=None, reversal=None
    )
    areas = visits.order_by("area_id").values_list("area_id", flat=True).distinct()
    return [
        proposal
        for area_id in areas
        for again in list(Replay.of(area_id, year, [member_id]).walk(member_id))
        for proposal in propose(again, actor=actor, now=now)
    ]


def propose_late_facts(
    *,
    area_id: str,
    year: int,
    month: int | None = None,
    actor: Staff,
    now: datetime.datetime,
    member_ids: Iterable[int] | None = None,
) -> list[Proposal]:
    """Proposals for visits that would be settled otherwise by what the rosters say now: paid less, or more, or at all.

    Of a year, or of the visits of one month of it and of all that these bear on. Members with a visit of which
    something else is known now than when it was settled are replayed, and those who have an open proposal.
    """
    reach.require_whole(actor.reach, area_id)
    visits = standing(Visit.objects.filter(area_id=area_id, care_on__year=year))
    if month is not None:
        visits = visits.filter(care_on__month=month)
    if member_ids is not None:
        visits = visits.filter(member_id__in=list(member_ids))
    members = doubtful(area_id, visits)
    return [
        proposal
        for start in range(0, len(members), MEMBERS)
        for proposal in propose_late(area_id, year, members[start : start + MEMBERS], actor=actor, now=now)
    ]


def doubtful(area_id: str, visits: QuerySet[Visit]) -> list[int]:
    """Members with something to look at among these visits: other facts than then, or a proposal that waits."""
    waiting = Proposal.objects.filter(status=Proposal.Status.OPEN, visit__in=visits.order_by())
    found = set(waiting.values_list("visit__member_id", flat=True))
    figures: dict = {}
    for part in parts(visits.prefetch_related("proposals")):
        known = Known.of(area_id, part, figures)
        for visit in part:
            try:
                again = known.again(visit)
            except RefusedError:
                continue  # a figure is not published yet: the visit stays as it stands
            if again.learnt_late:
                found.add(visit.member_id)
    return sorted(found)


def parts(visits: QuerySet[Visit]) -> Iterator[list[Visit]]:
    rows = visits.iterator(PART)
    while part := list(islice(rows, PART)):
        yield part


@transaction.atomic
def propose_late(
    area_id: str, year: int, members: list[int], *, actor: Staff, now: datetime.datetime
) -> list[Proposal]:
    if not members:
        return []
    locking.lock_members(members)
    replay = Replay.of(area_id, year, members)
    proposals: list[Proposal] = []
    for member_id in members:
        try:
            chain = list(replay.walk(member_id))
        except RefusedError:
            continue
        for again in chain:
            proposals += propose(again, actor=actor, now=now)
    return proposals


def propose(again: Again, *, actor: Staff, now: datetime.datetime) -> list[Proposal]:
    """A new proposal where a visit would be paid otherwise, unless one says so; one that says something else is closed.

    The caller holds the member's lock.
    """
    visit = again.visit
    made = again.differs and not again.dropped
    for waiting in visit.proposals.all():
        if waiting.status != Proposal.Status.OPEN:
            continue
        if made and again.is_told_by(waiting) and tells(again, waiting):
            return []
        close_outdated(Proposal.objects.filter(pk=waiting.pk), actor=actor, now=now)
    if not made:
        return []
    refusal, stands = again.decision.outcome.refusal, again.stands
    late = again.learnt_late
    proposal = Proposal.objects.create(
        visit=visit,
        cause=Proposal.Cause.LATE_FACT if late else Proposal.Cause.REPLAY,
        # What stands counts where it took place; only what was refused counts where it is known to have been.
        place=sorted(stands[-1].place if again.settled else again.decision.place),
        receipt=again.decision.receipt,
        reason=refusal.code if refusal else LEARNT_LATE if late else REPLAYED,
        proposed_by=actor,
        proposed_at=now,
        **{name: Decimal(yuan(said)) if isinstance(said, int) else said for name, said in again.said.items()},
    )
    AccountRecovery.objects.bulk_create(
        AccountRecovery(
            proposal=proposal, account_id=account, amount=Decimal(yuan(back.amount)), short=Decimal(yuan(back.short))
        )
        for account, back in sorted(again.recoveries.items())
    )
    audit.record("proposal.make", actor=actor, now=now, subject=proposal, cause=proposal.cause)
    return [proposal]


def close_outdated(proposals: QuerySet[Proposal], *, actor: Staff, now: datetime.datetime) -> None:
    """Close open proposals that hold no longer. The caller holds the member's lock."""
    for proposal in proposals.filter(status=Proposal.Status.OPEN).select_related("visit"):
        take_step(proposal, "proposal.outdate", actor, now)
        audit.record("proposal.outdate", actor=actor, now=now, subject=proposal)


@transaction.atomic
def decide_proposal(
    proposal_id: int, *, confirm: bool, note: str = "", actor: Staff, now: datetime.datetime
) -> Proposal:
    """Confirm a proposal, which books the difference, or drop it. By someone other than who made it.

    Raises Outdated where it no longer says what would be computed now: its visit was reversed or adjusted, something
    else is known, an earlier proposal of the member was dropped or still waits. Then nothing has moved.
    """
    member_id = Proposal.objects.values_list("visit__member_id", flat=True).get(pk=proposal_id)
    locking.lock_members([member_id])
    proposal = (
        Proposal.objects.select_for_update(no_key=True, of=["self"])
        .select_related("visit__institution")
        .get(pk=proposal_id)
    )
    reach.require(actor.reach, proposal)
    place = proposal.visit.institution
    require_agency_of(actor.reach, place.area_id, place.county_id)
    wanted = Proposal.Status.CONFIRMED if confirm else Proposal.Status.DROPPED
    if proposal.status == wanted:
        return proposal
    if proposal.status == Proposal.Status.OUTDATED:
        raise Outdated(OUTDATED)
    act = "proposal.confirm" if confirm else "proposal.drop"
    require_step(proposal, act, actor)
    if not confirm and not note.strip():
        raise DomainError(_("Say why the proposal is dropped."), field="note")
    accounts = list(proposal.recoveries.all())
    if confirm:
        locking.lock_accounts([back.account_id for back in accounts])
        require_standing(proposal)
    take_step(proposal, act, actor, now, note=note)
    if confirm:
        name = f"proposal:{proposal.pk}"
        refunded = [back.account_id for back in accounts if back.amount > 0]
        take_refund(account_ids=refunded, reason=name, actor=actor, now=now)
        post(journals_of(proposal, now), actor=actor, now=now)
        emptied = [back.account_id for back in accounts if back.amount < 0]
        close_refunded(account_ids=emptied, reason=name, actor=actor, now=now)
    audit.record(
        act,
        actor=actor,
        now=now,
        subject=proposal,
    )
    return proposal


def require_standing(proposal: Proposal) -> None:
    """Raise Outdated unless a computation by what stands and what is known now says what the proposal says."""
    visit = proposal.visit
    replay = Replay.of(visit.area_id, visit.care_on.year, [visit.member_id])

    def told(**how) -> bool:
        return any(again.visit == visit and tells(again, proposal) for again in replay.walk(visit.member_id, **how))

    if told(as_proposed=False):
        return
    earlier = Proposal.objects.filter(
        visit__member=visit.member_id, visit__area=visit.area_id, visit__lt=visit.pk, status=Proposal.Status.OPEN
    )
    if (first := earlier.order_by("visit_id").first()) is not None and told():
        raise Outdated(EARLIER_FIRST, proposal=first.pk)
    raise Outdated(OUTDATED)


def tells(again: Again, proposal: Proposal) -> bool:
    told = {back.account_id: (fen(back.amount), fen(back.short)) for back in proposal.recoveries.all()}
    found = {account: (back.amount, back.short) for account, back in again.recoveries.items()}
    return again.differs and again.is_said_by(proposal) and told == found


def journals_of(proposal: Proposal, now: datetime.datetime) -> list[JournalRequest]:
    """A journal in the visit's area, and one in each other area whose account gets money back."""
    name = f"proposal:{proposal.pk}"
    return [
        JournalRequest(
            key=name if area_id == proposal.visit.area_id else f"{name}:{area_id}",
            area_id=area_id,
            kind="recovery",
            posted_on=timezone.localdate(now),
            source=name,
            entries=[EntryRequest(*entry) for entry in entries],
        )
        for area_id, entries in difference_entries(proposal).items()
    ]
