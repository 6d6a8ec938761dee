"""Random members and visit orders: the desk, a file's batch, the pure engine and a literal reading agree to the fen."""

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from fractions import Fraction

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from accounts.models import Account
from bureau.editions.rulebook import rulebook
from bureau.rules.benefits import fund as benefits
from bureau.rules.benefits import receipts
from institutions.models import OutOfAreaRegistration
from members.models import Enrolment
from settlement.models import OpeningUse, Visit
from settlement.queries.proofs.books import payments_match_visits, reversals_mirror, visits_match_ledger, visits_replay
from settlement.services.visits.requests import VisitRequest
from settlement.services.visits.reversals import reverse_visit
from settlement.services.visits.settling import settle_visit, settle_visits
from tests.rules import literal
from tests.settlement import factories

CAP = Fraction(1700)
FIRST = date(2026, 1, 5)
WHERE = ("selected", "station", "referral", "emergency", "nonselected", "remote_filed", "remote_unfiled", "pharmacy_rx")

visits = st.lists(
    st.tuples(
        st.integers(0, 40),  # days since the visit before
        st.sampled_from(WHERE),
        st.integers(1, 45000),  # fen within policy
        st.integers(0, 9000),  # fen outside the catalogue
        st.integers(0, 3),  # settled again: which earlier visit's encounter a prescription belongs to
    ),
    min_size=1,
    max_size=14,
)


class Town:
    """The institutions of the test, made once; every example brings members of its own."""

    def __init__(self, city):
        self.city = city
        self.clearing = factories.institution(city, kind="clearing", level=None)
        self.selected = factories.institution(city, level=1)
        self.by_where = {
            "selected": self.selected,
            "station": factories.institution(city, kind="station", level=None, parent=self.selected),
            "referral": factories.institution(city, kind="hospital", level=3),
            "emergency": factories.institution(city, kind="hospital", level=2),
            "nonselected": factories.institution(city, level=1),
            "remote_filed": factories.institution(city, kind="hospital", level=3, local=False, code="H44030000001"),
            "remote_unfiled": factories.institution(city, kind="hospital", level=2, local=False, code="H11010100001"),
            "pharmacy_rx": factories.institution(city, kind="pharmacy", level=None),
        }

    def member(self, retires: date | None, opening: int, balance: int):
        person = factories.member(
            self.city, selected=self.selected, starts_on=date(2025, 1, 1), balance=Decimal(balance) / 100
        )
        if retires is not None:
            Enrolment.objects.filter(member=person).update(ends_on=retires - timedelta(days=1))
            Enrolment.objects.create(
                member=person, area=self.city.area, scheme="310", person_class="retired", starts_on=retires
            )
        OutOfAreaRegistration.objects.create(
            member=person, kind="long_term_resident", destination="440300", starts_on=date(2026, 1, 1)
        )
        factories.refer(person, self.selected, self.by_where["referral"], date(2026, 1, 1), date(2026, 12, 31))
        if opening:
            OpeningUse.objects.create(
                member=person, area=self.city.area, scheme="310", year=2026, fund=Decimal(opening) / 100
            )
        return person


def requests_of(town, person, plan):
    """Requests in order, each with how the literal reading would call the place."""
    day, asked, prescribed = FIRST, [], []
    for number, (days, where, in_policy, outside, pick) in enumerate(plan):
        day = min(day + timedelta(days=days), date(2026, 12, 30))
        encounter, extra = f"E{number}", {}
        if where == "pharmacy_rx":
            if not prescribed:
                where = "selected"
            else:
                encounter = prescribed[pick % len(prescribed)]
                extra = {"channel": "prescription", "prescriber_id": town.selected.pk}
        if where == "emergency":
            extra = {"channel": "emergency"}
        if where == "selected":
            prescribed.append(encounter)
        request = VisitRequest(
            institution_id=town.by_where[where].pk,
            key=f"{person.pk}-{number}",
            member_id=person.pk,
            encounter=encounter,
            care_on=day,
            total=Decimal(in_policy + outside) / 100,
            own_expense=Decimal(outside) / 100,
            **extra,
        )
        asked.append((request, where))
    return asked


def in_literal_words(request, where, retires):
    level = {"referral": 3, "emergency": 2, "remote_filed": 3, "remote_unfiled": 2, "station": 0}.get(where, 1)
    return literal.Visit(
        on=request.care_on,
        encounter=request.encounter,
        institution=str(request.prescriber_id or request.institution_id),
        level=level,
        where="selected" if where == "station" else where,
        cost=Fraction(request.in_policy),
        status="retired" if retires and request.care_on >= retires else "active",
    )


def paid(visit):
    return (visit.pooled, visit.account, visit.cash, visit.refusal, visit.charge, visit.payee_id, visit.deductible)


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture], print_blob=True)
@given(
    plan=visits,
    retires=st.none() | st.integers(0, 300).map(lambda days: FIRST + timedelta(days=days)),
    opening=st.integers(0, 170000),
    balance=st.integers(0, 60000),
    reverse=st.lists(st.integers(0, 13), max_size=5),
)
def test_desk_batch_engine_and_literal_reading_agree(city, plan, retires, opening, balance, reverse):
    town = getattr(city, "town", None)
    if town is None:
        town = city.town = Town(city)
    now = datetime(2026, 12, 31, 2, tzinfo=UTC)
    person, twin = (town.member(retires, opening, balance) for _ in range(2))
    asked = requests_of(town, person, plan)
    before = literal.Visit(date(2026, 1, 1), "", "", 1, "selected", Fraction(0), "active")
    opened = literal.Paid(before, Fraction(opening, 100), Fraction(0))

    desk = [settle_visit(request, actor=city.clerk, now=now) for request, _ in asked]
    answers = settle_visits([request for request, _ in requests_of(town, twin, plan)], actor=city.clerk, now=now)
    batch = [Visit.objects.get(pk=answer.visit_id) for answer in answers]
    assert [paid(visit) for visit in desk] == [paid(visit) for visit in batch]

    history, past = [opened], [benefits.Past(on=date(2026, 1, 1), fund=opening, span="year")]
    for visit, (request, where) in zip(desk, asked, strict=True):
        said = literal.heyuan(history, in_literal_words(request, where, retires), CAP)
        history.append(said)
        assert Fraction(visit.pooled) == said.fund, (visit.receipt, said)
        edition = rulebook(city.area.pk).on(city.area.pk, "310", visit.care_on)
        care = receipts.care_from(visit.receipt)
        outcome = benefits.adjudicate(edition, care, benefits.counters(edition, care, past))
        past.append(benefits.past_of(care, outcome))
        assert outcome.fund == int(visit.pooled * 100)
        assert visit.total == visit.pooled + visit.account + visit.cash
        assert bool(visit.refusal) == (visit.pooled == 0)
    assert sum(visit.pooled for visit in desk) + Decimal(opening) / 100 <= Decimal(1700)

    for n in dict.fromkeys(number for number in reverse if number < len(desk)):
        reverse_visit(desk[n].pk, key=f"B{desk[n].pk}", reason="退", actor=city.clerk, now=now)
    gone = {number for number in reverse if number < len(desk)}
    left = [opened, *(h for n, h in enumerate(history[1:]) if n not in gone)]
    last = VisitRequest(
        institution_id=town.selected.pk,
        key=f"{person.pk}-last",
        member_id=person.pk,
        encounter="last",
        care_on=date(2026, 12, 31),
        total=Decimal("80.00"),
    )
    visit = settle_visit(last, actor=city.clerk, now=now)
    assert Fraction(visit.pooled) == literal.heyuan(left, in_literal_words(last, "selected", retires), CAP).fund
    assert_books_agree(city, person, balance)


def assert_books_agree(city, person, balance):
    for proof in (visits_replay, visits_match_ledger, payments_match_visits, reversals_mirror):
        found = proof(city.area.pk)
        assert not found.wrong, (found.question, found.shown)
    spent = sum(visit.account for visit in Visit.objects.filter(member=person))
    assert Account.objects.get(member=person).balance == Decimal(balance) / 100 - spent
