"""The worked cases of personal accounts, taken through the database: credits, uses and payouts."""

from datetime import UTC, date, datetime
from decimal import Decimal

import pytest

from accounts.models import Account, Credit
from accounts.services.credits import credit_month
from accounts.services.family import grant
from accounts.services.payouts import Payee, submit_payout
from accounts.services.uses import use_account
from bureau.errors import DomainError
from bureau.rules.periods import month_end, month_start, months_between
from bureau.services import jobs
from tests.accounts import factories
from tests.settlement.cases import cases


def run_credits(city, first: str, last: str) -> None:
    for month in months_between(first, last):
        now = datetime.combine(month_start(month).replace(day=5), datetime.min.time(), UTC)
        job = credit_month(area=city.area, month=month_start(month), actor=city.clerk, now=now)
        jobs.work(job.pk, clock=lambda now=now: now)
        job.refresh_from_db()
        assert job.status == "done", list(job.chunks.values_list("problem", flat=True))


def test_the_cases_are_there():
    assert {len(cases("heyuan", kind)) > 2 for kind in ("pa_accrual", "pa_use", "pa_payout")} == {True}


@pytest.mark.parametrize("case", cases("heyuan", "pa_accrual"), ids=lambda case: case["id"])
def test_credits_of_a_year_equal_the_case(city, case):
    segments = case["facts"]["segments"]
    person = factories.member(birth=case["facts"].get("birth") or date(1965, 5, 20))
    for number, segment in enumerate(segments):
        last = None if number == len(segments) - 1 else month_end(segment["to"])
        factories.enrol(person, segment["status"], month_start(segment["from"]), last)
        for month in months_between(segment["from"], segment["to"]) if "base" in segment else ():
            factories.premium(person, month_start(month), segment["base"])
    factories.benefits(person, month_start(segments[0]["from"]))

    run_credits(city, segments[0]["from"], segments[-1]["to"])

    amounts = list(Credit.objects.order_by("month").values_list("amount", flat=True))
    expected = case["expected"]
    assert sum(amounts, Decimal("0.00")) == Decimal(expected["total"])
    assert (amounts[0] if amounts else Decimal("0.00")) == Decimal(expected["month_first"])
    assert Account.objects.get(member=person).balance == Decimal(expected["total"])


@pytest.mark.parametrize("case", cases("heyuan", "pa_use"), ids=lambda case: case["id"])
def test_use_of_an_account_equals_the_case(city, case):
    facts, expected = case["facts"], case["expected"]
    holder = factories.member()
    account = factories.account(city, holder, balance=facts["balance"])
    factories.enrol(holder, "retired" if facts.get("retired") else "active", factories.FIRST)
    user = holder
    if facts["relation"] != "self":
        user = factories.member()
        listed = facts["relation"] in ("spouse", "parent", "child", "sibling", "grandparent", "grandchild")
        factories.relative(holder, user, facts["relation"] if listed else "other")
        if listed:
            grant(account=account, beneficiary=user, starts_on=factories.FIRST, actor=city.clerk, now=factories.NOW)

    use = use_account(
        key=case["id"],
        account=account,
        user=user,
        purpose=facts["purpose"],
        payee="H44160200001",
        amount=Decimal(facts["amount"]),
        on=date(2026, 3, 2),
        actor=city.clerk,
        now=factories.NOW,
    )

    assert (use.refusal == "", use.paid, use.cash) == (
        expected["allowed"],
        Decimal(expected["pay"]),
        Decimal(expected["cash"]),
    )
    account.refresh_from_db()
    assert account.balance == Decimal(facts["balance"]) - Decimal(expected["pay"])


@pytest.mark.parametrize("case", cases("heyuan", "pa_payout"), ids=lambda case: case["id"])
def test_payout_equals_the_case(city, case):
    facts, expected = case["facts"], case["expected"]
    account = factories.account(city, balance=facts["balance"])
    act = {
        "account": account,
        "event": facts["event"],
        "happened_on": date(2026, 3, 2),
        "payees": [Payee("张三", "工商银行", "6222000000000001")],
        "applied": facts["applied"],
        "actor": city.clerk,
        "now": factories.NOW,
    }
    if expected["action"] == "keep":
        before = factories.standing()
        with pytest.raises(DomainError):
            submit_payout(**act)
        assert factories.standing() == before
        return
    payout = submit_payout(**act)
    assert (payout.action, payout.amount) == (expected["action"], Decimal(expected["amount"]))
    account.refresh_from_db()
    assert account.status == "frozen"
