"""Every worked case of a newborn: enrolled by the first premium, care before it claimed by hand."""

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import pytest

from bureau.errors import DomainError, RefusedError
from bureau.models import Staff
from institutions.services.selection import choose
from members.models import BenefitPeriod, Enrolment
from members.services.newborns import enrol_newborn
from settlement.models import Visit
from settlement.services.claims.requests import BankAccount, ClaimRequest
from settlement.services.claims.steps import approve_claim, check_claim, enter_claim
from settlement.services.visits.invoices import InvoiceNumber
from settlement.services.visits.requests import VisitRequest
from settlement.services.visits.settling import settle_visit
from tests.settlement import factories
from tests.settlement.cases import cases
from tests.settlement.story import books_are_clean

pytestmark = pytest.mark.django_db

PAPERS = ("identity", "receipt", "items", "record", "bank")


def noon(day: date) -> datetime:
    return datetime(day.year, day.month, day.day, 4, tzinfo=UTC)


def fund_of_claim(city, member, where, on: date, received_on: date, total: Decimal) -> tuple[Decimal, str]:
    """What a claim comes to, with its charge; zero where it is refused."""
    second = Staff.objects.create(username="second", area=city.area)
    account = BankAccount("member", "中国工商银行", "6222021234567890123")
    asked = ClaimRequest(
        member=member,
        institution=where,
        encounter="M1",
        care_on=on,
        total=total,
        invoices=[InvoiceNumber("44020124", "0012345678")],
        papers=PAPERS,
        account=account,
        received_on=received_on,
    )
    now = noon(received_on)
    claim = enter_claim(key="K1", area=city.area, asked=asked, actor=city.clerk, now=now)
    check_claim(claim=claim, actor=second, now=now)
    try:
        visit = approve_claim(claim=claim, actor=city.reviewer, now=now).visit
    except RefusedError as refused:
        assert refused.refusal.code in ("not_enrolled", "not_designated")
        return Decimal("0.00"), ""
    return visit.pooled, visit.charge


@pytest.mark.parametrize("case", cases("shaoguan", "newborn"), ids=lambda case: case["id"])
def test_newborn_case(case):
    facts, expected = case["facts"], case["expected"]
    city = factories.city_of("shaoguan", **case.get("switches", {}))
    where = factories.institution(city, since=date(2024, 1, 1))
    if not facts.get("designated", True):
        where.agreements.all().delete()
    child = factories.bare_members(1, birth=facts["birth"])[0]
    on, paid_on, total = facts["cost_date"], facts["paid_on"], Decimal(facts["amt"])
    act = {"member": child, "area": city.area, "scheme": "390", "actor": city.clerk, "now": noon(paid_on)}
    if case["id"] == "OWN-SG-02":  # paid in December for nothing of that year
        with pytest.raises(DomainError):
            enrol_newborn(**act, paid_on=paid_on)
        assert not Enrolment.objects.exists()
    else:
        enrolment, _period = enrol_newborn(**act, paid_on=paid_on)
        assert enrol_newborn(**act, paid_on=paid_on)[0] == enrolment
        assert (enrolment.starts_on == facts["birth"]) == expected.get("within_six_months", True)
    if on < paid_on:
        fund, charge = fund_of_claim(city, child, where, on, paid_on + timedelta(days=1), total)
        assert charge == ("fund_direct" if Decimal(expected["fund"]) else "")
    else:
        if expected["covered"]:
            choose(member=child, institutions=where, year=on.year, requested_on=on, actor=city.clerk, now=noon(on))
        request = VisitRequest(
            institution_id=where.pk, key="S1", member_id=child.pk, encounter="E1", care_on=on, total=total
        )
        visit = settle_visit(request, actor=city.clerk, now=noon(on))
        fund = visit.pooled
        assert visit.charge == ("selected_capitation" if expected["covered"] else "")
    assert fund == Decimal(expected["fund"])
    books_are_clean(city)


def test_premium_before_birth_enrols_nobody():
    city = factories.city_of("shaoguan")
    child = factories.bare_members(1, birth=date(2024, 3, 1))[0]
    with pytest.raises(DomainError):
        enrol_newborn(
            member=child,
            area=city.area,
            scheme="390",
            paid_on=date(2024, 2, 29),
            actor=city.clerk,
            now=noon(date(2024, 3, 2)),
        )
    assert not Enrolment.objects.exists() and not BenefitPeriod.objects.exists() and not Visit.objects.exists()


@pytest.mark.parametrize(
    ("reading", "on", "fund", "why"),
    [
        ("paid", date(2024, 3, 9), "28.00", ""),
        ("paid", date(2024, 3, 10), "0.00", "not_selected"),
        ("listed", date(2024, 3, 9), "28.00", ""),
        ("listed", date(2024, 3, 10), "28.00", ""),
        ("listed", date(2024, 3, 19), "28.00", ""),
        ("listed", date(2024, 3, 20), "0.00", "not_selected"),
    ],
)
def test_b7_care_between_the_premium_and_the_record_of_the_enrolment(reading, on, fund, why):
    """Paid on 10 March, recorded on the 20th: nobody could select in between (SG-10)."""
    city = factories.city_of("shaoguan", newborn_until=reading)
    where = factories.institution(city, since=date(2024, 1, 1))
    child = factories.bare_members(1, birth=date(2024, 1, 15))[0]
    enrolment, _period = enrol_newborn(
        member=child, area=city.area, scheme="390", paid_on=date(2024, 3, 10), actor=city.clerk,
        now=noon(date(2024, 3, 20)),
    )  # fmt: skip
    assert enrolment.listed_on == date(2024, 3, 20)
    request = VisitRequest(
        institution_id=where.pk, key="S1", member_id=child.pk, encounter="E1", care_on=on, total=Decimal("40.00")
    )
    visit = settle_visit(request, actor=city.clerk, now=noon(date(2024, 3, 21)))
    assert (visit.pooled, visit.refusal) == (Decimal(fund), why)
    assert visit.charge == ("" if why else "fund_direct")
