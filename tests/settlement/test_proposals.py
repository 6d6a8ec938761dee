"""Proposals hold for the state they were computed from: what is known now, one a visit, a drop respected (A1, A2)."""

from datetime import UTC, date, datetime
from decimal import Decimal

import pytest
from django.db import IntegrityError, connection, transaction

from accounts.models import Account, Entry, FamilyGrant, Journal
from bureau.models import AuditEntry
from members.models import BenefitPeriod, Relative, Suspension
from settlement.models import AccountRecovery, Proposal, Visit
from settlement.services.replays.late_facts import search_every_area, search_late_facts
from settlement.services.replays.proposals import Outdated, decide_proposal, propose_late_facts, propose_replay
from settlement.services.visits.reversals import reverse_visit
from settlement.services.visits.settling import settle_visit
from tests.settlement import factories
from tests.settlement.visits import DAY, NOW, assert_clean, moved, request, settle

OUTDATED = "该待遇重算差额已失效：就诊或其所依据的事实此后已有变化。请重新查找差额。"


@pytest.fixture
def where(city):
    return factories.institution(city, "源城社区")


@pytest.fixture
def person(city, where):
    return factories.member(city, selected=where)


def late(city, year=2026, **which):
    return propose_late_facts(area_id=city.area.pk, year=year, actor=city.clerk, now=NOW, **which)


def replay(city, person, year=2026):
    return propose_replay(member_id=person.pk, year=year, actor=city.clerk, now=NOW)


def decide(city, proposal, confirm=True):
    note = "" if confirm else "已核实"
    return decide_proposal(proposal.pk, confirm=confirm, note=note, actor=city.reviewer, now=NOW)


def suspended(city, person, day=DAY, kind="suspended"):
    return Suspension.objects.create(member=person, area=city.area, kind=kind, starts_on=day, ends_on=day)


def dies(person, on):
    person.enrolments.update(ends_on=on)
    BenefitPeriod.objects.filter(member=person).update(ends_on=on)
    type(person).objects.filter(pk=person.pk).update(died_on=on)


def fund(city):
    """What the fund has spent in the books."""
    return -sum(entry.amount for entry in Entry.objects.filter(subject="benefit_expenditure"))


def told(proposals):
    return [(p.visit_id, str(p.settled), str(p.proposed)) for p in proposals]


def refused_as_outdated(city, proposal, message=OUTDATED):
    before = moved(), Proposal.objects.get(pk=proposal.pk).status, fund(city)
    with pytest.raises(Outdated) as refused:
        decide(city, proposal)
    assert str(refused.value) == message
    assert (moved(), Proposal.objects.get(pk=proposal.pk).status, fund(city)) == before


# What it was computed from


def test_a1_proposal_of_a_visit_reversed_since_is_closed_and_not_confirmed(city, where, person):
    visit = settle(city, where, person)
    suspended(city, person)
    [proposal] = late(city)
    reverse_visit(visit.pk, key="R", reason="错", actor=city.clerk, now=NOW)
    assert Proposal.objects.get().status == "outdated"
    assert AuditEntry.objects.filter(action="proposal.outdate").count() == 1
    refused_as_outdated(city, proposal)
    assert fund(city) == 0
    assert not Entry.objects.filter(subject="recoveries").exists()
    assert_clean(city)


def test_a1_one_open_proposal_a_visit_the_later_search_closes_the_earlier(city, where, person):
    """Replayed after a reversal, then found suspended on the day: 0.00 stands in the end, not 30.00."""
    for number in range(28):
        settle(city, where, person, key=f"S{number}", encounter=f"E{number}")
    visit = settle(city, where, person, key="T", encounter="T")
    assert str(visit.pooled) == "20.00"
    reverse_visit(Visit.objects.get(key="S0").pk, key="R", reason="错", actor=city.clerk, now=NOW)
    [first] = replay(city, person)
    assert told([first]) == [(visit.pk, "20.00", "60.00")]
    suspended(city, person)
    others = late(city)
    second = Proposal.objects.get(visit=visit, status="open")
    assert second in others
    assert told([second]) == [(visit.pk, "20.00", "0.00")]
    refused_as_outdated(city, first)
    for proposal in others:
        decide(city, proposal)
    assert sum(e.amount for e in Entry.objects.filter(journal__source=f"proposal:{second.pk}", amount__gt=0)) == 20
    assert fund(city) == 0
    assert_clean(city)


def test_a1_database_keeps_one_open_proposal_a_visit(city, where, person):
    settle(city, where, person)
    suspended(city, person)
    [proposal] = late(city)
    proposal.pk, proposal.proposed = None, Decimal("30.00")
    with pytest.raises(IntegrityError, match="proposal_one_open"), transaction.atomic():
        proposal.save(force_insert=True)


@pytest.mark.parametrize("kind", ["confirmed", "dropped"])
def test_a1_database_has_no_proposal_decided_by_nobody(city, where, person, kind):
    settle(city, where, person)
    suspended(city, person)
    late(city)
    with pytest.raises(IntegrityError, match="proposal_decided_by_somebody"), transaction.atomic():
        Proposal.objects.update(status=kind)


def test_a1_what_was_corrected_since_makes_a_proposal_outdated_and_the_search_closes_it(city, where, person):
    settle(city, where, person)
    row = suspended(city, person)
    [proposal] = late(city)
    row.delete()
    refused_as_outdated(city, proposal)
    assert late(city) == []
    assert Proposal.objects.get().status == "outdated"
    row.save(force_insert=True)
    [again] = late(city)
    decide(city, again)
    assert fund(city) == 0


def test_a1_confirmed_twice_or_after_another_took_its_difference_nothing_more_moves(city, where, person):
    settle(city, where, person)
    suspended(city, person)
    [proposal] = late(city)
    decide(city, proposal)
    before = moved()
    assert decide(city, proposal).status == "confirmed"
    assert (late(city), replay(city, person)) == ([], [])
    assert moved() == before


# By what is known now


@pytest.mark.parametrize("kind", ["suspended", "death"])
def test_a1_replay_does_not_pay_back_what_was_rightly_recovered(city, where, person, kind):
    visit = settle(city, where, person)
    if kind == "death":
        dies(person, date(2026, 2, 1))
    else:
        suspended(city, person, kind=kind)
    [proposal] = late(city)
    assert (proposal.visit, str(proposal.proposed), proposal.cause) == (visit, "0.00", "late_fact")
    decide(city, proposal)
    assert fund(city) == 0
    assert replay(city, person) == []
    assert_clean(city)


def test_a1_replay_knows_what_is_known_now(city, where, person):
    """A suspension learnt late is found by a replay too, and what follows in the chain with it."""
    visits = [settle(city, where, person, key=f"S{n}", encounter=f"E{n}") for n in range(29)]
    other = settle(city, where, person, key="T", encounter="T", care_on=date(2026, 2, 27))
    assert [str(v.pooled) for v in (visits[27], visits[28], other)] == ["60.00", "20.00", "0.00"]
    suspended(city, person, date(2026, 2, 27))
    reverse_visit(visits[0].pk, key="R", reason="错", actor=city.clerk, now=NOW)
    [proposal] = replay(city, person)
    assert told([proposal]) == [(visits[28].pk, "20.00", "60.00")]


# A drop is respected


def test_a1_dropped_difference_is_not_in_the_chain_and_not_proposed_again(city, where, person):
    visits = [settle(city, where, person, key=f"S{n}", encounter=f"E{n}") for n in range(30)]
    assert [str(v.pooled) for v in visits[27:]] == ["60.00", "20.00", "0.00"]
    reverse_visit(visits[0].pk, key="R", reason="错", actor=city.clerk, now=NOW)
    first, second = replay(city, person)
    assert told([first, second]) == [(visits[28].pk, "20.00", "60.00"), (visits[29].pk, "0.00", "20.00")]
    decide(city, first, confirm=False)
    refused_as_outdated(city, second)
    [third] = replay(city, person)
    assert told([third]) == [(visits[29].pk, "0.00", "60.00")]
    assert Proposal.objects.get(pk=second.pk).status == "outdated"
    decide(city, third)
    assert fund(city) == Decimal("1700.00")
    assert replay(city, person) == []
    assert_clean(city)


def test_a1_at_the_cap_of_zhanjiang_a_drop_takes_nothing_from_the_last_visits(db):
    """A visit before the cap would be paid after all, and the last ones less. Dropped, those keep what they have."""
    city, _where, person, visits = zhanjiang_at_the_cap()
    first, fourth, fifth = late(city, 2025)
    assert told([first, fourth, fifth]) == [
        (visits[0].pk, "0.00", "96.06"),
        (visits[3].pk, "96.06", "11.82"),
        (visits[4].pk, "11.82", "0.00"),
    ]
    decide(city, first, confirm=False)
    for proposal in (fourth, fifth):
        refused_as_outdated(city, proposal)
    assert (late(city, 2025), replay(city, person, 2025)) == ([], [])
    assert sorted(Proposal.objects.values_list("status", flat=True)) == ["dropped", "outdated", "outdated"]
    assert fund(city) == Decimal("300.00")
    assert_clean(city)


def test_a1_earlier_proposals_are_decided_first_and_the_cap_is_never_passed(db):
    city, where, person, _visits = zhanjiang_at_the_cap()
    first, fourth, fifth = late(city, 2025)
    refused_as_outdated(
        city,
        fifth,
        f"它以该参保人较早一次就诊的待定差额为前提：请先处理第 {first.pk} 号差额。",
    )
    for proposal in (first, fourth, fifth):
        decide(city, proposal)
    assert fund(city) == Decimal("300.00")
    assert (late(city, 2025), replay(city, person, 2025)) == ([], [])
    again = settle(city, where, person, key="T", encounter="T", care_on=date(2025, 2, 20))
    assert (str(again.pooled), again.refusal) == ("0.00", "annual_cap")
    assert_clean(city)


def test_a1_dropped_difference_comes_again_once_something_else_is_known(db):
    city, _where, person, visits = zhanjiang_at_the_cap()
    [first, *_] = late(city, 2025)
    decide(city, first, confirm=False)
    assert late(city, 2025) == []
    type(person).objects.filter(pk=person.pk).update(birth=date(1981, 1, 1))
    again = late(city, 2025)
    assert told(again)[0] == (visits[0].pk, "0.00", "96.06")
    assert first not in again


def zhanjiang_at_the_cap():
    """Paid 96.06 three times and 11.82 up to the cap of 300.00; the first visit came before its benefit period did."""
    city = factories.city_of("zhanjiang")
    factories.publish_cap(city, "300.00")
    where, person = factories.institution(city), factories.member(city)
    BenefitPeriod.objects.filter(member=person).update(starts_on=date(2025, 2, 2))
    visits = [
        settle(city, where, person, key=f"S{n}", encounter=f"E{n}", care_on=date(2025, 2, n), total=Decimal("160.10"))
        for n in range(1, 7)
    ]
    assert [str(v.pooled) for v in visits] == ["0.00", "96.06", "96.06", "96.06", "11.82", "0.00"]
    BenefitPeriod.objects.filter(member=person).update(starts_on=date(2025, 1, 1))
    return city, where, person, visits


# Upwards, and what accounts have paid


@pytest.mark.parametrize("missing", ["selection", "referral", "benefit period", "enrolment"])
def test_a2_visit_refused_before_its_roster_came_is_proposed_for_payment(city, where, missing):
    person = factories.member(city, selected=None if missing == "selection" else where)
    place = factories.institution(city, kind="hospital", level=2) if missing == "referral" else where
    if missing == "benefit period":
        BenefitPeriod.objects.filter(member=person).update(starts_on=date(2026, 3, 2))
    if missing == "enrolment":
        person.enrolments.update(starts_on=date(2026, 3, 2))
    visit = settle(city, place, person)
    assert (str(visit.pooled), str(visit.cash)) == ("0.00", "100.00")
    assert late(city) == []
    if missing == "selection":
        factories.choose(city, person, where)
    elif missing == "referral":
        factories.refer(person, where, place, DAY, DAY)
    else:
        BenefitPeriod.objects.filter(member=person).update(starts_on=date(2026, 1, 1))
        person.enrolments.update(starts_on=date(2026, 1, 1))
    [proposal] = late(city, month=3)
    assert late(city, month=3) == []
    assert (proposal.visit, str(proposal.settled), str(proposal.proposed)) == (visit, "0.00", "60.00")
    assert (proposal.cause, proposal.pool, proposal.accounts) == ("late_fact", "employees_pool", 0)
    decide(city, proposal)
    assert sorted(
        (e.fund, e.subject, e.holder, str(e.amount))
        for e in Entry.objects.filter(journal__source=f"proposal:{proposal.pk}")
    ) == [
        ("employees_pool", "benefit_expenditure", "", "-60.00"),
        ("employees_pool", "payable_payout", f"member:{person.pk}", "60.00"),
    ]
    assert (late(city), replay(city, person)) == ([], [])
    # It counts from now on: what is left of the year is less.
    for number in range(40):
        settle(city, where, person, key=f"T{number}", encounter=f"T{number}", care_on=date(2026, 3, 2))
    assert fund(city) == Decimal("1700.00")
    assert_clean(city)


def test_a2_search_of_one_month_leaves_the_others_alone(city, where):
    person = factories.member(city)
    for month in (1, 2, 3):
        settle(city, where, person, key=f"S{month}", encounter=f"E{month}", care_on=date(2026, month, 1))
    factories.choose(city, person, where)
    other = factories.member(city, selected=where)
    settle(city, where, other, key="T", encounter="T", care_on=date(2026, 1, 5))
    BenefitPeriod.objects.filter(member=other).update(ends_on=date(2026, 1, 4))
    assert {p.visit.member_id for p in late(city, month=3)} == {person.pk}
    assert Proposal.objects.count() == 3  # all that hangs together: one month's share changes what the next may use
    [proposal] = late(city)
    assert (proposal.visit.member_id, proposal.reason) == (other.pk, "no_benefit_period")


def test_a2_account_money_after_a_death_is_proposed_apart_from_the_fund(city, where):
    person = factories.member(city, selected=where, balance="25.00")
    visit = settle(city, where, person)
    assert (str(visit.pooled), str(visit.account), str(visit.cash)) == ("60.00", "25.00", "15.00")
    dies(person, date(2026, 2, 10))
    [proposal] = late(city)
    assert (str(proposal.settled), str(proposal.proposed), str(proposal.accounts)) == ("60.00", "0.00", "-25.00")
    account = Account.objects.get(member=person)
    assert [(r.account, str(r.amount)) for r in AccountRecovery.objects.all()] == [(account, "25.00")]
    decide(city, proposal)
    assert sorted(
        (e.fund, e.subject, e.holder, e.account_id, str(e.amount))
        for e in Entry.objects.filter(journal__source=f"proposal:{proposal.pk}")
    ) == [
        ("employees_pool", "benefit_expenditure", "", None, "60.00"),
        ("employees_pool", "recoveries", f"member:{person.pk}", None, "-60.00"),
        ("personal_accounts", "member_accounts", "", account.pk, "25.00"),
        ("personal_accounts", "recoveries", f"member:{person.pk}", None, "-25.00"),
    ]
    account.refresh_from_db()
    assert str(account.balance) == "25.00"
    assert (late(city), replay(city, person)) == ([], [])
    assert_clean(city)
    reverse_visit(visit.pk, key="R", reason="错", actor=city.clerk, now=NOW)
    account.refresh_from_db()
    assert str(account.balance) == "25.00"
    assert sum(e.amount for e in Entry.objects.filter(subject="recoveries")) == 0
    assert fund(city) == 0
    assert_clean(city)


def test_a2_account_money_of_a_visit_that_the_fund_refused_is_proposed_after_a_death(city, where):
    person = factories.member(city, balance="25.00")
    visit = settle(city, where, person)
    assert (visit.refusal, str(visit.account)) == ("not_selected", "25.00")
    dies(person, date(2026, 2, 10))
    [proposal] = late(city)
    assert (str(proposal.settled), str(proposal.proposed), str(proposal.accounts)) == ("0.00", "0.00", "-25.00")
    decide(city, proposal)
    assert str(Account.objects.get(member=person).balance) == "25.00"
    assert late(city) == []
    assert_clean(city)


@pytest.mark.parametrize("learnt", ["the holder died", "the patient died", "no relative", "grant ended"])
def test_a2_a_relatives_account_gets_back_what_it_should_not_have_paid(city, where, learnt):
    person, wife = factories.member(city, selected=where), factories.member(city, balance="30.00")
    relative = Relative.objects.create(member=wife, relative=person, relation="spouse", starts_on=date(2026, 1, 1))
    grant = FamilyGrant.objects.create(
        account=Account.objects.get(member=wife),
        relative=relative,
        beneficiary=person,
        granted_by=city.clerk,
        starts_on=date(2026, 1, 1),
    )
    visit = settle(city, where, person, pay_from="family")
    assert (str(visit.pooled), str(visit.family), str(visit.cash)) == ("60.00", "30.00", "10.00")
    assert late(city) == []
    if learnt == "the holder died":
        dies(wife, date(2026, 2, 10))
    elif learnt == "the patient died":
        dies(person, date(2026, 2, 10))
    else:
        changed = relative if learnt == "no relative" else grant
        type(changed).objects.filter(pk=changed.pk).update(ends_on=date(2026, 2, 10))
    [proposal] = late(city)
    stays = "0.00" if learnt == "the patient died" else "60.00"
    assert (str(proposal.settled), str(proposal.proposed), str(proposal.accounts)) == ("60.00", stays, "-30.00")
    decide(city, proposal)
    assert str(Account.objects.get(member=wife).balance) == "30.00"
    owed = Entry.objects.get(fund="personal_accounts", subject="recoveries")
    assert (owed.holder, str(owed.amount)) == (f"member:{person.pk}", "-30.00")
    assert_clean(city)


def test_a2_account_that_is_closed_takes_its_money_back_frozen_for_the_next_payout(city, where):
    person = factories.member(city, selected=where, balance="25.00")
    settle(city, where, person)
    dies(person, date(2026, 2, 10))
    [proposal] = late(city)
    Account.objects.filter(member=person).update(status="closed")
    decide(city, proposal)
    account = Account.objects.get(member=person)
    assert (account.status, str(account.balance)) == ("frozen", "25.00")
    assert [(freeze.cause, freeze.reason, freeze.ended_at) for freeze in account.freezes.all()] == [
        ("refund", f"proposal:{proposal.pk}", None)
    ]
    assert Proposal.objects.get().status == "confirmed"


def test_a2_ended_enrolment_takes_no_account_money_back(city, where):
    """The account outlives the enrolment (G-18): only the fund's part is proposed."""
    person = factories.member(city, selected=where, balance="25.00")
    settle(city, where, person)
    person.enrolments.update(ends_on=date(2026, 2, 10))
    [proposal] = late(city)
    assert (str(proposal.proposed), proposal.reason, proposal.accounts) == ("0.00", "not_enrolled", 0)


def test_a2_search_runs_as_a_job_and_makes_the_same_proposals_once(city, where):
    from bureau.jobs.services import work

    person = factories.member(city)
    settle(city, where, person)
    factories.choose(city, person, where)
    job = search_late_facts(area=city.area, year=2026, actor=city.clerk, now=NOW)
    work(job.pk, clock=lambda: NOW)
    job.refresh_from_db()
    assert (job.status, job.result) == ("done", {"members": 1, "proposals": 1})
    nightly = search_every_area(actor=city.clerk, now=datetime(2026, 3, 3, tzinfo=UTC), today=date(2026, 3, 3))
    assert [one.params["year"] for one in nightly] == [2025, 2026]
    for one in nightly:
        work(one.pk, clock=lambda: NOW)
        one.refresh_from_db()
        assert one.result["proposals"] == 0
    assert Proposal.objects.count() == 1


def test_a2_search_reads_a_month_in_few_statements(city, where, django_assert_max_num_queries):
    for number in range(30):
        person = factories.member(city, selected=where, balance="5.00")
        settle_visit(request(where, person, key=f"S{number}"), actor=city.clerk, now=NOW)
    with django_assert_max_num_queries(20):
        assert late(city, month=3) == []
    assert Journal.objects.filter(kind="recovery").count() == 0


@pytest.mark.parametrize(
    ("attack", "constraint"),
    [
        ("UPDATE settlement_proposal SET proposed = 30", "proposal_stays"),
        ("UPDATE settlement_proposal SET status = 'open', decided_by_id = NULL, decided_at = NULL", "proposal_stays"),
        ("UPDATE settlement_proposal SET status = 'dropped'", "proposal_stays"),
        ("DELETE FROM settlement_accountrecovery", "settled_rows_stay"),
        ("UPDATE settlement_accountrecovery SET amount = 1", "settled_rows_stay"),
        ("DELETE FROM settlement_proposal", "proposal_stays"),
    ],
)
def test_a1_database_keeps_what_was_decided_as_it_was_proposed(city, where, attack, constraint):
    person = factories.member(city, selected=where, balance="25.00")
    settle(city, where, person)
    dies(person, date(2026, 2, 10))
    [proposal] = late(city)
    decide(city, proposal)
    before = Proposal.objects.values().get()
    with pytest.raises(IntegrityError) as refused, transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(attack)
    assert refused.value.__cause__.diag.constraint_name == constraint
    assert Proposal.objects.values().get() == before


def test_a1_database_takes_no_proposal_that_is_born_confirmed(city, where, person):
    settle(city, where, person)
    suspended(city, person)
    [proposal] = late(city)
    proposal.pk, proposal.status, proposal.decided_by, proposal.decided_at = None, "confirmed", city.reviewer, NOW
    with pytest.raises(IntegrityError) as refused, transaction.atomic():
        proposal.save(force_insert=True)
    assert refused.value.__cause__.diag.constraint_name == "proposal_begins_open"


# Where only the deductible differs


@pytest.fixture
def chongqing(db):
    """A city whose deductible is 200.00 a year, a hospital of the second level, and a member of a unit's plan."""
    city = factories.city_of("chongqing")
    person = factories.member(city)
    person.enrolments.update(plan="unit")
    return city, factories.institution(city, kind="hospital", level=2), person


def borne(visit):
    return str(visit.deductible), str(visit.pooled)


def test_a2_deductible_of_a_visit_refused_before_its_roster_came_counts_once_confirmed(chongqing):
    """150.00 of the 200.00 are borne: of the next 100.00 the fund pays (250 − 200) × 60 %, and of 100.00 more 60.00."""
    city, where, person = chongqing
    BenefitPeriod.objects.filter(member=person).update(starts_on=date(2026, 3, 2))
    visit = settle(city, where, person, total=Decimal("150.00"))
    assert (visit.refusal, *borne(visit)) == ("no_benefit_period", "0.00", "0.00")
    BenefitPeriod.objects.filter(member=person).update(starts_on=date(2026, 1, 1))
    [proposal] = late(city)
    assert (told([proposal]), str(proposal.deductible)) == ([(visit.pk, "0.00", "0.00")], "150.00")
    assert (late(city), replay(city, person)) == ([], [])
    journals = Journal.objects.count()
    decide(city, proposal)
    assert Journal.objects.count() == journals
    for number, paid in enumerate([("50.00", "30.00"), ("0.00", "60.00")]):
        key = f"T{number}"
        assert borne(settle(city, where, person, key=key, encounter=key, care_on=date(2026, 3, 2))) == paid
    assert (late(city), replay(city, person)) == ([], [])
    assert_clean(city)
    reverse_visit(visit.pk, key="R", reason="错", actor=city.clerk, now=NOW)
    assert [(str(p.proposed), str(p.deductible)) for p in replay(city, person)] == [
        ("0.00", "50.00"),
        ("0.00", "100.00"),
    ]


def test_a2_deductible_of_a_visit_that_should_have_been_refused_is_to_be_borne_again(chongqing):
    city, where, person = chongqing
    assert borne(settle(city, where, person, total=Decimal("150.00"))) == ("150.00", "0.00")
    suspended(city, person)
    [proposal] = late(city)
    assert (str(proposal.proposed), str(proposal.deductible), proposal.reason) == ("0.00", "-150.00", "suspended")
    decide(city, proposal)
    later = settle(city, where, person, key="T", encounter="T", care_on=date(2026, 3, 2), total=Decimal("300.00"))
    assert borne(later) == ("200.00", "60.00")
    assert (late(city), replay(city, person)) == ([], [])
    assert_clean(city)


def test_a1_dropped_deductible_stays_as_it_stands_and_is_not_proposed_again(chongqing):
    city, where, person = chongqing
    settle(city, where, person, total=Decimal("150.00"))
    suspended(city, person)
    [proposal] = late(city)
    decide(city, proposal, confirm=False)
    later = settle(city, where, person, key="T", encounter="T", care_on=date(2026, 3, 2), total=Decimal("300.00"))
    assert borne(later) == ("50.00", "150.00")
    assert (late(city), replay(city, person)) == ([], [])
    assert_clean(city)
