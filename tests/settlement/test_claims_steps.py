"""Papers, people and steps of a claim by hand, from the counter to the bank."""

from datetime import date, timedelta
from decimal import Decimal

import pytest

from bureau.errors import DomainError
from bureau.models import Area
from settlement.models import Claim
from settlement.queries.proofs.books import check_books
from settlement.services.claims.payment import pay_claim
from settlement.services.claims.requests import BankAccount, Proxy
from settlement.services.claims.steps import (
    approve_claim,
    check_claim,
    correct_claim,
    refuse_claim,
    return_claim,
    reverse_claim,
)
from settlement.services.visits.settling import KeyReused
from tests.settlement.claims import ACCOUNT, FIRST, NOW, PAPERS, moved


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"total": Decimal("-1.00")}, "total"),
        ({"total": Decimal("1.001")}, "total"),
        ({"own_expense": Decimal("1200.01")}, "total"),
        ({"encounter": " "}, "encounter"),
        ({"care_on": date(2024, 3, 2)}, "care_on"),
        ({"received_on": date(2024, 1, 31)}, "received_on"),
        ({"received_on": date(2024, 3, 2)}, "received_on"),
        ({"invoices": []}, "invoices"),
        ({"invoices": [FIRST, FIRST]}, "invoices"),
        ({"papers": ["handshake"]}, "papers"),
        ({"channel": "prescription"}, "prescriber"),
        ({"account": BankAccount("proxy", "中国银行", "6222021234567890123")}, "pay_to"),
        ({"account": BankAccount("member", " ", "6222021234567890123")}, "bank_name"),
        ({"account": BankAccount("member", "中国银行", "62220A")}, "bank_account"),
        ({"proxy": Proxy("李四", "neighbour", "01", "11010519491231002X")}, "proxy_relation"),
        ({"proxy": Proxy("李四", "spouse", "01", "110105194912310021")}, "proxy_document_number"),
        ({"proxy": Proxy("李四", "spouse", "01", "")}, "proxy_document_number"),
    ],
)
def test_entering_a_claim_that_makes_no_sense_is_refused(bureau, person, changes, field):
    before = moved()
    with pytest.raises(DomainError) as refused:
        bureau.enter(person, **changes)
    assert refused.value.field == field
    assert str(refused.value)
    assert moved() == before


def test_entering_again_returns_the_first_claim_and_another_content_is_refused(bureau, person):
    first = bureau.enter(person)
    before = moved()
    assert bureau.enter(person) == first
    with pytest.raises(KeyReused):
        bureau.enter(person, total=Decimal("1200.01"))
    assert moved() == before


def test_claim_with_a_missing_paper_waits_for_it(bureau, person):
    claim = bureau.enter(person, papers=["receipt", "items", "bank"])
    before = moved()
    with pytest.raises(DomainError) as refused:
        check_claim(claim=claim, actor=bureau.second, now=NOW)
    assert refused.value.field == "papers"
    assert moved() == before
    claim = return_claim(claim=claim, note="缺病历", actor=bureau.second, now=NOW)
    assert (claim.status, claim.reason) == ("returned", "缺病历")
    claim = correct_claim(claim=claim, asked=bureau.asked(person), actor=bureau.city.clerk, now=NOW)
    assert (claim.status, claim.reason) == ("received", "")
    assert check_claim(claim=claim, actor=bureau.second, now=NOW).status == "checked"


def test_corrected_claim_agrees_with_the_audit_trail(bureau, person):
    """Entered by one and corrected by another on a later day: the record names the second, the trail both."""
    later = NOW + timedelta(days=1)
    claim = return_claim(claim=bureau.enter(person), note="缺病历", actor=bureau.second, now=NOW)
    assert bureau.books_are_clean()
    claim = correct_claim(claim=claim, asked=bureau.asked(person), actor=bureau.city.reviewer, now=later)
    assert (claim.entered_by, claim.entered_at, claim.closed_by) == (bureau.city.reviewer, later, None)
    assert bureau.books_are_clean()
    Claim.objects.filter(pk=claim.pk).update(entered_at=NOW)
    [wrong] = [proof for proof in check_books(bureau.city.area.pk) if proof.wrong]
    assert (wrong.code, wrong.shown) == ("acts_audited", [f"claim.enter / claim.correct settlement.claim {claim.pk}"])


def test_claim_by_proxy_needs_the_proxys_paper_and_may_be_paid_to_the_proxy(bureau, person):
    proxy = Proxy("李四", "spouse", "01", "11010519491231002x")
    account = BankAccount("proxy", "中国银行", "6216 6100 0001 2345 678")
    claim = bureau.enter(person, proxy=proxy, account=account)
    assert (claim.proxy_document_last4, claim.account_name) == ("002X", "李四")
    assert b"11010519491231002X" not in bytes(claim.proxy_document_cipher)
    before = moved()
    with pytest.raises(DomainError):
        check_claim(claim=claim, actor=bureau.second, now=NOW)
    assert moved() == before
    kept = Proxy("李四", "spouse", "01", "")
    asked = bureau.asked(person, proxy=kept, account=account, papers=[*PAPERS, "proxy"])
    claim = correct_claim(claim=claim, asked=asked, actor=bureau.city.clerk, now=NOW)
    check_claim(claim=claim, actor=bureau.second, now=NOW)
    approve_claim(claim=claim, actor=bureau.city.reviewer, now=NOW)
    claim = pay_claim(claim=claim, actor=bureau.city.finance, now=NOW)
    [order] = claim.payments.all()
    assert (order.account_name, order.bank_account) == ("李四", "6216610000012345678")


def test_claim_needs_three_people_and_is_paid_by_another_than_its_clerk(bureau, person):
    city = bureau.city
    claim = bureau.enter(person)
    with pytest.raises(DomainError):
        check_claim(claim=claim, actor=city.clerk, now=NOW)
    check_claim(claim=claim, actor=bureau.second, now=NOW)
    before = moved()
    for actor in (city.clerk, bureau.second):
        with pytest.raises(DomainError):
            approve_claim(claim=claim, actor=actor, now=NOW)
    with pytest.raises(DomainError):
        refuse_claim(claim=claim, reason="重复", actor=city.clerk, now=NOW)
    with pytest.raises(DomainError):
        pay_claim(claim=claim, actor=city.finance, now=NOW)
    assert moved() == before
    approve_claim(claim=claim, actor=city.reviewer, now=NOW)
    before = moved()
    with pytest.raises(DomainError):
        pay_claim(claim=claim, actor=city.clerk, now=NOW)
    assert moved() == before


def test_every_step_delivered_twice_takes_effect_once(bureau, person):
    city = bureau.city
    claim = bureau.paid(person)
    before = moved()
    assert approve_claim(claim=claim, actor=city.reviewer, now=NOW) == claim
    assert pay_claim(claim=claim, actor=city.finance, now=NOW) == claim
    assert moved() == before
    reverse_claim(claim=claim, reason="重复报销", actor=city.reviewer, now=NOW)
    before = moved()
    reverse_claim(claim=claim, reason="重复报销", actor=city.reviewer, now=NOW)
    assert moved() == before


def test_approved_claim_is_neither_corrected_returned_nor_refused(bureau, person):
    claim = bureau.approved(person)
    before = moved()
    for act in (
        lambda: correct_claim(claim=claim, asked=bureau.asked(person), actor=bureau.city.clerk, now=NOW),
        lambda: return_claim(claim=claim, note="晚了", actor=bureau.second, now=NOW),
        lambda: refuse_claim(claim=claim, reason="晚了", actor=bureau.second, now=NOW),
        lambda: check_claim(claim=claim, actor=bureau.second, now=NOW),
    ):
        with pytest.raises(DomainError):
            act()
    assert moved() == before


def test_claim_of_a_member_enrolled_elsewhere_on_the_day_is_refused(bureau, person):
    other = Area.objects.create(code="441600", name="河源")
    person.enrolments.update(area=other)
    before = moved()
    with pytest.raises(DomainError) as refused:
        bureau.enter(person)
    assert refused.value.field == "member"
    assert moved() == before


def test_claim_refuses_a_change_of_member(bureau, person):
    claim = bureau.enter(person)
    before = moved()
    with pytest.raises(DomainError) as refused:
        correct_claim(claim=claim, asked=bureau.asked(bureau.member()), actor=bureau.city.clerk, now=NOW)
    assert refused.value.field == "member"
    assert moved() == before


def test_claims_keep_their_account_as_declared(bureau, person):
    claim = bureau.enter(person)
    stored = Claim.objects.get(pk=claim.pk)
    assert (stored.bank_name, stored.bank_account, stored.account_name) == (
        ACCOUNT.bank_name,
        ACCOUNT.bank_account,
        person.name,
    )
