"""A claim by hand on a quota: the year-end settlement takes off what the fund has paid to the member (article 12)."""

from datetime import UTC, date, datetime
from decimal import Decimal

import pytest

from bureau.models import Staff
from settlement.services.claims.payment import pay_claim
from settlement.services.claims.requests import BankAccount, ClaimRequest
from settlement.services.claims.steps import approve_claim, check_claim, enter_claim
from settlement.services.visits.invoices import InvoiceNumber
from settlement.services.visits.requests import VisitRequest
from settlement.services.visits.settling import settle_visit
from tests.settlement import factories
from tests.settlement.runs import compute, disagreements, pay, trial_balance

pytestmark = pytest.mark.django_db
MARCH = datetime(2026, 3, 10, 2, tzinfo=UTC)
AFTER = datetime(2027, 1, 10, 2, tzinfo=UTC)


def claimed(city, person, where, total: str):
    second = Staff.objects.create(username="second", area=city.area)
    claim = enter_claim(
        key="K1",
        area=city.area,
        asked=ClaimRequest(
            member=person,
            institution=where,
            encounter="M1",
            care_on=date(2026, 3, 1),
            total=Decimal(total),
            invoices=[InvoiceNumber("44060126", "0000012345")],
            papers=("identity", "receipt", "items", "record", "bank"),
            account=BankAccount("member", "中国农业银行", "6228480012345678901"),
            received_on=date(2026, 3, 9),
        ),
        actor=city.clerk,
        now=MARCH,
    )
    claim = check_claim(claim=claim, actor=second, now=MARCH)
    claim = approve_claim(claim=claim, actor=city.reviewer, now=MARCH)
    return pay_claim(claim=claim, actor=city.finance, now=MARCH)


@pytest.mark.parametrize(("reading", "clearing"), [("fund", "79.00"), ("institution", "134.00")])
def test_year_end_takes_off_a_referral_claimed_by_hand_in_either_reading(reading, clearing):
    """Quota 320.00; own care 60.00 and a referral of 55.00 by card, another of 110.00 by hand: use 225.00 is 70.3 %,
    so 20 % of the surplus 95.00 is awarded. Due 244.00, less the 110.00 that the member got; what
    the other hospital is owed comes off only where the fund pays it."""
    city = factories.heyuan(others_paid_by=reading)
    home, hospital = factories.institution(city), factories.institution(city, kind="hospital", level=3)
    person = factories.member(city, selected=home)
    factories.refer(person, home, hospital, date(2026, 1, 1), date(2026, 12, 31))
    claim = claimed(city, person, hospital, "200.00")
    assert (claim.visit.pooled, claim.visit.charge, claim.visit.charged_institution) == (
        Decimal("110.00"),
        "selected_capitation",
        home,
    )
    for where, total, key in ((home, "100.00", "S1"), (hospital, "100.00", "S2")):
        settle_visit(
            VisitRequest(
                institution_id=where.pk,
                key=key,
                member_id=person.pk,
                encounter=key,
                care_on=date(2026, 3, 2),
                total=Decimal(total),
            ),
            actor=city.clerk,
            now=MARCH,
        )
    run = compute(city, "year_end", date(2026, 1, 1), now=AFTER)
    line = run.lines.get(institution=home)
    [span] = line.facts["spans"]
    assert (span["own"], span["others"]) == (6000, {hospital.code: 5500, "claims": 11000})
    assert line.results["due"] == 24400
    assert line.to_pay == Decimal(clearing)
    pay(city, run, now=AFTER)
    assert trial_balance() == {}
    assert trial_balance("payable_quota") == {}
    assert trial_balance("payable_payout") == {}
    assert [found for found in disagreements(city) if "A fact is missing" not in found] == []
