"""Arrears stop the fund and the credit together, in every employees' edition, or neither of them."""

from datetime import UTC, date, datetime
from decimal import Decimal

import pytest

from accounts.queries.due import months_due
from accounts.services.credits import decide
from bureau.rules.format.edition import load_folder
from members.models import Contribution, Enrolment, Suspension
from settlement.services.visits.requests import VisitRequest
from settlement.services.visits.settling import settle_visit
from tests.settlement import factories

pytestmark = pytest.mark.django_db

SINCE, NOW = date(2023, 1, 1), datetime(2026, 4, 2, 4, tzinfo=UTC)
DAYS = {
    "heyuan": date(2026, 3, 10),
    "zhanjiang": date(2023, 3, 10),
    "kaifeng": date(2024, 3, 10),
    "chongqing": date(2024, 3, 10),
}
PAID_ANYWAY = {"care_in_arrears": "paid"}


def bill_and_credit(key: str, person_class: str, readings: dict) -> tuple[str, str, Decimal, str]:
    """Refusal and payment of a bill of 300 yuan in a month in arrears, and the credit of that month with its reason."""
    city = factories.heyuan(**readings) if key == "heyuan" else factories.city_of(key, **readings)
    on = DAYS[key]
    where = factories.institution(city, level=1, since=SINCE)
    person = factories.member(city, starts_on=SINCE, person_class=person_class)
    Enrolment.objects.filter(member=person).update(plan="unit")
    factories.choose(city, person, where, year=on.year)
    month = on.replace(day=1)
    Suspension.objects.create(member=person, area=city.area, kind="arrears", starts_on=month)
    if person_class == "active":
        Contribution.objects.create(
            member=person, area=city.area, scheme="310", month=month, kind="normal", base=Decimal("5000.00"),
            employer_amount=Decimal("0.00"), own_amount=Decimal("100.00"), paid_on=on,
        )  # fmt: skip
    visit = settle_visit(
        VisitRequest(
            institution_id=where.pk, key="S1", member_id=person.pk, encounter="E1", care_on=on, total=Decimal("300.00")
        ),
        actor=city.clerk,
        now=NOW,
    )
    [account] = person.accounts.all()
    [due] = months_due(area_id=city.area.pk, first=account.pk, last=account.pk, starts_on=month, ends_on=month)
    [line] = decide(city.area.pk, [due])
    refusal = line.decision.credit.refusal
    return visit.refusal, str(visit.pooled), line.amount, refusal.code if refusal else ""


@pytest.mark.parametrize("key", DAYS)
@pytest.mark.parametrize("person_class", ["active", "retired"])
def test_b5_arrears_refuse_in_every_employees_edition(key, person_class):
    refusal, fund, credit, why = bill_and_credit(key, person_class, {})
    assert (refusal, fund) == ("arrears", "0.00")
    # Zhanjiang credits an own share by the months paid (article 14), all else by the benefit.
    by_payment = (key, person_class) == ("zhanjiang", "active")
    assert (credit, why) == ((Decimal("100.00"), "") if by_payment else (Decimal(0), "benefit_stopped"))


@pytest.mark.parametrize(
    ("key", "person_class", "fund", "credit"),
    [
        ("heyuan", "active", "60.00", "100.00"),
        ("heyuan", "retired", "60.00", "102.79"),
        ("chongqing", "active", "60.00", "100.00"),
        ("chongqing", "retired", "140.00", "105.00"),
    ],
)
def test_b5_read_otherwise_arrears_stop_neither(key, person_class, fund, credit):
    assert bill_and_credit(key, person_class, PAID_ANYWAY) == ("", fund, Decimal(credit), "")


def test_b5_every_edition_of_the_employees_says_what_arrears_do():
    for edition in load_folder().editions:
        if edition.scheme == "310":
            assert "arrears" in {row["standing"] for row in edition.at(edition.starts_on)["entitlement"]}, edition.city
