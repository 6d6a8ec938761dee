"""Shaoguan: care that no quota bears is paid by the outpatient account or by the residents' fund, as read (SG-15)."""

from datetime import UTC, date, datetime
from decimal import Decimal

import pytest

from accounts.models import Entry
from bureau.models import Staff
from settlement.models import Visit
from settlement.queries.proofs.books import check_books
from settlement.services.claims.payment import pay_claim
from settlement.services.claims.requests import ClaimRequest
from settlement.services.claims.steps import approve_claim, check_claim, enter_claim
from settlement.services.runs.gathering import Scope, gather
from settlement.services.visits.invoices import InvoiceNumber
from settlement.services.visits.reversals import reverse_visit
from settlement.services.visits.settling import settle_visit
from tests.settlement import factories
from tests.settlement.claims import ACCOUNT, PAPERS
from tests.settlement.visits import entries, request

pytestmark = pytest.mark.django_db

SINCE, DAY, NOW = date(2024, 1, 1), date(2024, 3, 5), datetime(2024, 4, 2, 4, tzinfo=UTC)
BOOKS = [("outpatient", "residents_outpatient"), ("residents", "residents")]


def town(reading: str):
    city = factories.city_of("shaoguan", direct_book=reading)
    home = factories.institution(city, since=SINCE)
    hospital = factories.institution(city, kind="hospital", level=3, since=SINCE)
    person = factories.member(city, person_class="resident", starts_on=SINCE, account=False)
    factories.choose(city, person, home, year=2024)
    return city, home, hospital, person


def settled(city, where, person, number: int, **more) -> Visit:
    asked = request(where, person, key=f"S{number}", encounter=f"E{number}", care_on=DAY, settled_on=DAY, **more)
    return settle_visit(asked, actor=city.clerk, now=NOW)


@pytest.mark.parametrize(("reading", "book"), BOOKS)
def test_b7_an_emergency_is_booked_and_paid_out_of_the_book_that_was_read(reading, book):
    city, home, hospital, person = town(reading)
    emergency = settled(city, hospital, person, 1, channel="emergency")
    own = settled(city, home, person, 2)
    assert (emergency.pool, emergency.pooled, emergency.charge) == (book, Decimal("70.00"), "fund_direct")
    assert (own.pool, own.pooled, own.charge) == ("residents_outpatient", Decimal("70.00"), "selected_capitation")
    assert entries(emergency) == [
        (book, "benefit_expenditure", "", "-70.00"),
        (book, "payable_items", hospital.code, "70.00"),
    ]
    # Its month by item pays it, out of the same book.
    scope = Scope.of(city.county, "390", "items", date(2024, 3, 1))
    assert gather(scope)[hospital.pk]["owed"] == {book: {"fund_direct": 7000}}
    # The caps of the year count both books together.
    last = settled(city, hospital, person, 3, channel="emergency", total=Decimal("300.00"))
    assert (last.pool, last.pooled) == (book, Decimal("160.00"))
    reverse_visit(emergency.pk, key="R1", reason="重复", actor=city.clerk, now=NOW)
    assert sum(Entry.objects.filter(fund=book, holder=hospital.code).values_list("amount", flat=True)) == 160
    assert [str(proof.question) for proof in check_books(city.area.pk) if proof.wrong] == []


@pytest.mark.parametrize(("reading", "book"), BOOKS)
def test_b7_a_claim_for_care_out_of_the_city_is_paid_out_of_it(reading, book):
    from institutions.models import OutOfAreaRegistration

    city, _home, _hospital, person = town(reading)
    far = factories.institution(city, kind="hospital", level=3, local=False, since=SINCE)
    OutOfAreaRegistration.objects.create(
        member=person, kind="long_term_resident", destination="510100", starts_on=SINCE
    )
    asked = ClaimRequest(
        member=person, institution=far, encounter="M1", care_on=DAY, total=Decimal("100.00"), papers=PAPERS,
        invoices=[InvoiceNumber("44020124", "0012345678")], account=ACCOUNT, received_on=date(2024, 4, 1),
    )  # fmt: skip
    second = Staff.objects.create(username="second", area=city.area)
    claim = enter_claim(key="K1", area=city.area, asked=asked, actor=city.clerk, now=NOW)
    claim = check_claim(claim=claim, actor=second, now=NOW)
    claim = approve_claim(claim=claim, actor=city.reviewer, now=NOW)
    assert (claim.visit.pool, claim.visit.pooled) == (book, Decimal("50.00"))
    pay_claim(claim=claim, actor=city.finance, now=NOW)
    bank = Entry.objects.filter(subject="bank").values_list("fund", "amount")
    assert list(bank) == [(book, Decimal("50.00"))]
    assert [str(proof.question) for proof in check_books(city.area.pk) if proof.wrong] == []
