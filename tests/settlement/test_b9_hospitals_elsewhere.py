"""A hospital outside every area kept here is not asked for an agreement here: its own is not ours to know (B9)."""

from datetime import date
from decimal import Decimal

import pytest

from settlement.services.visits.requests import VisitRequest
from settlement.services.visits.settling import settle_visit
from tests.settlement import factories
from tests.settlement.claims import NOW

pytestmark = pytest.mark.django_db
ON = date(2024, 2, 5)


@pytest.fixture
def away(bureau):
    """A hospital of Chengdu without a line of agreement in this house."""
    where = factories.institution(
        bureau.city, "华西医院", kind="hospital", level=3, local=False, since=date(2024, 1, 1)
    )
    where.agreements.all().delete()
    factories.institution(bureau.city, "清算中心", kind="clearing", level=None, since=date(2024, 1, 1))
    return where


def settle(bureau, person, where, **more):
    facts = {
        "institution_id": where.pk, "key": "S1", "member_id": person.pk, "encounter": "E1", "care_on": ON,
        "total": Decimal("1200.00"),
    }  # fmt: skip
    return settle_visit(VisitRequest(**(facts | more)), actor=bureau.city.clerk, now=NOW)


def test_b9_care_elsewhere_over_the_network_is_paid_by_fund_and_account(bureau, person, away):
    """(1200 - 200) x 50 %; the rest from the account as far as it goes."""
    visit = settle(bureau, person, away)
    assert (visit.refusal, visit.pooled, visit.account, visit.cash) == (
        "",
        Decimal("500.00"),
        Decimal("300.00"),
        Decimal("400.00"),
    )
    assert visit.payee.kind == "clearing"


def test_b9_care_elsewhere_is_claimed_by_hand(bureau, person, away):
    claim = bureau.paid(person, institution=away, encounter="M1", care_on=ON, total=Decimal("1200.00"))
    assert (claim.visit.pooled, claim.visit.place) == (Decimal("500.00"), ["designated", "hand_claim"])


def test_b9_prescription_is_filled_at_a_pharmacy_elsewhere(bureau, person, away):
    shop = factories.institution(bureau.city, "成都药店", kind="pharmacy", level=None, local=False)
    shop.agreements.all().delete()
    settle(bureau, person, away, pay_from="none")
    visit = settle(
        bureau, person, shop, key="P1", channel="prescription", prescriber_id=away.pk, total=Decimal("100.00")
    )
    assert (visit.refusal, visit.pooled, visit.account) == ("", Decimal("50.00"), Decimal("50.00"))


@pytest.mark.parametrize("kept", ["here", "in another area"])
def test_b9_hospital_of_an_area_kept_here_is_designated_by_its_agreement(bureau, person, away, kept):
    from bureau.models import Area, County

    county = bureau.city.county
    if kept == "in another area":
        there = Area.objects.create(code="510199", name="成都市")
        county = County.objects.create(code="510105", area=there, name="青羊区")
    type(away).objects.filter(pk=away.pk).update(area=county.area, county=county)
    visit = settle(bureau, person, away)
    assert (visit.refusal, visit.pooled, visit.account) == ("not_designated", 0, 0)


def test_b9_referral_leads_elsewhere_without_an_agreement_here(city):
    from institutions.services.care import refer

    centre = factories.institution(city)
    away = factories.institution(city, kind="hospital", level=3, local=False)
    away.agreements.all().delete()
    person = factories.member(city, selected=centre)
    made = refer(
        member=person, from_institution=centre, to_institution=away, starts_on=date(2026, 3, 1),
        ends_on=date(2026, 3, 31), actor=city.clerk, now=NOW,
    )  # fmt: skip
    assert made.pk
