"""A9: the same bill under a new number is settled, marked, listed and told; one that was reversed does not count."""

from dataclasses import replace
from datetime import UTC, date, datetime
from decimal import Decimal

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import translation

from settlement.admin import same_bills
from settlement.models import Visit
from settlement.services.claims.steps import quote_claim
from settlement.services.visits.requests import VisitRequest
from settlement.services.visits.reversals import reverse_visit
from settlement.services.visits.settling import quote_visit, settle_visit, settle_visits
from tests.settlement import claims, factories

pytestmark = pytest.mark.django_db

NOW = datetime(2026, 3, 20, 2, 0, tzinfo=UTC)
DAY = date(2026, 3, 10)


@pytest.fixture(autouse=True)
def english():
    with translation.override("en"):
        yield


@pytest.fixture
def bill(city):
    where = factories.institution(city)
    person = factories.member(city, selected=where, balance="500.00")
    return VisitRequest(
        institution_id=where.pk,
        key="A",
        member_id=person.pk,
        encounter="E1",
        care_on=DAY,
        total=Decimal("100.00"),
    )


def settled(city, request, **more) -> Visit:
    return settle_visit(replace(request, **more), actor=city.clerk, now=NOW)


def listed() -> list[str]:
    return sorted(same_bills.standing_twice(Visit.objects.all()).values_list("key", flat=True))


def test_a9_same_bill_under_a_new_number_is_settled_marked_and_listed(city, bill):
    first, again = settled(city, bill), settled(city, bill, key="B")
    assert first.same_as is None
    assert (again.same_as, again.total) == (first, Decimal("100.00"))
    assert listed() == ["B"]
    assert settled(city, bill, key="B") == again
    assert settled(city, bill, key="C").same_as == first
    assert listed() == ["B", "C"]


@pytest.mark.parametrize(
    "other",
    [{"encounter": "E2"}, {"care_on": date(2026, 3, 11)}, {"total": Decimal("100.01")}],
    ids=lambda other: next(iter(other)),
)
def test_a9_another_bill_is_not_marked(city, bill, other):
    settled(city, bill)
    assert settled(city, bill, key="B", **other).same_as is None
    assert listed() == []


def test_a9_bill_of_another_member_or_institution_is_not_marked(city, bill):
    settled(city, bill)
    other = factories.member(city)
    assert settled(city, bill, key="B", member_id=other.pk).same_as is None
    where = factories.institution(city)
    assert settled(city, bill, institution_id=where.pk).same_as is None


def test_a9_reversed_bill_does_not_count(city, bill):
    first = settled(city, bill)
    reverse_visit(first.pk, key="R", reason="退费", actor=city.clerk, now=NOW)
    again = settled(city, bill, key="B")
    assert again.same_as is None
    third = settled(city, bill, key="C")
    assert (third.same_as, listed()) == (again, ["C"])
    reverse_visit(third.pk, key="R3", reason="退费", actor=city.clerk, now=NOW)
    assert listed() == []
    fourth = settled(city, bill, key="D")
    reverse_visit(again.pk, key="R2", reason="退费", actor=city.clerk, now=NOW)
    assert (fourth.same_as, listed()) == (again, [])  # the one that was there before it is gone


def test_a9_same_bill_twice_in_one_file_is_marked(city, bill):
    requests = [bill, replace(bill, key="B"), replace(bill, key="C", encounter="E2")]
    answers = settle_visits(requests, actor=city.clerk, now=NOW)
    marks = dict(Visit.objects.values_list("key", "same_as"))
    assert marks == {"A": None, "B": answers[0].visit_id, "C": None}
    assert listed() == ["B"]


def test_a9_desk_is_told_in_the_quote(city, bill):
    assert same_bills.warning(quote_visit(bill, now=NOW)) == ""
    settled(city, bill)
    assert same_bills.warning(quote_visit(replace(bill, key="B"), now=NOW)) == (
        "The same bill was settled on 2026-03-20 under the number A: same member, institution, day, encounter and "
        "total. Settle it only if it is another one; it is listed for review."
    )


def test_a9_same_purchase_at_a_pharmacy_is_marked(city, bill):
    settled(city, bill)
    shop = factories.institution(city, kind="pharmacy")
    filled = {"institution_id": shop.pk, "channel": "prescription", "prescriber_id": bill.institution_id}
    first = settled(city, bill, **filled)
    again = settled(city, bill, key="B", **filled)
    plain = settled(city, bill, key="P1", institution_id=shop.pk, encounter="X")
    more = settled(city, bill, key="P2", institution_id=shop.pk, encounter="X")
    assert [visit.same_as for visit in (first, again, plain, more)] == [None, first, None, plain]
    assert listed() == ["B", "P2"]


def test_a9_same_bill_claimed_by_hand_again_is_told_and_marked(bureau, person):
    first = bureau.approved(person)
    asked = bureau.asked(person, invoices=[claims.SECOND])
    told = same_bills.warning(quote_claim(asked, area_id=bureau.city.area.pk, now=claims.NOW))
    assert told.startswith(f"The same bill was settled on 2024-03-01 under the number claim:{first.pk}")
    again = bureau.approved(person, key="K2", invoices=[claims.SECOND])
    assert again.visit.same_as == first.visit
    assert listed() == [f"claim:{again.pk}"]


def test_a9_looking_for_it_costs_no_statement_of_its_own(city, bill):
    with CaptureQueriesContext(connection) as one:
        settled(city, bill)
    with CaptureQueriesContext(connection) as two:
        settled(city, bill, key="B")
    assert len(two) == len(one)
