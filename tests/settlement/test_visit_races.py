"""Many clients at once, on real connections: what one lock promises, and that the tests would see it missing."""

import threading
import time
from collections import Counter
from datetime import UTC, date, datetime
from decimal import Decimal

import pytest
from django.db import connection, transaction

from accounts.models import Account, Entry, FamilyGrant
from members.models import Relative
from settlement.models import Visit, VisitPayment
from settlement.services.visits import locking, recording
from settlement.services.visits.requests import VisitRequest
from settlement.services.visits.reversals import reverse_visit
from settlement.services.visits.settling import settle_visit
from tests.settlement import factories

NOW = datetime(2026, 3, 2, 2, tzinfo=UTC)
CLIENTS = 200

pytestmark = pytest.mark.django_db(transaction=True)


def at_once(acts):
    """Run every act in a thread and a connection of its own; their results or exceptions in order."""
    answers: list = [None] * len(acts)
    start = threading.Barrier(len(acts))

    def run(number, act):
        try:
            connection.ensure_connection()
            start.wait()
            answers[number] = act()
        except Exception as error:
            answers[number] = error
        finally:
            connection.close()

    threads = [threading.Thread(target=run, args=pair) for pair in enumerate(acts)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return answers


def family_of(city, holder, size):
    """So many children of the holder, each with a grant on the holder's account."""
    account = Account.objects.get(member=holder)
    children = [factories.member(city, account=False) for _ in range(size)]
    relatives = Relative.objects.bulk_create(
        Relative(member=holder, relative=child, relation="child", starts_on=date(2025, 1, 1)) for child in children
    )
    FamilyGrant.objects.bulk_create(
        FamilyGrant(
            account=account,
            relative=relative,
            beneficiary=relative.relative,
            starts_on=date(2025, 1, 1),
            granted_by=city.clerk,
        )
        for relative in relatives
    )
    return children


def bills(city, where, people):
    return [
        VisitRequest(
            institution_id=where.pk,
            key=f"R{number}",
            member_id=person.pk,
            encounter=f"R{number}",
            care_on=date(2026, 3, 1),
            total=Decimal("1.00"),
            pay_from="family",
        )
        for number, person in enumerate(people)
    ]


def race_for_the_last_yuan(city):
    """What became of it: how many clients were paid for, how many went away with a bill, how many with an error."""
    where = factories.institution(city)
    holder = factories.member(city, balance="1.00")
    requests = bills(city, where, family_of(city, holder, CLIENTS))
    answers = at_once([lambda r=r: settle_visit(r, actor=city.clerk, now=NOW) for r in requests])
    kinds = Counter(
        "error" if isinstance(a, Exception) else "paid" if a.family == 1 else "cash" if a.cash == 1 else "other"
        for a in answers
    )
    account = Account.objects.get(member=holder)
    spent = -sum(e.amount for e in Entry.objects.filter(account=account, amount__lt=0))
    print(f"clients {CLIENTS}, {dict(kinds)}, balance {account.balance}, spent {spent}")
    assert account.balance >= 0
    assert spent <= 1
    return dict(kinds)


def test_two_hundred_clients_race_for_one_yuan_and_one_gets_it(city):
    assert race_for_the_last_yuan(city) == {"paid": 1, "cash": CLIENTS - 1}
    assert VisitPayment.objects.count() == 1


def test_race_without_the_lock_is_seen_to_fail(city, monkeypatch):
    """The same race, accounts read without their lock: clients run into the ledger's guards instead of an answer."""
    monkeypatch.setattr(locking, "LOCK_ACCOUNTS", locking.ACCOUNTS)
    write = recording.Batch.write

    def write_late(batch):
        time.sleep(0.2)
        write(batch)

    monkeypatch.setattr(recording.Batch, "write", write_late)
    with pytest.raises(AssertionError):
        assert race_for_the_last_yuan(city) == {"paid": 1, "cash": CLIENTS - 1}


def test_same_visit_ten_times_at_once_is_one_visit_with_one_answer(city):
    where = factories.institution(city)
    person = factories.member(city, balance="500.00", selected=where)
    request = VisitRequest(
        institution_id=where.pk,
        key="S1",
        member_id=person.pk,
        encounter="E1",
        care_on=date(2026, 3, 1),
        total=Decimal("100.00"),
    )
    answers = at_once([lambda: settle_visit(request, actor=city.clerk, now=NOW)] * 10)
    [visit] = Visit.objects.all()
    assert answers == [visit] * 10
    assert (visit.pooled, visit.account) == (Decimal("60.00"), Decimal("40.00"))
    assert Account.objects.get(member=person).balance == Decimal("460.00")


def test_same_reversal_ten_times_at_once_gives_back_once(city):
    where = factories.institution(city)
    person = factories.member(city, balance="500.00", selected=where)
    [request] = bills(city, where, [person])
    visit = settle_visit(request, actor=city.clerk, now=NOW)
    acts = [lambda: reverse_visit(visit.pk, key="B1", reason="退", actor=city.clerk, now=NOW)] * 10
    answers = at_once(acts)
    reversal = Visit.objects.get(reverses=visit)
    assert answers == [reversal] * 10
    assert Account.objects.get(member=person).balance == Decimal("500.00")


def test_visits_of_families_that_share_accounts_both_ways_never_deadlock(city):
    """Two people who may use each other's account, each settled by many desks at once."""
    where = factories.institution(city)
    one, two = (factories.member(city, balance="30.00") for _ in range(2))
    for holder, other in ((one, two), (two, one)):
        relative = Relative.objects.create(
            member=holder, relative=other, relation="spouse", starts_on=date(2025, 1, 1)
        )
        FamilyGrant.objects.create(
            account=Account.objects.get(member=holder),
            relative=relative,
            beneficiary=other,
            starts_on=date(2025, 1, 1),
            granted_by=city.clerk,
        )
    requests = bills(city, where, [one, two] * 40)
    answers = at_once([lambda r=r: settle_visit(r, actor=city.clerk, now=NOW) for r in requests])
    assert [a for a in answers if isinstance(a, Exception)] == []
    assert sum(a.account + a.family for a in answers) == Decimal("60.00")
    assert sum(a.cash for a in answers) == Decimal("20.00")
    assert [a.balance for a in Account.objects.all()] == [0, 0]


def test_settling_in_a_transaction_that_fails_leaves_nothing(city):
    where = factories.institution(city)
    person = factories.member(city, balance="5.00")
    [request] = bills(city, where, [person])
    with pytest.raises(RuntimeError), transaction.atomic():
        settle_visit(request, actor=city.clerk, now=NOW)
        raise RuntimeError
    assert not Visit.objects.exists()
    assert Account.objects.get(member=person).balance == Decimal("5.00")
