"""Claims taken back, and payments returned by the bank."""

from decimal import Decimal

import pytest

from bureau.errors import DomainError
from settlement.services.claims.payment import (
    change_claim_account,
    confirm_claim_account,
    reissue_claim_payment,
    return_claim_payment,
)
from settlement.services.claims.requests import BankAccount
from settlement.services.claims.steps import reverse_claim
from settlement.services.visits.reversals import reverse_visit
from tests.settlement.claims import NOW, entries, moved


def test_claim_taken_back_before_payment_owes_nothing(bureau, person):
    claim = bureau.approved(person)
    claim = reverse_claim(claim=claim, reason="金额有误", actor=bureau.city.reviewer, now=NOW)
    assert claim.status == "reversed"
    assert entries(f"visit:{claim.visit.reversal.pk}") == [
        ("employees_pool", "benefit_expenditure", "", "500.00"),
        ("employees_pool", "payable_payout", f"member:{person.pk}", "-500.00"),
    ]
    again = bureau.approved(person, key="K2")
    assert again.visit.pooled == Decimal("500.00")
    assert bureau.books_are_clean()


def test_claim_taken_back_after_payment_is_recovered_from_the_member(bureau, person):
    claim = bureau.paid(person)
    claim = reverse_claim(claim=claim, reason="重复报销", actor=bureau.city.reviewer, now=NOW)
    member = f"member:{person.pk}"
    assert entries(f"visit:{claim.visit.reversal.pk}") == [
        ("employees_pool", "benefit_expenditure", "", "500.00"),
        ("employees_pool", "payable_payout", member, "-500.00"),
        ("employees_pool", "payable_payout", member, "500.00"),
        ("employees_pool", "recoveries", member, "-500.00"),
    ]
    assert bureau.books_are_clean()
    [order] = claim.payments.all()
    return_claim_payment(payment=order, note="账号不存在", actor=bureau.city.finance, now=NOW)
    assert entries(f"claim:{claim.pk}")[-2:] == [
        ("employees_pool", "bank", "", "-500.00"),
        ("employees_pool", "recoveries", member, "500.00"),
    ]
    assert bureau.books_are_clean()


def test_visit_of_a_claim_is_taken_back_only_as_a_claim(bureau, person):
    claim = bureau.approved(person)
    before = moved()
    with pytest.raises(DomainError):
        reverse_visit(claim.visit_id, key="R1", reason="退", actor=bureau.city.clerk, now=NOW)
    assert moved() == before


def test_payment_returned_by_the_bank_waits_in_suspense_and_goes_to_the_new_account(bureau, person):
    city = bureau.city
    claim = bureau.paid(person)
    [order] = claim.payments.all()
    before = moved()
    for act in (
        lambda: reissue_claim_payment(payment=order, actor=city.finance, now=NOW),
        lambda: return_claim_payment(payment=order, note=" ", actor=city.finance, now=NOW),
        lambda: change_claim_account(
            claim=claim, account=BankAccount("member", "中国银行", "6216610000012345678"), actor=city.clerk, now=NOW
        ),
    ):
        with pytest.raises(DomainError):
            act()
    assert moved() == before
    return_claim_payment(payment=order, note="账号不存在", actor=city.finance, now=NOW)
    member = f"member:{person.pk}"
    assert entries(f"claim:{claim.pk}")[-2:] == [
        ("employees_pool", "bank", "", "-500.00"),
        ("employees_pool", "suspense", member, "500.00"),
    ]
    assert bureau.books_are_clean()
    account = BankAccount("member", "中国银行", "6216610000012345678")
    with pytest.raises(DomainError):
        change_claim_account(claim=claim, account=account, actor=city.finance, now=NOW)
    change_claim_account(claim=claim, account=account, actor=city.clerk, now=NOW)
    confirm_claim_account(claim=claim, actor=city.reviewer, now=NOW)
    again = reissue_claim_payment(payment=order, actor=city.finance, now=NOW)
    assert (again.bank_account, again.status, again.amount) == ("6216610000012345678", "reissued", Decimal("500.00"))
    assert reissue_claim_payment(payment=order, actor=city.finance, now=NOW) == again
    assert bureau.books_are_clean()


def test_claim_taken_back_while_its_payment_is_returned_clears_suspense(bureau, person):
    claim = bureau.paid(person)
    [order] = claim.payments.all()
    return_claim_payment(payment=order, note="账号不存在", actor=bureau.city.finance, now=NOW)
    claim = reverse_claim(claim=claim, reason="死亡", actor=bureau.city.reviewer, now=NOW)
    assert entries(f"visit:{claim.visit.reversal.pk}")[-1] == (
        "employees_pool",
        "suspense",
        f"member:{person.pk}",
        "-500.00",
    )
    before = moved()
    with pytest.raises(DomainError):
        reissue_claim_payment(payment=order, actor=bureau.city.finance, now=NOW)
    assert moved() == before
    assert bureau.books_are_clean()
