"""Nothing is paid twice: invoices stand once, whether settled by card or claimed."""

from decimal import Decimal

import pytest

from bureau.errors import DomainError
from settlement.models import Invoice
from settlement.services.claims.steps import approve_claim, correct_claim, refuse_claim
from settlement.services.visits.invoices import InvoiceNumber
from settlement.services.visits.requests import VisitRequest
from settlement.services.visits.reversals import reverse_visit
from settlement.services.visits.settling import settle_visit
from tests.settlement import factories
from tests.settlement.claims import DAY, FIRST, NOW, SECOND, moved


def card(bureau, person, **changes):
    facts = {
        "institution_id": bureau.hospital.pk,
        "key": "S1",
        "member_id": person.pk,
        "encounter": "E9",
        "care_on": DAY,
        "total": Decimal("1200.00"),
        "pay_from": "none",
    }
    return settle_visit(VisitRequest(**(facts | changes)), actor=bureau.city.clerk, now=NOW)


@pytest.fixture
def clearing(bureau):
    return factories.institution(bureau.city, "清算中心", kind="clearing", level=None)


def test_invoice_settled_by_card_is_not_claimed(bureau, person, clearing):
    card(bureau, person, invoices=(FIRST,))
    before = moved()
    with pytest.raises(DomainError) as refused:
        bureau.enter(person)
    assert refused.value.field == "invoices"
    assert "50060124 0012345678" in str(refused.value)
    assert moved() == before


def test_claimed_invoice_is_not_settled_by_card_nor_claimed_again(bureau, person, clearing):
    claim = bureau.enter(person)
    before = moved()
    for act in (
        lambda: card(bureau, person, invoices=(SECOND, FIRST)),
        lambda: bureau.enter(person, key="K2", encounter="M2", invoices=[SECOND, FIRST]),
        lambda: bureau.enter(bureau.member(), key="K3", invoices=[InvoiceNumber.stated("50060124", "12345678")]),
    ):
        with pytest.raises(DomainError) as refused:
            act()
        assert refused.value.field == "invoices"
        assert str(claim) in str(refused.value)
    assert moved() == before


def test_bill_settled_by_card_is_not_claimed_under_another_invoice(bureau, person, clearing):
    card(bureau, person, encounter="M1")
    before = moved()
    with pytest.raises(DomainError) as refused:
        bureau.enter(person)
    assert (refused.value.field, "M1" in str(refused.value)) == ("encounter", True)
    assert moved() == before


def test_bill_settled_by_card_after_it_was_received_is_not_approved(bureau, person, clearing):
    claim = bureau.checked(person)
    card(bureau, person, encounter="M1")
    before = moved()
    with pytest.raises(DomainError) as refused:
        approve_claim(claim=claim, actor=bureau.city.reviewer, now=NOW)
    assert refused.value.field == "encounter"
    assert moved() == before


def test_approved_claim_is_not_settled_by_card(bureau, person, clearing):
    bureau.approved(person)
    before = moved()
    with pytest.raises(DomainError) as refused:
        card(bureau, person, encounter="M1")
    assert refused.value.field == "encounter"
    assert moved() == before


def test_reversal_refusal_and_correction_free_their_invoices(bureau, person, clearing):
    visit = card(bureau, person, invoices=(FIRST,))
    reverse_visit(visit.pk, key="R1", reason="退", actor=bureau.city.clerk, now=NOW)
    claim = bureau.enter(person)
    asked = bureau.asked(person, invoices=[SECOND])
    correct_claim(claim=claim, asked=asked, actor=bureau.city.clerk, now=NOW)
    second = bureau.enter(person, key="K2", encounter="M2")
    refuse_claim(claim=second, reason="撤回", actor=bureau.city.reviewer, now=NOW)
    card(bureau, person, key="S2", invoices=(FIRST,))
    assert Invoice.objects.filter(freed_at=None).count() == 2
    assert bureau.books_are_clean()


@pytest.mark.parametrize(
    ("code", "number", "read"),
    [
        ("５００６０１２４", " 0012 345678 ", ("50060124", "0012345678")),
        ("", "24502000000012345678", ("", "24502000000012345678")),
        ("5006-0124", "ab-12345", ("50060124", "AB12345")),
    ],
)
def test_invoices_are_written_one_way(code, number, read):
    invoice = InvoiceNumber.stated(code, number)
    assert (invoice.code, invoice.number) == read


@pytest.mark.parametrize(
    ("code", "number"), [("", "0012345678"), ("50060124", ""), ("50060124", "24502000000012345678"), ("5006", "1234")]
)
def test_invoices_that_could_be_written_two_ways_are_refused(code, number):
    with pytest.raises(DomainError) as refused:
        InvoiceNumber.stated(code, number)
    assert refused.value.field == "invoices"


def test_institution_cannot_use_the_number_of_a_claim(bureau, person, clearing):
    before = moved()
    with pytest.raises(DomainError) as refused:
        card(bureau, person, key="claim:1")
    assert refused.value.field == "key"
    assert moved() == before
