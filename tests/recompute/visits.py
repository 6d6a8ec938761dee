"""What the fund pays for every visit, claims by hand and reversals among them, in the order of their settlement."""

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date, datetime
from types import ModuleType
from typing import Any

from tests.recompute.cities.case import QUOTA, Before, Case, Paid, Past, Place, Refused
from tests.recompute.data.history import in_force, known_at
from tests.recompute.data.reading import Area
from tests.recompute.differences import Findings


@dataclass(slots=True)
class Answer:
    """What one visit comes to. `charged` is whose quota it uses, `payee` who is owed (None: the member)."""

    paid: Paid
    charge: str
    charged: int | None
    payee: int | None
    out_of_policy: int
    why: str
    place: Place
    person: Any  # the enrolment on the day, as it was known
    designated: bool
    through_selected: bool = False
    past: Before | None = None

    @property
    def fund(self) -> int:
        return self.paid.pooled + self.paid.mutual


class Visits:
    """The answers by visit, from the facts as they were known when each was settled."""

    def __init__(self, area: Area, city: ModuleType):
        self.area, self.city = area, city
        self.answers: dict[int, Answer] = {}
        self.stored = {visit.id: visit for visit in area.visits}
        self.reversed_at = {v.reverses_id: v.settled_at for v in area.visits if v.reverses_id is not None}
        self.confirmed: dict[int, list[Any]] = defaultdict(list)  # by visit
        for proposal in area.proposals:
            if proposal.status == "confirmed":
                self.confirmed[proposal.visit_id].append(proposal)
        self.by_member: dict[int, list[Any]] = defaultdict(list)
        for visit in area.visits:
            self.by_member[visit.member_id].append(visit)
        for member, visits in self.by_member.items():
            self._settle(member, visits)

    def _settle(self, member: int, visits: list[Any]) -> None:
        """One member's visits. What was used before is what was computed here before, not what is stored."""
        settled: list[tuple[Any, Answer]] = []
        for visit in visits:
            if visit.reverses_id is not None:
                answer = self._reversal(visit)
            else:
                past = Past([a.past for v, a in settled if v.scheme == visit.scheme and a.past is not None])
                for before, _answer in settled:
                    if before.scheme == visit.scheme and not self.gone(before.id, visit.settled_at):
                        past.rows += self.adjusted(before.id, visit.settled_at)
                past.rows += opening_of(self.area, member, visit.scheme, visit.settled_at)
                answer = self.decide(visit, visit.settled_at, settled, past)
            self.answers[visit.id] = answer
            settled.append((visit, answer))

    def gone(self, visit: int, at: datetime) -> bool:
        """Whether a visit had been taken back by then."""
        return visit in self.reversed_at and self.reversed_at[visit] <= at

    def adjusted(self, visit: int, at: datetime) -> list[Before]:
        """What had been confirmed of a visit by then."""
        known = [proposal for proposal in self.confirmed.get(visit, ()) if proposal.decided_at <= at]
        return [difference_of(proposal, self.answers[visit].past) for proposal in known]

    def _reversal(self, visit: Any) -> Answer:
        """G-6: exactly what the reversed visit took."""
        first = self.answers[visit.reverses_id]
        paid = Paid(-first.paid.pooled, -first.paid.mutual, -first.paid.fixed, -first.paid.deductible)
        past = replace(first.past, pooled=paid.pooled, mutual=paid.mutual, fixed=paid.fixed, deductible=paid.deductible)
        return replace(first, paid=paid, out_of_policy=-first.out_of_policy, past=past, why="reversal")

    def decide(self, visit: Any, at: datetime, settled: list[tuple[Any, Answer]], past: Past) -> Answer:
        """A visit by what was known at a moment, after others and what they have used."""
        area, city, day = self.area, self.city, visit.care_on
        facts = {table: area.facts[table].get(visit.member_id, ()) for table in area.facts}
        member = known_at(area.members[visit.member_id], at)[0]
        person = in_force(facts["members_enrolment"], day, at)
        treated = area.places[visit.institution_id]
        written = self._written(visit, settled) if visit.channel == "prescription" else None
        selected = in_force(
            [v for v in facts["institutions_selection"] if v.row.role == "primary" and v.row.area_id == area.code],
            day,
            at,
        )
        place, designated = self._place(visit, at, facts, selected, person, written)
        answer = Answer(Paid(), "", None, self._payee(visit, treated), 0, "", place, person, designated)
        source = visit.prescriber_id if visit.channel == "prescription" else visit.institution_id
        answer.past = Before(day, visit.encounter, source, place.local)
        stops = {
            row.kind
            for row in known_at(facts["members_suspension"], at)
            if row.area_id == area.code and row.starts_on <= day and (row.ends_on is None or day <= row.ends_on)
        }
        case = Case(
            on=day,
            encounter=visit.encounter,
            institution=source,
            level=self._level(source, day, at),
            kind=area.places[source].kind,
            place=place,
            person=person.person_class if person else "",
            plan=person.plan if person else "",
            suspended="suspended" in stops,
            arrears="arrears" in stops,
            inpatient=any(
                row.admitted_on <= day and (row.discharged_on is None or day < row.discharged_on)  # G-8
                for row in known_at(facts["institutions_hospitalstay"], at)
            ),
            large_claims=bool(person and person.large_claims),
            costs=costs_of(visit),
            figures=area.figures,
            treated_at=treated.kind,
        )
        try:
            self._require_entitled(visit, at, member, person, facts, case)
            answer.out_of_policy = sum(case.costs.values()) - sum(city.in_policy(case).values())
            if visit.channel == "prescription" and written is None:
                raise Refused("no visit wrote the prescription")
            charge, payee = city.charge(case)
            if not sum(city.in_policy(case).values()):
                raise Refused("no cost within the policy")
            answer.paid = city.pay(case, past)
        except Refused as refused:
            answer.why = str(refused)
            return answer
        answer.charge = charge
        if charge == QUOTA:
            chosen = area.places[selected.institution_id]
            answer.charged = chosen.parent_id if chosen.kind == "station" else chosen.id
        if payee == "selected" and not visit.by_hand:
            answer.payee, answer.through_selected = answer.charged, True
        answer.past = replace(
            answer.past,
            pooled=answer.paid.pooled,
            mutual=answer.paid.mutual,
            fixed=answer.paid.fixed,
            deductible=answer.paid.deductible,
        )
        return answer

    def _require_entitled(
        self, visit: Any, at: datetime, member: Any, person: Any, facts: Mapping[str, Any], case: Case
    ) -> None:
        """G-18, in every city: enrolled, alive, within a benefit period and not suspended."""
        if person is None:
            raise Refused("not enrolled")
        if person.area_id != self.area.code:
            raise Refused("enrolled in another area")
        day = visit.care_on
        if not (day >= self.city.FIRST and (self.city.LAST is None or day <= self.city.LAST)):
            raise Refused("no edition in force")
        if member.died_on is not None and member.died_on < day:
            raise Refused("died before")
        periods = [
            version
            for version in facts["members_benefitperiod"]
            if (version.row.area_id, version.row.scheme) == (person.area_id, person.scheme)
        ]
        if in_force(periods, day, at) is None:
            raise Refused("no benefit period")
        if case.suspended:
            raise Refused("suspended")

    def _written(self, visit: Any, settled: list[tuple[Any, Answer]]) -> Answer | None:
        """The visit that wrote a prescription, however long before: the first of its encounter at the prescriber."""
        found = [
            answer
            for before, answer in settled
            if (before.encounter, before.institution_id) == (visit.encounter, visit.prescriber_id)
            and before.channel != "prescription"
            and before.reverses_id is None
            and before.care_on <= visit.care_on
        ]
        return min(found, key=lambda answer: answer.past.on, default=None)

    def _place(
        self,
        visit: Any,
        at: datetime,
        facts: Mapping[str, Any],
        selected: Any,
        person: Any,
        written: Answer | None,
    ) -> tuple[Place, bool]:
        """Where it took place, and whether who treated (or filled the prescription) is designated itself."""
        area, day = self.area, visit.care_on
        treated = area.places[visit.institution_id]
        designated = self.designated(treated.id, day, at)
        if written is not None:
            weeks = getattr(self.city, "WEEKS", None)
            place = replace(
                written.place,
                designated=written.place.designated and designated,
                prescription=True,
                by_hand=visit.by_hand,
                outdated=weeks is not None and (day - written.past.on).days > 7 * weeks,
            )
            return place, designated
        roles = {
            role: in_force(
                [v for v in facts["institutions_selection"] if v.row.role == role and v.row.area_id == area.code],
                day,
                at,
            )
            for role in ("station", "remote")
        }
        local = person is not None and treated.area_id == person.area_id
        own, chosen = {treated.id}, selected and selected.institution_id
        if area.code != "440299":  # a station is chosen with its centre, and the centre with it, unless for itself
            own |= {treated.parent_id} if treated.kind == "station" else set()
            if selected is not None and area.places[chosen].kind == "station":
                chosen = area.places[chosen].parent_id
        registered = in_force(facts["institutions_outofarearegistration"], day, at)
        if registered is not None and person is not None:
            # It counts where the person was enrolled on its first day.
            then = in_force(facts["members_enrolment"], registered.starts_on, at)
            if then is not None and then.area_id != person.area_id:
                registered = None
        filed = registered is not None and covers(registered.destination, treated.code)
        referred = selected is not None and any(
            row.from_institution_id == selected.institution_id
            and row.to_institution_id == treated.id
            and row.starts_on <= day <= row.ends_on
            for row in known_at(facts["institutions_referral"], at)
        )
        by_hand = visit.by_hand
        place = Place(
            local=local,
            designated=designated,
            selected=(selected is not None and chosen in own)
            or (roles["station"] is not None and roles["station"].institution_id == treated.id),
            referral=referred,
            emergency=visit.channel == "emergency",
            prescription=visit.channel == "prescription",
            pharmacy=treated.kind == "pharmacy" and visit.channel != "prescription",
            filed=filed,
            temporary=filed and registered.kind == "temporary",
            networked=not local and not by_hand,
            by_hand_only=not local and not by_hand and person is not None and person.by_hand_elsewhere,
            remote_selected=roles["remote"] is not None and roles["remote"].institution_id == treated.id,
            by_hand=by_hand,
            newborn=person is not None and person.paid_on is not None and day < person.paid_on,
        )
        return place, designated

    def designated(self, institution: int, day: date, at: datetime) -> bool:
        """By agreement on the day; one outside every area kept here has its agreement elsewhere."""
        if self.area.places[institution].area_id is None:
            return True
        return in_force(self.area.agreements.get(institution, ()), day, at) is not None

    def _payee(self, visit: Any, treated: Any) -> int | None:
        """Rules §7: who treated; a station's centre; the clearing body for care elsewhere; nobody for a claim."""
        if visit.by_hand:
            return None
        if treated.kind == "station":
            return treated.parent_id
        if treated.area_id == self.area.code or self.area.clearing is None:
            return treated.id
        return self.area.clearing

    def _level(self, institution: int, day: date, at: datetime) -> int | None:
        row = in_force(self.area.levels.get(institution, ()), day, at)
        if row is None:
            return 0 if self.area.places[institution].kind == "station" else None  # a station is unrated (G-10)
        return row.level


def costs_of(visit: Any) -> dict[str, int]:
    """The cost within the policy by class, without what other funds have paid of it."""
    named = {
        "general_fee": visit.general_fee,
        "consultation_fee": visit.consultation_fee,
        "chronic_remainder": visit.other_remainder,
    }
    rest = visit.in_policy - visit.other_funds - sum(named.values())
    return {"ordinary": rest} | {name: amount for name, amount in named.items() if amount}


def covers(destination: str, code: str) -> bool:
    """Whether a place of registration (GB/T 2260: province, city or county) has an institution in it."""
    prefix = destination[:4] if destination.endswith(("00", "99")) else destination
    if prefix.endswith("00"):
        prefix = prefix[:2]
    return code[1:7].startswith(prefix)


def opening_of(area: Area, member: int, scheme: str, at: datetime) -> list[Before]:
    """What the old system had counted, and what the funds paid outside outpatient care (outside every cap)."""
    found = []
    for row in known_at(area.opening.get(member, ()), at):
        if row.scheme == scheme:
            first = row.month or date(row.year, 1, 1)
            span = "year" if row.month is None else "month"
            found.append(Before(first, pooled=row.fund, fixed=row.fixed, deductible=row.deductible, span=span))
    for row in known_at(area.other.get(member, ()), at):
        if row.scheme == scheme:
            mutual = row.amount if row.fund == "large_claims" else 0
            found.append(Before(row.paid_on, pooled=row.amount - mutual, mutual=mutual, fixed=row.amount, span="year"))
    return found


def difference_of(proposal: Any, past: Before) -> Before:
    """What a confirmed proposal adds to its visit."""
    return replace(
        past,
        pooled=proposal.proposed - proposal.settled - proposal.large_claims,
        mutual=proposal.large_claims,
        fixed=proposal.fixed,
        deductible=proposal.deductible,
    )


def compare(visits: Visits, findings: Findings) -> None:
    """Every amount and name that a visit stores of its decision."""
    for visit in visits.area.visits:
        answer = visits.answers[visit.id]
        record = f"visit:{visit.id}"
        for code, expected in (
            ("pooled", answer.paid.pooled),
            ("large_claims", answer.paid.mutual),
            ("fixed", answer.paid.fixed),
            ("deductible", answer.paid.deductible),
            ("out_of_policy", answer.out_of_policy),
        ):
            findings.compare("visit", code, record, expected, getattr(visit, code), answer.why)
        findings.compare("visit", "charge", record, answer.charge, visit.charge, answer.why)
        findings.compare("visit", "charged", record, f"{answer.charged}", f"{visit.charged_institution_id}", answer.why)
        findings.compare("visit", "payee", record, f"{answer.payee}", f"{visit.payee_id}", answer.why)
