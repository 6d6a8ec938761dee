"""Every worked visit case of every city, through rows, services, ledger and replay."""

from decimal import Decimal

import pytest

from settlement.models import Proposal
from tests.settlement import factories
from tests.settlement.cases import BESIDE, CITIES, cases
from tests.settlement.story import Story, books_are_clean, paid_in, replayed, told

CASES = [pytest.param(city, case, id=case["id"]) for city in CITIES for case in cases(city, "visits")]
KNOWN = {"chongqing": 23, "heyuan": 22, "kaifeng": 29, "shaoguan": 14, "zhanjiang": 19}


@pytest.mark.parametrize(("key", "case"), CASES)
def test_visit_case_through_the_database(db, key, case):
    city = factories.city_of(key, **case.get("switches", {}))
    story, expected = Story(city, case), case["expected"]

    assert told(story, expected["lines"]) == expected["lines"]

    if "annual_paid" in expected:
        assert paid_in(story.years[-1]) == Decimal(expected["annual_paid"])
    books_are_clean(city)
    if "replay" in expected:
        assert replayed(story) == expected["replay"]
    else:
        replayed(story)
        assert not Proposal.objects.exists()


@pytest.mark.parametrize("key", CITIES)
def test_the_cases_are_there(key):
    assert len(cases(key, "visits")) >= (KNOWN[key] if BESIDE else 1)
