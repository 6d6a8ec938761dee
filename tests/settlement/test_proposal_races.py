"""A confirmation against the reversal of its visit, on real connections: one comes first, and the books say which."""

from decimal import Decimal

import pytest

from accounts.models import Account, Entry
from settlement.models import Proposal, Visit
from settlement.services.replays.proposals import Outdated, decide_proposal, propose_late_facts
from settlement.services.visits import locking
from settlement.services.visits.reversals import reverse_visit
from tests.settlement import factories
from tests.settlement.test_proposals import dies
from tests.settlement.test_visit_races import at_once
from tests.settlement.visits import DAY, NOW, assert_clean, settle

pytestmark = pytest.mark.django_db(transaction=True)
ROUNDS = 12


def owed(person):
    return sum(e.amount for e in Entry.objects.filter(subject="recoveries", holder=f"member:{person.pk}"))


def race(city):
    """Each round a member who has died: the reviewer confirms while the desk takes the visit back."""
    where = factories.institution(city)
    people = [factories.member(city, selected=where, balance="25.00") for _ in range(ROUNDS)]
    visits = [settle(city, where, person, key=f"S{n}") for n, person in enumerate(people)]
    for person in people:
        dies(person, DAY.replace(month=2))
    proposals = propose_late_facts(area_id=city.area.pk, year=2026, actor=city.clerk, now=NOW)
    assert [p.visit for p in proposals] == visits

    def confirm(proposal):
        return lambda: decide_proposal(proposal.pk, confirm=True, actor=city.reviewer, now=NOW)

    def take_back(visit):
        return lambda: reverse_visit(visit.pk, key=f"R{visit.pk}", reason="错", actor=city.clerk, now=NOW)

    acts = [act for p, v in zip(proposals, visits, strict=True) for act in (confirm(p), take_back(v))]
    return people, proposals, at_once(acts)


def test_e8_confirming_and_reversing_at_once_has_one_order(city):
    people, proposals, answers = race(city)
    confirmed, taken_back = answers[::2], answers[1::2]
    assert all(isinstance(answer, Visit) for answer in taken_back)
    orders = []
    for person, proposal, answer in zip(people, proposals, confirmed, strict=True):
        status = Proposal.objects.get(pk=proposal.pk).status
        orders.append(status)
        if isinstance(answer, Proposal):
            assert status == "confirmed"
        else:
            assert (type(answer), status) == (Outdated, "outdated")
        # Whichever came first: nothing was paid in the end, nothing is owed back, the account has what it had.
        assert owed(person) == 0
        assert Account.objects.get(member=person).balance == Decimal("25.00")
    print(f"orders {orders}")
    assert sum(e.amount for e in Entry.objects.filter(subject="benefit_expenditure")) == 0
    assert_clean(city)


def test_e8_without_the_members_lock_the_race_is_seen(city, monkeypatch):
    """The same race without the lock: somewhere a recovery is left for a visit that is gone, or an act fails."""
    import time

    from settlement.services.replays import proposals as replays

    monkeypatch.setattr(locking, "LOCK_MEMBERS", "SELECT id FROM members_member WHERE id = ANY(%(members)s::bigint[])")
    post = replays.post

    def post_late(*args, **more):
        time.sleep(0.3)
        return post(*args, **more)

    monkeypatch.setattr(replays, "post", post_late)
    people, _proposals, answers = race(city)
    wrong = [a for a in answers if isinstance(a, Exception) and not isinstance(a, Outdated)]
    assert wrong or any(owed(person) for person in people)
