"""What the database itself refuses of claims by hand, their payments and invoices: raw SQL, past every service."""

import pytest
from django.db import DatabaseError, connection, transaction

from settlement.models import Claim
from settlement.services.claims.payment import return_claim_payment
from settlement.services.claims.requests import bill_of
from settlement.services.claims.steps import refuse_claim, reverse_claim
from settlement.services.visits.settling import settle_visit
from tests.settlement.claims import NOW, SECOND, moved


def refused(sql: str, name: str) -> None:
    """Run a statement that must fail by the constraint of this name and leave everything as it was."""
    before = moved(), list(Claim.objects.order_by("id").values())
    with pytest.raises(DatabaseError) as error, transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
        cursor.execute(sql)
    assert error.value.__cause__.diag.constraint_name == name
    assert (moved(), list(Claim.objects.order_by("id").values())) == before


def of(claim, what: str) -> str:
    return f"UPDATE settlement_claim SET {what} WHERE id = {claim.pk}"


def test_checking_ones_own_claim_is_refused(bureau, person):
    claim = bureau.enter(person)
    refused(
        of(claim, "status = 'checked', checked_by_id = entered_by_id, checked_at = now()"), "claim_checked_by_another"
    )


@pytest.mark.parametrize("who", ["entered_by_id", "checked_by_id"])
def test_approving_what_one_entered_or_checked_is_refused(bureau, person, who):
    claim = bureau.checked(person)
    visit = settle_visit(bill_of(claim), actor=bureau.city.clerk, now=NOW)
    confirmed = f"account_confirmed_by_id = {bureau.city.reviewer.pk}"
    approved = f"status = 'approved', approved_at = now(), visit_id = {visit.pk}, {confirmed}"
    refused(of(claim, f"{approved}, approved_by_id = {who}"), "claim_approved_by_a_third")


def test_paying_ones_own_claim_is_refused(bureau, person):
    claim = bureau.approved(person)
    refused(of(claim, "status = 'paid', paid_by_id = entered_by_id"), "claim_paid_its_amount")
    order = """
        INSERT INTO settlement_claimpayment
               (claim_id, fund, amount, account_name, bank_name, bank_account, status, ordered_on, ordered_by_id, note)
        SELECT id, 'employees_pool', {amount}, 'X', bank_name, {account}, 'ordered', '2024-03-01', {who}, ''
          FROM settlement_claim WHERE id = {claim}
    """
    finance = bureau.city.finance.pk
    for amount, account, who in (
        ("500", "bank_account", "entered_by_id"),
        ("500.01", "bank_account", finance),
        ("500", "'6216610000012345678'", finance),
    ):
        refused(order.format(amount=amount, account=account, who=who, claim=claim.pk), "claim_payment_of_approved")


def test_steps_out_of_order_are_refused(bureau, person):
    claim = bureau.enter(person)
    for status in ("approved", "paid", "reversed"):
        refused(of(claim, f"status = '{status}'"), "claim_step")
    refused(
        f"""INSERT INTO settlement_claim SELECT (jsonb_populate_record(c, jsonb_build_object(
            'id', 999, 'key', 'other', 'status', 'approved'))).* FROM settlement_claim c WHERE id = {claim.pk}""",
        "claim_step",
    )


def test_checked_claim_is_not_rewritten(bureau, person):
    claim = bureau.checked(person)
    refused(of(claim, "total = total + 1, in_policy = in_policy + 1, status = 'approved'"), "claim_stays")
    refused(of(claim, "bank_account = '1', status = 'returned', reason = 'x', closed_by_id = 1"), "claim_stays")
    refused(of(claim, "note = 'x'").replace("note", "reason"), "claim_step")


def test_approved_and_paid_claims_are_not_rewritten_nor_deleted(bureau, person):
    claim = bureau.paid(person)
    refused(of(claim, "total = total + 1, in_policy = in_policy + 1"), "claim_stays")
    refused(of(claim, f"paid_by_id = {bureau.second.pk}"), "claim_stays")
    refused(
        of(claim, "status = 'reversed', reason = 'x', closed_by_id = checked_by_id"), "claim_reversed_with_its_visit"
    )
    refused(f"DELETE FROM settlement_claim WHERE id = {claim.pk}", "settled_rows_stay")
    refused("TRUNCATE settlement_claim CASCADE", "settled_rows_stay")
    refused("UPDATE settlement_claimpayment SET amount = 1", "payment_stays")
    refused("UPDATE settlement_claimpayment SET status = 'reissued'", "payment_stays")
    refused("DELETE FROM settlement_claimpayment", "settled_rows_stay")
    refused(
        """INSERT INTO settlement_claimpayment
               (claim_id, fund, amount, account_name, bank_name, bank_account, status, ordered_on, ordered_by_id, note)
        SELECT claim_id, fund, amount, account_name, bank_name, bank_account, 'reissued', ordered_on, ordered_by_id, ''
          FROM settlement_claimpayment""",
        "claim_payment_once_a_fund",
    )


def test_claim_without_its_papers_is_not_checked(bureau, person):
    claim = bureau.enter(person, papers=["receipt"])
    refused(
        of(claim, f"status = 'checked', checked_by_id = {bureau.second.pk}, checked_at = now()"),
        "claim_papers_complete",
    )


def test_second_standing_invoice_is_refused(bureau, person):
    claim = bureau.enter(person)
    insert = "INSERT INTO settlement_invoice (code, number, claim_id) VALUES ('50060124', '{}', {})"
    refused(insert.format("0012345678", claim.pk), "invoice_once")
    refused(insert.format("12345678", claim.pk), "invoice_once")
    refused(insert.format("99", "NULL"), "invoice_of_visit_or_claim")


def test_invoice_of_a_standing_claim_is_not_freed_moved_nor_deleted(bureau, person):
    claim = bureau.checked(person)
    refused("UPDATE settlement_invoice SET freed_at = now()", "invoice_stays")
    refused("UPDATE settlement_invoice SET number = '1'", "invoice_stays")
    refused("DELETE FROM settlement_invoice", "invoice_stays")
    refused("TRUNCATE settlement_invoice", "settled_rows_stay")
    refuse_claim(claim=claim, reason="撤回", actor=bureau.city.reviewer, now=NOW)
    refused("UPDATE settlement_invoice SET freed_at = NULL", "invoice_stays")
    refused(of(claim, "status = 'received', closed_by_id = NULL"), "claim_step")


def test_visit_without_a_payee_uses_no_account(bureau, person):
    claim = bureau.approved(person)
    columns = "'id', 999, 'key', 'claim:999'"
    copy = f"""INSERT INTO settlement_visit SELECT (jsonb_populate_record(v, jsonb_build_object({columns}, {{}}))).*
          FROM settlement_visit v WHERE id = {claim.visit_id}"""
    refused(copy.format("'account', 1, 'cash', 699"), "visit_by_hand_uses_no_account")
    refused(copy.format("'place', jsonb_build_array('designated')"), "visit_by_hand_uses_no_account")


def test_check_books_finds_what_past_guards_was_changed(bureau, person):
    """With the guards switched off, the proof of the books still sees it."""
    claim = bureau.paid(person)
    [order] = claim.payments.all()
    return_claim_payment(payment=order, note="账号不存在", actor=bureau.city.finance, now=NOW)
    other = bureau.approved(person, key="K2", encounter="M2", invoices=[SECOND])
    reverse_claim(claim=other, reason="重复", actor=bureau.city.reviewer, now=NOW)
    assert bureau.books_are_clean()
    for table, change in (
        ("settlement_claim", f"UPDATE settlement_claim SET total = 1300, in_policy = 1300 WHERE id = {claim.pk}"),
        ("settlement_claimpayment", "UPDATE settlement_claimpayment SET status = 'ordered'"),
        ("settlement_invoice", f"UPDATE settlement_invoice SET freed_at = now() WHERE claim_id = {claim.pk}"),
    ):
        with pytest.raises(AssertionError), transaction.atomic():
            with connection.cursor() as cursor:
                cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
                cursor.execute(f"ALTER TABLE {table} DISABLE TRIGGER USER")
                cursor.execute(change)
                cursor.execute(f"ALTER TABLE {table} ENABLE TRIGGER USER")
            bureau.books_are_clean()
    assert bureau.books_are_clean()
