"""The monthly advance through the database: the cases of article 13(1), G-17 and the steps to the bank."""

from datetime import UTC, date, datetime
from decimal import Decimal

import pytest
from django.db import IntegrityError, connection, transaction

from accounts.models import Entry
from bureau.errors import DomainError
from bureau.models import AuditEntry
from settlement.models import Line, Payment, Run
from settlement.services.runs.approval import approve_run, discard_run, return_run, submit_run
from settlement.services.runs.compute import compute_run
from settlement.services.runs.payment import pay_run, reissue_payment, return_payment
from tests.settlement import factories, history
from tests.settlement.runs import NOW, compute, pay, trial_balance

pytestmark = pytest.mark.django_db


def advance(city, month: date, count: int, used: str | None, **heads):
    """The only line of an advance for an institution with so many heads and last month's use."""
    where = factories.institution(city)
    factories.heads(city, where, count, **heads)
    if used is not None and Decimal(used):
        person = factories.member(city)
        history.settled(city, where, person, on=date(month.year, month.month - 1, 20), fund=used)
    [line] = compute(city, "advance", month).lines.all()
    assert line.institution == where
    return line


@pytest.mark.parametrize(
    ("case", "month", "count", "used", "expected"),
    [
        ("HY-D01", date(2026, 1, 1), 1000, None, "21333.33"),
        ("HY-D02", date(2026, 2, 1), 1000, "25000.00", "20000.00"),
        ("HY-D03", date(2026, 2, 1), 1000, "26666.67", "21333.33"),
        ("HY-D04", date(2026, 2, 1), 1000, "30000.00", "21333.33"),
        ("HY-D05", date(2026, 2, 1), 1000, "0.00", "0.00"),
        ("HY-D06", date(2026, 3, 1), 1050, "27500.00", "22000.00"),
        ("HY-D07", date(2026, 3, 1), 990, "26666.67", "21120.00"),
    ],
)
def test_advance_case_gives_expected_amount(city, case, month, count, used, expected):
    line = advance(city, month, count, used)
    assert line.to_pay == Decimal(expected)
    assert (line.amount, line.adjustment) == (Decimal(expected), 0)
    assert line.facts["headcount"] == count


def test_advance_goes_by_settlement_month_and_counts_others_on_the_quota(city):
    where, other = factories.institution(city), factories.institution(city)
    factories.heads(city, where, 1000)
    person = factories.member(city)
    history.settled(city, where, person, on=date(2025, 12, 31), settled_on=date(2026, 1, 2), fund="1000.00")
    history.settled(city, other, person, on=date(2026, 1, 20), charged=where, fund="500.00")
    history.settled(city, where, person, on=date(2026, 1, 31), settled_on=date(2026, 2, 1), fund="9000.00")
    history.settled(city, where, person, on=date(2026, 1, 5), charge="fee_for_service", fund="7000.00")
    [line] = compute(city, "advance", date(2026, 2, 1)).lines.all()
    assert line.facts["prev_actual"] == 150000
    assert line.to_pay == Decimal("1200.00")


def test_advance_counts_a_negative_month_as_zero_and_carries_the_rest(city):
    where = factories.institution(city)
    factories.heads(city, where, 1000)
    person = factories.member(city)
    first = history.settled(city, where, person, on=date(2026, 1, 5), fund="3000.00")
    history.reversed(city, first, on=date(2026, 2, 10))
    history.settled(city, where, person, on=date(2026, 2, 11), fund="1000.00")
    history.settled(city, where, person, on=date(2026, 3, 11), fund="5000.00")
    assert compute(city, "advance", date(2026, 2, 1)).total == Decimal("2400.00")
    assert compute(city, "advance", date(2026, 3, 1)).total == Decimal("0.00")
    [line] = compute(city, "advance", date(2026, 4, 1)).lines.all()
    assert (line.facts["used"], line.facts["carried"]) == (500000, -200000)
    assert line.to_pay == Decimal("2400.00")


def test_advance_counts_stations_with_their_centre_and_pays_only_its_own_county(city):
    centre = factories.institution(city)
    station = factories.institution(city, kind="station", parent=centre)
    abroad = factories.institution(city, county=city.other_county)
    factories.heads(city, centre, 900)
    factories.heads(city, station, 100)
    factories.heads(city, abroad, 50)
    run = compute(city, "advance", date(2026, 1, 1))
    assert [(line.institution, line.to_pay) for line in run.lines.all()] == [(centre, Decimal("21333.33"))]


def test_advance_is_refused_before_its_month_and_outside_the_edition(city):
    with pytest.raises(DomainError, match="2026-09"):
        compute(city, "advance", date(2026, 9, 1))
    with pytest.raises(DomainError):
        compute(city, "advance", date(2025, 7, 1))
    with pytest.raises(DomainError):
        compute(city, "month", date(2026, 1, 1))
    assert not Run.objects.exists()


def test_compute_again_replaces_the_lines_of_the_same_run(city):
    where = factories.institution(city)
    factories.heads(city, where, 10)
    run = compute(city, "advance", date(2026, 1, 1))
    factories.heads(city, where, 990)
    again = compute(city, "advance", date(2026, 1, 1))
    assert again.pk == run.pk
    assert again.total == Decimal("21333.33")
    assert again.lines.count() == 1


def test_run_goes_from_computed_to_paid_and_posts_its_journal(city):
    where = factories.institution(city)
    factories.heads(city, where, 1000)
    run = compute(city, "advance", date(2026, 1, 1))
    run = submit_run(run=run, actor=city.clerk, now=NOW)
    run = approve_run(run=run, actor=city.reviewer, now=NOW)
    assert compute(city, "advance", date(2026, 1, 1)).status == "approved"
    run = pay_run(run=run, actor=city.finance, now=NOW)
    assert run.status == "paid"
    payment = Payment.objects.get()
    assert (payment.amount, payment.fund) == (Decimal("21333.33"), "employees_pool")
    assert payment.bank_account == where.bank_account
    entries = {(e.subject, e.holder): e.amount for e in Entry.objects.filter(journal__key=f"run:{run.pk}:{where.code}")}
    assert entries == {("advances", where.code): Decimal("-21333.33"), ("bank", ""): Decimal("21333.33")}
    acts = AuditEntry.objects.filter(action__startswith="run.").order_by("id").values_list("action", flat=True)
    assert list(acts) == ["run.compute", "run.submit", "run.approve", "run.pay"]
    assert trial_balance() == {}


def test_pay_twice_pays_once(city):
    where = factories.institution(city)
    factories.heads(city, where, 1000)
    run = pay(city, compute(city, "advance", date(2026, 1, 1)))
    before = Entry.objects.count()
    assert pay_run(run=run, actor=city.finance, now=NOW).paid_at == run.paid_at
    assert (Payment.objects.count(), Entry.objects.count()) == (1, before)


def test_approve_by_the_submitter_is_refused_by_service_and_database(city):
    factories.heads(city, factories.institution(city), 10)
    run = submit_run(run=compute(city, "advance", date(2026, 1, 1)), actor=city.clerk, now=NOW)
    with pytest.raises(DomainError):
        approve_run(run=run, actor=city.clerk, now=NOW)
    refused(
        "run_approved_by_another",
        "UPDATE settlement_run SET status = 'approved', approved_by_id = submitted_by_id WHERE id = %s",
        run.pk,
    )
    run.refresh_from_db()
    assert run.status == "submitted"


def refused(constraint: str, sql: str, *params) -> None:
    """The database refuses the statement, by the name of the rule."""
    connection.check_constraints()  # deferred checks would stand in the way of a TRUNCATE
    with pytest.raises(IntegrityError) as error, transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(sql, params)
    assert error.value.__cause__.diag.constraint_name == constraint


def test_approved_run_never_changes_in_raw_sql(city):
    where = factories.institution(city)
    factories.heads(city, where, 1000)
    run = compute(city, "advance", date(2026, 1, 1))
    submit_run(run=run, actor=city.clerk, now=NOW)
    refused("lines_stay", "UPDATE settlement_line SET amount = 1, to_pay = 1 WHERE run_id = %s", run.pk)
    approve_run(run=run, actor=city.reviewer, now=NOW)
    refused("run_stays", "UPDATE settlement_run SET total = 1 WHERE id = %s", run.pk)
    refused("run_stays", "UPDATE settlement_run SET status = 'computed', approved_by_id = NULL WHERE id = %s", run.pk)
    refused("run_stays", "UPDATE settlement_run SET note = 'x' WHERE id = %s", run.pk)
    refused("run_stays", "DELETE FROM settlement_run WHERE id = %s", run.pk)
    refused("lines_stay", "UPDATE settlement_line SET amount = 1, to_pay = 1 WHERE run_id = %s", run.pk)
    refused("lines_stay", "DELETE FROM settlement_line WHERE run_id = %s", run.pk)
    refused(
        "lines_stay",
        "INSERT INTO settlement_line (run_id, institution_id, facts, results, amount, adjustment, to_pay)"
        " VALUES (%s, %s, '{}', '{}', 0, 0, 0)",
        run.pk,
        factories.institution(city).pk,
    )
    refused("settled_rows_stay", "TRUNCATE settlement_run, settlement_line, settlement_payment CASCADE")
    assert Line.objects.get(run=run).to_pay == Decimal("21333.33")


def test_steps_out_of_order_are_refused(city):
    factories.heads(city, factories.institution(city), 10)
    run = compute(city, "advance", date(2026, 1, 1))
    with pytest.raises(DomainError):
        approve_run(run=run, actor=city.reviewer, now=NOW)
    with pytest.raises(DomainError):
        pay_run(run=run, actor=city.finance, now=NOW)
    refused(
        "run_step",
        "UPDATE settlement_run SET status = 'approved', submitted_by_id = %s, approved_by_id = %s WHERE id = %s",
        city.clerk.pk,
        city.reviewer.pk,
        run.pk,
    )
    refused(
        "run_total",
        "UPDATE settlement_run SET status = 'submitted', submitted_by_id = %s, total = 1 WHERE id = %s",
        city.clerk.pk,
        run.pk,
    )
    run.refresh_from_db()
    assert run.status == "computed"
    assert not Entry.objects.filter(journal__kind="run").exists()


def test_return_run_opens_it_again_and_needs_a_reason(city):
    factories.heads(city, factories.institution(city), 10)
    run = submit_run(run=compute(city, "advance", date(2026, 1, 1)), actor=city.clerk, now=NOW)
    with pytest.raises(DomainError):
        return_run(run=run, note=" ", actor=city.reviewer, now=NOW)
    run = return_run(run=run, note="heads are wrong", actor=city.reviewer, now=NOW)
    assert (run.status, run.submitted_by, run.note) == ("computed", None, "heads are wrong")
    run = submit_run(run=run, actor=city.clerk, now=NOW)
    approve_run(run=run, actor=city.reviewer, now=NOW)
    with pytest.raises(DomainError):
        return_run(run=run, note="too late", actor=city.reviewer, now=NOW)


def test_discard_run_removes_only_a_computed_one(city):
    factories.heads(city, factories.institution(city), 10)
    run = compute(city, "advance", date(2026, 1, 1))
    discard_run(run=run, reason="wrong month", actor=city.clerk, now=NOW)
    assert not Run.objects.exists()
    run = submit_run(run=compute(city, "advance", date(2026, 1, 1)), actor=city.clerk, now=NOW)
    with pytest.raises(DomainError):
        discard_run(run=run, reason="wrong month", actor=city.clerk, now=NOW)


def test_pay_without_a_bank_account_is_refused_by_name(city):
    good, bad = factories.institution(city), factories.institution(city, "无账户医院", bank=False)
    factories.heads(city, good, 10)
    factories.heads(city, bad, 10)
    run = compute(city, "advance", date(2026, 1, 1))
    submit_run(run=run, actor=city.clerk, now=NOW)
    approve_run(run=run, actor=city.reviewer, now=NOW)
    with pytest.raises(DomainError, match="无账户医院"):
        pay_run(run=run, actor=city.finance, now=NOW)
    run.refresh_from_db()
    assert run.status == "approved"
    assert not Payment.objects.exists()
    assert not Entry.objects.filter(journal__kind="run").exists()


def test_returned_payment_waits_in_suspense_until_it_is_ordered_again(city):
    where = factories.institution(city)
    factories.heads(city, where, 1000)
    pay(city, compute(city, "advance", date(2026, 1, 1)))
    payment = Payment.objects.get()
    with pytest.raises(DomainError):
        reissue_payment(payment=payment, actor=city.finance, now=NOW)
    return_payment(payment=payment, note="account closed", actor=city.finance, now=NOW)
    return_payment(payment=payment, note="account closed", actor=city.finance, now=NOW)
    assert trial_balance("suspense") == {where.code: Decimal("21333.33")}
    factories.move_account(city, where, "622299900001")
    again = reissue_payment(payment=payment, actor=city.finance, now=NOW)
    assert reissue_payment(payment=payment, actor=city.finance, now=NOW) == again
    assert (again.bank_account, again.status) == ("622299900001", "reissued")
    assert trial_balance("suspense") == {}
    refused("payment_stays", "UPDATE settlement_payment SET bank_account = 'x' WHERE id = %s", again.pk)
    assert trial_balance() == {}


def test_visits_never_change_in_raw_sql(city):
    where = factories.institution(city)
    person = factories.member(city, balance="100.00")
    visit = history.settled(city, where, person, on=date(2026, 1, 5), fund="10.00", from_account="5.00")
    for sql in (
        "UPDATE settlement_visit SET pooled = 0",
        "DELETE FROM settlement_visit",
        "TRUNCATE settlement_visit CASCADE",
        "UPDATE settlement_visitpayment SET amount = 1",
        "DELETE FROM settlement_visitpayment",
        "TRUNCATE settlement_visitpayment",
    ):
        refused("settled_rows_stay", sql)
    visit.refresh_from_db()
    assert visit.pooled == Decimal("10.00")


@pytest.mark.django_db(transaction=True)
def test_two_computing_at_once_give_one_run(city):
    from concurrent.futures import ThreadPoolExecutor
    from threading import Barrier

    from django.db import connections

    for _ in range(20):
        factories.heads(city, factories.institution(city), 2)
    gate = Barrier(4)

    def work(_number):
        try:
            gate.wait()
            return compute_run(
                area=city.area,
                county=city.county,
                scheme="310",
                kind="advance",
                period=date(2026, 1, 1),
                actor=city.clerk,
                now=datetime(2026, 1, 1, 1, 0, tzinfo=UTC),
            ).pk
        finally:
            connections.close_all()

    with ThreadPoolExecutor(4) as pool:
        found = set(pool.map(work, range(4)))
    assert len(found) == 1
    assert (Run.objects.count(), Line.objects.count()) == (1, 20)
    assert Run.objects.get().total == Decimal("853.40")
