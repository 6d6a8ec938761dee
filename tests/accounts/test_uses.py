"""Family grants, and uses of an account outside visits."""

from datetime import date
from decimal import Decimal

import pytest

from accounts.models import AccountUse, Entry, FamilyGrant, Journal
from accounts.services import KeyReused
from accounts.services.family import grant, revoke
from accounts.services.ledger import AccountNotOpen
from accounts.services.standing import close, freeze, unfreeze
from accounts.services.uses import reverse_use, use_account
from bureau.errors import DomainError, RefusedError
from bureau.models import AuditEntry
from tests.accounts import factories
from tests.accounts.factories import FIRST, NOW

ON = date(2026, 3, 2)


@pytest.fixture
def account(city):
    return factories.account(city, balance="150.00")


def use(city, account, **changes) -> AccountUse:
    act = {
        "key": "K1",
        "account": account,
        "user": account.member,
        "purpose": "pharmacy_drug",
        "payee": "P44160200001",
        "amount": Decimal("60.00"),
        "on": ON,
        "actor": city.clerk,
        "now": NOW,
    }
    return use_account(**(act | changes))


def child_of(account, *, relation="child"):
    child = factories.member()
    factories.relative(account.member, child, relation)
    return child


def test_use_moves_the_balance_to_what_is_owed_to_the_payee(city, account):
    made = use(city, account)
    account.refresh_from_db()
    assert (made.paid, made.cash, made.relation, made.article) == (Decimal("60.00"), Decimal("0.00"), "self", "9(2)")
    assert account.balance == Decimal("90.00")
    journal = Journal.objects.get(source=f"use:{made.pk}")
    assert (journal.kind, journal.posted_on) == ("use", date(2026, 12, 31))
    assert list(journal.entries.order_by("subject").values_list("fund", "subject", "holder", "amount")) == [
        ("personal_accounts", "member_accounts", "", Decimal("-60.00")),
        ("personal_accounts", "payable_items", "P44160200001", Decimal("60.00")),
    ]
    assert AuditEntry.objects.get(action="account.use").detail == {"paid": "60.00", "refusal": ""}


def test_what_the_balance_does_not_cover_is_cash(city, account):
    made = use(city, account, amount=Decimal("200.00"))
    assert (made.paid, made.cash) == (Decimal("150.00"), Decimal("50.00"))
    empty = use(city, account, key="K2")
    assert (empty.paid, empty.cash, empty.refusal) == (Decimal("0.00"), Decimal("60.00"), "")
    assert not Journal.objects.filter(source=f"use:{empty.pk}").exists()


def test_use_twice_is_paid_once(city, account):
    first = use(city, account)
    before = factories.standing()
    assert use(city, account) == first
    assert factories.standing() == before


def test_key_with_another_bill_is_refused(city, account):
    use(city, account)
    before = factories.standing()
    with pytest.raises(KeyReused):
        use(city, account, amount=Decimal("61.00"))
    assert factories.standing() == before


def test_use_the_rules_refuse_is_recorded_and_moves_nothing(city, account):
    made = use(city, account, purpose="fitness")
    assert (made.paid, made.cash, made.refusal, made.article) == (0, Decimal("60.00"), "purpose_excluded", "10")
    account.refresh_from_db()
    assert account.balance == Decimal("150.00")
    assert Entry.objects.filter(account=account).count() == 1


def test_relative_with_a_grant_uses_the_account(city, account):
    child = child_of(account)
    grant(account=account, beneficiary=child, starts_on=FIRST, actor=city.clerk, now=NOW)
    made = use(city, account, user=child)
    assert (made.relation, made.paid) == ("child", Decimal("60.00"))


@pytest.mark.parametrize("case", ["no grant", "revoked", "no relative"])
def test_relative_without_a_grant_in_force_moves_nothing(city, account, case):
    child = child_of(account) if case != "no relative" else factories.member()
    if case == "revoked":
        made = grant(account=account, beneficiary=child, starts_on=FIRST, actor=city.clerk, now=NOW)
        revoke(grant=made, last_day=date(2026, 3, 1), actor=city.clerk, now=NOW)
    if case == "no relative":
        assert use(city, account, user=child).refusal == "relation_not_allowed"
    else:
        before = factories.standing()
        with pytest.raises(DomainError, match=child.name):
            use(city, account, user=child)
        assert factories.standing() == before
    account.refresh_from_db()
    assert account.balance == Decimal("150.00")


def test_relative_uses_the_account_on_the_last_day_of_the_grant(city, account):
    child = child_of(account)
    made = grant(account=account, beneficiary=child, starts_on=FIRST, actor=city.clerk, now=NOW)
    revoke(grant=made, last_day=ON, actor=city.clerk, now=NOW)
    assert use(city, account, user=child).paid == Decimal("60.00")


@pytest.mark.parametrize("status", ["frozen", "closed", "died"])
def test_account_that_is_not_open_pays_nothing(city, status):
    account = factories.account(city)
    if status == "died":
        account.member.died_on = date(2026, 3, 1)
        account.member.save()
    else:
        change = freeze if status == "frozen" else close
        account = change(account=account, reason="inquiry", actor=city.clerk, now=NOW)
    before = factories.standing()
    with pytest.raises(DomainError) as raised:
        use(city, account)
    assert isinstance(raised.value, AccountNotOpen) == (status != "died")
    assert factories.standing() == before


def test_unfrozen_account_pays_again(city, account):
    freeze(account=account, reason="inquiry", actor=city.clerk, now=NOW)
    unfreeze(account=account, reason="cleared", actor=city.reviewer, now=NOW)
    assert use(city, account).paid == Decimal("60.00")
    assert list(AuditEntry.objects.filter(action__startswith="account.").values_list("action", flat=True)) == [
        "account.use",
        "account.unfreeze",
        "account.freeze",
    ]


@pytest.mark.parametrize(
    "changes",
    [
        {"amount": Decimal("0.00")},
        {"amount": Decimal("-1.00")},
        {"amount": Decimal("0.001")},
        {"amount": Decimal("NaN")},
        {"on": date(2027, 1, 1)},
        {"payee": " "},
        {"on": date(2024, 12, 31)},
    ],
    ids=["zero", "negative", "part of a fen", "not a number", "day to come", "no payee", "no edition"],
)
def test_impossible_use_is_refused(city, account, changes):
    before = factories.standing()
    with pytest.raises(DomainError):
        use(city, account, **changes)
    assert factories.standing() == before


def test_reversal_gives_back_exactly_what_was_taken(city, account):
    made = use(city, account, amount=Decimal("200.00"))
    reversal = reverse_use(use=made, actor=city.reviewer, now=NOW)
    account.refresh_from_db()
    assert account.balance == Decimal("150.00")
    assert (reversal.asked, reversal.paid, reversal.cash, reversal.reverses) == (
        Decimal("-200.00"),
        Decimal("-150.00"),
        Decimal("-50.00"),
        made,
    )
    owed = Entry.objects.filter(subject="payable_items", holder="P44160200001")
    assert sorted(owed.values_list("amount", flat=True)) == [Decimal("-150.00"), Decimal("150.00")]


def test_reversal_twice_gives_back_once(city, account):
    made = use(city, account)
    first = reverse_use(use=made, actor=city.clerk, now=NOW)
    before = factories.standing()
    assert reverse_use(use=made, actor=city.clerk, now=NOW) == first
    with pytest.raises(DomainError):
        reverse_use(use=first, actor=city.clerk, now=NOW)
    assert factories.standing() == before


def test_a11_reversals_of_keys_that_begin_alike_never_collide(city, account):
    keys = ["K" * 79 + "1", "K" * 79 + "2", "K" * 70, "K" * 70 + ":reversal"]
    made = [use(city, account, key=key, amount=Decimal("1.00")) for key in keys]
    reversals = [reverse_use(use=one, actor=city.reviewer, now=NOW) for one in made]
    assert [one.reverses for one in reversals] == made
    assert len({one.key for one in (*made, *reversals)}) == 8
    assert len(set(Journal.objects.filter(kind__in=["use", "reversal"]).values_list("key", flat=True))) == 8
    account.refresh_from_db()
    assert account.balance == Decimal("150.00")


@pytest.mark.parametrize("key", ["", "  ", "reversal:1", "K" * 81])
def test_a11_key_that_is_missing_too_long_or_a_reversals_is_refused(city, account, key):
    with pytest.raises(DomainError) as error:
        use(city, account, key=key)
    assert error.value.field == "key"
    assert not AccountUse.objects.exists()


def test_reversal_of_a_refused_use_is_refused(city, account):
    made = use(city, account, purpose="fitness")
    before = factories.standing()
    with pytest.raises(DomainError):
        reverse_use(use=made, actor=city.clerk, now=NOW)
    assert factories.standing() == before


def test_grant_needs_the_roster_and_an_allowed_relation(city, account):
    stranger, uncle = factories.member(), child_of(account, relation="other")
    before = factories.standing()
    with pytest.raises(DomainError, match=stranger.name):
        grant(account=account, beneficiary=stranger, starts_on=FIRST, actor=city.clerk, now=NOW)
    with pytest.raises(RefusedError) as raised:
        grant(account=account, beneficiary=uncle, starts_on=FIRST, actor=city.clerk, now=NOW)
    assert (raised.value.refusal.code, raised.value.refusal.article) == ("relation_not_allowed", "9")
    assert (FamilyGrant.objects.count(), factories.standing()) == (0, before)


def test_grant_twice_is_one_and_overlapping_days_are_refused(city, account):
    child = child_of(account)
    act = {"account": account, "beneficiary": child, "actor": city.clerk, "now": NOW}
    first = grant(starts_on=FIRST, **act)
    assert grant(starts_on=FIRST, **act) == first
    with pytest.raises(DomainError):
        grant(starts_on=date(2026, 2, 1), **act)
    with pytest.raises(DomainError):
        grant(starts_on=date(2026, 2, 1), ends_on=date(2026, 1, 1), **act)
    assert list(FamilyGrant.objects.all()) == [first]


def test_revoke_ends_a_grant_and_never_prolongs_it(city, account):
    child = child_of(account)
    made = grant(account=account, beneficiary=child, starts_on=ON, actor=city.clerk, now=NOW)
    with pytest.raises(DomainError):
        revoke(grant=made, last_day=FIRST, actor=city.clerk, now=NOW)
    made = revoke(grant=made, last_day=ON, actor=city.clerk, now=NOW)
    assert made.ends_on == ON
    with pytest.raises(DomainError, match="2026-03-02"):
        revoke(grant=made, last_day=date(2026, 4, 1), actor=city.clerk, now=NOW)
