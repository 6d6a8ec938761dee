"""E3: what was approved is what is paid: to the account that was approved, of an institution and of a claim."""

from datetime import date

import pytest
from django.db import DatabaseError, connection, transaction
from django.utils import translation

from accounts.models import Journal
from bureau.errors import DomainError
from bureau.models import Staff
from institutions.models import AccountChange, Institution
from institutions.services.bank_accounts import change_account, confirm_account
from members.models import Member
from settlement.admin.runs import accounts_that_moved
from settlement.models import Claim, ClaimPayment, Payment, Run
from settlement.queries.proofs.books import check_books
from settlement.services.claims.payment import (
    change_claim_account,
    confirm_claim_account,
    pay_claim,
    reissue_claim_payment,
    return_claim_payment,
)
from settlement.services.claims.requests import BankAccount
from settlement.services.runs.approval import approve_accounts, approve_run, return_run, submit_run
from settlement.services.runs.payment import pay_run, reissue_payment, return_payment
from tests.settlement import claims, factories
from tests.settlement.runs import NOW, approve, compute, pay

OLD, NEW = "622200000001", "622200000002"
ELSEWHERE = BankAccount("member", "中国银行", "6216610000012345678")


def state():
    return (
        list(Run.objects.order_by("pk").values()),
        list(Claim.objects.order_by("pk").values()),
        list(Payment.objects.order_by("pk").values()),
        list(ClaimPayment.objects.order_by("pk").values()),
        list(Institution.objects.order_by("pk").values("bank_account")),
        Journal.objects.count(),
    )


def refused(name: str, sql: str, *params) -> None:
    before = state()
    with pytest.raises(DatabaseError) as error, transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(sql, params)
    assert error.value.__cause__.diag.constraint_name == name
    assert state() == before


@pytest.fixture(autouse=True)
def english():
    with translation.override("en"):
        yield


@pytest.fixture
def where(city):
    made = factories.institution(city, "东埠卫生院")
    factories.heads(city, made, 10)
    return factories.move_account(city, made, OLD)


def test_e3_account_changed_after_the_approval_is_approved_anew_before_it_is_paid(city, where):
    run = approve(city, compute(city, "advance", date(2026, 1, 1)))
    assert run.lines.get().bank_account == OLD
    factories.move_account(city, where, NEW)
    before = state()
    with pytest.raises(DomainError) as error:
        pay_run(run=run, actor=city.finance, now=NOW)
    assert str(error.value) == (
        "The bank account of 东埠卫生院 has changed since the approval: have the accounts approved anew."
    )
    with pytest.raises(DomainError, match=r"A run is approved by someone other than who submitted it."):
        approve_accounts(run=run, actor=city.clerk, now=NOW)
    assert state() == before
    approve_accounts(run=run, actor=city.reviewer, now=NOW)
    approve_accounts(run=run, actor=city.reviewer, now=NOW)
    pay_run(run=run, actor=city.finance, now=NOW)
    assert Payment.objects.get().bank_account == NEW


def test_e3_who_entered_an_account_does_not_approve_it_anew(city, where):
    run = approve(city, compute(city, "advance", date(2026, 1, 1)))
    second = Staff.objects.create(username="second", area=city.area)
    submitter, city.clerk = city.clerk, second
    factories.move_account(city, where, NEW)
    before = state()
    with pytest.raises(DomainError, match=r"An account is approved by someone other than who entered it."):
        approve_accounts(run=run, actor=second, now=NOW)
    assert state() == before
    assert submitter != second


def test_e3_change_that_nobody_has_confirmed_does_not_redirect_money(city, where):

    run = approve(city, compute(city, "advance", date(2026, 1, 1)))
    said = {"account_name": "张三", "bank_name": "工商银行", "bank_account": NEW}
    change_account(institution=where, **said, actor=city.clerk, now=NOW)
    pay_run(run=run, actor=city.finance, now=NOW)
    order = Payment.objects.get()
    assert (order.account_name, order.bank_account) == ("东埠卫生院", OLD)


def test_e3_account_changed_after_the_submission_is_submitted_anew(city, where):
    run = submit_run(run=compute(city, "advance", date(2026, 1, 1)), actor=city.clerk, now=NOW)
    factories.move_account(city, where, NEW)
    before = state()
    with pytest.raises(DomainError, match="has changed since the run was submitted"):
        approve_run(run=run, actor=city.reviewer, now=NOW)
    assert state() == before
    run = return_run(run=run, note="账户变更", actor=city.reviewer, now=NOW)
    run = approve(city, run)
    assert run.lines.get().bank_account == NEW


def test_e3_raw_sql_pays_no_other_account(city, where):
    run = approve(city, compute(city, "advance", date(2026, 1, 1)))
    line = run.lines.get()
    refused("lines_stay", "UPDATE settlement_line SET bank_account = '62220009'")
    refused("lines_stay", "UPDATE settlement_line SET to_pay = 1, amount = 1")
    insert = """INSERT INTO settlement_payment
        (line_id, fund, amount, account_name, bank_name, bank_account, status, ordered_on, note)
        SELECT id, 'employees_pool', {amount}, account_name, bank_name, {account}, '{status}', '2026-08-20', ''
          FROM settlement_line"""
    refused("payment_to_approved_account", insert.format(amount="to_pay", account="'62220009'", status="ordered"))
    refused("payment_to_approved_account", insert.format(amount="to_pay", account="bank_account", status="returned"))
    refused("payment_after_return", insert.format(amount="to_pay", account="bank_account", status="reissued"))
    factories.move_account(city, where, NEW)
    refused("run_accounts", "UPDATE settlement_run SET status = 'paid', paid_by_id = %s", city.finance.pk)
    approve_accounts(run=run, actor=city.reviewer, now=NOW)
    pay_run(run=run, actor=city.finance, now=NOW)
    [order] = Payment.objects.all()
    return_payment(payment=order, note="户名不符", actor=city.finance, now=NOW)
    for amount, account, name in (
        ("to_pay", "'62220009'", "payment_to_approved_account"),
        ("to_pay + 1", "bank_account", "payment_after_return"),
    ):
        refused(name, insert.format(amount=amount, account=account, status="reissued"))
    assert line.run_id == run.pk


def test_e3_returned_payment_goes_elsewhere_only_after_two_people(city, where):

    pay(city, compute(city, "advance", date(2026, 1, 1)))
    [order] = Payment.objects.all()
    return_payment(payment=order, note="户名不符", actor=city.finance, now=NOW)
    said = {"account_name": "东埠卫生院", "bank_name": "工商银行", "bank_account": NEW}
    change = change_account(institution=where, **said, actor=city.clerk, now=NOW)
    again = reissue_payment(payment=order, actor=city.finance, now=NOW)
    assert again.bank_account == OLD
    return_payment(payment=again, note="户名不符", actor=city.finance, now=NOW)
    confirm_account(change=change, actor=city.reviewer, now=NOW)
    assert reissue_payment(payment=again, actor=city.finance, now=NOW).bank_account == NEW


def test_e3_page_of_a_run_shows_accounts_that_changed_and_changes_that_wait(city, where):
    run = approve(city, compute(city, "advance", date(2026, 1, 1)))
    assert accounts_that_moved(None, run) is None
    said = {"account_name": "东埠卫生院", "bank_name": "工商银行", "bank_account": NEW}
    change = change_account(institution=where, **said, actor=city.clerk, now=NOW)
    [row] = accounts_that_moved(None, run).rows
    assert [cell.text for cell in row[1:3]] == [OLD, OLD]
    assert f"/accountchange/{change.pk}/" in str(row[3].text)
    factories.move_account(city, where, "622200000003")
    [row] = accounts_that_moved(None, run).rows
    assert [cell.text for cell in row[1:]] == [OLD, "622200000003", "–"]


def test_e3_agency_reaches_its_own_institutions_accounts_alone(city, where):
    clerk, reviewer = (
        Staff.objects.create(username=f"{name} elsewhere", area=city.area, county=city.other_county)
        for name in ("clerk", "reviewer")
    )
    said = {"account_name": "张三", "bank_name": "工商银行", "bank_account": NEW}
    before = state()
    with pytest.raises(DomainError, match="another agency"):
        change_account(institution=where, **said, actor=clerk, now=NOW)
    change = change_account(institution=where, **said, actor=city.clerk, now=NOW)
    with pytest.raises(DomainError, match="another agency"):
        confirm_account(change=change, actor=reviewer, now=NOW)
    assert state() == before
    assert AccountChange.objects.get(status="open") == change


@pytest.mark.parametrize(
    ("change", "found"),
    [
        ("UPDATE settlement_payment SET bank_account = '62220009' WHERE status = 'ordered'", "payment "),
        ("UPDATE institutions_institution SET bank_account = '62220009'", "institution "),
    ],
    ids=["order", "institution"],
)
def test_e3_check_of_the_books_finds_money_sent_elsewhere_past_the_guards(city, where, change, found):
    pay(city, compute(city, "advance", date(2026, 1, 1)))
    assert [proof.wrong for proof in check_books(city.area.pk)] == [0] * len(list(check_books(city.area.pk)))
    with connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
        for table in ("settlement_payment", "institutions_institution"):
            cursor.execute(f"ALTER TABLE {table} DISABLE TRIGGER USER")
        cursor.execute(change)
        for table in ("settlement_payment", "institutions_institution"):
            cursor.execute(f"ALTER TABLE {table} ENABLE TRIGGER USER")
    [wrong] = [proof for proof in check_books(city.area.pk) if proof.wrong]
    assert (wrong.code, wrong.wrong) == ("paid_to_approved_accounts", 1)
    assert wrong.shown[0].startswith(found)


# Claims by hand -----------------------------------------------------------------------------------------------------


def test_e3_claim_is_paid_to_another_account_only_after_a_second_person(bureau, person):
    claim = bureau.approved(person)
    assert (claim.account_confirmed_by, claim.account_name) == (bureau.city.reviewer, person.name)
    claim = change_claim_account(claim=claim, account=ELSEWHERE, actor=bureau.city.clerk, now=claims.NOW)
    before = state()
    with pytest.raises(DomainError, match="another person confirms it first"):
        pay_claim(claim=claim, actor=bureau.city.finance, now=claims.NOW)
    with pytest.raises(DomainError, match=r"An account is confirmed by someone other than who entered it."):
        confirm_claim_account(claim=claim, actor=bureau.city.clerk, now=claims.NOW)
    assert state() == before
    claim = confirm_claim_account(claim=claim, actor=bureau.city.reviewer, now=claims.NOW)
    pay_claim(claim=claim, actor=bureau.city.finance, now=claims.NOW)
    assert ClaimPayment.objects.get().bank_account == "6216610000012345678"
    assert bureau.books_are_clean()


def test_e3_returned_payment_of_a_claim_waits_for_the_second_person(bureau, person):
    claim = bureau.paid(person)
    [order] = claim.payments.all()
    return_claim_payment(payment=order, note="账号不存在", actor=bureau.city.finance, now=claims.NOW)
    change_claim_account(claim=claim, account=ELSEWHERE, actor=bureau.city.clerk, now=claims.NOW)
    before = state()
    with pytest.raises(DomainError, match="another person confirms it first"):
        reissue_claim_payment(payment=order, actor=bureau.city.finance, now=claims.NOW)
    assert state() == before
    confirm_claim_account(claim=claim, actor=bureau.city.reviewer, now=claims.NOW)
    assert reissue_claim_payment(payment=order, actor=bureau.city.finance, now=claims.NOW).status == "reissued"


def test_e3_holder_of_a_claims_account_stays_as_it_was_approved(bureau, person):
    claim = bureau.approved(person)
    Member.objects.filter(pk=person.pk).update(name="别人")
    pay_claim(claim=claim, actor=bureau.city.finance, now=claims.NOW)
    assert ClaimPayment.objects.get().account_name == person.name


def test_e3_raw_sql_redirects_no_claim(bureau, person):
    claim = bureau.approved(person)
    finance = bureau.city.finance.pk
    change = "UPDATE settlement_claim SET bank_account = '62220009'"
    refused("claim_account_confirmed", change)
    refused("claim_account_confirmed", change + ", account_confirmed_by_id = %s", finance)
    refused("claim_stays", "UPDATE settlement_claim SET account_name = 'x', status = 'paid', paid_by_id = %s", finance)
    order = """INSERT INTO settlement_claimpayment
        (claim_id, fund, amount, account_name, bank_name, bank_account, status, ordered_on, ordered_by_id, note)
        SELECT id, 'employees_pool', 500, {name}, bank_name, {account}, 'ordered', '2024-03-01', %s, ''
          FROM settlement_claim"""
    refused("claim_payment_of_approved", order.format(name="'别人'", account="bank_account"), finance)
    refused("claim_payment_of_approved", order.format(name="account_name", account="'62220009'"), finance)
    change_claim_account(claim=claim, account=ELSEWHERE, actor=bureau.city.clerk, now=claims.NOW)
    refused("claim_payment_of_approved", order.format(name="account_name", account="bank_account"), finance)
    refused("claim_account_by_two", "UPDATE settlement_claim SET account_confirmed_by_id = account_by_id")
