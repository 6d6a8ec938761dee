"""A claim by hand and a card settlement of the same bill at the same moment, on real connections: one is paid."""

from datetime import date
from decimal import Decimal

import pytest

from bureau.errors import DomainError
from settlement.models import Claim, Invoice, Visit
from settlement.services.claims.steps import approve_claim
from settlement.services.visits.requests import VisitRequest
from settlement.services.visits.settling import settle_visit
from tests.settlement import factories
from tests.settlement.claims import DAY, FIRST, NOW, SECOND, chongqing
from tests.settlement.test_visit_races import at_once

pytestmark = pytest.mark.django_db(transaction=True)
ROUNDS = 8


@pytest.fixture
def bureau():
    made = chongqing()
    factories.institution(made.city, "清算中心", kind="clearing", level=None)
    return made


def card(bureau, person, number, **changes):
    facts = {
        "institution_id": bureau.hospital.pk,
        "key": f"S{number}",
        "member_id": person.pk,
        "encounter": f"E{number}",
        "care_on": DAY,
        "total": Decimal("300.00"),
        "pay_from": "none",
    }
    return lambda: settle_visit(VisitRequest(**(facts | changes)), actor=bureau.city.clerk, now=NOW)


def test_claims_and_cards_race_for_one_invoice_and_one_wins(bureau):
    """Different members, so that no member's lock helps: the register alone decides."""
    people = [bureau.member() for _ in range(2 * ROUNDS)]
    acts = []
    for number in range(ROUNDS):
        acts.append(card(bureau, people[2 * number], number, invoices=(FIRST,)))
        acts.append(lambda n=number: bureau.enter(people[2 * n + 1], key=f"K{n}", encounter=f"M{n}", invoices=[FIRST]))
    answers = at_once(acts)
    winners = [answer for answer in answers if isinstance(answer, Visit | Claim)]
    losers = [answer for answer in answers if isinstance(answer, DomainError)]
    assert (len(winners), len(losers)) == (1, 2 * ROUNDS - 1)
    assert {error.field for error in losers} == {"invoices"}
    assert all(str(FIRST) in str(error) for error in losers)
    assert Visit.objects.count() + Claim.objects.count() == 1
    [invoice] = Invoice.objects.all()
    assert (invoice.visit or invoice.claim) == winners[0]
    assert bureau.books_are_clean()


def test_two_bills_with_the_same_two_invoices_in_other_order_never_deadlock(bureau):
    people = [bureau.member() for _ in range(2 * ROUNDS)]
    pairs = [(FIRST, SECOND), (SECOND, FIRST)] * ROUNDS
    answers = at_once(
        [card(bureau, person, n, invoices=pair) for n, (person, pair) in enumerate(zip(people, pairs, strict=True))]
    )
    assert sorted(type(answer).__name__ for answer in answers) == ["DomainError"] * (2 * ROUNDS - 1) + ["Visit"]
    assert Invoice.objects.count() == 2


def test_approval_and_card_race_for_one_encounter_and_one_is_paid(bureau):
    person = bureau.member()
    claim = bureau.checked(person)
    acts = [lambda: approve_claim(claim=claim, actor=bureau.city.reviewer, now=NOW)]
    acts += [card(bureau, person, number, encounter="M1") for number in range(1)]
    answers = at_once(acts)
    losers = [answer for answer in answers if isinstance(answer, DomainError)]
    assert [error.field for error in losers] == ["encounter"]
    [visit] = Visit.objects.all()
    assert visit.care_on == date(2024, 2, 1)
    assert bureau.books_are_clean()


def test_same_claim_entered_ten_times_at_once_is_one_claim(bureau):
    person = bureau.member()
    answers = at_once([lambda: bureau.enter(person)] * 10)
    [claim] = Claim.objects.all()
    assert answers == [claim] * 10


def test_claim_approved_ten_times_at_once_is_settled_once(bureau):
    claim = bureau.checked(bureau.member())
    answers = at_once([lambda: approve_claim(claim=claim, actor=bureau.city.reviewer, now=NOW)] * 10)
    assert answers == [claim] * 10
    assert Visit.objects.count() == 1
    assert bureau.books_are_clean()
