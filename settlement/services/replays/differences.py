"""A settled visit against what it would be now: what differs, and whether a proposal has said so."""

from collections import defaultdict
from dataclasses import dataclass
from decimal import Decimal
from functools import cached_property

from bureau.rules.benefits import fund as benefits
from bureau.rules.benefits import receipts
from bureau.rules.benefits.program import program_of
from settlement.models import Proposal, Visit
from settlement.queries.facts import fen
from settlement.services.visits.adjudication import LARGE_CLAIMS, Decision, Used

REPLAYED, LEARNT_LATE = "replay", "late_fact"  # reasons of proposals that no refusal explains
MOVED = ("large_claims", "former_pooled", "deductible", "fixed")  # what differs where the funds pay as much together


@dataclass(frozen=True, slots=True)
class Back:
    """What an account gets back of what it paid for a visit, in fen.

    Below nothing it pays again what it was given back before; `short` of that is no longer in it.
    """

    amount: int
    short: int = 0


@dataclass(frozen=True)
class Again:
    """A visit as it stands, and as it would be settled now.

    `scheme` is the one that decides it now. `recoveries` are what accounts paid and should not have, or should have
    after all. `use_came`: what a fund has paid elsewhere became known after the visit was settled.
    """

    visit: Visit
    decision: Decision
    scheme: str
    recoveries: dict[int, Back]
    use_came: bool = False

    @property
    def stands(self) -> list[benefits.Past]:
        """The rows that count for the visit."""
        return [used.past for used in as_it_stands(self.visit)]

    @property
    def settled(self) -> int:
        """What the funds have paid, in fen, with what was confirmed since."""
        return sum(past.fund for past in self.stands)

    @property
    def differs(self) -> bool:
        """Whether a fund or an account would pay otherwise, or something that later visits rest on would be used."""
        said = self.said
        if said["settled"] != said["proposed"] or self.recoveries or any(said[name] for name in MOVED):
            return True
        return said["counted"] != 0 and self.counts_cost

    @property
    def counts_cost(self) -> bool:
        """Whether the edition that decides counts what visits cost: a band or a limit of the cost."""
        edition, receipt = self.decision.edition, self.decision.receipt
        if edition is None:
            return False
        counters = program_of(edition, receipts.care_from(receipt)).counters
        return any(counter.what in ("cost", "net") for counter in counters)

    @cached_property
    def said(self) -> dict[str, int | str]:
        """What a proposal would say: the funds before and after, and what else differs, in fen."""
        outcome, stands = self.decision.outcome, self.stands
        paid: dict[str, int] = defaultdict(int)
        for past in stands:
            for fund, amount in past.shares.items():
                paid[fund] += amount
        large_claims = outcome.shares.get(LARGE_CLAIMS, 0) - paid.pop(LARGE_CLAIMS, 0)
        now = [fund for fund in outcome.shares if fund != LARGE_CLAIMS]
        pool = next(filter(None, [*now, *sorted(paid, key=lambda fund: -paid[fund])]), "")
        former = next((fund for fund, amount in paid.items() if amount and fund != pool), "")
        backs = self.recoveries.values()
        return {
            "settled": sum(past.fund for past in stands),
            "proposed": outcome.fund,
            "pool": pool,
            "scheme": self.scheme,
            "large_claims": large_claims,
            "former_pool": former,
            "former_pooled": -paid[former] if former else 0,
            "counted": outcome.cost - sum(past.cost for past in stands),
            "deductible": outcome.deductible - sum(past.deductible for past in stands),
            "fixed": outcome.fixed - sum(past.fixed for past in stands),
            "accounts": -sum(back.amount for back in backs),
            "accounts_again": -sum(back.amount for back in backs if back.amount < 0),
        }

    @property
    def by_other_facts(self) -> bool:
        """Whether something else is known of the visit, or another edition decides it, than when it was settled.

        Or when the last difference of it was confirmed: that one is what stands.
        """
        confirmed = [p for p in self.visit.proposals.all() if p.status == Proposal.Status.CONFIRMED]
        known = max(confirmed, key=lambda proposal: proposal.pk).receipt if confirmed else self.visit.receipt
        return basis(self.decision.receipt) != basis(known)

    @property
    def learnt_late(self) -> bool:
        return self.by_other_facts or bool(self.recoveries) or self.use_came

    @property
    def dropped(self) -> bool:
        """Whether a person has refused this very difference, and nothing else is known since."""
        return any(self.is_told_by(p) for p in self.visit.proposals.all() if p.status == Proposal.Status.DROPPED)

    def is_told_by(self, proposal: Proposal) -> bool:
        """Whether a proposal says the same: from what stands to what would be, by the same facts and edition."""
        told = {back.account_id: fen(back.amount) for back in proposal.recoveries.all()}
        same = self.is_said_by(proposal) and told == {a: back.amount for a, back in self.recoveries.items()}
        if not proposal.receipt:  # no edition decided it: the reason tells
            refusal = self.decision.outcome.refusal
            return same and proposal.reason in (REPLAYED, refusal.code if refusal else "")
        return same and basis(proposal.receipt) == basis(self.decision.receipt)

    def is_said_by(self, proposal: Proposal) -> bool:
        told = ((getattr(proposal, name), said) for name, said in self.said.items())
        return all((fen(value) if isinstance(value, Decimal) else value) == said for value, said in told)


def basis(receipt: dict) -> tuple:
    return receipt.get("edition"), receipt.get("care")


def as_it_stands(visit: Visit) -> list[Used]:
    """The rows by which a visit counts: itself, and what was confirmed of it."""
    code = (visit.prescriber or visit.institution).code

    def row(of: Visit | Proposal, parts: dict[str, Decimal]) -> Used:
        shares = {fund: fen(amount) for fund, amount in parts.items()}
        past = benefits.Past(
            on=visit.care_on,
            encounter=visit.encounter,
            institution=code,
            place=frozenset(of.place),
            cost=fen(of.counted),
            fund=sum(shares.values()),
            deductible=fen(of.deductible),
            fixed=fen(of.fixed),
            shares=shares,
        )
        return Used(visit.area_id, of.scheme, past)

    confirmed = (said for said in visit.proposals.all() if said.status == Proposal.Status.CONFIRMED)
    return [
        row(visit, {visit.pool: visit.pooled, LARGE_CLAIMS: visit.large_claims}),
        *(row(said, said.parts) for said in confirmed),
    ]
