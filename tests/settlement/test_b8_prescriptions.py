"""A prescription is filled long after the visit that wrote it, or the fund refuses it and the account pays (B8)."""

from datetime import UTC, date, datetime
from decimal import Decimal

import pytest

from settlement.models import Visit
from settlement.queries.explain import explain
from settlement.services.replays.proposals import propose_replay
from settlement.services.visits.requests import VisitRequest
from settlement.services.visits.reversals import reverse_visit
from settlement.services.visits.settling import quote_visit, settle_visit, settle_visits
from tests.settlement import factories

NOW = datetime(2027, 3, 2, 2, tzinfo=UTC)
WRITTEN = date(2026, 10, 12)


def asked(person, where, key, on, total="100.00", **more):
    facts = {"institution_id": where.pk, "key": key, "member_id": person.pk, "encounter": "E1", "care_on": on}
    return VisitRequest(**(facts | {"total": Decimal(total)} | more))


def filled(person, shop, by, on, total="60.00", key="P1", **more):
    return asked(person, shop, key, on, total, channel="prescription", prescriber_id=by.pk, **more)


def paid(visit):
    return visit.refusal, str(visit.pooled), str(visit.account), str(visit.cash)


@pytest.fixture
def where(city):
    return factories.institution(city)


@pytest.fixture
def shop(city):
    return factories.institution(city, kind="pharmacy", level=None)


@pytest.fixture
def people(city, where):
    """Two members with 50.00 each who have chosen the institution for both years."""
    found = [factories.member(city, selected=where, balance="50.00") for _ in range(2)]
    for person in found:
        factories.choose(city, person, where, year=2027)
    return found


@pytest.mark.parametrize("on", [date(2027, 1, 2), date(2027, 2, 28)])
def test_b8_prescription_of_last_year_finds_its_visit_and_shares_its_cap(city, where, shop, people, on):
    """35.00 of the visit's 60.00 are used: of 42.00 the fund pays 25.00, at the desk, in one file, and replayed."""
    desk, batch = people
    first = settle_visit(asked(desk, where, "S1", WRITTEN, "50.00"), actor=city.clerk, now=NOW)
    assert paid(first) == ("", "35.00", "15.00", "0.00")
    visit = settle_visit(filled(desk, shop, where, on), actor=city.clerk, now=NOW)
    assert paid(visit) == ("", "25.00", "35.00", "0.00")
    requests = [asked(batch, where, "S2", WRITTEN, "50.00"), filled(batch, shop, where, on, key="P2")]
    settle_visits(requests, actor=city.clerk, now=NOW)
    together = Visit.objects.get(member=batch, key="P2")
    assert (paid(together), together.place) == (paid(visit), visit.place)
    assert propose_replay(member_id=desk.pk, year=2027, actor=city.clerk, now=NOW) == []


def test_b8_prescription_that_no_visit_wrote_is_refused_and_the_account_pays(city, where, shop, people):
    person = people[0]
    request = filled(person, shop, where, date(2027, 1, 2), encounter="E9")
    assert quote_visit(request, now=NOW).row["refusal"] == "prescription_unknown"
    visit = settle_visit(request, actor=city.clerk, now=NOW)
    assert paid(visit) == ("prescription_unknown", "0.00", "50.00", "10.00")
    assert (visit.charge, visit.charged_institution) == ("", None)
    again = settle_visit(
        filled(person, shop, where, date(2027, 1, 3), encounter="E9", key="P9"), actor=city.clerk, now=NOW
    )
    assert again.refusal == "prescription_unknown"  # what was filled wrote nothing
    assert [line.text for line in explain(visit)][-1]


def test_b8_visit_on_a_later_day_wrote_nothing(city, where, shop, people):
    settle_visit(asked(people[0], where, "S1", date(2027, 1, 5), "50.00"), actor=city.clerk, now=NOW)
    visit = settle_visit(filled(people[0], shop, where, date(2027, 1, 4)), actor=city.clerk, now=NOW)
    assert visit.refusal == "prescription_unknown"
    year = visit.care_on.year
    assert propose_replay(member_id=visit.member_id, year=year, actor=city.clerk, now=NOW) == []


def test_b8_selection_learnt_after_its_visit_was_taken_back_counts_for_the_prescription(city, where, shop):
    """The fund pays 70 % of 60.00, once the clinic that wrote it is known to be the chosen one."""
    person = factories.member(city, balance="0.00")
    first = settle_visit(asked(person, where, "S1", WRITTEN), actor=city.clerk, now=NOW)
    visit = settle_visit(filled(person, shop, where, date(2026, 10, 13)), actor=city.clerk, now=NOW)
    assert (first.refusal, visit.refusal) == ("not_selected", "not_selected")
    reverse_visit(first.pk, key="T1", reason="重复", actor=city.clerk, now=NOW)
    factories.choose(city, person, where)
    [proposal] = propose_replay(member_id=person.pk, year=2026, actor=city.clerk, now=NOW)
    assert (proposal.visit_id, str(proposal.settled), str(proposal.proposed)) == (visit.pk, "0.00", "42.00")


def test_b8_visit_settled_in_another_area_writes_nothing_here(city, where, shop, people):
    from bureau.models import Area, Staff
    from members.models import Enrolment

    person = people[0]
    elsewhere = Area.objects.create(code="440899", name="湛江市")
    there = Staff.objects.create(username="there", area=elsewhere)
    Enrolment.objects.filter(member=person).update(area=elsewhere, ends_on=date(2026, 12, 31))
    Enrolment.objects.create(
        member=person, area=city.area, scheme="310", person_class="active", starts_on=date(2027, 1, 1)
    )
    settle_visit(asked(person, where, "S1", WRITTEN, pay_from="none"), actor=there, now=NOW)
    visit = settle_visit(filled(person, shop, where, date(2027, 1, 2)), actor=city.clerk, now=NOW)
    assert paid(visit) == ("prescription_unknown", "0.00", "50.00", "10.00")


@pytest.mark.parametrize(
    ("on", "expected"),
    [
        (date(2024, 7, 29), ("", "180.00", "120.00", "0.00")),  # twelve weeks to the day
        (date(2024, 7, 30), ("prescription_outdated", "0.00", "300.00", "0.00")),
    ],
)
def test_b8_an_edition_bounds_how_long_a_prescription_may_be_filled(db, on, expected):
    """Chongqing: 处方量最长不超过 12 周 (问22); 300 at 60 % after a deductible of 200 that is used up."""
    city = factories.city_of("chongqing")
    for year in (2024,):
        for code in ("consultation_fee_paid", "general_fee_paid"):
            factories.figure(city.area, code, year, "0.00", city.clerk, city.reviewer)
    hospital = factories.institution(city, kind="hospital", level=2, since=date(2024, 1, 1))
    shop = factories.institution(city, kind="pharmacy", level=None, since=date(2024, 1, 1))
    person = factories.member(city, balance="300.00", starts_on=date(2024, 1, 1))
    person.enrolments.update(plan="unit")
    now = datetime(2024, 11, 1, 2, tzinfo=UTC)
    request = asked(person, hospital, "S1", date(2024, 5, 6), "200.00", pay_from="none")
    settle_visit(request, actor=city.clerk, now=now)
    visit = settle_visit(filled(person, shop, hospital, on, "300.00"), actor=city.clerk, now=now)
    assert paid(visit) == expected
