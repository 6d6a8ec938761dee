"""Account money that was recovered and is right after all is given back too, as the fund's part is (A2)."""

from datetime import date
from decimal import Decimal

import pytest

from accounts.models import Account, Entry, FamilyGrant
from accounts.services.payouts import Payee, approve_payout, pay_payout, submit_payout
from accounts.services.recoveries import collect_recovery, outstanding
from accounts.services.standing import close
from institutions.models import Agreement
from members.models import BenefitPeriod, Relative
from settlement.models import Proposal
from settlement.services.replays.proposals import Outdated, decide_proposal, propose_late_facts, propose_replay
from settlement.services.visits.reversals import reverse_visit
from tests.settlement import factories
from tests.settlement.visits import NOW, assert_clean, moved, settle

FIRST = date(2026, 1, 1)


@pytest.fixture
def where(city):
    return factories.institution(city, "源城社区")


@pytest.fixture
def person(city, where):
    return factories.member(city, selected=where, balance="25.00")


def late(city):
    return propose_late_facts(area_id=city.area.pk, year=2026, month=3, actor=city.clerk, now=NOW)


def decide(city, proposal, confirm=True):
    note = "" if confirm else "已核实"
    return decide_proposal(proposal.pk, confirm=confirm, note=note, actor=city.reviewer, now=NOW)


def nothing_more(city, person):
    assert late(city) == []
    assert propose_replay(member_id=person.pk, year=2026, actor=city.clerk, now=NOW) == []
    assert_clean(city)


def dead(person, on):
    """A death that is learnt, or with None one that proves wrong."""
    person.enrolments.update(ends_on=on)
    BenefitPeriod.objects.filter(member=person).update(ends_on=on)
    type(person).objects.filter(pk=person.pk).update(died_on=on)


def designated(where, is_so):
    Agreement.objects.filter(institution=where).update(ends_on=None if is_so else date(2026, 2, 10))


def balance(person):
    account = Account.objects.get(member=person)
    return account.status, str(account.balance)


def owed(person, fund="personal_accounts"):
    entries = Entry.objects.filter(fund=fund, subject="recoveries", holder=f"member:{person.pk}")
    return str(sum((e.amount for e in entries), Decimal("0.00")))


def posted(proposal):
    rows = Entry.objects.filter(journal__source=f"proposal:{proposal.pk}")
    return sorted((e.fund, e.subject, e.holder, e.account_id, str(e.amount)) for e in rows)


def recovered(city, where, person, learn):
    """A visit of 100.00 paid 60.00, 25.00 and 15.00, of which everything was recovered for what was learnt."""
    visit = settle(city, where, person)
    assert (str(visit.pooled), str(visit.account), str(visit.cash)) == ("60.00", "25.00", "15.00")
    learn(True)
    [proposal] = late(city)
    assert (str(proposal.proposed), str(proposal.accounts), str(proposal.accounts_again)) == ("0.00", "-25.00", "0.00")
    decide(city, proposal)
    assert owed(person) == "-25.00"
    return visit


def test_a2_death_that_proves_wrong_gives_back_the_funds_part_and_the_accounts(city, where, person):
    visit = recovered(city, where, person, lambda _so: dead(person, date(2026, 2, 10)))
    nothing_more(city, person)
    dead(person, None)
    [again] = late(city)
    assert (str(again.settled), str(again.proposed)) == ("0.00", "60.00")
    assert (str(again.accounts), str(again.accounts_again), again.cause) == ("25.00", "25.00", "late_fact")
    assert [(str(b.amount), str(b.short)) for b in again.recoveries.all()] == [("-25.00", "0.00")]
    decide(city, again)
    account = Account.objects.get(member=person)
    assert posted(again) == [
        ("employees_pool", "benefit_expenditure", "", None, "-60.00"),
        ("employees_pool", "payable_payout", f"member:{person.pk}", None, "60.00"),
        ("personal_accounts", "member_accounts", "", account.pk, "-25.00"),
        ("personal_accounts", "recoveries", f"member:{person.pk}", None, "25.00"),
    ]
    assert (balance(person), owed(person)) == (("open", "0.00"), "0.00")
    nothing_more(city, person)
    dead(person, date(2026, 2, 10))  # and right once more
    [third] = late(city)
    assert (str(third.proposed), str(third.accounts)) == ("0.00", "-25.00")
    decide(city, third)
    assert (balance(person), owed(person)) == (("open", "25.00"), "-25.00")
    nothing_more(city, person)
    reverse_visit(visit.pk, key="R", reason="错", actor=city.clerk, now=NOW)
    assert (balance(person), owed(person), owed(person, "employees_pool")) == (("open", "25.00"), "0.00", "0.00")
    assert_clean(city)


def test_a2_reversed_afterwards_the_account_has_its_money_once(city, where, person):
    visit = recovered(city, where, person, lambda _so: dead(person, date(2026, 2, 10)))
    dead(person, None)
    [again] = late(city)
    decide(city, again)
    reverse_visit(visit.pk, key="R", reason="错", actor=city.clerk, now=NOW)
    assert (balance(person), owed(person)) == (("open", "25.00"), "0.00")
    assert -sum(e.amount for e in Entry.objects.filter(subject="benefit_expenditure")) == 0
    assert_clean(city)


@pytest.mark.parametrize("wrong", ["the holder died", "no relative"])
def test_a2_a_relatives_account_pays_again_what_it_was_given_back(city, where, wrong):
    person, wife = factories.member(city, selected=where), factories.member(city, balance="30.00")
    relative = Relative.objects.create(member=wife, relative=person, relation="spouse", starts_on=FIRST)
    FamilyGrant.objects.create(
        account=Account.objects.get(member=wife), relative=relative, beneficiary=person, granted_by=city.clerk,
        starts_on=FIRST,
    )  # fmt: skip
    visit = settle(city, where, person, pay_from="family")
    assert (str(visit.pooled), str(visit.family), str(visit.cash)) == ("60.00", "30.00", "10.00")

    def learn(day):
        if wrong == "the holder died":
            dead(wife, day)
        else:
            Relative.objects.filter(pk=relative.pk).update(ends_on=day)

    learn(date(2026, 2, 10))
    [proposal] = late(city)
    decide(city, proposal)
    assert (balance(wife), owed(person)) == (("open", "30.00"), "-30.00")
    learn(None)
    [again] = late(city)
    assert (str(again.settled), str(again.proposed), str(again.accounts)) == ("60.00", "60.00", "30.00")
    decide(city, again)
    assert posted(again) == [
        ("personal_accounts", "member_accounts", "", Account.objects.get(member=wife).pk, "-30.00"),
        ("personal_accounts", "recoveries", f"member:{person.pk}", None, "30.00"),
    ]
    assert (balance(wife), owed(person)) == (("open", "0.00"), "0.00")
    nothing_more(city, person)
    reverse_visit(visit.pk, key="R", reason="错", actor=city.clerk, now=NOW)
    assert (balance(wife), owed(person)) == (("open", "30.00"), "0.00")
    assert_clean(city)


def test_a2_what_is_no_longer_in_the_account_is_owed_by_its_holder_and_collected_there(city, where, person):
    """25.00 were given back and 15.00 of them spent elsewhere since: the account pays 10.00 and owes 15.00."""
    visit = recovered(city, where, person, lambda so: designated(where, not so))
    shop = factories.institution(city, kind="pharmacy", level=None)
    spent = settle(city, shop, person, key="P", encounter="P", total=Decimal("15.00"))
    assert str(spent.account) == "15.00"
    designated(where, True)
    [again] = late(city)
    assert [(str(b.amount), str(b.short)) for b in again.recoveries.all()] == [("-25.00", "15.00")]
    decide(city, again)
    account = Account.objects.get(member=person)
    assert posted(again) == [
        ("employees_pool", "benefit_expenditure", "", None, "-60.00"),
        ("employees_pool", "payable_payout", f"member:{person.pk}", None, "60.00"),
        ("personal_accounts", "member_accounts", "", account.pk, "-10.00"),
        ("personal_accounts", "recoveries", f"account:{account.pk}", None, "-15.00"),
        ("personal_accounts", "recoveries", f"member:{person.pk}", None, "25.00"),
    ]
    assert (balance(person), owed(person), outstanding(account.pk)) == (("open", "0.00"), "0.00", 15)
    nothing_more(city, person)
    collect_recovery(
        key="C", account=account, amount=Decimal("5.00"), from_account=False, reason="交回", actor=city.finance, now=NOW
    )
    assert outstanding(account.pk) == 10
    assert_clean(city)
    reverse_visit(visit.pk, key="R", reason="错", actor=city.clerk, now=NOW)
    assert balance(person) == ("open", "10.00")
    assert outstanding(account.pk) == -5  # the holder has paid in 5.00 that were not owed
    assert_clean(city)


def test_a2_money_that_moved_meanwhile_makes_it_outdated_and_nothing_moves(city, where, person):
    recovered(city, where, person, lambda so: designated(where, not so))
    designated(where, True)
    [again] = late(city)
    shop = factories.institution(city, kind="pharmacy", level=None)
    settle(city, shop, person, key="P", encounter="P", total=Decimal("15.00"))
    before = moved(), balance(person)
    with pytest.raises(Outdated) as refused:
        decide(city, again)
    assert str(refused.value) == "该待遇重算差额已失效：就诊或其所依据的事实此后已有变化。请重新查找差额。"
    assert ((moved(), balance(person)), Proposal.objects.get(pk=again.pk).status) == (before, "open")
    [other] = late(city)
    assert [str(b.short) for b in other.recoveries.all()] == ["15.00"]


def test_a2_dropped_account_money_stays_recovered(city, where, person):
    recovered(city, where, person, lambda so: designated(where, not so))
    designated(where, True)
    [again] = late(city)
    decide(city, again, confirm=False)
    assert (balance(person), owed(person)) == (("open", "25.00"), "-25.00")
    nothing_more(city, person)
    shop = factories.institution(city, kind="pharmacy", level=None)
    settle(city, shop, person, key="P", encounter="P", total=Decimal("15.00"))
    nothing_more(city, person)  # what is left in the account makes it no new question


def test_a2_refund_that_waits_in_a_closed_account_is_taken_out_and_it_is_closed_again(city, where, person):
    visit = settle(city, where, person)
    close(account=Account.objects.get(member=person), reason="出国定居", actor=city.clerk, now=NOW)
    designated(where, False)
    [proposal] = late(city)
    decide(city, proposal)
    assert balance(person) == ("frozen", "25.00")
    designated(where, True)
    [again] = late(city)
    assert [(str(b.amount), str(b.short)) for b in again.recoveries.all()] == [("-25.00", "0.00")]
    decide(city, again)
    assert (balance(person), owed(person)) == (("closed", "0.00"), "0.00")
    assert not Account.objects.get(member=person).freezes.filter(ended_at=None).exists()
    nothing_more(city, person)
    reverse_visit(visit.pk, key="R", reason="错", actor=city.clerk, now=NOW)
    assert balance(person) == ("frozen", "25.00")
    assert_clean(city)


def test_a2_account_paid_out_and_closed_pays_nothing_again_and_its_holder_owes(city, where, person):
    """The 25.00 went to the heirs of a death that was wrong: the account stays closed and the money is receivable."""
    visit = recovered(city, where, person, lambda _so: dead(person, date(2026, 2, 10)))
    payout = submit_payout(
        account=Account.objects.get(member=person), event="death", happened_on=date(2026, 2, 10), applied=True,
        payees=[Payee("张三", "工商银行", "6222020000000001")], actor=city.clerk, now=NOW,
    )  # fmt: skip
    approve_payout(payout=payout, actor=city.reviewer, now=NOW)
    pay_payout(payout=payout, actor=city.finance, now=NOW)
    assert balance(person) == ("closed", "0.00")
    dead(person, None)
    [again] = late(city)
    assert [(str(b.amount), str(b.short)) for b in again.recoveries.all()] == [("-25.00", "25.00")]
    decide(city, again)
    account = Account.objects.get(member=person)
    assert posted(again)[2:] == [
        ("personal_accounts", "recoveries", f"account:{account.pk}", None, "-25.00"),
        ("personal_accounts", "recoveries", f"member:{person.pk}", None, "25.00"),
    ]
    assert (balance(person), owed(person), outstanding(account.pk)) == (("closed", "0.00"), "0.00", 25)
    nothing_more(city, person)
    reverse_visit(visit.pk, key="R", reason="错", actor=city.clerk, now=NOW)
    assert (balance(person), outstanding(account.pk)) == (("closed", "0.00"), 0)
    assert_clean(city)


def test_a2_reversal_that_leaves_an_account_as_it_was_does_not_take_a_closed_one_back(city, where, person):
    """What the visit took and what was given back for it cancel out: nothing comes in, and it stays closed."""
    visit = recovered(city, where, person, lambda so: designated(where, not so))
    shop = factories.institution(city, kind="pharmacy", level=None)
    settle(city, shop, person, key="P", encounter="P", total=Decimal("25.00"))
    close(account=Account.objects.get(member=person), reason="出国定居", actor=city.clerk, now=NOW)
    reverse_visit(visit.pk, key="R", reason="错", actor=city.clerk, now=NOW)
    assert (balance(person), owed(person)) == (("closed", "0.00"), "0.00")
    assert_clean(city)


def test_a2_own_and_a_relatives_account_are_given_back_and_taken_back_each_for_itself(city, where):
    person = factories.member(city, selected=where, balance="25.00")
    wife = factories.member(city, balance="25.00")
    relative = Relative.objects.create(member=wife, relative=person, relation="spouse", starts_on=FIRST)
    FamilyGrant.objects.create(
        account=Account.objects.get(member=wife), relative=relative, beneficiary=person, granted_by=city.clerk,
        starts_on=FIRST,
    )  # fmt: skip
    visit = settle(city, where, person, pay_from="family", total=Decimal("200.00"))
    assert (str(visit.account), str(visit.family)) == ("25.00", "25.00")
    dead(person, date(2026, 2, 10))
    [proposal] = late(city)
    assert str(proposal.accounts) == "-50.00"
    decide(city, proposal)
    dead(person, None)
    [both] = late(city)
    assert (str(both.accounts), str(both.accounts_again)) == ("50.00", "50.00")
    decide(city, both)
    Relative.objects.filter(pk=relative.pk).update(ends_on=date(2026, 2, 10))
    [one] = late(city)
    assert (str(one.accounts), str(one.accounts_again)) == ("-25.00", "0.00")
    decide(city, one)
    assert (balance(person), balance(wife), owed(person)) == (("open", "0.00"), ("open", "25.00"), "-25.00")
    nothing_more(city, person)
