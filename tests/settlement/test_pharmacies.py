"""At a pharmacy the pooled fund pays for prescriptions alone; the account pays for any purchase."""

from datetime import UTC, date, datetime
from decimal import Decimal

import pytest

from institutions.models import OutOfAreaRegistration
from members.models import Enrolment
from settlement.models import Visit
from settlement.services.visits.requests import VisitRequest
from settlement.services.visits.settling import settle_visit
from tests.settlement import factories

pytestmark = pytest.mark.django_db

SINCE, DAY, NOW = date(2023, 1, 1), date(2024, 5, 6), datetime(2024, 5, 6, 4, tzinfo=UTC)


def insured(city, **more):
    member = factories.member(city, starts_on=SINCE, **more)
    Enrolment.objects.filter(member=member).update(plan="unit")
    return member


@pytest.mark.parametrize("key", ["zhanjiang", "kaifeng", "chongqing"])
def test_purchase_without_a_prescription_is_paid_by_the_account_alone(key):
    city = factories.city_of(key)
    pharmacy = factories.institution(city, kind="pharmacy", level=None, since=SINCE)
    member = insured(city, balance="200.00")
    request = VisitRequest(
        institution_id=pharmacy.pk,
        key="P1",
        member_id=member.pk,
        encounter="P1",
        care_on=DAY,
        total=Decimal("500.00"),
    )
    visit = settle_visit(request, actor=city.clerk, now=NOW)
    assert (visit.pooled, visit.refusal, visit.account) == (Decimal("0.00"), "no_prescription", Decimal("200.00"))
    assert (visit.cash, "pharmacy" in visit.place) == (Decimal("300.00"), True)


PAID = {"emergency_at_nondesignated": "paid"}


@pytest.mark.parametrize("local", [True, False])
@pytest.mark.parametrize(
    ("key", "readings", "day", "why"),
    [
        ("heyuan", {}, date(2026, 3, 1), "no_prescription"),
        ("shaoguan", {}, date(2024, 5, 6), "not_selected"),
        ("zhanjiang", {}, date(2024, 5, 6), "no_prescription"),
        ("kaifeng", PAID, date(2024, 5, 6), "no_prescription"),
        ("chongqing", PAID, date(2024, 5, 6), "no_prescription"),
    ],
)
def test_b3_a_purchase_flagged_as_an_emergency_is_no_emergency(key, readings, day, why, local):
    """Nor is it care out of the area, where the member is registered."""
    city = factories.city_of(key, **readings)
    pharmacy = factories.institution(city, kind="pharmacy", level=1, since=SINCE, local=local)
    factories.institution(city, "清算中心", kind="clearing", level=None, since=SINCE)
    member = insured(city, balance="50.00", person_class="resident" if key == "shaoguan" else "active")
    OutOfAreaRegistration.objects.create(
        member=member, kind="long_term_resident", destination="510000", starts_on=SINCE
    )
    request = VisitRequest(
        institution_id=pharmacy.pk, key="P1", member_id=member.pk, encounter="P1", care_on=day,
        total=Decimal("80.00"), channel=Visit.Channel.EMERGENCY,
    )  # fmt: skip
    visit = settle_visit(request, actor=city.clerk, now=datetime(2026, 3, 2, 4, tzinfo=UTC))
    account = Decimal("0.00" if key == "shaoguan" else "50.00")
    assert (visit.pooled, visit.refusal, visit.account) == (Decimal("0.00"), why, account)
    assert "emergency" not in visit.place


@pytest.mark.parametrize(("key", "why"), [("zhanjiang", "not_designated"), ("shaoguan", "not_selected")])
def test_b3_where_pharmacies_are_not_in_an_emergency_prescription_is_not_either(key, why):
    city = factories.city_of(key)
    hospital = factories.institution(city, kind="hospital", level=2, since=SINCE)
    pharmacy = factories.institution(city, kind="pharmacy", level=None, since=SINCE)
    member = insured(city, person_class="resident" if key == "shaoguan" else "active")
    on = date(2023, 5, 6)
    facts = {"member_id": member.pk, "encounter": "E1", "care_on": on, "total": Decimal("100.00")}
    treated = VisitRequest(institution_id=hospital.pk, key="H1", channel=Visit.Channel.EMERGENCY, **facts)
    assert settle_visit(treated, actor=city.clerk, now=NOW).pooled > 0
    filled = VisitRequest(
        institution_id=pharmacy.pk, key="P1", channel=Visit.Channel.PRESCRIPTION, prescriber_id=hospital.pk, **facts
    )
    visit = settle_visit(filled, actor=city.clerk, now=NOW)
    assert (visit.pooled, visit.refusal) == (Decimal("0.00"), why)


@pytest.mark.parametrize(("key", "fund"), [("kaifeng", "150.00"), ("chongqing", "180.00")])
def test_prescription_filled_at_a_pharmacy_is_paid_as_where_it_was_written(key, fund):
    city = factories.city_of(key)
    hospital = factories.institution(city, kind="hospital", level=2, since=SINCE)
    pharmacy = factories.institution(city, kind="pharmacy", level=None, since=SINCE)
    member = insured(city)
    facts = {"member_id": member.pk, "encounter": "E1", "care_on": DAY}
    first = VisitRequest(institution_id=hospital.pk, key="H1", total=Decimal("10.00"), **facts)
    settle_visit(first, actor=city.clerk, now=NOW)
    filled = VisitRequest(
        institution_id=pharmacy.pk,
        key="P1",
        channel=Visit.Channel.PRESCRIPTION,
        prescriber_id=hospital.pk,
        total=Decimal("490.00"),
        **facts,
    )
    visit = settle_visit(filled, actor=city.clerk, now=NOW)
    assert (visit.pooled, visit.refusal) == (Decimal(fund), "")
    assert "pharmacy" not in visit.place
