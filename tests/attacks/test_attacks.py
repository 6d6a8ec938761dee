"""E1, E3, E6: what raw SQL as the application's role tries, and what refuses it: a right, a constraint or a guard."""

from datetime import date
from decimal import Decimal

import pytest
from django.db import connection, transaction

from tests.attacks.attack import ran, refused, temporary_tables_allowed


@pytest.fixture
def town(db, request):
    """Chongqing with an account that holds 300.00, a paid claim, an approved run; from here on as the application."""
    from bureau.models import Upload
    from settlement.services.visits.requests import VisitRequest
    from settlement.services.visits.settling import settle_visit
    from tests.settlement import factories, runs
    from tests.settlement.claims import NOW, chongqing

    bureau = chongqing()
    city = bureau.city
    where = factories.institution(city, kind="hospital", level=2, since=date(2024, 1, 1))
    person = bureau.member(balance="300.00")
    settle_visit(
        VisitRequest(
            institution_id=where.pk, key="S1", member_id=person.pk, encounter="E1", care_on=date(2024, 2, 1),
            total=Decimal("900.00"),
        ),
        actor=city.clerk,
        now=NOW,
    )  # fmt: skip
    april = NOW.replace(month=4)
    runs.approve(city, runs.compute(city, "items", date(2024, 3, 1), now=april), now=april)
    bureau.paid(bureau.member())
    factories.figure(city.area, "average_wage", 2022, "90000.00", city.clerk, city.reviewer)
    Upload.objects.create(
        area=city.area, kind="members", name="a.csv", original="one", size=1, sha256="0" * 64, uploaded_by=city.clerk,
        uploaded_at=NOW,
    )  # fmt: skip
    connection.check_constraints()
    request.getfixturevalue("as_application")
    return city


POST = """
SELECT accounts_post(ARRAY['attack'], ARRAY[''], ARRAY['500000'], ARRAY['other'], ARRAY['{day}'::date],
    ARRAY[NULL::int], ARRAY['x'], {actor}, now(), ARRAY[1, 1], ARRAY['personal_accounts', 'personal_accounts'],
    ARRAY['contribution_income', 'member_accounts'], ARRAY['', ''], ARRAY[NULL, {account}]::bigint[], ARRAY[-10, 10])
"""


def post(city, day="2024-01-15"):
    from accounts.models import Account

    return POST.format(day=day, actor=city.clerk.pk, account=Account.objects.order_by("pk").first().pk)


# A table of one's own in place of the house's --------------------------------------------------------------------


def shadow(table: str) -> None:
    temporary_tables_allowed()
    ran(f"CREATE TEMP TABLE {table} AS SELECT * FROM public.{table} WHERE false")


def test_e1_own_table_of_closed_months_opens_none(town):
    ran("INSERT INTO accounts_closedmonth (area_id, month, closed_by_id, closed_at) VALUES ('500000', '2024-01-01', %s,"
        " now())", [town.clerk.pk])  # fmt: skip
    refused(post(town), "23000", "journal_month_open")
    shadow("accounts_closedmonth")
    refused(post(town), "23000", "journal_month_open")
    refused("SET LOCAL search_path = pg_temp, public; " + post(town), "23000", "journal_month_open")


def test_e1_own_table_of_claims_pays_none_twice(town):
    shadow("settlement_claim")
    ran("INSERT INTO settlement_claim SELECT * FROM public.settlement_claim")
    ran("UPDATE settlement_claim SET bank_account = '6222999999999999'")
    again = """
        INSERT INTO public.settlement_claimpayment (fund, amount, account_name, bank_name, bank_account, status,
            ordered_on, note, claim_id, ordered_by_id)
        SELECT fund, amount, account_name, bank_name, '6222999999999999', 'reissued', ordered_on, '', claim_id,
               ordered_by_id FROM public.settlement_claimpayment"""
    refused(again, "23000", "claim_payment_of_approved")


def test_e1_own_table_of_entries_moves_no_balance(town):
    from accounts.models import Account

    account = Account.objects.filter(last_number__gt=0).first()
    shadow("accounts_entry")
    ran("INSERT INTO accounts_entry SELECT * FROM public.accounts_entry")
    ran("UPDATE accounts_entry SET balance_after = 9999, number = 99 WHERE account_id = %s", [account.pk])
    refused(
        f"UPDATE public.accounts_account SET balance = 9999, last_number = 99 WHERE id = {account.pk}",
        "23000",
        "account_agrees_with_entries",
    )


def test_e1_own_table_of_runs_lines_and_institutions_pays_nobody(town):
    for table in ("settlement_run", "settlement_line", "institutions_institution"):
        shadow(table)
        ran(f"INSERT INTO {table} SELECT * FROM public.{table}")
    ran("UPDATE settlement_line SET bank_account = '6222999999999999'")
    ran("UPDATE institutions_institution SET bank_account = '6222999999999999'")
    order = """
        INSERT INTO public.settlement_payment (fund, amount, account_name, bank_name, bank_account, status, ordered_on,
            note, line_id)
        SELECT 'employees_pool', 1, account_name, bank_name, '6222999999999999', 'ordered', '2024-03-02', '', id
          FROM public.settlement_line LIMIT 1"""
    refused(order, "23000", "payment_to_approved_account")


def test_e1_own_trigger_sets_no_day_on_an_edition(town):
    """Inside a trigger on one's own table, where the depth of triggers is two."""
    temporary_tables_allowed()
    ran("CREATE TEMP TABLE mine (id int)")
    ran("""CREATE FUNCTION pg_temp.attack() RETURNS trigger LANGUAGE plpgsql AS
        'BEGIN UPDATE bureau_edition SET ended_on = ''2024-01-31''; RETURN NULL; END'""")
    ran("CREATE TRIGGER t AFTER INSERT ON mine FOR EACH ROW EXECUTE FUNCTION pg_temp.attack()")
    refused("INSERT INTO mine VALUES (1)", "42501")
    refused("UPDATE bureau_edition SET ended_on = '2024-01-31'", "42501")
    assert town.edition.__class__.objects.get().ended_on is None


# A snapshot of one's own -------------------------------------------------------------------------------------------


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("level", ["REPEATABLE READ", "SERIALIZABLE"])
def test_e1_month_that_was_closed_meanwhile_is_closed_at_any_isolation_level(level):
    from accounts.services.months import close_month
    from bureau.grants import ROLE
    from tests.accounts import factories

    city = factories.heyuan()
    account = factories.account(city)
    attack = POST.format(day="2026-01-15", actor=city.clerk.pk, account=account.pk).replace("500000", city.area.pk)
    other = connection.copy()
    try:
        with other.cursor() as cursor:
            cursor.execute(f"SET ROLE {ROLE}")
            cursor.execute(f"BEGIN ISOLATION LEVEL {level}")
            cursor.execute("SELECT count(*) FROM accounts_closedmonth")
            close_month(area=city.area, month=date(2026, 1, 1), actor=city.finance, now=factories.NOW)
            with pytest.raises(Exception) as caught:
                cursor.execute(attack)
            diagnosis = caught.value.__cause__.diag
            assert (diagnosis.sqlstate, diagnosis.constraint_name) == ("23000", "written_at_read_committed")
            cursor.execute("ROLLBACK")
    finally:
        other.close()
    account.refresh_from_db()
    assert account.balance == 0


def test_e1_every_guarded_table_is_written_at_read_committed(db):
    """Each table with a guard that may look at other rows: one trigger a statement says so."""
    with connection.cursor() as cursor:
        cursor.execute(
            """
            SELECT tgrelid::regclass::text, bool_or(tgname = 'written_at_read_committed')
              FROM pg_trigger JOIN pg_proc p ON p.oid = tgfoid
             WHERE NOT tgisinternal AND NOT starts_with(tgname, 'history_')
               AND tgrelid::regclass::text ~ '^(accounts|settlement)_'
             GROUP BY 1
            """
        )
        guarded = dict(cursor.fetchall())
    free = {table for table, is_there in guarded.items() if not is_there}
    # Their guards look at nothing but the row itself.
    assert free <= {"accounts_familygrant", "accounts_freeze", "settlement_monthlyreturn"}


# What raw SQL changed unseen ------------------------------------------------------------------------------------------


def test_e6_closed_month_is_taken_away_only_with_its_audit_entry(town):
    from bureau.models import AuditEntry

    ran("INSERT INTO accounts_closedmonth (area_id, month, closed_by_id, closed_at) VALUES ('500000', '2024-01-01', %s,"
        " now())", [town.clerk.pk])  # fmt: skip
    refused("DELETE FROM accounts_closedmonth", "42501")
    refused("UPDATE accounts_closedmonth SET month = '2020-01-01'", "42501")
    ran("SELECT accounts_reopen_month('500000', '2024-01-01', '补记', %s, now())", [town.finance.pk])
    [entry] = AuditEntry.objects.filter(action="month.reopen")
    assert (entry.actor, entry.area_id) == (town.finance, "500000")
    assert entry.detail == {"month": "2024-01", "reason": "补记"}


@pytest.mark.parametrize(
    ("attack", "sqlstate", "constraint"),
    [
        ("UPDATE settlement_visit SET pooled = 0", "42501", None),
        ("DELETE FROM settlement_visitpayment", "42501", None),
        ("UPDATE settlement_payment SET bank_account = '1'", "42501", None),
        ("UPDATE settlement_claimpayment SET amount = 1", "42501", None),
        ("UPDATE settlement_claimpayment SET status = 'reissued'", "23000", "payment_stays"),
        ("UPDATE settlement_claim SET bank_account = '6222999999999999', status = 'paid'", "23000",
         "claim_account_confirmed"),
        ("UPDATE settlement_line SET amount = 1, to_pay = 1", "23000", "lines_stay"),
        ("UPDATE settlement_run SET total = 1", "23000", "run_stays"),
        ("DELETE FROM settlement_run", "23000", "run_stays"),
        ("UPDATE institutions_institution SET bank_account = '6222999999999999'", "23000", "account_by_two"),
        ("UPDATE settlement_invoice SET number = number || ' '", "42501", None),
        ("INSERT INTO settlement_invoice (code, number, visit_id) SELECT code, number || ' ', v.id"
         " FROM settlement_invoice, settlement_visit v LIMIT 1", "23514", "invoice_written_one_way"),
        ("INSERT INTO settlement_invoice (code, number, visit_id) SELECT code, 'a' || number, v.id"
         " FROM settlement_invoice, settlement_visit v LIMIT 1", "23514", "invoice_written_one_way"),
        ("DELETE FROM settlement_invoice", "23000", "invoice_stays"),
        ("UPDATE settlement_proposal SET proposed = 0", "42501", None),
        ("UPDATE accounts_payout SET event = 'death', papers = 'x'", "42501", None),
        ("UPDATE accounts_payout SET payees = '[]'", "42501", None),
        ("UPDATE accounts_accountuse SET paid = 0", "42501", None),
        ("UPDATE accounts_credit SET amount = 1", "42501", None),
        ("UPDATE accounts_familygrant SET beneficiary_id = 1", "42501", None),
        ("UPDATE settlement_adjustment SET amount = 1", "42501", None),
        ("DELETE FROM settlement_adjustment", "42501", None),
        ("UPDATE settlement_openinguse SET fund = 0", "42501", None),
        ("UPDATE settlement_otheruse SET amount = 0", "42501", None),
        ("UPDATE bureau_upload SET sha256 = ''", "42501", None),
        ("UPDATE bureau_upload SET original = 'another'", "23000", "original_stays"),
        ("UPDATE bureau_auditentry SET actor_id = 1", "42501", None),
        ("UPDATE bureau_publishedfigure SET value = 1", "23000", "confirmed_figures_stay"),
        ("UPDATE bureau_publishedfigure SET year = 2021", "42501", None),
        ("UPDATE bureau_edition SET texts = '{}'", "42501", None),
        ("UPDATE accounts_account SET member_id = 1", "42501", None),
        ("UPDATE accounts_account SET balance = balance + 1", "23000", "account_agrees_with_entries"),
        ("UPDATE accounts_account SET status = 'openx'", "23514", "account_status_known"),
        ("DELETE FROM accounts_account", "42501", None),
    ],
)  # fmt: skip
def test_e6_row_is_not_changed_past_the_services(town, attack, sqlstate, constraint):
    refused(attack, sqlstate, constraint)


def test_e6_figure_is_not_inserted_as_confirmed_nor_changed_with_its_confirmation(town):
    columns = "(area_id, code, year, value, document, entered_by_id, entered_at, confirmed_by_id, confirmed_at)"
    refused(
        f"INSERT INTO bureau_publishedfigure {columns} VALUES ('500000', 'average_wage', 2023, 1, 'x', %s, now(), %s,"
        " now())", "23000", "figure_step", [town.clerk.pk, town.reviewer.pk],
    )  # fmt: skip
    ran(f"INSERT INTO bureau_publishedfigure {columns} VALUES ('500000', 'average_wage', 2023, 1, 'x', %s, now(), NULL,"
        " NULL)", [town.clerk.pk])  # fmt: skip
    confirm = "confirmed_by_id = %s, confirmed_at = now() WHERE year = 2023"
    refused(
        f"UPDATE bureau_publishedfigure SET value = 2, {confirm}", "23000", "figure_step", [town.reviewer.pk]
    )
    refused(
        f"UPDATE bureau_publishedfigure SET {confirm}", "23514", "figure_confirmed_by_another", [town.clerk.pk]
    )


def test_e6_proposal_is_not_inserted_as_confirmed(town):
    refused(
        """
        INSERT INTO settlement_proposal (visit_id, cause, scheme, place, pool, settled, proposed, large_claims, counted,
            deductible, fixed, accounts, receipt, reason, status, proposed_by_id, proposed_at, decided_by_id,
            decided_at, note)
        SELECT id, 'replay', scheme, place, pool, pooled, pooled + 1, 0, 0, 0, 0, 0, receipt, 'x', 'confirmed', %s,
               now(), %s, now(), '' FROM settlement_visit LIMIT 1""",
        "23000",
        "proposal_begins_open",
        [town.clerk.pk, town.reviewer.pk],
    )


def test_e6_accepted_return_stays_and_none_is_inserted_as_accepted(town):
    columns = """(institution_id, scheme, month, submitted_on, visits, total, fund, status, submitted_by_id,
        submitted_at, reviewed_by_id, reviewed_at, note)"""
    row = """SELECT id, '310', '2024-02-01'::date, '2024-03-05'::date, 1, 1, 1, '{}', %s, now(), {}, {}, ''
        FROM institutions_institution WHERE area_id = '500000' LIMIT 1"""
    insert = f"INSERT INTO settlement_monthlyreturn {columns} {row}"
    both = [town.clerk.pk, town.reviewer.pk]
    refused(insert.format("accepted", "%s", "now()"), "23000", "monthly_return_step", both)
    ran(insert.format("submitted", "NULL::bigint", "NULL::timestamptz"), both[:1])
    accept = "status = 'accepted', reviewed_by_id = %s, reviewed_at = now()"
    refused(f"UPDATE settlement_monthlyreturn SET fund = 9, {accept}", "23000", "monthly_return_step", both[1:])
    ran(f"UPDATE settlement_monthlyreturn SET {accept}", both[1:])
    refused("UPDATE settlement_monthlyreturn SET fund = 9", "23000", "monthly_return_step")
    refused(
        "UPDATE settlement_monthlyreturn SET status = 'submitted', reviewed_by_id = NULL, reviewed_at = NULL",
        "23000",
        "monthly_return_step",
    )


def test_e6_family_grant_ends_and_is_never_prolonged(town):
    from accounts.models import Account
    from members.models import Relative

    account = Account.objects.order_by("pk").first()
    other = Account.objects.order_by("pk").last().member
    relative = Relative.objects.create(
        member=account.member, relative=other, relation="spouse", starts_on=date(2024, 1, 1)
    )
    ran(
        "INSERT INTO accounts_familygrant (account_id, relative_id, beneficiary_id, starts_on, ends_on, granted_by_id)"
        " VALUES (%s, %s, %s, '2024-01-01', '2024-06-30', %s)",
        [account.pk, relative.pk, other.pk, town.clerk.pk],
    )
    refused("UPDATE accounts_familygrant SET ends_on = '2024-07-01'", "23000", "family_grant_only_ends")
    refused("UPDATE accounts_familygrant SET ends_on = NULL", "23000", "family_grant_only_ends")
    refused("DELETE FROM accounts_familygrant", "42501")
    assert ran("UPDATE accounts_familygrant SET ends_on = '2024-03-31'") == 1


def test_e6_what_the_application_may_still_write_is_found_by_the_books(town):
    """Rights that an act needs remain: who uses them past the services leaves what check_books names."""
    from settlement.queries.proofs.books import check_books

    def found():
        return {proof.code for proof in check_books("500000") if proof.wrong}

    assert found() == set()
    for attack, code in (
        (post(town, "2024-03-01"), "journals_rest"),
        ("UPDATE settlement_claimpayment SET status = 'returned'", "records_booked"),
        ("INSERT INTO bureau_staff_groups (staff_id, group_id)"
         f" SELECT {town.clerk.pk}, id FROM auth_group WHERE name = 'finance'", "roles_given"),
        ("INSERT INTO bureau_auditentry (at, actor_id, action, area_id, record_type, record_id, detail)"
         f" VALUES (now(), {town.finance.pk}, 'run.pay', '500000', 'settlement.run', '1', '{{}}')", "audit_happened"),
        (f"UPDATE settlement_run SET status = 'paid', paid_by_id = {town.finance.pk}, paid_at = now()", "acts_audited"),
        ("INSERT INTO institutions_assessment (institution_id, year, score, document, entered_by_id, entered_at)"
         f" SELECT id, 2030, 100, '', {town.clerk.pk}, now() FROM institutions_institution"
         " WHERE area_id = '500000' LIMIT 1; UPDATE institutions_assessment"
         f" SET confirmed_by_id = {town.reviewer.pk}, confirmed_at = now()", "acts_audited"),
    ):  # fmt: skip
        with transaction.atomic():
            ran(attack)
            assert code in found(), attack
            transaction.set_rollback(True)
    assert found() == set()
