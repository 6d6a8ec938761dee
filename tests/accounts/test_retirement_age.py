"""Heyuan 7: who reached the retirement age before 2023-06-01 gets the fixed amount also when paying by month."""

from datetime import date

import pytest

from members.models import Member
from tests.accounts.factories import benefits, enrol, member, premium
from tests.accounts.test_credits import FEBRUARY, JANUARY, credited, run

BEFORE, AFTER = date(2023, 5, 31), date(2023, 6, 1)
FIXED, SHARE = [(1, "normal", "102.79")], [(1, "normal", "80.00")]


def paying(birth: date | None, sex: str = "0", reached: date | None = None) -> Member:
    """Of retirement age, paying by month on a base of 4,000 yuan."""
    person = member(birth=birth)
    Member.objects.filter(pk=person.pk).update(birth=birth, sex=sex, reached_age_on=reached)
    enrol(person, "retired_paying_monthly", JANUARY)
    benefits(person, JANUARY)
    premium(person, JANUARY, "4000.00")
    return person


@pytest.mark.parametrize(
    ("birth", "sex", "reached", "expected"),
    [
        # What is recorded counts, whatever the birth says.
        (date(1970, 1, 1), "2", BEFORE, FIXED),
        (date(1970, 1, 1), "2", AFTER, SHARE),
        (None, "0", BEFORE, FIXED),
        # Men at 60.
        (date(1963, 5, 31), "1", None, FIXED),
        (date(1963, 6, 1), "1", None, SHARE),
        # Women at 50 or 55: certain from 55 on, and below 50.
        (date(1968, 5, 31), "2", None, FIXED),
        (date(1973, 6, 1), "2", None, SHARE),
        # Sex unknown: between 50 and 60.
        (date(1963, 5, 31), "0", None, FIXED),
        (date(1973, 6, 1), "9", None, SHARE),
    ],
)
def test_b6_the_day_of_the_retirement_age_decides(city, birth, sex, reached, expected):
    person = paying(birth, sex, reached)
    run(city, JANUARY)
    assert credited(person) == expected


@pytest.mark.parametrize(
    ("birth", "sex"),
    [(date(1968, 6, 1), "2"), (date(1973, 5, 31), "2"), (date(1963, 6, 1), "0"), (None, "1")],
)
def test_b6_what_nobody_knows_is_reported_and_credited_once_it_is_recorded(city, birth, sex):
    person = paying(birth, sex)
    job = run(city, JANUARY)
    assert credited(person) == []
    assert [chunk.result["none: fact_missing"] for chunk in job.chunks.all()] == [1]
    Member.objects.filter(pk=person.pk).update(reached_age_on=BEFORE)
    run(city, FEBRUARY)
    assert credited(person)[:1] == FIXED
