"""What else may differ of a settled visit where the funds pay as much: what is proposed, and what is not (A2)."""

from datetime import date
from decimal import Decimal

import pytest

from members.models import BenefitPeriod, Suspension
from settlement.models import Proposal, Visit
from settlement.services.replays.proposals import decide_proposal, propose_late_facts, propose_replay
from settlement.services.visits.reversals import reverse_visit
from tests.settlement import factories
from tests.settlement.visits import DAY, NOW, assert_clean, moved, settle


def late(city):
    return propose_late_facts(area_id=city.area.pk, year=2026, month=3, actor=city.clerk, now=NOW)


def decide(city, proposal):
    return decide_proposal(proposal.pk, confirm=True, actor=city.reviewer, now=NOW)


def suspend(city, person):
    return Suspension.objects.create(member=person, area=city.area, kind="suspended", starts_on=DAY, ends_on=DAY)


@pytest.mark.parametrize(
    ("reading", "counted", "then"), [("cost_per_encounter", "-50.00", "35.00"), ("fund_per_encounter", None, "35.00")]
)
def test_a2_cost_that_counts_for_later_visits_is_a_difference_where_the_edition_counts_it(db, reading, counted, then):
    """60.00 of an encounter's cost may be paid. 50.00 came when the year's cap was used up, on a day of suspension:
    nothing was paid or is, but the cost no longer counts, and a later visit of the encounter is paid."""
    city = factories.heyuan(yearly_cap="42.00", examples=False, visit_cap=reading)
    where = factories.institution(city)
    person = factories.member(city, selected=where)
    first = settle(city, where, person, total=Decimal("60.00"), care_on=date(2026, 2, 1), encounter="E0", key="S0")
    assert str(first.pooled) == "42.00"
    visit = settle(city, where, person, total=Decimal("50.00"))
    assert (str(visit.pooled), str(visit.counted), visit.refusal) == ("0.00", "50.00", "annual_cap")
    suspend(city, person)
    found = late(city)
    assert [str(p.counted) for p in found] == ([counted] if counted else [])
    for proposal in found:
        assert (str(proposal.settled), str(proposal.proposed), proposal.parts) == ("0.00", "0.00", {})
        before = moved()[1:3]
        decide(city, proposal)
        assert moved()[1:3] == before  # no journal, no entry
    assert late(city) == []
    reverse_visit(first.pk, key="R0", reason="错", actor=city.clerk, now=NOW)
    later = settle(city, where, person, total=Decimal("50.00"), key="S2", care_on=date(2026, 3, 2))
    assert str(later.pooled) == then
    assert_clean(city)


def test_a2_whose_quota_a_visit_used_is_no_difference(city):
    """Referred by the one then chosen; it turns out that who treated was chosen: the fund pays 60.00 either way."""
    first, where = factories.institution(city), factories.institution(city)
    person = factories.member(city, selected=first)
    factories.refer(person, first, where, DAY, DAY)
    visit = settle(city, where, person)
    assert (str(visit.pooled), visit.charged_institution, visit.payee) == ("60.00", first, where)
    person.selections.all().delete()
    factories.choose(city, person, where)
    before = moved()
    assert late(city) == []
    assert propose_replay(member_id=person.pk, year=2026, actor=city.clerk, now=NOW) == []
    assert moved() == before
    assert Visit.objects.get().charged_institution == first


def test_a2_what_the_account_and_cash_had_paid_stays_and_the_funds_part_is_the_members(city):
    """The account paid all of 100.00, the fund should have paid 60.00: that is owed to the member, once."""
    where = factories.institution(city)
    person = factories.member(city, selected=where, balance="200.00")
    BenefitPeriod.objects.filter(member=person).update(starts_on=date(2026, 3, 2))
    visit = settle(city, where, person)
    assert (str(visit.account), str(visit.cash)) == ("100.00", "0.00")
    BenefitPeriod.objects.filter(member=person).update(starts_on=date(2026, 1, 1))
    [proposal] = late(city)
    assert (proposal.parts, proposal.accounts) == ({"employees_pool": Decimal("60.00")}, 0)
    decide(city, proposal)
    assert late(city) == []
    assert_clean(city)


def test_a2_an_account_that_nobody_asked_to_pay_is_not_asked_later(city):
    """An agreement that is learnt late: the fund pays after all; 40.00 were paid in cash and stay so."""
    where = factories.institution(city)
    person = factories.member(city, selected=where, balance="200.00")
    where.agreements.update(starts_on=date(2026, 3, 2))
    visit = settle(city, where, person)
    assert (str(visit.pooled), str(visit.account), str(visit.cash)) == ("0.00", "0.00", "100.00")
    where.agreements.update(starts_on=date(2025, 1, 1))
    [proposal] = late(city)
    assert (str(proposal.proposed), proposal.accounts, proposal.accounts_again) == ("60.00", 0, 0)


def test_a2_search_finds_that_the_cause_of_a_confirmed_recovery_was_wrong(city):
    """The facts are again those of the receipt, but what stands is what was confirmed since."""
    where = factories.institution(city)
    person = factories.member(city, selected=where)
    visit = settle(city, where, person)
    row = suspend(city, person)
    [proposal] = late(city)
    decide(city, proposal)
    row.delete()
    [again] = late(city)
    assert (again.visit, str(again.settled), str(again.proposed), again.cause) == (visit, "0.00", "60.00", "late_fact")
    decide(city, again)
    assert (late(city), Proposal.objects.filter(status="confirmed").count()) == ([], 2)
    assert_clean(city)
