"""The residents' outpatient account, fed out of the residents' fund by heads."""

from datetime import UTC, date, datetime
from decimal import Decimal

import pytest
from django.db import connection
from django.db.models import Sum

from accounts.models import Entry, Journal
from accounts.services.extraction import extract_fund
from bureau.errors import DomainError, RefusedError
from members.models import Member
from tests.settlement import factories
from tests.settlement.cases import cases

pytestmark = pytest.mark.django_db

NOW = datetime(2024, 1, 10, 2, tzinfo=UTC)


def insure(city, count: int, starts_on=date(2024, 1, 1)) -> None:
    """So many residents, enrolled from a day on, in one statement."""
    with connection.cursor() as cursor:
        cursor.execute(
            """
            WITH born AS (
                INSERT INTO members_member (
                    name, document_kind, document_cipher, document_hash, document_last4, sex, phone)
                SELECT '居民', '01', '', decode(md5(%(salt)s || n::text), 'hex'), '0000', '0', ''
                  FROM generate_series(1, %(count)s) AS n RETURNING id
            )
            INSERT INTO members_enrolment (
                member_id, area_id, scheme, person_class, person_type, plan, large_claims, by_hand_elsewhere, starts_on)
            SELECT id, %(area)s, '390', 'resident', '', '', false, false, %(starts_on)s FROM born
            """,
            {"count": count, "area": city.area.pk, "starts_on": starts_on, "salt": str(starts_on)},
        )


def extract(city, *, now=NOW, scheme="390", year=2024):
    return extract_fund(area=city.area, scheme=scheme, year=year, actor=city.clerk, now=now)


def books(subject: str) -> dict[str, Decimal]:
    rows = Entry.objects.filter(subject=subject).values_list("fund").annotate(total=Sum("amount"))
    return dict(rows)


@pytest.mark.parametrize("case", cases("shaoguan", "fund_budget"), ids=lambda case: case["id"])
def test_budget_case_by_heads(case):
    city = factories.city_of("shaoguan")
    insure(city, case["facts"]["insured"])
    found = extract(city)
    budget = Decimal(case["expected"]["budget"])
    assert (found.insured, found.budget, found.posted) == (case["facts"]["insured"], budget, budget)
    assert books("transfer_income") == {"residents_outpatient": budget}


def test_extraction_stands_in_books_apart_and_adds_whoever_comes_later():
    city = factories.city_of("shaoguan")
    insure(city, 3)
    assert extract(city).posted == Decimal("150.00")
    assert books("interfund") == {"residents": Decimal("150.00"), "residents_outpatient": Decimal("-150.00")}
    assert books("transfer_expenditure") == {"residents": Decimal("-150.00")}
    assert extract(city).posted == Decimal("0.00")
    assert Journal.objects.count() == 1
    insure(city, 2, date(2024, 7, 1))
    assert extract(city).posted == Decimal("0.00")  # not yet enrolled on the day
    later = extract(city, now=datetime(2025, 1, 3, 2, tzinfo=UTC))
    assert (later.insured, later.posted) == (5, Decimal("100.00"))
    assert Journal.objects.order_by("-id").first().origin_year == 2024
    assert not Entry.objects.values("fund").annotate(total=Sum("amount")).exclude(total=0).exists()


def test_nothing_is_extracted_before_the_year_nor_without_an_edition_that_says_so():
    city = factories.city_of("shaoguan")
    insure(city, 1)
    with pytest.raises(DomainError):
        extract(city, year=2025)
    with pytest.raises(RefusedError):
        extract(city, year=2022)
    with pytest.raises(RefusedError):
        extract(city, scheme="310")
    assert not Journal.objects.exists()


def test_method_without_heads_extracts_nothing():
    city = factories.city_of("chongqing")
    with pytest.raises(DomainError):
        extract(city, scheme="310")
    assert not Journal.objects.exists() and not Member.objects.exists()
