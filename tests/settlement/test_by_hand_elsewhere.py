"""Cover for a chronic disease that is not settled between provinces: care elsewhere is paid first, then claimed."""

from datetime import date
from decimal import Decimal

import pytest

from members.services.spans import change_plan
from settlement.services.visits.requests import VisitRequest
from settlement.services.visits.settling import settle_visit
from tests.settlement import factories
from tests.settlement.claims import NOW

pytestmark = pytest.mark.django_db


def by_card(bureau, person, where, key: str, on: date):
    request = VisitRequest(
        institution_id=where.pk,
        key=key,
        member_id=person.pk,
        encounter=key,
        care_on=on,
        total=Decimal("1200.00"),
        pay_from="none",
    )
    return settle_visit(request, actor=bureau.city.clerk, now=NOW)


def test_care_elsewhere_is_refused_by_card_and_paid_as_a_claim(bureau, person):
    factories.institution(bureau.city, "清算中心", kind="clearing", level=None, since=date(2024, 1, 1))
    change_plan(member=person, on=date(2024, 2, 1), by_hand_elsewhere=True, actor=bureau.city.clerk, now=NOW)
    before = by_card(bureau, person, bureau.hospital, "S1", date(2024, 1, 31))
    assert (before.pooled, before.refusal) == (Decimal("500.00"), "")
    refused = by_card(bureau, person, bureau.hospital, "S2", date(2024, 2, 1))
    assert (refused.pooled, refused.cash, refused.refusal) == (Decimal("0.00"), Decimal("1200.00"), "by_hand_only")
    claim = bureau.paid(person, encounter="M2", care_on=date(2024, 2, 2), total=Decimal("1200.00"))
    assert (claim.visit.pooled, claim.visit.place) == (Decimal("600.00"), ["designated", "hand_claim"])


def test_care_at_home_goes_on_by_card(bureau, person):
    change_plan(member=person, on=date(2024, 2, 1), by_hand_elsewhere=True, actor=bureau.city.clerk, now=NOW)
    home = factories.institution(bureau.city, kind="hospital", level=3, since=date(2024, 1, 1))
    assert by_card(bureau, person, home, "S1", date(2024, 2, 1)).pooled == Decimal("500.00")
