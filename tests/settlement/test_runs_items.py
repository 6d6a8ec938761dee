"""Payments by item: every payee, every fund, months below zero, and what is learnt late."""

from datetime import UTC, date, datetime
from decimal import Decimal

import pytest
from django.db import IntegrityError, connection, transaction

from accounts.models import Account, Entry
from accounts.services.uses import use_account
from bureau.errors import DomainError
from settlement.models import Adjustment, Payment, Run
from settlement.queries.lines import replay_line
from settlement.services.runs.approval import discard_run, submit_run
from settlement.services.runs.late import find_adjustments
from settlement.services.runs.payment import pay_run
from tests.settlement import factories, history
from tests.settlement.runs import NOW, approve, compute, disagreements, pay, trial_balance

pytestmark = pytest.mark.django_db

JANUARY, FEBRUARY, MARCH = date(2026, 1, 1), date(2026, 2, 1), date(2026, 3, 1)
FEB_2 = datetime(2026, 2, 2, 2, 0, tzinfo=UTC)
MAR_2 = datetime(2026, 3, 2, 2, 0, tzinfo=UTC)
APR_2 = datetime(2026, 4, 2, 2, 0, tzinfo=UTC)


def test_items_pay_each_payee_by_fund_and_leave_the_quota_alone(city):
    centre, hospital = factories.institution(city), factories.institution(city, kind="hospital", level=3)
    pharmacy = factories.institution(city, kind="pharmacy", level=None)
    clearing = factories.institution(city, kind="clearing", level=None)
    away = factories.institution(city, kind="hospital", level=3, local=False)
    person = factories.member(city, selected=centre, balance="1000.00")
    history.settled(city, centre, person, on=date(2026, 1, 5), fund="56.00", from_account="24.00")
    history.settled(city, hospital, person, on=date(2026, 1, 6), charged=centre, fund="110.00", from_account="90.00")
    history.settled(city, hospital, person, on=date(2026, 1, 7), charge="fee_for_service", fund="150.00")
    history.settled(city, pharmacy, person, on=date(2026, 1, 8), charged=centre, fund="25.00", from_account="35.00")
    history.settled(city, away, person, on=date(2026, 1, 9), charge="fee_for_service", payee=clearing, fund="50.00")
    history.settled(city, pharmacy, person, on=date(2026, 2, 1), charged=centre, fund="1.00")
    use_account(
        key="u1",
        account=Account.objects.get(member=person),
        user=person,
        purpose="pharmacy_drug",
        payee=pharmacy.code,
        amount=Decimal("12.50"),
        on=date(2026, 1, 31),
        actor=city.clerk,
        now=datetime(2026, 1, 31, 2, 0, tzinfo=UTC),
    )
    run = compute(city, "items", JANUARY, now=FEB_2)
    owed = {line.institution: line.facts["owed"] for line in run.lines.all()}
    assert owed == {
        centre: {"personal_accounts": {"account": 2400}},
        hospital: {
            "employees_pool": {"selected_capitation": 11000, "fee_for_service": 15000},
            "personal_accounts": {"account": 9000},
        },
        pharmacy: {"employees_pool": {"selected_capitation": 2500}, "personal_accounts": {"account": 4750}},
        clearing: {"employees_pool": {"fee_for_service": 5000}},
    }
    assert run.total == Decimal("496.50")
    run = pay(city, run, now=FEB_2)
    orders = Payment.objects.filter(line__institution=hospital).order_by("fund").values_list("fund", "amount")
    assert list(orders) == [("employees_pool", Decimal("260.00")), ("personal_accounts", Decimal("90.00"))]
    assert trial_balance("payable_items") == {pharmacy.code: Decimal("1.00")}
    assert trial_balance("payable_quota") == {centre.code: Decimal("56.00")}
    assert trial_balance() == {}
    assert disagreements(city) == []


def test_items_of_a_negative_month_pay_zero_and_carry_on(city):
    hospital, selected = factories.institution(city), factories.institution(city)
    person = factories.member(city, balance="100.00")
    visit = history.settled(city, hospital, person, on=date(2026, 1, 5), charged=selected, fund="80.00")
    history.settled(city, hospital, person, on=date(2026, 2, 4), charged=selected, fund="30.00", from_account="5.00")
    history.settled(city, hospital, person, on=date(2026, 3, 4), charged=selected, fund="70.00")
    pay(city, compute(city, "items", JANUARY, now=FEB_2), now=FEB_2)
    history.reversed(city, visit, on=date(2026, 2, 20))
    february = compute(city, "items", FEBRUARY, now=MAR_2).lines.get()
    assert february.to_pay == Decimal("5.00")
    assert february.results == {"paid": {"personal_accounts": 500}, "carried": {"employees_pool": -5000}}
    with pytest.raises(DomainError, match="2026-02"):
        compute(city, "items", MARCH, now=APR_2)
    pay(city, february.run, now=MAR_2)
    march = compute(city, "items", MARCH, now=APR_2).lines.get()
    assert march.facts["carried"] == {"employees_pool": -5000}
    assert march.to_pay == Decimal("20.00")
    pay(city, march.run, now=APR_2)
    assert trial_balance("payable_items") == {}
    assert find_adjustments(area=city.area, kind="items", period=JANUARY, actor=city.clerk, now=APR_2) == []
    assert find_adjustments(area=city.area, kind="items", period=FEBRUARY, actor=city.clerk, now=APR_2) == []
    assert disagreements(city) == []


def test_late_visit_of_an_approved_month_is_carried_once_and_named(city):
    hospital, selected, new = (factories.institution(city) for _ in range(3))
    person = factories.member(city)
    history.settled(city, hospital, person, on=date(2026, 1, 5), charged=selected, fund="80.00")
    approve(city, compute(city, "items", JANUARY, now=FEB_2), now=FEB_2)
    after = datetime(2026, 2, 10, 2, 0, tzinfo=UTC)
    one = history.settled(city, hospital, person, on=date(2026, 1, 31), charged=selected, fund="20.00", at=after)
    two = history.settled(city, new, person, on=date(2026, 1, 31), charged=selected, fund="7.00", at=after)
    found = find_adjustments(area=city.area, kind="items", period=JANUARY, actor=city.clerk, now=MAR_2)
    assert {late.institution: (late.amount, list(late.visits.all())) for late in found} == {
        hospital: (Decimal("20.00"), [one]),
        new: (Decimal("7.00"), [two]),
    }
    assert "80.00" in found[0].reason
    assert "100.00" in found[0].reason
    assert find_adjustments(area=city.area, kind="items", period=JANUARY, actor=city.clerk, now=MAR_2) == []
    run = compute(city, "items", FEBRUARY, now=MAR_2)
    run = compute(city, "items", FEBRUARY, now=MAR_2)
    lines = {line.institution: (line.amount, line.adjustment, line.to_pay) for line in run.lines.all()}
    assert lines == {
        hospital: (Decimal("0.00"), Decimal("20.00"), Decimal("20.00")),
        new: (Decimal("0.00"), Decimal("7.00"), Decimal("7.00")),
    }
    assert set(Adjustment.objects.values_list("carried_by__run", flat=True)) == {run.pk}
    pay_run(run=Run.objects.get(period=JANUARY), actor=city.finance, now=MAR_2)
    pay(city, run, now=MAR_2)
    assert trial_balance("payable_items") == {}
    assert trial_balance() == {}
    march = compute(city, "items", MARCH, now=APR_2)
    assert not march.lines.exists()
    assert disagreements(city) == []


def test_adjustment_is_released_when_its_run_is_discarded_and_stays_with_a_submitted_one(city):
    hospital, selected = factories.institution(city), factories.institution(city)
    person = factories.member(city)
    approve(city, compute(city, "items", JANUARY, now=FEB_2), now=FEB_2)
    history.settled(
        city, hospital, person, on=date(2026, 1, 31), charged=selected, fund="7.00", at=datetime(2026, 2, 9, tzinfo=UTC)
    )
    [late] = find_adjustments(area=city.area, kind="items", period=JANUARY, actor=city.clerk, now=MAR_2)
    discard_run(run=compute(city, "items", FEBRUARY, now=MAR_2), reason="again", actor=city.clerk, now=MAR_2)
    late.refresh_from_db()
    assert late.carried_by is None
    run = submit_run(run=compute(city, "items", FEBRUARY, now=MAR_2), actor=city.clerk, now=MAR_2)
    for sql in ("UPDATE settlement_adjustment SET carried_by_id = NULL", "UPDATE settlement_adjustment SET amount = 9"):
        with pytest.raises(IntegrityError), transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(sql)
    assert run.lines.get().to_pay == Decimal("7.00")


def test_items_are_refused_before_the_month_is_over(city):
    with pytest.raises(DomainError, match="2026-08-31"):
        compute(city, "items", date(2026, 8, 1), now=NOW)
    assert not Run.objects.exists()


def test_find_adjustments_never_touches_advances(city):
    with pytest.raises(DomainError):
        find_adjustments(area=city.area, kind="advance", period=JANUARY, actor=city.clerk, now=NOW)


def test_replay_gives_the_stored_results_and_explains_them(city):
    hospital, selected = factories.institution(city), factories.institution(city)
    person = factories.member(city, balance="50.00")
    history.settled(city, hospital, person, on=date(2026, 1, 5), charged=selected, fund="80.00", from_account="20.00")
    line = compute(city, "items", JANUARY, now=FEB_2).lines.get()
    steps = []
    assert replay_line(line, steps) == line.results
    assert [(step.term, step.amount) for step in steps] == [
        ("owed employees_pool", 8000),
        ("paid employees_pool", 8000),
        ("owed personal_accounts", 2000),
        ("paid personal_accounts", 2000),
    ]
    assert all(step.article == "13" for step in steps)


def test_proof_sees_a_line_that_was_tampered_with(city):
    where = factories.institution(city)
    factories.heads(city, where, 1000)
    run = compute(city, "advance", JANUARY)
    line = run.lines.get()
    line.facts["headcount"] = 999
    line.save()
    assert disagreements(city) == [f"line {line.pk}: {{'advance': 2133333}} / {{'advance': 2131200}}"]
    assert not Entry.objects.exists()
