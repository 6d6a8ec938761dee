"""A worked case of visits told in rows: institutions by their letters, one member, events in their order.

Nothing here knows a city: what a case says of a place, a person or an opening figure becomes the rosters' facts.
"""

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

from accounts.models import Entry
from bureau.errors import DomainError, RefusedError
from bureau.models import Staff
from institutions.models import HospitalStay, OutOfAreaRegistration
from members.models import Enrolment, Suspension
from settlement.models import OpeningUse, OtherUse, Visit
from settlement.queries.proofs.books import check_books
from settlement.services.claims.steps import BankAccount, ClaimRequest, approve_claim, check_claim, enter_claim
from settlement.services.replays.proposals import propose_replay
from settlement.services.visits.invoices import InvoiceNumber
from settlement.services.visits.requests import VisitRequest
from settlement.services.visits.reversals import reverse_visit
from settlement.services.visits.settling import quote_visit, settle_visit
from tests.settlement import factories

NOT_DESIGNATED = ("nondesignated", "nondesignated_emergency", "remote_emergency")
REGISTERED = ("remote", "remote_filed", "remote_filed_manual", "remote_selected", "remote_nonselected")
NO_VISIT_TOLD = "prescription"  # the encounter that wrote a prescription whose visit a case does not tell
LIMIT = Decimal("100000.00")
EVENT = {
    "n", "d", "inst", "lvl", "rel", "amt", "rx", "encounter", "origin", "general_fee", "consultation_fee", "reverse",
    "selected_lvl", "type",
}  # fmt: skip


class Story:
    def __init__(self, city, case):
        self.city, self.facts = city, case["facts"]
        self.events = self.facts["events"]
        assert {key for event in self.events for key in event} <= EVENT
        self.visits: dict[int, Visit] = {}
        self.places: dict[str, object] = {}
        self.years = sorted({event["d"].year for event in self.events})
        self.year = self.years[0]
        self.since = date(self.year - 1, 1, 1)
        roles = {role["role"] for role in self.selection.get("roles", [])}
        self.chooses, self.has_stations = bool(roles - {"remote"}), "station" in roles
        factories.institution(city, "清算中心", kind="clearing", level=None, since=self.since)
        self.home = self.home_of_the_member() if self.chooses else None
        self.member = factories.member(city, starts_on=self.since, account=False)
        self.enrol()
        for year in self.years if self.home else ():
            factories.choose(city, self.member, self.home, year=year)
        self.stand()
        self.open_with(self.facts.get("opening", {}), self.facts.get("params", {}))

    # What the rosters say

    @property
    def selection(self) -> dict:
        return self.city.rules.at(date(self.year, 12, 31)).get("selection", {})

    def home_of_the_member(self):
        """The selected centre: where a case's `selected` events of the first level take place, if any do."""
        told = [event for event in self.events if event.get("rel") == "selected"]
        told = [event for event in told if not (self.has_stations and event["lvl"] == 0)]
        if told:
            return self.place(told[0])
        level = next((event["selected_lvl"] for event in self.events if "selected_lvl" in event), 1)
        return factories.institution(self.city, "选定", level=level, since=self.since)

    def enrol(self):
        """One enrolment for each run of days on which neither class nor plan changes."""
        facts = self.facts["member"]
        changes = {span["from"] for name in ("status_from", "plan_from") for span in facts.get(name, [])}
        firsts = sorted({max(day, self.since) for day in changes} or {self.since})
        Enrolment.objects.filter(member=self.member).delete()
        for first, following in zip(firsts, [*firsts[1:], None], strict=True):
            Enrolment.objects.create(
                member=self.member,
                area=self.city.area,
                scheme=self.city.scheme,
                person_class=dated(facts, "status", first),
                plan=dated(facts, "plan", first),
                large_claims="mutual_left" in self.facts.get("params", {}),
                starts_on=first,
                ends_on=following - timedelta(days=1) if following else None,
            )

    def stand(self):
        for first, last in self.facts["member"].get("inpatient", []):
            HospitalStay.objects.create(member=self.member, admitted_on=first, discharged_on=last)
        for first, last in self.facts["member"].get("arrears", []):
            Suspension.objects.create(
                member=self.member, area=self.city.area, kind="arrears", starts_on=first, ends_on=last
            )

    def open_with(self, opening, params):
        """Opening figures of the year; what is left of a fund's limit is the limit less what it paid elsewhere."""
        if opening:
            fixed = Decimal(opening.get("other_fund_not_counted", "0.00"))
            of_month = Decimal(opening.get("month_paid", "0.00"))
            this = {"member": self.member, "area": self.city.area, "scheme": self.city.scheme, "year": self.year}
            OpeningUse.objects.create(
                **this,
                fund=Decimal(opening.get("annual_paid", "0.00")) + fixed - of_month,
                fixed=fixed,
                deductible=Decimal(opening.get("deductible_used", "0.00")),
            )
            if of_month:
                OpeningUse.objects.create(**this, month=self.events[0]["d"].replace(day=1), fund=of_month)
        benefits = self.city.rules.at(date(self.year, 12, 31))["benefits"]
        published = {"yearly_cap": params.get("annual_cap")}
        published |= {fixed["amount"]["figure"]: params.get(fixed["cost"]) for fixed in benefits.get("fixed", [])}
        for code, value in published.items():
            for year in self.years if value else ():
                factories.figure(self.city.area, code, year, value, self.city.clerk, self.city.reviewer)
        for share in benefits["shares"]:
            left = params.get(f"{share.get('role')}_left")
            if left is None:
                continue
            factories.figure(self.city.area, share["left"], self.year, str(LIMIT), self.city.clerk, self.city.reviewer)
            used = LIMIT - Decimal(left)
            if opening and share["fund"] == self.city.pool:
                used -= Decimal(opening.get("annual_paid", "0.00"))
            OtherUse.objects.create(
                member=self.member,
                area=self.city.area,
                scheme=self.city.scheme,
                fund=share["fund"],
                number="住院",
                paid_on=date(self.year, 1, 1),
                amount=used,
            )

    def place(self, event):
        name = event["inst"]
        if name not in self.places:
            relation, level = event["rel"], event["lvl"]
            kind, parent = "hospital" if level is None or level > 1 else "centre", None
            if relation in ("pharmacy", "pharmacy_rx"):
                kind, level = "pharmacy", None
            elif relation == "selected" and self.has_stations and level == 0:
                kind, parent = "station", self.home
            elif event.get("type") in ("township", "community"):
                kind = "centre"
            elif event.get("type") == "station":
                kind, parent = "station", factories.institution(self.city, since=self.since)
            self.places[name] = factories.institution(
                self.city,
                name,
                kind=kind,
                level=level,
                parent=parent,
                local=not relation.startswith("remote"),
                since=self.since,
            )
            if relation in NOT_DESIGNATED:
                self.places[name].agreements.all().delete()
            if kind == "station":
                for year in self.years:
                    factories.choose(self.city, self.member, self.places[name], year=year, role="station")
        return self.places[name]

    def written_by(self, event) -> dict:
        """The visit that wrote a prescription; where the case tells none, one that cost nothing within policy."""
        if "rx" in event:
            written = next(e for e in self.events if e.get("n") == event["rx"])
            return {"prescriber_id": self.place(written).pk, "encounter": self.encounter(written)}
        if self.chooses:
            by = self.home
        else:
            by = factories.institution(self.city, kind="hospital", level=event["lvl"], since=self.since)
        request = VisitRequest(
            institution_id=by.pk,
            key=f"P{event['n']}",
            member_id=self.member.pk,
            encounter=f"{NO_VISIT_TOLD}{event['n']}",
            care_on=event["d"],
            total=Decimal("10.00"),
            own_expense=Decimal("10.00"),
        )
        assert settle_visit(request, actor=self.city.clerk, now=at(event["d"])).refusal
        return {"prescriber_id": by.pk, "encounter": request.encounter}

    # What the counter says

    def request(self, event) -> VisitRequest:
        where, relation = self.place(event), event["rel"]
        more = {"encounter": self.encounter(event)}
        if relation == "referral":
            factories.refer(self.member, self.home, where, event["d"], event["d"])
        if relation.endswith("emergency"):
            more["channel"] = "emergency"
        if relation in REGISTERED:
            OutOfAreaRegistration.objects.get_or_create(
                member=self.member,
                kind="retired_resettled",
                destination=where.code[1:7],
                starts_on=date(self.year, 1, 1),
            )
        if relation == "remote_selected":
            factories.choose(self.city, self.member, where, year=event["d"].year, role="remote")
        if relation == "remote_by_hand_only":
            self.member.enrolments.update(by_hand_elsewhere=True)
        if relation == "pharmacy_rx":
            more |= {"channel": "prescription"} | self.written_by(event)
        fees = {name: Decimal(event.get(name, "0.00")) for name in ("general_fee", "consultation_fee")}
        in_policy = Decimal(event["amt"]) + sum(fees.values())
        if event.get("origin") == "chronic_remainder":
            # The other fund has paid as much again.
            more |= {"other_funds": Decimal(event["amt"]), "other_remainder": Decimal(event["amt"])}
            in_policy += Decimal(event["amt"])
        return VisitRequest(
            institution_id=where.pk,
            key=f"S{event['n']}",
            member_id=self.member.pk,
            care_on=event["d"],
            total=in_policy,
            **fees,
            **more,
        )

    @staticmethod
    def encounter(event) -> str:
        return event.get("encounter", f"E{event['n']}")

    def tell(self, event) -> dict:
        now = at(event["d"])
        if "reverse" in event:
            return self.reverse(event, now)
        request = self.request(event)
        try:
            quote = quote_visit(request, now=now)
        except RefusedError as refused:
            # The bureau has a figure to publish: nothing is recorded.
            return {"n": event["n"], "fund": "0.00", "self": str(request.total), "why": refused.refusal.code}
        if event["rel"].endswith("_manual"):
            visit = self.claimed(request, now)
        else:
            assert not Visit.objects.filter(key=request.key).exists()
            visit = settle_visit(request, actor=self.city.clerk, now=now)
            assert (quote.row["pooled"], quote.row["large_claims"]) == (str(visit.pooled), str(visit.large_claims))
        self.visits[event["n"]] = visit
        return self.line(visit) | {"n": event["n"]}

    def claimed(self, request: VisitRequest, now: datetime) -> Visit:
        """A bill claimed by hand, by four people."""
        second = Staff.objects.create(username="second", area=self.city.area)
        asked = ClaimRequest(
            member=self.member,
            institution=next(place for place in self.places.values() if place.pk == request.institution_id),
            encounter=request.encounter,
            care_on=request.care_on,
            total=request.total,
            invoices=[InvoiceNumber("50060124", "0012345678")],
            papers=("identity", "receipt", "items", "record", "bank"),
            account=BankAccount("member", "中国工商银行", "6222021234567890123"),
            received_on=request.care_on,
        )
        claim = enter_claim(key="K1", area=self.city.area, asked=asked, actor=self.city.clerk, now=now)
        check_claim(claim=claim, actor=second, now=now)
        return approve_claim(claim=claim, actor=self.city.reviewer, now=now).visit

    def reverse(self, event, now) -> dict:
        first = self.visits[event["reverse"]]
        try:
            visit = reverse_visit(first.pk, key=f"R{event['d']}", reason="错", actor=self.city.clerk, now=now)
        except DomainError:
            assert Visit.objects.filter(reverses=first).count() == 1
            return {"reverse": event["reverse"], "fund": "0.00", "why": "already_reversed"}
        return self.line(visit) | {"reverse": event["reverse"]}

    def line(self, visit: Visit) -> dict:
        """A visit in the words of a case."""
        fund = visit.pooled + visit.large_claims
        return {
            "fund": str(fund),
            "self": str(visit.in_policy - visit.out_of_policy - visit.other_funds - fund),
            "deductible": str(visit.deductible),
            "out_of_policy": str(visit.out_of_policy),
            "from_pooled": str(visit.pooled),
            "from_mutual": str(visit.large_claims),
            "why": visit.refusal,
            "charge": visit.charge,
        }


def at(day: date) -> datetime:
    return datetime(day.year, day.month, day.day, 2, tzinfo=UTC)


def dated(facts: dict, name: str, day: date) -> str:
    """A member's status or plan on a day, from a single value or a dated list."""
    spans = [span for span in facts.get(f"{name}_from", []) if span["from"] <= day]
    return max(spans, key=lambda span: span["from"])[name] if spans else facts.get(name, "")


def told(story: Story, expected: list[dict]) -> list[dict]:
    """What happened to each event, of what the case expects of it."""
    lines = [story.tell(event) for event in story.events]
    return [{key: line.get(key) or None for key in want} for line, want in zip(lines, expected, strict=True)]


def paid_in(year: int) -> Decimal:
    """What counts against the yearly cap: of the year's visits and of its opening."""
    visits = [v for v in Visit.objects.all() if v.care_on.year == year]
    opening = OpeningUse.objects.filter(year=year)
    return sum((v.pooled + v.large_claims - v.fixed for v in visits), Decimal(0)) + sum(
        use.fund - use.fixed for use in opening
    )


def books_are_clean(city) -> None:
    booked = -sum(entry.amount for entry in Entry.objects.filter(subject="benefit_expenditure"))
    assert booked == sum(visit.pooled + visit.large_claims for visit in Visit.objects.all())
    for proof in check_books(city.area.pk):
        assert not proof.shown, (proof.code, proof.shown)


def replayed(story: Story) -> dict[int, str]:
    """What each surviving visit would be paid by a replay of its year."""
    now = datetime(story.years[-1], 12, 31, 3, tzinfo=UTC)
    proposed = {
        proposal.visit_id: proposal.proposed
        for year in story.years
        for proposal in propose_replay(member_id=story.member.pk, year=year, actor=story.city.clerk, now=now)
    }
    return {
        n: str(proposed.get(visit.pk, visit.pooled + visit.large_claims))
        for n, visit in story.visits.items()
        if not Visit.objects.filter(reverses=visit).exists()
    }
