"""Every worked visit case of Heyuan, through rows, service, ledger and replay."""

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import pytest

from accounts.models import Entry
from bureau.errors import DomainError
from institutions.models import OutOfAreaRegistration
from members.models import Enrolment
from settlement.models import OpeningUse, Visit
from settlement.queries.books import check_books
from settlement.services.replays import propose_replay
from settlement.services.requests import VisitRequest
from settlement.services.reversals import reverse_visit
from settlement.services.visits import quote_visit, settle_visit
from tests.settlement import factories
from tests.settlement.cases import cases

# A prescription of a visit that is not told cannot be settled at the desk.
CASES = [
    case
    for case in cases("heyuan", "visits")
    if all("rx" in event for event in case["facts"]["events"] if event.get("rel") == "pharmacy_rx")
]


class Story:
    """One case told in rows: institutions by their letter, one member, events in their order."""

    def __init__(self, city, case):
        self.city, self.facts = city, case["facts"]
        self.events = self.facts["events"]
        self.visits: dict[int, Visit] = {}
        self.places: dict[str, object] = {}
        self.years = sorted({event["d"].year for event in self.events})
        self.year = self.years[0]
        home = next((e for e in self.events if e.get("rel") == "selected"), None)
        self.home = self.place(home) if home else factories.institution(city, "选定")
        factories.institution(city, "清算中心", kind="clearing", level=None)
        self.member = factories.member(city, starts_on=date(self.year - 1, 1, 1), account=False)
        self.enrol()
        for year in self.years:
            factories.choose(city, self.member, self.home, year=year)
        opening = self.facts.get("opening", {})
        if opening:
            OpeningUse.objects.create(
                member=self.member,
                area=city.area,
                scheme=city.scheme,
                year=self.year,
                fund=Decimal(opening["annual_paid"]),
            )

    def enrol(self):
        facts = self.facts["member"]
        spans = facts.get("status_from") or [{"from": date(self.year - 1, 1, 1), "status": facts["status"]}]
        Enrolment.objects.filter(member=self.member).delete()
        for span, following in zip(spans, [*spans[1:], None], strict=True):
            Enrolment.objects.create(
                member=self.member,
                area=self.city.area,
                scheme=self.city.scheme,
                person_class=span["status"],
                starts_on=span["from"],
                ends_on=following["from"] - timedelta(days=1) if following else None,
            )

    def place(self, event):
        name = event["inst"]
        if name not in self.places:
            relation, level = event["rel"], event["lvl"]
            kind = "pharmacy" if relation == "pharmacy_rx" else "centre" if level < 2 else "hospital"
            self.places[name] = factories.institution(
                self.city, name, kind=kind, level=level, local=not relation.startswith("remote")
            )
        return self.places[name]

    def request(self, event) -> VisitRequest:
        where, relation = self.place(event), event["rel"]
        extra = {}
        if relation == "referral":
            factories.refer(self.member, self.home, where, event["d"], event["d"])
        if relation == "emergency":
            extra["channel"] = "emergency"
        if relation == "remote_filed":
            OutOfAreaRegistration.objects.get_or_create(
                member=self.member, kind="retired_resettled", destination="441602", starts_on=date(self.year, 1, 1)
            )
        encounter = self.encounter(event)
        if relation == "pharmacy_rx":
            written = next(e for e in self.events if e.get("n") == event["rx"])
            extra |= {"channel": "prescription", "prescriber_id": self.place(written).pk}
            encounter = self.encounter(written)
        return VisitRequest(
            institution_id=where.pk,
            key=f"S{event['n']}",
            member_id=self.member.pk,
            encounter=encounter,
            care_on=event["d"],
            total=Decimal(event["amt"]),
            **extra,
        )

    @staticmethod
    def encounter(event) -> str:
        return event.get("encounter", f"E{event['n']}")

    def reverse(self, event, now) -> dict:
        first = self.visits[event["reverse"]]
        try:
            visit = reverse_visit(first.pk, key=f"R{event['d']}", reason="错", actor=self.city.clerk, now=now)
        except DomainError:
            assert Visit.objects.filter(reverses=first).count() == 1
            return {"reverse": event["reverse"], "fund": "0.00", "why": "already_reversed"}
        return {"reverse": event["reverse"], "fund": str(visit.pooled), "self": str(visit.in_policy - visit.pooled)}

    def tell(self, event) -> dict:
        day = event["d"]
        now = datetime(day.year, day.month, day.day, 2, tzinfo=UTC)
        if "reverse" in event:
            return self.reverse(event, now)
        request = self.request(event)
        quote = quote_visit(request, now=now)
        assert not Visit.objects.filter(key=request.key).exists()
        visit = self.visits[event["n"]] = settle_visit(request, actor=self.city.clerk, now=now)
        assert quote.row["pooled"] == str(visit.pooled)
        return {
            "n": event["n"],
            "fund": str(visit.pooled),
            "self": str(visit.in_policy - visit.pooled),
            "why": visit.refusal,
            "charge": visit.charge,
        }


@pytest.mark.parametrize("case", CASES, ids=[case["id"] for case in CASES])
def test_visit_case_through_the_database(db, case):
    city = factories.heyuan(case["facts"]["params"]["annual_cap"])
    story, expected = Story(city, case), case["expected"]
    lines = [story.tell(event) for event in story.events]
    told = [{key: line.get(key) or None for key in want} for line, want in zip(lines, expected["lines"], strict=True)]
    assert told == expected["lines"]

    paid = {year: Decimal(0) for year in story.years}
    for visit in Visit.objects.all():
        paid[visit.care_on.year] += visit.pooled
    booked = -sum(entry.amount for entry in Entry.objects.filter(subject="benefit_expenditure"))
    assert booked == sum(paid.values())
    opening = sum(use.fund for use in OpeningUse.objects.filter(year=story.years[-1]))
    assert opening + paid[story.years[-1]] == Decimal(expected["annual_paid"])
    for proof in check_books(city.area.pk):
        assert not proof.shown, (proof.question, proof.shown)

    now = datetime(story.years[-1], 12, 31, 3, tzinfo=UTC)
    proposals = [
        proposal
        for year in story.years
        for proposal in propose_replay(member_id=story.member.pk, year=year, actor=city.clerk, now=now)
    ]
    proposed = {proposal.visit_id: proposal.proposed for proposal in proposals}
    replayed = {
        n: str(proposed.get(visit.pk, visit.pooled))
        for n, visit in story.visits.items()
        if not Visit.objects.filter(reverses=visit).exists()
    }
    if "replay" in expected:
        assert replayed == expected["replay"]
    else:
        assert proposals == []


def test_heyuan_has_visit_cases():
    assert len(CASES) >= 22
