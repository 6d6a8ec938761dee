"""What accounts pay of a visit, its reversal, its fixity, and proposals after late facts."""

from datetime import date
from decimal import Decimal

import pytest
from django.db import IntegrityError, connection, transaction

from accounts.models import Account, Entry, FamilyGrant, Journal
from bureau.errors import DomainError
from members.models import Relative, Suspension
from settlement.models import Proposal, Visit
from settlement.queries.explain import explain
from settlement.services.replays.proposals import decide_proposal, propose_late_facts, propose_replay
from settlement.services.visits.reversals import reverse_visit
from settlement.services.visits.settling import settle_visits
from tests.settlement import factories
from tests.settlement.visits import DAY, NOW, assert_clean, moved, request, settle


@pytest.fixture
def where(city):
    return factories.institution(city, "源城社区")


@pytest.fixture
def person(city, where):
    return factories.member(city, selected=where, balance="25.00")


def grant(city, holder, beneficiary, relation="spouse", **days):
    relative = Relative.objects.create(
        member=holder, relative=beneficiary, relation=relation, starts_on=date(2026, 1, 1)
    )
    return FamilyGrant.objects.create(
        account=Account.objects.get(member=holder),
        relative=relative,
        beneficiary=beneficiary,
        granted_by=city.clerk,
        **({"starts_on": date(2026, 1, 1)} | days),
    )


def test_family_accounts_pay_after_the_own_one_in_the_order_of_their_grants(city, where, person):
    wife, brother = (factories.member(city, balance="10.00") for _ in range(2))
    grant(city, wife, person)
    grant(city, brother, person, "sibling")
    visit = settle(city, where, person, pay_from="family")
    assert [(p.relation, str(p.amount)) for p in visit.payments.all()] == [
        ("self", "25.00"),
        ("spouse", "10.00"),
        ("sibling", "5.00"),
    ]
    assert (visit.account, visit.family, visit.cash) == (Decimal("25.00"), Decimal("15.00"), 0)


def test_family_account_outside_its_grant_or_list_does_not_pay(city, where, person):
    late, uncle = (factories.member(city, balance="10.00") for _ in range(2))
    grant(city, late, person, starts_on=date(2026, 3, 2))
    grant(city, uncle, person, "other")
    visit = settle(city, where, person, pay_from="family")
    assert (visit.family, visit.cash) == (0, Decimal("15.00"))


def test_frozen_account_does_not_pay(city, where, person):
    Account.objects.filter(member=person).update(status="frozen")
    assert settle(city, where, person).account == 0


def test_reversal_gives_back_exactly_what_was_taken(city, where, person):
    wife = factories.member(city, balance="10.00")
    grant(city, wife, person)
    visit = settle(city, where, person, pay_from="family")
    reversal = reverse_visit(visit.pk, key="B1", reason="收费错误", actor=city.clerk, now=NOW)
    assert (reversal.pooled, reversal.account, reversal.family, reversal.total) == (
        Decimal("-60.00"),
        Decimal("-25.00"),
        Decimal("-10.00"),
        Decimal("-100.00"),
    )
    assert [str(a.balance) for a in Account.objects.order_by("id")] == ["25.00", "10.00"]
    assert sum(e.amount for e in Entry.objects.filter(subject="payable_quota")) == 0
    again = settle(city, where, person, key="S2", encounter="E1")
    assert again.pooled == Decimal("60.00")
    assert explain(reversal) == explain(visit)


@pytest.mark.parametrize("reason", ["", "  "])
def test_reversal_without_a_reason_is_refused(city, where, person, reason):
    visit = settle(city, where, person)
    before = moved()
    with pytest.raises(DomainError):
        reverse_visit(visit.pk, key="B1", reason=reason, actor=city.clerk, now=NOW)
    assert moved() == before


def test_second_reversal_is_refused_and_a_repeated_one_answered(city, where, person):
    visit = settle(city, where, person)
    reversal = reverse_visit(visit.pk, key="B1", reason="错", actor=city.clerk, now=NOW)
    before = moved()
    assert reverse_visit(visit.pk, key="B1", reason="错", actor=city.clerk, now=NOW) == reversal
    for number, key in ((visit.pk, "B2"), (reversal.pk, "B3"), (visit.pk, "S1")):
        with pytest.raises(DomainError):
            reverse_visit(number, key=key, reason="错", actor=city.clerk, now=NOW)
    for day in (date(2026, 3, 1), date(2026, 3, 3)):
        with pytest.raises(DomainError):
            reverse_visit(visit.pk, key="B4", reason="错", actor=city.clerk, now=NOW, settled_on=day)
    assert moved() == before


def test_batch_answers_each_request_by_a_visit_or_an_error(city, where, person):
    good, bad = request(where, person), request(where, person, key="S2", total=Decimal("-1.00"))
    twice, reused = request(where, person), request(where, person, total=Decimal("7.00"))
    unknown = request(where, person, key="S3", member_id=0)
    answers = settle_visits([good, bad, twice, reused, unknown], actor=city.clerk, now=NOW)
    assert [a.visit_id is not None for a in answers] == [True, False, True, False, False]
    assert (answers[2].visit_id, answers[2].repeated) == (answers[0].visit_id, True)
    assert Visit.objects.count() == 1


@pytest.mark.parametrize(
    "attack",
    [
        "UPDATE settlement_visit SET pooled = 0, cash = total",
        "DELETE FROM settlement_visit",
        "UPDATE settlement_visitpayment SET amount = 1",
    ],
)
def test_settled_visit_cannot_be_changed_by_raw_sql(city, where, person, attack):
    settle(city, where, person)
    with pytest.raises(IntegrityError), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(attack)
    assert Visit.objects.get().pooled == Decimal("60.00")


def test_late_arrears_become_a_proposal_that_another_person_confirms(city, where, person):
    visit = settle(city, where, person)
    Suspension.objects.create(member=person, area=city.area, kind="suspended", starts_on=DAY, ends_on=DAY)
    [proposal] = propose_late_facts(area_id=city.area.pk, year=2026, actor=city.clerk, now=NOW)
    assert (proposal.visit, proposal.settled, proposal.proposed) == (visit, Decimal("60.00"), Decimal("0.00"))
    assert propose_late_facts(area_id=city.area.pk, year=2026, actor=city.clerk, now=NOW) == []
    before = moved()
    with pytest.raises(DomainError):
        decide_proposal(proposal.pk, confirm=True, actor=city.clerk, now=NOW)
    assert moved() == before
    decide_proposal(proposal.pk, confirm=True, actor=city.reviewer, now=NOW)
    decide_proposal(proposal.pk, confirm=True, actor=city.reviewer, now=NOW)
    recovery = Entry.objects.get(subject="recoveries")
    assert (recovery.holder, recovery.amount) == (f"member:{person.pk}", Decimal("-60.00"))
    assert_clean(city)


def test_confirmed_proposal_counts_and_is_given_back_with_its_visit(city, where, person):
    visits = [settle(city, where, person, key=f"S{n}", encounter=f"E{n}") for n in range(30)]
    assert [str(v.pooled) for v in visits[27:]] == ["60.00", "20.00", "0.00"]
    reverse_visit(visits[0].pk, key="B1", reason="错", actor=city.clerk, now=NOW)
    proposals = propose_replay(member_id=person.pk, year=2026, actor=city.clerk, now=NOW)
    assert [(p.visit, str(p.settled), str(p.proposed)) for p in proposals] == [
        (visits[28], "20.00", "60.00"),
        (visits[29], "0.00", "20.00"),
    ]
    for proposal in proposals:
        decide_proposal(proposal.pk, confirm=True, actor=city.reviewer, now=NOW)
    assert settle(city, where, person, key="T1", encounter="T1").pooled == 0
    assert_clean(city)
    reverse_visit(visits[28].pk, key="B2", reason="错", actor=city.clerk, now=NOW)
    assert settle(city, where, person, key="T2", encounter="T2").pooled == Decimal("60.00")
    assert_clean(city)


def test_dropped_proposal_needs_a_reason_and_moves_no_money(city, where, person):
    settle(city, where, person)
    Suspension.objects.create(member=person, area=city.area, kind="suspended", starts_on=DAY, ends_on=DAY)
    [proposal] = propose_late_facts(area_id=city.area.pk, year=2026, actor=city.clerk, now=NOW)
    with pytest.raises(DomainError):
        decide_proposal(proposal.pk, confirm=False, actor=city.reviewer, now=NOW)
    journals = Journal.objects.count()
    decide_proposal(proposal.pk, confirm=False, note="已核实", actor=city.reviewer, now=NOW)
    assert Journal.objects.count() == journals
    assert Proposal.objects.get().status == "dropped"
    assert propose_late_facts(area_id=city.area.pk, year=2026, actor=city.clerk, now=NOW) == []
