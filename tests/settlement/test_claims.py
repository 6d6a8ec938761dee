"""Claims by hand, from the counter to the bank: amounts by the rules of the day of care, and what is refused."""

from datetime import UTC, date, datetime
from decimal import Decimal

import pytest

from accounts.models import Account, Journal
from bureau.errors import DomainError, RefusedError
from bureau.models import Area, AuditEntry
from institutions.models import Agreement
from members.models import BenefitPeriod
from settlement.models import Claim, Invoice, Visit
from settlement.queries.explain import explain
from settlement.services.claims import (
    approve_claim,
    check_claim,
    correct_claim,
    quote_bill,
    refuse_claim,
    return_claim,
    reverse_claim,
)
from settlement.services.claims_payment import (
    change_claim_account,
    pay_claim,
    reissue_claim_payment,
    return_claim_payment,
)
from settlement.services.claims_requests import BankAccount, Proxy
from settlement.services.invoices import InvoiceNumber
from settlement.services.requests import VisitRequest
from settlement.services.reversals import reverse_visit
from settlement.services.visits import KeyReused, settle_visit
from tests.settlement import factories
from tests.settlement.cases import cases
from tests.settlement.claims import ACCOUNT, DAY, FIRST, NOW, PAPERS, SECOND, chongqing, entries, moved


@pytest.fixture
def bureau(db):
    return chongqing()


@pytest.fixture
def person(bureau):
    return bureau.member(balance="300.00")


def test_claim_is_paid_what_the_case_says(bureau, person):
    [case] = [case for case in cases("chongqing", "visits") if case["id"] == "CQ-V12"]
    [event], [line] = case["facts"]["events"], case["expected"]["lines"]
    claim = bureau.paid(person, care_on=event["d"], total=Decimal(event["amt"]))
    visit = claim.visit
    assert (visit.pooled, visit.cash, visit.deductible) == tuple(
        Decimal(line[name]) for name in ("fund", "self", "deductible")
    )
    assert (visit.payee, visit.charge, visit.place) == (None, "fee_for_service", ["designated", "hand_claim"])
    assert Account.objects.get(member=person).balance == Decimal("300.00")
    member = f"member:{person.pk}"
    assert entries(f"visit:{visit.pk}") == [
        ("employees_pool", "benefit_expenditure", "", "-500.00"),
        ("employees_pool", "payable_payout", member, "500.00"),
    ]
    assert entries(f"claim:{claim.pk}") == [
        ("employees_pool", "payable_payout", member, "-500.00"),
        ("employees_pool", "bank", "", "500.00"),
    ]
    [order] = claim.payments.all()
    assert (order.fund, order.amount, order.account_name, order.bank_account) == (
        "employees_pool",
        Decimal("500.00"),
        person.name,
        "6222021234567890123",
    )
    acts = AuditEntry.objects.filter(record_type="settlement.claim").order_by("id").values_list("action", flat=True)
    assert list(acts) == ["claim.enter", "claim.check", "claim.approve", "claim.pay"]
    assert bureau.books_are_clean()


def test_claim_explains_itself_by_replay(bureau, person):
    claim = bureau.approved(person)
    amounts = [str(line.amount) for line in explain(claim.visit) if line.amount]
    assert amounts == ["1200.00", "1000.00", "500.00", "500.00", "500.00", "500.00"]


def test_quote_of_a_claim_moves_nothing_and_tells_what_approving_gives(bureau, person):
    before = moved()
    quote = quote_bill(bureau.asked(person).visit(), area_id=bureau.city.area.pk, now=NOW)
    assert (quote.row["pooled"], quote.row["cash"], quote.shares) == ("500.00", "700.00", [])
    assert moved() == before


def test_claim_shares_deductible_and_cap_with_cards(bureau, person):
    """V01 with the first bill by card at home: 150, then 100 by hand; the deductible is met once."""
    home = factories.institution(bureau.city, "重庆医院", kind="hospital", level=3)
    home.agreements.update(starts_on=date(2024, 1, 1))
    home.levels.update(starts_on=date(2024, 1, 1))
    card = settle_visit(
        VisitRequest(
            institution_id=home.pk,
            key="S1",
            member_id=person.pk,
            encounter="E1",
            care_on=DAY,
            total=Decimal("150.00"),
            pay_from="none",
        ),
        actor=bureau.city.clerk,
        now=NOW,
    )
    assert (card.pooled, card.deductible) == (Decimal("0.00"), Decimal("150.00"))
    claim = bureau.approved(person, total=Decimal("100.00"))
    assert (claim.visit.pooled, claim.visit.deductible) == (Decimal("25.00"), Decimal("50.00"))
    whole = bureau.approved(person, key="K2", invoices=[SECOND], encounter="M2", total=Decimal("6300.00"))
    assert whole.visit.pooled == Decimal("2975.00")
    assert bureau.books_are_clean()


def test_claim_below_the_deductible_is_approved_with_nothing_to_pay(bureau, person):
    claim = bureau.approved(person, total=Decimal("150.00"))
    assert (claim.visit.pooled, claim.visit.deductible, claim.visit.refusal) == (
        Decimal("0.00"),
        Decimal("150.00"),
        "below_deductible",
    )
    before = moved()
    with pytest.raises(DomainError):
        pay_claim(claim=claim, actor=bureau.city.finance, now=NOW)
    assert moved() == before
    assert bureau.books_are_clean()


def test_december_care_claimed_in_january_uses_december(bureau, person):
    """V19: 300 on 31 December and 300 on 1 January pay 50 each; the later claim of December changes neither."""
    january = datetime(2025, 1, 20, 2, tzinfo=UTC)
    new_year = bureau.approved(
        person, now=january, care_on=date(2025, 1, 1), received_on=date(2025, 1, 10), total=Decimal("300.00")
    )
    december = bureau.paid(
        person,
        key="K2",
        now=january,
        care_on=date(2024, 12, 31),
        received_on=date(2025, 1, 15),
        total=Decimal("300.00"),
        encounter="M2",
        invoices=[SECOND],
    )
    assert (new_year.visit.pooled, december.visit.pooled) == (Decimal("50.00"), Decimal("50.00"))
    assert (december.visit.deductible, december.visit.settled_on) == (Decimal("200.00"), date(2025, 1, 20))
    journals = Journal.objects.filter(source__in=[f"visit:{december.visit_id}", f"claim:{december.pk}"])
    assert {(journal.posted_on, journal.origin_year) for journal in journals} == {(date(2025, 1, 20), 2024)}
    assert bureau.books_are_clean()


def test_claim_is_paid_by_both_funds_where_the_pool_is_used_up(bureau):
    """V13: the pooled fund has 100 left, the large-claims fund pays the rest."""
    city = bureau.city
    person = bureau.member()
    bureau.approved(person, key="K0", encounter="M0", total=Decimal("200.00"), invoices=[SECOND])
    factories.figure(city.area, "pooled_limit", 2024, "100.00", city.clerk, city.reviewer)
    quote = quote_bill(bureau.asked(person).visit(), area_id=city.area.pk, now=NOW)
    pooled, large = quote.row["pooled"], quote.row["large_claims"]
    claim = bureau.paid(person)
    assert (str(claim.visit.pooled), str(claim.visit.large_claims)) == (pooled, large)
    assert sorted((o.fund, str(o.amount)) for o in claim.payments.all()) == [
        pair for pair in (("employees_pool", pooled), ("large_claims", large)) if pair[1] != "0.00"
    ]
    assert bureau.books_are_clean()


# What the rules refuse, by name


def test_claim_before_any_edition_is_refused_by_name(bureau, person):
    BenefitPeriod.objects.filter(member=person).update(starts_on=date(2023, 1, 1))
    person.enrolments.update(starts_on=date(2023, 1, 1))
    claim = bureau.checked(person, care_on=date(2023, 12, 31))
    before = moved()
    with pytest.raises(RefusedError) as refused:
        approve_claim(claim=claim, actor=bureau.city.reviewer, now=NOW)
    assert refused.value.refusal.code == "no_edition"
    assert moved() == before


def test_claim_outside_designated_institutions_is_refused_by_name(bureau, person):
    Agreement.objects.all().delete()
    claim = bureau.checked(person)
    before = moved()
    with pytest.raises(RefusedError) as refused:
        approve_claim(claim=claim, actor=bureau.city.reviewer, now=NOW)
    assert (refused.value.refusal.code, refused.value.refusal.article) == ("not_designated", "2")
    assert moved() == before
    refuse_claim(claim=claim, reason=str(refused.value), actor=bureau.city.reviewer, now=NOW)
    assert bureau.books_are_clean()


def test_claim_without_a_benefit_period_is_refused_by_name(bureau, person):
    BenefitPeriod.objects.all().delete()
    claim = bureau.checked(person)
    with pytest.raises(RefusedError) as refused:
        approve_claim(claim=claim, actor=bureau.city.reviewer, now=NOW)
    assert refused.value.refusal.code == "no_benefit_period"
    assert not Visit.objects.exists()


# Papers, people and steps


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
    assert refused.value.field == "area"
    assert moved() == before


# Nothing is paid twice


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


# Taken back, and returned by the bank


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


def test_institution_cannot_use_the_number_of_a_claim(bureau, person, clearing):
    before = moved()
    with pytest.raises(DomainError) as refused:
        card(bureau, person, key="claim:1")
    assert refused.value.field == "key"
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


def test_claim_of_what_another_fund_left_over_counts_without_what_that_fund_paid(bureau):
    """Q12(3): who has a special disease that is not opened for settlement away claims by hand."""
    person = bureau.member()
    bill = {"total": Decimal("1000.00"), "other_funds": Decimal("600.00"), "other_remainder": Decimal("400.00")}
    with pytest.raises(DomainError):
        bureau.enter(person, **bill | {"other_remainder": Decimal("400.01")})
    claim = bureau.paid(person, **bill)
    # (400 - 200) x 50 %
    assert (claim.visit.pooled, claim.visit.other_funds) == (Decimal("100.00"), Decimal("600.00"))
    assert claim.visit.cash == Decimal("300.00")
    assert [order.amount for order in claim.payments.all()] == [Decimal("100.00")]
    assert bureau.books_are_clean()
