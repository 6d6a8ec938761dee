"""What deciding visits needs, read once for a group of them: facts, history, accounts, rules, and who is owed."""

import datetime
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field

from django.utils.translation import gettext_lazy as _

from accounts.queries.months import closed_months
from accounts.services.holders import edition_for
from accounts.services.ledger import MonthClosed
from bureau.editions.figures import figures, named
from bureau.editions.rulebook import rulebook, stored_edition
from bureau.errors import DomainError, RefusedError
from bureau.models import Area
from bureau.rules.benefits import fund as benefits
from bureau.rules.benefits.program import days_counted
from bureau.rules.errors import Refused
from bureau.rules.format.edition import Edition, Rulebook
from institutions.models import Institution
from settlement.models import Visit
from settlement.queries import facts as reading
from settlement.queries.facts import Asked, fen
from settlement.services.visits import locking
from settlement.services.visits.adjudication import LARGE_CLAIMS, Decision, Used, decide, edition_of, past_of, used_by
from settlement.services.visits.recording import yuan
from settlement.services.visits.requests import WITHIN, VisitRequest
from settlement.services.visits.split import OWN, AccountShare, Elsewhere, split_rest

SELECTED_QUOTA = "selected_capitation"
HAND_CLAIM = "hand_claim"
FILLED = {"prescription", "unwritten"}


@dataclass(frozen=True, slots=True)
class Quote:
    """What settling would give, in yuan by name, with the decision behind it. Nothing has moved."""

    row: dict
    shares: list[AccountShare]
    decision: Decision


def days_written(requests: Sequence[VisitRequest]) -> dict[VisitRequest, datetime.date]:
    """When the prescriptions among these requests were written, by visits settled before or by others among them."""
    filled = [request for request in requests if request.prescriber_id is not None]
    if not filled:
        return {}
    asked = [(r.member_id, r.prescriber_id, r.encounter, r.care_on) for r in filled]
    days = {filled[n]: day for n, day in reading.written_on(asked).items()}
    together: dict[tuple, list[datetime.date]] = defaultdict(list)
    for request in requests:
        together[request.member_id, request.institution_id, request.encounter].append(request.care_on)
    for request in filled:
        among = together[request.member_id, request.prescriber_id, request.encounter]
        days[request] = min([days.get(request, request.care_on), *among])
    return days


@dataclass(slots=True)
class Desk:
    """Everything that deciding a group of requests needs, read once, and kept true as each one takes its share."""

    requests: Sequence[VisitRequest]
    area_id: str | None  # whose desk it is; None for every area's
    facts: dict[VisitRequest, dict]
    spans: dict[VisitRequest, tuple[datetime.date, datetime.date]]
    history: dict[int, dict[tuple[datetime.date, datetime.date], list[Used]]]  # by member and days of care
    accounts: dict[int, dict]
    own: dict[int, list[dict]]
    grants: dict[int, list[dict]]
    institutions: dict[int, dict]
    clearing: dict[str, int]
    bills: dict[tuple, int] = field(default_factory=dict)  # settled in this group: the first visit of each bill
    rulebooks: dict[str, Rulebook] = field(default_factory=dict)
    figures: dict[tuple[str, datetime.date], dict[str, int]] = field(default_factory=dict)
    editions: dict[str, int] = field(default_factory=dict)
    closed: dict[str, frozenset[datetime.date]] = field(default_factory=dict)  # accounting months, by area

    @classmethod
    def open(cls, requests: Sequence[VisitRequest], *, lock: bool, area_id: str | None) -> "Desk":
        members = [request.member_id for request in requests]
        if lock:
            locking.keep_one_plan()
            locking.lock_members(members)
        facts = reading.load_facts(
            [
                Asked(r.member_id, r.institution_id, r.prescriber_id, r.care_on, r.encounter, r.total)
                for r in requests
            ]
        )
        rulebooks = {area: rulebook(area) for row in facts if (area := row["area_id"])}
        spans = {request: days_counted(None, request.care_on) for request in requests}
        for row in facts:
            request = requests[row["n"] - 1]
            spans[request] = days_counted(edition_of(rulebooks, row, request.care_on), request.care_on)
        for request, day in days_written(requests).items():
            spans[request] = min(spans[request][0], day), spans[request][1]
        history: dict[int, dict[tuple[datetime.date, datetime.date], list[Used]]] = defaultdict(dict)
        for (member, *days), rows in reading.load_history((r.member_id, *days) for r, days in spans.items()).items():
            history[member][tuple(days)] = [used_by(row) for row in rows]
        named = {i for r in requests for i in (r.institution_id, r.prescriber_id) if i is not None}
        referring = {row["quota_id"] for row in facts if row["referred_by"] is not None}
        institutions = reading.institutions_of(named | referring)
        accounts = locking.lock_accounts_of(members) if lock else reading.accounts_of(members)
        own: dict[int, list[dict]] = {}
        for account in accounts.values():
            own.setdefault(account["member_id"], []).append(account)
        return cls(
            requests=requests,
            area_id=area_id,
            facts={requests[row["n"] - 1]: row for row in facts},
            spans=spans,
            history=history,
            accounts=accounts,
            own=own,
            grants=reading.load_grants(members) if any(r.pay_from == "family" for r in requests) else {},
            institutions=institutions,
            clearing={i["area_id"]: i["id"] for i in institutions.values() if i["kind"] == "clearing"},
            rulebooks=rulebooks,
        )

    def code(self, institution_id: int | None) -> str:
        return "" if institution_id is None else self.institutions[institution_id]["code"]

    def history_of(self, request: VisitRequest) -> list[Used]:
        return self.history[request.member_id][self.spans[request]]

    def area_of(self, request: VisitRequest) -> str:
        """The area that settles a bill: where the member was enrolled on the day of care (G-3), and no other.

        For who was not enrolled then it is the area that had them last; for who never was, the institution's.
        """
        facts = self.facts.get(request)
        if facts is None:
            raise DomainError(_("The member or the institution is not recorded."))
        area_id = facts["home_id"] or (request.by_hand and self.area_id) or facts["institution_area"]
        if area_id is None:
            raise DomainError(_("The person is not enrolled on %(day)s."), field="member", day=request.care_on)
        if self.area_id not in (None, area_id):
            raise DomainError(
                _("On %(day)s the member belongs to %(area)s: the bill is settled there."),
                field="member",
                day=request.care_on,
                area=Area.objects.get(pk=area_id),
            )
        return area_id

    def require_open_month(self, area_id: str, day: datetime.date | None) -> None:
        """Refuse a bill of an institution's file whose day lies in a closed month; a bill of today is in an open one.

        The database says so again to whoever comes while the month is being closed.
        """
        if day is None:
            return
        if area_id not in self.closed:
            self.closed[area_id] = closed_months(area_id)
        if day.replace(day=1) in self.closed[area_id]:
            raise MonthClosed(day, field="settled_on")

    def decide(self, request: VisitRequest) -> Quote:
        area_id = self.area_of(request)
        self.require_open_month(area_id, request.settled_on)
        facts = self.facts[request]
        self.refuse_paid_already(request)
        written = self.prescribing(request, area_id)
        past = past_of(self.history_of(request), facts)
        try:
            decision = decide(request, facts, past, *self.rules(area_id, request.care_on), written)
        except Refused as refused:
            raise RefusedError(refused.refusal) from refused
        outcome = decision.outcome
        if outcome.refusal is not None and outcome.refusal.code == "figure_missing":
            # Nothing to do with this patient: the bureau has a figure to publish first.
            raise RefusedError(named(outcome.refusal, decision.edition, request.care_on))
        rest = fen(request.total) - outcome.fund - fen(request.other_funds)
        # Where the patient has paid and is paid back by the selected institution, no account is asked.
        shares = [] if decision.through_selected else self.shares(request, facts, rest, area_id)
        own = sum(share.amount for share in shares if share.relation == OWN)
        family = sum(share.amount for share in shares) - own
        large_claims = outcome.shares.get(LARGE_CLAIMS, 0)
        pool = next((fund for fund, amount in outcome.shares.items() if amount and fund != LARGE_CLAIMS), "")
        row = {
            "area_id": area_id,
            "scheme": facts["scheme"] or "",
            "institution_id": request.institution_id,
            "key": request.key,
            "request_hash": request.fingerprint(),
            "member_id": request.member_id,
            "encounter": request.encounter,
            "care_on": request.care_on,
            "channel": request.channel,
            "credential": request.credential,
            "prescriber_id": request.prescriber_id,
            "place": sorted(decision.place),
            "refusal": outcome.refusal.code if outcome.refusal else "",
            "refusal_article": outcome.refusal.article if outcome.refusal else "",
            "payee_id": self.payee(
                request,
                facts,
                area_id,
                decision,
                owed=outcome.fund + sum(share.amount for share in shares if share.elsewhere is None),
            ),
            "charge": outcome.charge,
            "charged_institution_id": facts["quota_id"] if outcome.charge == SELECTED_QUOTA else None,
            "total": yuan(fen(request.total)),
            "own_expense": yuan(fen(request.own_expense)),
            "over_limit": yuan(fen(request.over_limit)),
            "first_self": yuan(fen(request.first_self)),
            "in_policy": yuan(fen(request.in_policy)),
            **{name: yuan(fen(getattr(request, name))) for name in WITHIN},
            "out_of_policy": yuan(outcome.out_of_policy),
            "counted": yuan(outcome.cost),
            "pool": pool,
            "fixed": yuan(outcome.fixed),
            "deductible": yuan(outcome.deductible),
            "pooled": yuan(outcome.fund - large_claims),
            "large_claims": yuan(large_claims),
            "account": yuan(own),
            "family": yuan(family),
            "cash": yuan(rest - own - family),
            "edition_id": self.edition_id(decision.edition),
            "receipt": decision.receipt,
            "reverses_id": None,
            "reason": "",
            "same_as_id": facts["same_as"] or self.bills.get(request.bill),
        }
        return Quote(row=row, shares=shares, decision=decision)

    def shares(self, request: VisitRequest, facts: dict, rest: int, area_id: str) -> list[AccountShare]:
        """What accounts pay of what the fund has left, each by the edition and in the books of its own area."""
        return split_rest(
            request,
            facts,
            rest,
            area_id=area_id,
            own=self.own.get(request.member_id, ()),
            accounts=self.accounts,
            grants=self.grants.get(request.member_id, ()),
            edition_for=lambda area: edition_for(self.book(area), area, request.care_on),
            books_of=lambda area: self.books_of(area, self.institutions[facts["institution_id"]]),
        )

    def books_of(self, area_id: str, institution: dict) -> Elsewhere | None:
        """Whom an area owes where its account pays for care: who treated, a station's centre, the clearing body."""
        if institution["area_id"] != area_id:
            payee_id = self.clearing.get(area_id)
        else:
            station = institution["kind"] == Institution.Kind.STATION
            payee_id = institution["parent_id"] if station else institution["id"]
        return None if payee_id is None else Elsewhere(area_id, payee_id, self.code(payee_id))

    def book(self, area_id: str) -> Rulebook:
        if area_id not in self.rulebooks:
            self.rulebooks[area_id] = rulebook(area_id)
        return self.rulebooks[area_id]

    def rules(self, area_id: str, on: datetime.date) -> tuple[Rulebook, dict[str, int]]:
        """The rulebook of an area and the figures of a day, asked once for the whole group."""
        if (area_id, on) not in self.figures:
            self.figures[area_id, on] = figures(area_id, on)
        return self.book(area_id), self.figures[area_id, on]

    def edition_id(self, edition: Edition | None) -> int | None:
        if edition is None:
            return None
        if edition.content_hash not in self.editions:
            self.editions[edition.content_hash] = stored_edition(edition.content_hash)
        return self.editions[edition.content_hash]

    def payee(
        self, request: VisitRequest, facts: dict, area_id: str, decision: Decision, *, owed: int
    ) -> int | None:
        """Who is owed: a station's centre, the area's clearing body for care elsewhere, else who treated (§7).

        The selected institution where it has paid the patient back, and nobody where the bureau pays the patient.
        """
        if request.by_hand:
            return None
        if decision.through_selected:
            return facts["quota_id"]
        institution = self.institutions[facts["institution_id"]]
        if institution["kind"] == Institution.Kind.STATION:
            return institution["parent_id"]
        if institution["area_id"] == area_id:
            return institution["id"]
        if owed and area_id not in self.clearing:
            raise DomainError(_("Care out of the area is paid through a clearing body: register the area's first."))
        return self.clearing.get(area_id, institution["id"])

    def refuse_paid_already(self, request: VisitRequest) -> None:
        """Refuse to settle by card what was claimed by hand, and to pay a claim for what was settled by card."""
        history = self.history_of(request)
        claimed = any(HAND_CLAIM in used.past.place and used.past.encounter == request.encounter for used in history)
        if not (request.by_hand or claimed):
            return
        same = {"member": request.member_id, "institution": request.institution_id, "encounter": request.encounter}
        first = Visit.objects.filter(**same, payee__isnull=not request.by_hand, reverses=None, reversal=None).first()
        if first is None:
            return
        if request.by_hand:
            message = _("Encounter %(encounter)s was settled by card on %(day)s: it is not paid again by hand.")
        else:
            message = _("Encounter %(encounter)s was claimed by hand on %(day)s: it is not settled again by card.")
        raise DomainError(message, field="encounter", encounter=request.encounter, day=first.settled_on)

    def prescribing(self, request: VisitRequest, area_id: str) -> benefits.Past | None:
        """The visit that wrote a prescription filled outside: one that its prescriber has settled (HY-18).

        However long before, and with the same area: what an encounter was to another fund says nothing to this one.
        """
        if request.channel != Visit.Channel.PRESCRIPTION:
            return None
        prescriber = self.code(request.prescriber_id)
        writing = [
            used.past
            for used in self.history_of(request)
            if used.past.encounter == request.encounter
            and used.past.institution == prescriber
            and used.past.on <= request.care_on
            and used.past.place.isdisjoint(FILLED)
            and used.area_id == area_id
        ]
        return min(writing, key=lambda past: past.on, default=None)

    def take(self, request: VisitRequest, quote: Quote, visit_id: int) -> None:
        """Let the next request of the group see what this one has used, and that its bill is settled."""
        self.bills.setdefault(request.bill, visit_id)
        past = quote.decision.past
        used = Used(quote.row["area_id"], quote.row["scheme"], past)
        for (first, last), history in self.history[request.member_id].items():
            if first <= past.on <= last:
                history.append(used)
        for share in quote.shares:
            self.accounts[share.account_id]["balance"] -= share.amount
