"""Claims by hand: amounts by the rules of the day of care, and what the rules refuse."""

from datetime import UTC, date, datetime
from decimal import Decimal

import pytest

from accounts.models import Account, Journal
from bureau.errors import DomainError, RefusedError
from bureau.models import AuditEntry
from institutions.models import Agreement
from members.models import BenefitPeriod
from settlement.models import Visit
from settlement.queries.explain import explain
from settlement.services.claims.payment import pay_claim
from settlement.services.claims.steps import approve_claim, quote_bill, refuse_claim
from settlement.services.visits.requests import VisitRequest
from settlement.services.visits.settling import settle_visit
from tests.settlement import factories
from tests.settlement.claims import DAY, NOW, SECOND, entries, moved


def test_claim_is_paid_by_the_deductible_and_ratio_of_a_card(bureau, person):
    claim = bureau.paid(person, care_on=date(2024, 2, 1), total=Decimal("1200.00"))
    visit = claim.visit  # (1200 - 200) x 50 % at level 3
    assert (visit.pooled, visit.cash, visit.deductible) == (Decimal("500.00"), Decimal("700.00"), Decimal("200.00"))
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
    home = factories.institution(bureau.city, kind="hospital", level=3, since=date(2024, 1, 1))
    Agreement.objects.all().delete()
    claim = bureau.checked(person, institution=home)
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
