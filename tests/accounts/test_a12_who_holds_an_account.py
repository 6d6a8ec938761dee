"""Who can hold an account follows from the edition, at every door; premiums are owed to the tax office."""

from datetime import UTC, date, datetime
from decimal import Decimal

import pytest

from accounts.models import Account, AccountUse, Entry, FamilyGrant
from accounts.queries import trial_balance
from accounts.services.credits import credit_month
from accounts.services.family import grant
from accounts.services.standing import load_opening_balances, open_accounts
from accounts.services.uses import reverse_use, use_account
from bureau.errors import DomainError
from bureau.jobs import services as jobs
from members.models import BenefitPeriod, Enrolment, Relative
from tests.settlement import factories

FIRST, ON = date(2024, 1, 1), date(2024, 3, 1)
NOW = datetime(2024, 3, 20, 2, tzinfo=UTC)


@pytest.fixture(params=["kaifeng", "chongqing"])
def city(db, request):
    return factories.city_of(request.param)


def enrolled(
    city, person_class: str, plan: str, *, scheme: str = "310", since: date = FIRST, until: date | None = None
):
    [person] = factories.bare_members(1, birth=date(1950, 1, 1))
    here = {"member": person, "area": city.area, "scheme": scheme}
    Enrolment.objects.create(**here, person_class=person_class, plan=plan, starts_on=since, ends_on=until)
    BenefitPeriod.objects.create(**here, starts_on=since)
    return person


def without(city) -> list:
    """Who has none: the pooled fund only in Kaifeng, the first level in Chongqing, residents in both."""
    plan = "pooled_only" if city.area.pk == "410299" else "personal_1"
    kinds = [("active", plan, "310"), ("retired", plan, "310"), ("flexible", plan, "310"), ("resident", "", "390")]
    return [enrolled(city, person_class, plan, scheme=scheme) for person_class, plan, scheme in kinds]


def with_one(city):
    return enrolled(city, "retired", "" if city.area.pk == "410299" else "unit")


def load(city, balances) -> int:
    return load_opening_balances(key="K", area=city.area, balances=balances, on=FIRST, actor=city.clerk, now=NOW)


def moved() -> tuple:
    return Account.objects.count(), Entry.objects.count(), FamilyGrant.objects.count(), AccountUse.objects.count()


def test_a12_opening_balances_of_who_can_hold_none_are_refused(city):
    holder = with_one(city)
    for person in without(city):
        before = moved()
        with pytest.raises(DomainError) as raised:
            load(city, {person.pk: Decimal("30.00"), holder.pk: Decimal("20.00")})
        assert (raised.value.field, raised.value.params["count"], raised.value.params["names"]) == (
            "balances", 1, str(person),
        )  # fmt: skip
        assert moved() == before
    assert load(city, {holder.pk: Decimal("20.00")}) == 1
    assert Account.objects.get().balance == Decimal("20.00")


def test_a12_no_account_is_opened_nor_credited(city):
    without(city)
    holder = with_one(city)
    assert open_accounts(area_id=city.area.pk, on=ON, actor=city.clerk, now=NOW) == 1
    job = credit_month(area=city.area, month=ON, actor=city.clerk, now=NOW)
    jobs.work(job.pk, clock=lambda: NOW)
    assert set(Account.objects.values_list("member", flat=True)) == {holder.pk}
    assert set(Entry.objects.exclude(account=None).values_list("account__member", flat=True)) == {holder.pk}


def test_a12_who_can_hold_none_lets_nobody_use_one(city):
    for person in without(city):
        account = Account.objects.create(member=person, area=city.area, opened_on=FIRST)
        [child] = factories.bare_members(1)
        Relative.objects.create(member=person, relative=child, relation="child", starts_on=FIRST)
        before = moved()
        with pytest.raises(DomainError) as raised:
            grant(account=account, beneficiary=child, starts_on=ON, actor=city.clerk, now=NOW)
        assert (raised.value.field, raised.value.params["count"]) == ("account", 1)
        assert moved() == before


def test_a12_a_balance_from_before_a_change_of_plan_stays_usable(city):
    plan = "pooled_only" if city.area.pk == "410299" else "personal_1"
    person = enrolled(city, "active", "" if plan == "pooled_only" else "unit", until=date(2024, 1, 31))
    Enrolment.objects.create(
        member=person, area=city.area, scheme="310", person_class="active", plan=plan, starts_on=date(2024, 2, 1)
    )
    load(city, {person.pk: Decimal("30.00")})
    account = Account.objects.get()
    used = use_account(
        key="U", account=account, user=person, purpose="pharmacy_drug", payee="P41020000001", amount=Decimal("50.00"),
        on=ON, actor=city.clerk, now=NOW,
    )  # fmt: skip
    assert (used.paid, used.cash, used.refusal) == (Decimal("30.00"), Decimal("20.00"), "")
    [child] = factories.bare_members(1)
    Relative.objects.create(member=person, relative=child, relation="child", starts_on=FIRST)
    assert grant(account=account, beneficiary=child, starts_on=ON, actor=city.clerk, now=NOW).pk


@pytest.mark.parametrize("written", ["", "税务局", "TAX410299", "tax_office"])
def test_a12_premiums_are_owed_to_the_tax_office_under_one_holder(city, written):
    person = with_one(city)
    load(city, {person.pk: Decimal("900.00")})
    [child] = factories.bare_members(1)
    Relative.objects.create(member=person, relative=child, relation="child", starts_on=FIRST)
    account = Account.objects.get()
    grant(account=account, beneficiary=child, starts_on=FIRST, actor=city.clerk, now=NOW)
    act = {"account": account, "payee": written, "on": ON, "actor": city.clerk, "now": NOW}
    of_child = use_account(key="U1", user=child, purpose="resident_premium", amount=Decimal("400.00"), **act)
    use_account(key="U2", user=person, purpose="large_claims_premium", amount=Decimal("96.00"), **act)
    assert AccountUse.objects.filter(payee="tax_office").count() == 2
    owed = {
        line.holder: line.balance
        for line in trial_balance(area_id=city.area.pk, on=date(2024, 12, 31), by_holder=True)
        if line.subject == "payable_items"
    }
    assert owed == {"tax_office": Decimal("496.00")}
    again = use_account(key="U1", user=child, purpose="resident_premium", amount=Decimal("400.00"), **act)
    assert again == of_child
    assert reverse_use(use=of_child, actor=city.clerk, now=NOW).payee == "tax_office"


def test_a12_anybody_else_is_named(city):
    person = with_one(city)
    load(city, {person.pk: Decimal("900.00")})
    before = moved()
    with pytest.raises(DomainError) as raised:
        use_account(
            key="U", account=Account.objects.get(), user=person, purpose="pharmacy_drug", payee=" ",
            amount=Decimal("5.00"), on=ON, actor=city.clerk, now=NOW,
        )  # fmt: skip
    assert raised.value.field == "payee"
    assert moved() == before
