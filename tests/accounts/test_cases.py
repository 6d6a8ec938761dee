"""The worked cases of personal accounts of every city, taken through the database: credits, uses and payouts."""

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import pytest

from accounts.models import Account, Credit
from accounts.services.credits import credit_month
from accounts.services.family import grant
from accounts.services.payouts import Payee, submit_payout
from accounts.services.uses import use_account
from bureau.errors import DomainError
from bureau.jobs import services as jobs
from bureau.rules.enrolment import insured_as
from bureau.rules.periods import month_end, month_start, months_between
from members.models import BenefitPeriod, Contribution, Enrolment, Relative
from tests.accounts.factories import own_share, standing
from tests.settlement import factories
from tests.settlement.cases import BESIDE, CITIES, cases

pytestmark = pytest.mark.django_db

FIRST = date(2021, 1, 1)
KNOWN = {"pa_accrual": 26, "pa_use": 20, "pa_payout": 16}
LISTED = ("spouse", "parent", "child", "sibling", "grandparent", "grandchild")


def told(kind):
    return [pytest.param(key, case, id=case["id"]) for key in CITIES for case in cases(key, kind)]


def in_force(city) -> date:
    """A day of the edition, in the spring of its first whole year."""
    return date(city.rules.starts_on.year + 1, 3, 2)


def noon(day: date) -> datetime:
    return datetime(day.year, day.month, day.day, 4, tzinfo=UTC)


def run_credits(city, first: str, last: str) -> None:
    for month in months_between(first, last):
        now = noon(month_start(month).replace(day=5))
        job = credit_month(area=city.area, month=month_start(month), actor=city.clerk, now=now)
        jobs.work(job.pk, clock=lambda now=now: now)
        job.refresh_from_db()
        assert job.status == "done", list(job.chunks.values_list("problem", flat=True))


@pytest.mark.parametrize("kind", KNOWN)
def test_the_cases_are_there(kind):
    assert len(told(kind)) >= (KNOWN[kind] if BESIDE else 1)


@pytest.mark.parametrize(("key", "case"), told("pa_accrual"))
def test_credits_of_a_year_equal_the_case(key, case):
    city = factories.city_of(key, **case.get("switches", {}))
    segments = case["facts"]["segments"]
    person = factories.bare_members(1, birth=case["facts"].get("birth") or date(1965, 5, 20))[0]
    paying = [segment for segment in segments if segment["status"] == "retired_paying_monthly"]
    if paying:
        person.reached_age_on = paying[0].get("reached_age_on", month_start(paying[0]["from"]))
        person.save()
    here = {"member": person, "area": city.area, "scheme": city.scheme}
    for number, segment in enumerate(segments):
        person_class, plan = insured_as(segment["status"], segment.get("plan", ""))
        Enrolment.objects.create(
            **here,
            person_class=person_class,
            plan=plan,
            starts_on=month_start(segment["from"]),
            ends_on=None if number == len(segments) - 1 else month_end(segment["to"]),
        )
        for month in months_between(segment["from"], segment["to"]) if "base" in segment else ():
            base = Decimal(segment["base"])
            Contribution.objects.create(
                **here,
                month=month_start(month),
                base=base,
                employer_amount=0,
                own_amount=own_share(base),
                paid_on=month_start(month).replace(day=15),
            )
    BenefitPeriod.objects.create(**here, starts_on=month_start(segments[0]["from"]))

    run_credits(city, segments[0]["from"], segments[-1]["to"])

    amounts = list(Credit.objects.order_by("month").values_list("amount", flat=True))
    expected = case["expected"]
    assert sum(amounts, Decimal("0.00")) == Decimal(expected["total"])
    assert (amounts[0] if amounts else Decimal("0.00")) == Decimal(expected["month_first"])
    accounts = Account.objects.filter(member=person)
    assert sum((account.balance for account in accounts), Decimal("0.00")) == Decimal(expected["total"])


@pytest.mark.parametrize(("key", "case"), told("pa_use"))
def test_use_of_an_account_equals_the_case(key, case):
    facts, expected = case["facts"], case["expected"]
    city = factories.city_of(key)
    on = in_force(city)
    holder = factories.member(
        city,
        person_class="retired" if facts.get("retired") else "active",
        starts_on=FIRST,
        balance=facts["balance"],
    )
    account = Account.objects.get(member=holder)
    user, relation = holder, facts["relation"]
    if relation != "self":
        user = factories.bare_members(1)[0]
        Relative.objects.create(
            member=holder, relative=user, relation=relation if relation in LISTED else "other", starts_on=FIRST
        )
        if relation in city.rules.part("account", on)["relations"]:
            grant(account=account, beneficiary=user, starts_on=on, actor=city.clerk, now=noon(on))

    use = use_account(
        key=case["id"],
        account=account,
        user=user,
        purpose=facts["purpose"],
        payee="H44160200001",
        amount=Decimal(facts["amount"]),
        on=on,
        actor=city.clerk,
        now=noon(on + timedelta(days=1)),
    )

    assert (use.refusal == "", use.paid, use.cash) == (
        expected["allowed"],
        Decimal(expected["pay"]),
        Decimal(expected["cash"]),
    )
    account.refresh_from_db()
    assert account.balance == Decimal(facts["balance"]) - Decimal(expected["pay"])


@pytest.mark.parametrize(("key", "case"), told("pa_payout"))
def test_payout_equals_the_case(key, case):
    facts, expected = case["facts"], case["expected"]
    city = factories.city_of(key)
    on = in_force(city)
    account = Account.objects.get(member=factories.member(city, starts_on=FIRST, balance=facts["balance"]))
    act = {
        "account": account,
        "event": facts["event"],
        "happened_on": on,
        "payees": [Payee("张三", "工商银行", "6222000000000001")],
        "applied": facts["applied"],
        "actor": city.clerk,
        "now": noon(on + timedelta(days=1)),
    }
    if expected["action"] == "keep":
        before = standing()
        with pytest.raises(DomainError):
            submit_payout(**act)
        assert standing() == before
        return
    payout = submit_payout(**act)
    assert (payout.action, payout.amount) == (expected["action"], Decimal(expected["amount"]))
    account.refresh_from_db()
    assert account.status == "frozen"
