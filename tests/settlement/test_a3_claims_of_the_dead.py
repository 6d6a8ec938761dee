"""A claim by hand of a member who has died: brought by the heirs, never "in person"."""

from datetime import date
from decimal import Decimal

import pytest

from bureau.errors import DomainError
from bureau.identifiers.identity import with_check_digit
from members.models import Member
from settlement.services.claims.payment import pay_claim, reissue_claim_payment, return_claim_payment
from settlement.services.claims.requests import Proxy
from settlement.services.claims.steps import approve_claim, check_claim, correct_claim, quote_claim, reverse_claim
from tests.settlement.claims import NOW, PAPERS, entries, moved

RECEIVED = date(2024, 2, 20)
HEIR = Proxy("张小宁", "child", "01", with_check_digit("50010119900101001"))
WITH_HEIR = {"proxy": HEIR, "papers": (*PAPERS, "proxy")}


def die(person, on: date) -> None:
    Member.objects.filter(pk=person.pk).update(died_on=on)


def refused(act) -> None:
    before = moved()
    with pytest.raises(DomainError) as raised:
        act()
    assert (raised.value.field, "2024-02-19" in str(raised.value)) == ("proxy_name", True)
    assert moved() == before


def test_a3_a_dead_member_brings_no_claim(bureau, person):
    die(person, date(2024, 2, 19))
    refused(lambda: quote_claim(bureau.asked(person), area_id=bureau.city.area.pk, now=NOW))
    refused(lambda: bureau.enter(person))
    claim = bureau.paid(person, **WITH_HEIR)  # care of the 1st, before the death
    assert (claim.status, claim.visit.pooled, claim.proxy_name) == ("paid", Decimal("500.00"), "张小宁")


def test_a3_a_death_learnt_late_stops_the_claim_at_every_step(bureau, person):
    received = bureau.enter(person)
    die(person, date(2024, 2, 19))
    refused(lambda: check_claim(claim=received, actor=bureau.second, now=NOW))
    refused(lambda: correct_claim(claim=received, asked=bureau.asked(person), actor=bureau.city.clerk, now=NOW))
    die(person, None)
    checked = check_claim(claim=received, actor=bureau.second, now=NOW)
    die(person, date(2024, 2, 19))
    refused(lambda: approve_claim(claim=checked, actor=bureau.city.reviewer, now=NOW))
    die(person, None)
    approved = approve_claim(claim=checked, actor=bureau.city.reviewer, now=NOW)
    die(person, date(2024, 2, 19))
    refused(lambda: pay_claim(claim=approved, actor=bureau.city.finance, now=NOW))
    reverse_claim(claim=approved, reason="本人已死亡，由继承人申请", actor=bureau.city.reviewer, now=NOW)
    again = bureau.paid(person, key="K2", **WITH_HEIR)
    assert (again.status, again.visit.pooled) == ("paid", Decimal("500.00"))
    assert bureau.books_are_clean()


def test_a3_what_the_member_brought_before_dying_goes_on(bureau, person):
    die(person, RECEIVED)
    assert bureau.paid(person).status == "paid"


def test_a3_death_before_the_care_learnt_after_the_approval_is_not_paid(bureau, person):
    """A proxy brought it for the living, as it seemed; the care was of the 1st, the death of 31 January."""
    approved = bureau.approved(person, **WITH_HEIR)
    die(person, date(2024, 1, 31))
    before = moved()
    with pytest.raises(DomainError) as raised:
        pay_claim(claim=approved, actor=bureau.city.finance, now=NOW)
    assert (raised.value.field, str(raised.value)) == (
        "care_on", "参保人已于 2024-01-31 死亡，早于就诊日期：请撤销该报销。",
    )  # fmt: skip
    assert moved() == before
    reverse_claim(claim=approved, reason="就诊前已死亡", actor=bureau.city.reviewer, now=NOW)
    assert entries(f"claim:{approved.pk}") == []
    assert bureau.books_are_clean()


@pytest.mark.parametrize(
    ("brought", "died_on", "field"),
    [({}, date(2024, 2, 19), "proxy_name"), (WITH_HEIR, date(2024, 1, 31), "care_on")],
    ids=["in person", "by a proxy, care after the death"],
)
def test_a3_what_the_bank_returned_is_not_ordered_again_for_the_dead(bureau, person, brought, died_on, field):
    claim = bureau.paid(person, **brought)
    payment = claim.payments.get()
    return_claim_payment(payment=payment, note="账户已销户", actor=bureau.city.finance, now=NOW)
    die(person, died_on)
    before = moved()
    with pytest.raises(DomainError) as raised:
        reissue_claim_payment(payment=payment, actor=bureau.city.finance, now=NOW)
    assert (raised.value.field, str(died_on) in str(raised.value)) == (field, True)
    assert moved() == before
    reverse_claim(claim=claim, reason="本人已死亡，由继承人申请", actor=bureau.city.reviewer, now=NOW)
    assert bureau.books_are_clean()
