"""Posting: once for a key, in order for an account, and by any sequence of acts equal to a model."""

import threading
from dataclasses import replace
from datetime import date
from decimal import Decimal

import pytest
from django.db import IntegrityError, connection, transaction
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.django import TestCase

from accounts.models import Account, Entry, Fund, Journal, Subject
from accounts.queries import balances_agree
from accounts.services import EntryRequest, JournalRequest, KeyReused, MonthClosed, Overdrawn, post
from accounts.services.months import close_month, reopen_month
from bureau.errors import DomainError
from tests.accounts import factories


def differences() -> list[str]:
    return [line for proof in balances_agree() for line in proof.shown]


def test_posting_moves_balance_and_number(city):
    account = factories.account(city)
    factories.move(city, account, "130.86")
    factories.move(city, account, "-30.00")
    assert (account.balance, account.last_number) == (Decimal("100.86"), 2)
    assert list(Entry.objects.filter(account=account).order_by("number").values_list("amount", "balance_after")) == [
        (Decimal("130.86"), Decimal("130.86")),
        (Decimal("-30.00"), Decimal("100.86")),
    ]
    assert differences() == []


def test_several_entries_of_an_account_in_one_call_are_numbered_in_order(city):
    one, other = factories.account(city), factories.account(city)
    journals = [
        factories.request(one, "10.00", key="a"),
        factories.request(other, "5.00", key="b"),
        factories.request(one, "-4.00", key="c"),
        factories.request(one, "1.00", key="d"),
    ]
    ids = post(journals, actor=city.clerk, now=factories.NOW)
    assert ids == [Journal.objects.get(key=key).pk for key in "abcd"]
    entries = Entry.objects.filter(account=one).order_by("number")
    assert list(entries.values_list("journal__key", "number", "balance_after")) == [
        ("a", 1, Decimal("10.00")),
        ("c", 2, Decimal("6.00")),
        ("d", 3, Decimal("7.00")),
    ]
    one.refresh_from_db()
    assert (one.balance, one.last_number) == (Decimal("7.00"), 3)
    assert differences() == []


def test_post_twice_returns_the_first_journal(city):
    account = factories.account(city)
    request = factories.request(account, "10.00", key="once")
    first = post([request], actor=city.clerk, now=factories.NOW)
    before = factories.standing()
    assert post([request], actor=city.reviewer, now=factories.NOW) == first
    assert factories.standing() == before


def test_post_of_known_and_new_journals_posts_the_new_ones(city):
    account = factories.account(city)
    known, new = factories.request(account, "10.00", key="known"), factories.request(account, "1.00", key="new")
    [first] = post([known], actor=city.clerk, now=factories.NOW)
    ids = post([known, new], actor=city.clerk, now=factories.NOW)
    assert ids == [first, Journal.objects.get(key="new").pk]
    account.refresh_from_db()
    assert account.balance == Decimal("11.00")


@pytest.mark.parametrize("change", ["amount", "kind", "day"])
def test_key_with_another_content_is_refused(city, change):
    account = factories.account(city)
    request = factories.request(account, "10.00", key="used")
    post([request], actor=city.clerk, now=factories.NOW)
    other = {
        "amount": factories.request(account, "10.01", key="used"),
        "kind": replace(request, kind=Journal.Kind.INTEREST),
        "day": replace(request, posted_on=date(2026, 1, 2)),
    }[change]
    before = factories.standing()
    with pytest.raises(KeyReused, match="used"):
        post([factories.request(account, "1.00"), other], actor=city.clerk, now=factories.NOW)
    assert factories.standing() == before


def test_same_key_twice_in_one_call_is_refused(city):
    account = factories.account(city)
    before = factories.standing()
    with pytest.raises(IntegrityError), transaction.atomic():
        post([factories.request(account, "1.00", key="x")] * 2, actor=city.clerk, now=factories.NOW)
    assert factories.standing() == before


@pytest.mark.parametrize("amounts", [["-100.01"], ["-60.00", "-40.01"], ["-100.01", "5.00"]])
def test_overdraw_is_refused_whole(city, amounts):
    account, other = factories.account(city, balance="100.00"), factories.account(city)
    requests = [factories.request(other, "3.00"), *(factories.request(account, amount) for amount in amounts)]
    before = factories.standing()
    with pytest.raises(Overdrawn):
        post(requests, actor=city.clerk, now=factories.NOW)
    assert factories.standing() == before


def test_whole_balance_can_be_spent(city):
    account = factories.account(city, balance="100.00")
    factories.move(city, account, "-100.00")
    assert account.balance == 0


@pytest.mark.parametrize(
    "entries",
    [
        [],
        [EntryRequest(Fund.EMPLOYEES_POOL, Subject.BANK, "", None, Decimal("1.00"))],
        [
            EntryRequest(Fund.EMPLOYEES_POOL, Subject.BANK, "", None, Decimal("1.00")),
            EntryRequest(Fund.PERSONAL_ACCOUNTS, Subject.BANK, "", None, Decimal("-1.00")),
        ],
        [
            EntryRequest(Fund.EMPLOYEES_POOL, Subject.BANK, "", None, Decimal("1.00")),
            EntryRequest(Fund.PERSONAL_ACCOUNTS, Subject.MEMBER_ACCOUNTS, "", 999999, Decimal("-1.00")),
        ],
    ],
    ids=["empty", "one entry", "across funds", "unknown account"],
)
def test_journal_that_does_not_balance_is_refused(city, entries):
    before = factories.standing()
    journal = JournalRequest("bad", factories.AREA, Journal.Kind.OTHER, factories.FIRST, "test:1", entries)
    with pytest.raises(IntegrityError), transaction.atomic():
        post([journal], actor=city.clerk, now=factories.NOW)
    assert factories.standing() == before


def test_posting_into_a_closed_month_is_refused_until_it_is_reopened(city):
    account = factories.account(city)
    close_month(area=city.area, month=date(2026, 3, 1), actor=city.finance, now=factories.NOW)
    close_month(area=city.area, month=date(2026, 3, 1), actor=city.clerk, now=factories.NOW)
    before = factories.standing()
    with pytest.raises(MonthClosed):
        factories.move(city, account, "1.00", posted_on=date(2026, 3, 31))
    assert factories.standing() == before
    factories.move(city, account, "1.00", posted_on=date(2026, 4, 1))
    reopen_month(area=city.area, month=date(2026, 3, 1), reason="late voucher", actor=city.finance, now=factories.NOW)
    factories.move(city, account, "1.00", posted_on=date(2026, 3, 31))
    assert account.balance == Decimal("2.00")


def test_month_that_is_not_over_cannot_be_closed(city):
    with pytest.raises(DomainError, match="2026-12"):
        close_month(area=city.area, month=date(2026, 12, 1), actor=city.finance, now=factories.NOW)


@pytest.mark.django_db(transaction=True)
def test_same_key_posted_by_many_at_once_is_posted_once():
    city = factories.heyuan()
    account = factories.account(city)
    request = factories.request(account, "10.00", key="race")
    answers, start = [], threading.Barrier(8)

    def act():
        try:
            start.wait()
            answers.append(post([request], actor=city.clerk, now=factories.NOW))
        finally:
            connection.close()

    threads = [threading.Thread(target=act) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert answers == [[Journal.objects.get(key="race").pk]] * 8
    account.refresh_from_db()
    assert (account.balance, account.last_number) == (Decimal("10.00"), 1)


@pytest.mark.django_db(transaction=True)
def test_month_is_closed_after_the_postings_under_way():
    """A posting that began before the close is committed before it; one that comes during it is refused."""
    city = factories.heyuan()
    account = factories.account(city)
    order, posting = [], threading.Event()

    def close():
        try:
            posting.wait()
            close_month(area=city.area, month=date(2026, 3, 1), actor=city.finance, now=factories.NOW)
            order.append("closed")
        finally:
            connection.close()

    thread = threading.Thread(target=close)
    thread.start()
    with transaction.atomic():
        post([factories.request(account, "1.00", posted_on=date(2026, 3, 5))], actor=city.clerk, now=factories.NOW)
        posting.set()
        thread.join(timeout=0.5)
        assert order == []
        order.append("posted")
    thread.join()
    assert order == ["posted", "closed"]
    with pytest.raises(MonthClosed):
        factories.move(city, account, "1.00", posted_on=date(2026, 3, 5))


acts = st.lists(
    st.lists(
        st.tuples(st.integers(0, 2), st.integers(-500, 1000).filter(bool)),
        min_size=1,
        max_size=4,
    ),
    max_size=12,
)


class Model(TestCase):
    """Any sequence of calls leaves the accounts where plain addition leaves them; an overdrawn call leaves nothing."""

    @settings(max_examples=60, deadline=None)
    @given(acts)
    def test_random_postings_equal_the_model(self, calls):
        city = factories.heyuan()
        accounts = [factories.account(city) for _ in range(3)]
        balances, counts = [0, 0, 0], [0, 0, 0]
        for number, call in enumerate(calls):
            after, covered = list(balances), True
            for place, amount in call:
                after[place] += amount
                covered = covered and after[place] >= 0
            requests = [
                factories.request(accounts[place], f"{Decimal(amount) / 100:.2f}", key=f"{number}:{n}")
                for n, (place, amount) in enumerate(call)
            ]
            if covered:
                post(requests, actor=city.clerk, now=factories.NOW)
                balances = after
                for place, _amount in call:
                    counts[place] += 1
            else:
                with pytest.raises(Overdrawn):
                    post(requests, actor=city.clerk, now=factories.NOW)
        found = Account.objects.filter(pk__in=[account.pk for account in accounts]).order_by("pk")
        assert [(account.balance * 100, account.last_number) for account in found] == list(
            zip(balances, counts, strict=True)
        )
        assert differences() == []
