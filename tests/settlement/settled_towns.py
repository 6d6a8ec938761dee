"""A drawn town as rows of the database, where a history is lived at the desk, in batches and from a file."""

import csv
from datetime import UTC, date, datetime, timedelta
from fractions import Fraction
from io import StringIO

from django.db import connection, transaction
from django.db.models import Sum

from accounts.models import Account, Entry, FamilyGrant
from bureau.editions.life import load_edition
from bureau.editions.rulebook import edition_by_hash
from bureau.errors import DomainError
from bureau.identifiers.identity import with_check_digit
from bureau.models import Area, County, Staff
from bureau.rosters.uploads import load_now, receive_upload
from bureau.rules.benefits import receipts
from bureau.rules.benefits.program import CAP, program_of
from bureau.rules.enrolment import insured_as
from bureau.rules.format.edition import load
from institutions.models import HospitalStay, Level, OutOfAreaRegistration
from members.identity import keyed_hash
from members.models import BenefitPeriod, Enrolment, Relative, Suspension
from settlement.models import OpeningUse, OtherUse, Visit
from settlement.queries.explain import explain
from settlement.queries.proofs.books import check_books
from settlement.services.replays.proposals import decide_proposal, propose_replay
from settlement.services.visits.requests import VisitRequest
from settlement.services.visits.reversals import KEPT, NEGATED, reverse_visit
from settlement.services.visits.settling import settle_visit, settle_visits
from tests.rules import literal_terms as literal
from tests.rules.random_editions import POOL
from tests.settlement import factories
from tests.settlement.random_towns import PARTS, PLACES, SINCE, Event, Person, Seen, Town
from tests.settlement.town_reader import Reader, yuan

NOW = datetime(2028, 1, 5, 12, 0, tzinfo=UTC)
TODAY = date(2028, 1, 5)
SAID = ("receipt", *KEPT, *NEGATED)
HEADERS = {
    "own_expense": "全自费金额",
    "over_limit": "超限价自费金额",
    "first_self": "先行自付金额",
    "general_fee": "一般诊疗费",
    "consultation_fee": "定额报销诊察费",
    "other_funds": "其他基金支付",
}


class Settled:
    """The town as rows of the database, with three members of each person."""

    def __init__(self, texts: list[str], town: Town) -> None:
        self.town = town
        rules = load({"yi.toml": texts[0]})
        area = Area.objects.create(code=rules.area, name=rules.name)
        county = County.objects.create(code=factories.COUNTY, area=area, name="乙区")
        clerk, reviewer = (Staff.objects.create(username=name, area=area) for name in ("clerk", "reviewer"))
        stored = [
            load_edition(texts={"yi.toml": text}, area=area, actor=clerk, approver=reviewer, now=factories.LOADED_AT)
            for text in texts
        ]
        self.reviewer = reviewer
        pool = rules.part("benefits", rules.starts_on)["shares"][0]["fund"]
        self.city = factories.City(
            area, county, county, clerk, reviewer, clerk, stored[0], rules, rules.scheme, pool
        )
        for year, known in town.figures.items():
            for code, value in known.items():
                factories.figure(area, code, year, str(yuan(value)), clerk, reviewer)
        factories.institution(self.city, kind="clearing", level=None, since=SINCE)
        self.places = {}
        for name, (kind, local, designated, parent, code) in PLACES.items():
            first, changes, later = town.levels[name]
            place = factories.institution(
                self.city,
                name,
                kind=kind,
                level=first,
                parent=self.places.get(parent),
                code=code,
                local=local,
                since=SINCE,
            )
            if later != first:
                place.levels.update(ends_on=changes - timedelta(1))
                Level.objects.create(institution=place, level=later, starts_on=changes)
            if not designated:
                place.agreements.all().delete()
            self.places[name] = place

    def member(self, person: Person, number: int):
        """One of the three; its accounts are in `accounts`, its own first."""
        city = self.city
        made = factories.bare_members(1, birth=person.birth)[0]
        made.document = with_check_digit(f"44160219800520{number:03d}")
        made.document_hash = keyed_hash(made.document)
        made.save()
        facts = {"member": made, "area": city.area, "scheme": city.scheme}
        firsts = [row[0] for row in person.classes if row[0] <= person.enrolled_until]
        lasts = [*(first - timedelta(1) for first in firsts[1:]), person.enrolled_until]
        for (first, person_class, plan, large_claims), last in zip(person.classes, lasts, strict=False):
            Enrolment.objects.create(
                **facts,
                person_class=insured_as(person_class, plan)[0],
                plan=plan,
                large_claims=large_claims,
                starts_on=first,
                ends_on=last,
            )
        BenefitPeriod.objects.create(**facts, starts_on=person.entitled[0], ends_on=person.entitled[1])
        for kind, (first, last) in person.stops:
            Suspension.objects.create(member=made, area=city.area, kind=kind, starts_on=first, ends_on=last)
        for first, last in person.stays:
            HospitalStay.objects.create(member=made, admitted_on=first, discharged_on=last)
        for place, (first, last) in person.chosen:
            factories.choose(city, made, self.places[place], year=first.year, starts_on=first, ends_on=last)
        if person.referred:
            factories.refer(made, self.places["home"], self.places["near"], *person.referred)
        if person.registered:
            first, last = person.registered
            OutOfAreaRegistration.objects.create(
                member=made, kind="long_term_resident", destination="440300", starts_on=first, ends_on=last
            )
        for year, fund, fixed, deductible in person.openings:
            amounts = {"fund": yuan(fund), "fixed": yuan(fixed), "deductible": yuan(deductible)}
            OpeningUse.objects.create(**facts, year=year, **amounts)
        for place, (fund, on, amount) in enumerate(person.elsewhere):
            fund = city.pool if fund == POOL else fund
            OtherUse.objects.create(**facts, fund=fund, number=str(place), paid_on=on, amount=yuan(amount))
        made.accounts_to_pay = [self.purse(made, purse) for purse in person.purses]
        return made

    def purse(self, member, purse) -> Account:
        holder, (first, last) = member, purse.lent
        if purse.relation != "self":
            holder = factories.bare_members(1)[0]
        account = Account.objects.create(member=holder, area=self.city.area, opened_on=SINCE)
        if purse.balance:
            factories.put_in(self.city, account, yuan(purse.balance))
        if holder is not member:
            tie = Relative.objects.create(
                member=holder, relative=member, relation=purse.relation, starts_on=first, ends_on=last
            )
            FamilyGrant.objects.create(
                account=account,
                relative=tie,
                beneficiary=member,
                starts_on=first,
                ends_on=last,
                granted_by=self.city.clerk,
            )
        return account

    def request(self, member, number: int | str, seen: Seen) -> VisitRequest:
        parts = {name: yuan(amount) for name, amount in seen.parts.items() if name != "ordinary"}
        channel = "prescription" if seen.prescriber else "emergency" if seen.emergency else "ordinary"
        return VisitRequest(
            institution_id=self.places[seen.place].pk,
            key=f"{member.pk}-{number}",
            member_id=member.pk,
            encounter=seen.encounter,
            care_on=seen.on,
            total=yuan(seen.total),
            **parts,
            channel=channel,
            prescriber_id=self.places[seen.prescriber].pk if seen.prescriber else None,
            pay_from=seen.pay_from,
            settled_on=TODAY,
        )

    # The three ways

    def at_the_desk(self, member, events: list[Event], more: str = "") -> dict[int, Visit]:
        visits: dict[int, Visit] = {}
        for number, event in enumerate(events):
            if isinstance(event, int):
                self.take_back(member, number, visits.get(event))
                continue
            try:
                with transaction.atomic():
                    request = self.request(member, more or number, event)
                    visits[number] = settle_visit(request, actor=self.city.clerk, now=NOW)
            except DomainError:
                pass
        return visits

    def in_batches(self, member, events: list[Event]) -> dict[int, Visit]:
        """All visits up to a reversal at once."""
        visits: dict[int, Visit] = {}
        waiting: list[tuple[int, VisitRequest]] = []

        def settle() -> None:
            answers = settle_visits([request for _, request in waiting], actor=self.city.clerk, now=NOW)
            for (number, _request), answer in zip(waiting, answers, strict=True):
                if answer.visit_id is not None:
                    visits[number] = Visit.objects.get(pk=answer.visit_id)
            waiting.clear()

        for number, event in enumerate(events):
            if isinstance(event, int):
                settle()
                self.take_back(member, number, visits.get(event))
            else:
                waiting.append((number, self.request(member, number, event)))
        settle()
        return visits

    def take_back(self, member, number: int, visit: Visit | None) -> None:
        if visit is not None:
            reverse_visit(visit.pk, key=f"{member.pk}-{number}", reason="退", actor=self.city.clerk, now=NOW)

    def from_a_file(self, member, events: list[Event]) -> dict[int, Visit]:
        rows = [self.row(member, number, event, events) for number, event in enumerate(events)]
        out = StringIO()
        writer = csv.DictWriter(out, list(dict.fromkeys(name for row in rows for name in row)), restval="")
        writer.writeheader()
        writer.writerows(rows)
        content, city = out.getvalue().encode(), self.city
        upload = receive_upload(
            kind="visits", name="bills.csv", content=content, area=city.area, actor=city.clerk, now=NOW
        )
        load_now(upload, actor=city.clerk, now=NOW)
        found = {visit.key: visit for visit in Visit.objects.filter(member=member, reverses=None)}
        return {n: found[key] for n in range(len(events)) if (key := f"{member.pk}-{n}") in found}

    def row(self, member, number: int, event: Event, events: list[Event]) -> dict[str, str]:
        sign, seen = (1, event) if isinstance(event, Seen) else (-1, events[event])
        amounts = {HEADERS[name]: str(sign * yuan(seen.parts[name])) for name in HEADERS}
        outside = sum(seen.parts[name] for name in ("own_expense", "over_limit", "first_self"))
        row = {
            "结算ID": f"{member.pk}-{number}",
            "就诊登记号": seen.encounter,
            "证件号码": member.document,
            "定点机构编码": self.places[seen.place].code,
            "就诊日期": seen.on.isoformat(),
            "结算时间": f"{TODAY} 10:00:{number:02d}",
            "医疗类别": "41" if seen.prescriber else "14" if seen.parts["other_remainder"] else "11",
            "门诊急诊转诊标志": "1" if seen.emergency else "0",
            "就诊凭证类型": "03",
            "医疗费总额": str(sign * yuan(seen.total)),
            "符合范围金额": str(sign * yuan(seen.total - outside)),
            "个人账户使用标志": {"none": "0", "own": "1", "family": "2"}[seen.pay_from],
            **amounts,
        }
        if seen.prescriber:
            row |= {"处方机构编码": self.places[seen.prescriber].code, "处方就诊登记号": seen.encounter}
        if isinstance(event, int):
            row |= {"退费结算标志": "1", "原结算ID": f"{member.pk}-{event}"}
        return row

    # What must hold

    def agrees(self, visit: Visit, seen: Seen, answer) -> None:
        """A settled visit with the literal reading."""
        paid = answer.paid
        large_claims = paid.shares.get("large_claims", Fraction(0))
        read = {
            "refusal": paid.why,
            "charge": paid.charge,
            "pooled": paid.fund - large_claims,
            "large_claims": large_claims,
            "deductible": paid.deductible,
            "out_of_policy": paid.out_of_policy,
            "counted": paid.counted_cost,
            "fixed": paid.fixed,
            "account": answer.accounts[0],
            "family": sum(answer.accounts[1:]),
            "place": sorted(paid.bill.place),
        }
        stored = {name: getattr(visit, name) for name in read}
        stored |= {name: Fraction(value) for name, value in stored.items() if name in NEGATED}
        differs = {name: (stored[name], read[name]) for name in read if stored[name] != read[name]}
        assert not differs, (differs, seen, visit.receipt)
        fund = visit.pooled + visit.large_claims
        assert Fraction(visit.in_policy - visit.out_of_policy - visit.other_funds - fund) == paid.self_pay
        assert visit.total == fund + visit.other_funds + visit.account + visit.family + visit.cash
        assert visit.total == visit.own_expense + visit.over_limit + visit.first_self + visit.in_policy
        if not visit.receipt:
            assert paid.why in ("no_edition", "not_enrolled")
            return
        assert explain(visit)
        care, used = receipts.care_from(visit.receipt), visit.receipt["used"]
        edition = edition_by_hash(visit.receipt["edition"])
        for term in program_of(edition, care).terms if paid.why == "" else ():
            if term.kind == CAP:
                limit = term.limit.value(care.figures)
                assert limit is not None
                assert used[term.id] + int((fund - visit.fixed) * 100) <= max(limit, used[term.id]), term

    def live(self, texts: list[literal.Text], person: Person, events: list[Event]) -> int:
        """The history in all the ways; returns how many visits were paid."""
        self.person = person
        desk, batch, file = members = [self.member(person, number) for number in range(3)]
        reader = Reader(texts, self.town, person, self.city.pool)
        answers = [reader.tell(number, event) for number, event in enumerate(events)]
        visits = self.at_the_desk(desk, events)
        assert sorted(visits) == sorted(reader.settled)
        for number, visit in visits.items():
            self.agrees(visit, events[number], answers[number])
        first = [said(visit) for visit in visits.values()]
        for others in (self.in_batches(batch, events), self.from_a_file(file, events)):
            assert sorted(others) == sorted(visits)
            assert [said(visit) for _, visit in sorted(others.items())] == first
        for member in members:
            for account in member.accounts_to_pay:
                account.refresh_from_db()
            assert [Fraction(account.balance) for account in member.accounts_to_pay] == reader.balances
        sums = [booked(member) for member in members]
        assert sums[0] == sums[1] == sums[2]
        self.replays(reader, members)
        with connection.cursor() as cursor:
            cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
        for proof in check_books(self.city.area.pk):
            assert not proof.wrong, (proof.code, proof.shown)
        return sum(visit.refusal == "" for visit in visits.values())

    def replays(self, reader: Reader, members) -> None:
        """What the replay proposes is the literal chain of the visits that are left, and nothing where none went.

        Confirmed, it counts: for one more visit at least.
        """
        expected, made = {}, []
        for year in sorted({event.on.year for event, _answer in reader.settled.values()}):
            differs = reader.proposed(year)
            assert not differs or len(reader.standing) < len(reader.settled)
            for member in members:
                proposals = propose_replay(member_id=member.pk, year=year, actor=self.city.clerk, now=NOW)
                found = {proposal.visit.key: Fraction(proposal.proposed) for proposal in proposals}
                assert found == {f"{member.pk}-{number}": paid.fund for number, paid in differs.items()}
                made += proposals
            expected |= differs
        for proposal in made:
            decide_proposal(proposal.pk, confirm=True, actor=self.reviewer, now=NOW)
        for number, paid in expected.items():
            reader.standing[number] = paid
        for on in sorted({paid.bill.on for paid in expected.values()}):
            last = Seen("home", on, f"last {on}", dict.fromkeys(PARTS, Fraction(0)) | {"ordinary": Fraction(250)})
            answer = reader.tell(-len(reader.settled) - 1, last)
            for member in members:
                visits = self.at_the_desk(member, [last], f"last {on}")
                assert bool(visits) == (answer.paid is not None)
                for visit in visits.values():
                    self.agrees(visit, last, answer)


def said(visit: Visit) -> dict:
    """All that a visit says but whose it is."""
    return {name: getattr(visit, name) for name in SAID if name != "member_id"}


def booked(member) -> list[tuple]:
    """The sums of a member's visits in the books; accounts by their relation alone."""
    sources = [f"visit:{number}" for number in Visit.objects.filter(member=member).values_list("pk", flat=True)]
    entries = Entry.objects.filter(journal__source__in=sources)
    return sorted(entries.values_list("fund", "subject", "holder", "journal__kind").annotate(Sum("amount")))
