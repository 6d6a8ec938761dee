"""What attacks and faults can leave in a database: each is planted by hand past every guard, and a proof names it.

E4, E5, E6. The city has one of everything that its books know: also what proofs once cried wolf at (a purchase taken
back, an order that the bank returned twice).
"""

import threading
from datetime import UTC, date, datetime
from decimal import Decimal

import pytest
from django.db import connection, transaction

DAY, NOW, LATER = date(2024, 2, 1), datetime(2024, 3, 1, 2, tzinfo=UTC), datetime(2024, 3, 2, 2, tzinfo=UTC)


def built():
    """Chongqing with visits, one reversed, a run paid, its order returned twice, uses, credits, a payout, claims."""
    from accounts.models import Account
    from accounts.services.credits import credit_month
    from accounts.services.payouts import Payee, approve_payout, submit_payout
    from accounts.services.recoveries import recover
    from accounts.services.uses import reverse_use, use_account
    from bureau.jobs import services as jobs
    from members.models import Contribution
    from settlement.models import Payment
    from settlement.services.claims.payment import return_claim_payment
    from settlement.services.runs.late import find_adjustments
    from settlement.services.runs.payment import reissue_payment, return_payment
    from settlement.services.visits.requests import VisitRequest
    from settlement.services.visits.reversals import reverse_visit
    from settlement.services.visits.settling import settle_visit
    from tests.settlement import factories, runs
    from tests.settlement.claims import SECOND, chongqing

    bureau = chongqing()
    city = bureau.city
    where = factories.institution(city, kind="hospital", level=2, since=date(2024, 1, 1))
    people = [bureau.member(balance="300.00") for _ in range(3)]
    person = people[0]
    for number, total in (("S1", "900.00"), ("S2", "800.00"), ("S3", "700.00")):
        request = VisitRequest(
            institution_id=where.pk, key=number, member_id=person.pk, encounter=number, care_on=DAY,
            total=Decimal(total), invoices=(),
        )  # fmt: skip
        visit = settle_visit(request, actor=city.clerk, now=NOW)
    assert visit.pooled > 0
    reverse_visit(visit.pk, key="R3", reason="退费", actor=city.clerk, now=NOW)

    account = Account.objects.get(member=people[1])
    uses = [
        use_account(key=key, account=account, user=people[1], purpose="pharmacy_drug", payee=where.code,
                    amount=Decimal("20.00"), on=DAY, actor=city.clerk, now=NOW)
        for key in ("U1", "U2")
    ]  # fmt: skip
    assert [use.paid for use in uses] == [Decimal("20.00")] * 2
    reverse_use(use=uses[1], actor=city.clerk, now=NOW)
    Contribution.objects.create(
        member=person, area=city.area, scheme=city.scheme, month=DAY, kind="normal", base=Decimal("6000.00"),
        employer_amount=Decimal("480.00"), own_amount=Decimal("120.00"), paid_on=DAY,
    )  # fmt: skip
    job = credit_month(area=city.area, month=DAY, actor=city.clerk, now=NOW)
    jobs.work(job.pk, clock=lambda: NOW)
    recover(key="R1", account=account, amount=Decimal("5.00"), source="contribution", reason="错划", actor=city.finance,
            now=NOW)  # fmt: skip
    recover(key="R2", account=Account.objects.get(member=person), amount=Decimal("2.00"), source="contribution",
            month=DAY, reason="错划", actor=city.finance, now=NOW)  # fmt: skip
    payout = submit_payout(
        account=Account.objects.get(member=people[2]), event="death", happened_on=DAY,
        payees=[Payee("张三", "工商银行", "6222000000000001")], actor=city.clerk, now=NOW,
    )  # fmt: skip
    approve_payout(payout=payout, actor=city.reviewer, now=NOW)

    runs.pay(city, runs.compute(city, "items", DAY, now=LATER), now=LATER)
    april = LATER.replace(month=4)
    runs.pay(city, runs.compute(city, "items", date(2024, 3, 1), now=april), now=april)
    request = VisitRequest(
        institution_id=where.pk, key="S4", member_id=person.pk, encounter="S4", care_on=DAY, total=Decimal("600.00"),
        settled_on=date(2024, 3, 30),
    )  # fmt: skip
    settle_visit(request, actor=city.clerk, now=april)
    found = find_adjustments(area=city.area, kind="items", period=date(2024, 3, 1), actor=city.clerk, now=april)
    assert [late.amount > 0 for late in found] == [True] * len(found) and found
    order = Payment.objects.order_by("id").first()
    for _ in range(2):
        return_payment(payment=order, note="账号不存在", actor=city.finance, now=LATER)
        order = reissue_payment(payment=order, actor=city.finance, now=LATER)

    patient = bureau.member(balance="300.00")
    claim = bureau.paid(patient)
    return_claim_payment(payment=claim.payments.get(), note="账号不存在", actor=city.finance, now=NOW)
    bureau.approved(patient, key="K2", encounter="M2", invoices=[SECOND])
    return city


@pytest.fixture(scope="module")
def city(django_db_setup, django_db_blocker):
    """Built once, in a transaction that every planted state returns to; every guard switched off at its end."""
    with django_db_blocker.unblock(), transaction.atomic():
        made = built()
        with connection.cursor() as cursor:
            cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
            cursor.execute(
                """
                DO $$ DECLARE t regclass; BEGIN
                    FOR t IN SELECT oid FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relkind = 'r' LOOP
                        EXECUTE format('ALTER TABLE %s DISABLE TRIGGER USER', t);
                    END LOOP;
                END $$
                """
            )
        yield made
        transaction.set_rollback(True)


def found(city) -> dict[str, list[str]]:
    from settlement.queries.proofs.books import check_books

    return {proof.code: proof.shown for proof in check_books(city.area.pk) if proof.wrong}


POST = """
SELECT accounts_post(ARRAY['{key}'], ARRAY[''], ARRAY['500000'], ARRAY['{kind}'], ARRAY['2024-03-01'::date],
    ARRAY[NULL::int], ARRAY['{source}'], (SELECT min(id) FROM bureau_staff), now(),
    ARRAY[1, 1], ARRAY['{fund}', '{fund}'], ARRAY['{debit}', '{credit}'], ARRAY['{holder}', '{holder}'],
    ARRAY[{debit_account}, {credit_account}]::bigint[], ARRAY[-10, 10])
"""
FIRST_ACCOUNT = "(SELECT min(id) FROM accounts_account WHERE balance > 100)"
LAST_ACCOUNT = "(SELECT max(id) FROM accounts_account WHERE balance > 100)"


def posted(kind, debit, credit, *, source="other:1", key="attack", fund="personal_accounts", holder="", accounts="NN"):
    chosen = {"N": "NULL", "F": FIRST_ACCOUNT, "L": LAST_ACCOUNT}
    return POST.format(
        key=key, kind=kind, source=source, fund=fund, debit=debit, credit=credit, holder=holder,
        debit_account=chosen[accounts[0]], credit_account=chosen[accounts[1]],
    )  # fmt: skip


USED = "(SELECT id FROM accounts_accountuse WHERE key = 'U1')"
ITEM = "(SELECT min(l.id) FROM settlement_line l JOIN settlement_payment p ON p.line_id = l.id)"
SETTLED = "(SELECT min(id) FROM settlement_visit WHERE reverses_id IS NULL AND pooled > 0)"
SOMEBODY = "(SELECT min(id) FROM bureau_staff)"

PLANTED = {
    # name: (code of the finding, statement)
    "an entry changed": (
        "journals_balance",
        "UPDATE accounts_entry SET amount = amount + 1 WHERE id = (SELECT min(id) FROM accounts_entry)",
    ),
    "an entry taken away": (
        "journals_whole",
        "DELETE FROM accounts_entry WHERE id = (SELECT min(id) FROM accounts_entry)",
    ),
    "a key used twice": (
        "journal_keys_once",
        """
        DO $$ BEGIN EXECUTE (SELECT 'ALTER TABLE accounts_journal DROP CONSTRAINT ' || conname FROM pg_constraint
            WHERE conrelid = 'accounts_journal'::regclass AND contype = 'u'); END $$;
        UPDATE accounts_journal SET key = 'twice' WHERE kind = 'opening'""",
    ),
    "an entry of no journal": (
        "entries_belong",
        "DELETE FROM accounts_journal WHERE kind = 'payout' AND key LIKE 'payout:%:approve'",
    ),
    "a balance changed": (
        "balances_add_up",
        f"UPDATE accounts_account SET balance = balance + 1 WHERE id = {FIRST_ACCOUNT}",
    ),
    "a balance after an entry changed": (
        "balances_run_on",
        f"""UPDATE accounts_entry SET balance_after = balance_after + 1 WHERE account_id = {FIRST_ACCOUNT} AND number =
            (SELECT last_number FROM accounts_account WHERE id = {FIRST_ACCOUNT})""",
    ),
    "a credit changed": ("credits_booked", "UPDATE accounts_credit SET amount = amount + 1"),
    "a credit taken back by less than was said": (
        "credits_taken_back",
        "UPDATE accounts_creditrecovery SET amount = amount - 1",
    ),
    "a recovery for another reason that stands for a month": (
        "credits_taken_back",
        f"""INSERT INTO accounts_creditrecovery (account_id, month, source, amount, after_death, journal_id)
            SELECT {FIRST_ACCOUNT}, '2024-02-01', 'contribution', 5, true, id FROM accounts_journal
             WHERE key = 'recovery:R1'""",
    ),
    "a credit on a base nobody paid": ("credits_replay", "DELETE FROM members_contribution"),
    "a credit of another amount than the rules give": ("credits_replay", "UPDATE accounts_credit SET amount = 500"),
    "a visit's fund amount changed": (
        "visits_replay",
        f"UPDATE settlement_visit SET pooled = pooled + 1, cash = cash - 1 WHERE id = {SETTLED}",
    ),
    "a visit's receipt of another bill": (
        "visits_replay",
        f"UPDATE settlement_visit SET in_policy = in_policy + 50, total = total + 50, cash = cash + 50"
        f" WHERE id = {SETTLED}",
    ),
    "a visit without rules": ("visits_replay", f"UPDATE settlement_visit SET edition_id = NULL WHERE id = {SETTLED}"),
    "a visit without a receipt": (
        "visits_replay",
        f"UPDATE settlement_visit SET receipt = '{{}}' WHERE id = {SETTLED}",
    ),
    "a receipt of an edition that is not there": (
        "visits_replay",
        f"UPDATE settlement_visit SET receipt = jsonb_set(receipt, '{{edition}}', '\"none\"') WHERE id = {SETTLED}",
    ),
    "a visit's benefit booked otherwise": (
        "visits_booked",
        f"""UPDATE accounts_entry SET amount = amount * 2 WHERE journal_id = (
            SELECT id FROM accounts_journal WHERE source = 'visit:' || {SETTLED})""",
    ),
    "an account payment changed": (
        "visit_payments_add_up",
        "UPDATE settlement_visitpayment SET amount = amount + 1",
    ),
    "a reversal of less than its visit": (
        "reversals_mirror",
        "UPDATE settlement_visit SET total = total + 1, in_policy = in_policy + 1, cash = cash + 1"
        " WHERE reverses_id IS NOT NULL",
    ),
    "a line's results changed": (
        "lines_replay",
        f"UPDATE settlement_line SET results = jsonb_set(results, '{{paid}}', '{{}}') WHERE id = {ITEM}",
    ),
    "an adjustment of another amount than its facts": (
        "lines_replay",
        "UPDATE settlement_adjustment SET amount = amount + 100",
    ),
    "an adjustment without facts": ("lines_replay", "UPDATE settlement_adjustment SET facts = '{}'"),
    "a line without rules": ("lines_replay", f"UPDATE settlement_line SET receipt = '[]' WHERE id = {ITEM}"),
    "a line without facts": ("lines_replay", f"UPDATE settlement_line SET facts = '{{}}' WHERE id = {ITEM}"),
    "a run's total changed": ("runs_add_up", "UPDATE settlement_run SET total = total + 1"),
    "an order to the bank taken away": (
        "lines_booked",
        "DELETE FROM settlement_payment",
    ),
    "an order to the bank of another amount": ("lines_booked", "UPDATE settlement_payment SET amount = amount + 1"),
    "a payable out of nothing": (
        "payables_agree",
        posted("other", "contribution_income", "payable_items", holder="H50012300001"),
    ),
    "a payable out of nothing, as a use": (
        "payables_agree",
        posted("use", "contribution_income", "payable_items", holder="H50012300001", source="use:999"),
    ),
    "interest out of nothing": (
        "journals_rest",
        posted("interest", "interest_income", "member_accounts", accounts="NL"),
    ),
    "theft between accounts": (
        "journals_rest",
        posted("use", "member_accounts", "member_accounts", source="use:1", accounts="FL"),
    ),
    "a false credit": (
        "journals_rest",
        posted("credit", "contribution_income", "member_accounts", source="job:1", accounts="NL")
        + f""";
        INSERT INTO accounts_credit (account_id, month, number, kind, amount, base, person_class, source, article,
                                     edition_id, journal_id)
        SELECT {LAST_ACCOUNT}, '2024-01-01', 1, 'normal', 10, 500, 'active', 'contribution', '1',
               (SELECT min(id) FROM bureau_edition), max(id) FROM accounts_journal""",
    ),
    "a journal under another record's name": (
        "journals_rest",
        f"UPDATE accounts_journal SET source = 'use:999' WHERE source = 'use:' || {USED}",
    ),
    "a journal of another kind": (
        "journals_rest",
        f"UPDATE accounts_journal SET kind = 'other' WHERE source = 'use:' || {USED}",
    ),
    "a recovery that nobody recorded": (
        "journals_rest",
        posted("recovery", "member_accounts", "contribution_income", source="account:1", key="recovery:X",
               accounts="FN"),
    ),
    "a false visit with its journal": (
        "acts_audited",
        f"""
        INSERT INTO settlement_visit SELECT (jsonb_populate_record(v, jsonb_build_object(
            'id', 999999, 'key', 'FALSE', 'encounter', 'FALSE'))).* FROM settlement_visit v WHERE id = {SETTLED}""",
    ),
    "a visit of a file that brought fewer": (
        "acts_audited",
        f"""
        INSERT INTO bureau_upload (area_id, kind, name, original, size, sha256, status, rows, accepted, unchanged,
            rejected, problem, uploaded_by_id, uploaded_at)
        VALUES ('500000', 'visits', 'x', '', 0, 'x', 'loaded', 0, 0, 0, 0, '', {SOMEBODY}, now());
        UPDATE settlement_visit SET upload_id = (SELECT max(id) FROM bureau_upload) WHERE id = {SETTLED}""",
    ),
    "an act without its audit entry": (
        "acts_audited",
        "DELETE FROM bureau_auditentry WHERE action = 'payout.approve'",
    ),
    "an act by another than the trail says": (
        "acts_audited",
        "UPDATE settlement_run SET paid_by_id = (SELECT max(id) FROM bureau_staff)",
    ),
    "a figure that nobody confirmed": (
        "acts_audited",
        f"""
        INSERT INTO bureau_publishedfigure (area_id, code, year, value, document, entered_by_id, entered_at,
            confirmed_by_id, confirmed_at)
        VALUES ('500000', 'average_wage', 2030, 1, 'x', {SOMEBODY}, now(), (SELECT max(id) FROM bureau_staff), now())
        """,
    ),
    "an assessment that nobody confirmed": (
        "acts_audited",
        f"""
        INSERT INTO institutions_assessment (institution_id, year, score, document, entered_by_id, entered_at,
            confirmed_by_id, confirmed_at)
        SELECT min(id), 2030, 100, 'x', {SOMEBODY}, now(), (SELECT max(id) FROM bureau_staff), now()
          FROM institutions_institution WHERE area_id = '500000'
        """,
    ),
    "a month closed by nobody": (
        "acts_audited",
        f"""
        INSERT INTO accounts_closedmonth (area_id, month, closed_by_id, closed_at)
        VALUES ('500000', '2024-01-01', {SOMEBODY}, now())""",
    ),
    "a proposal that nobody confirmed": (
        "acts_audited",
        f"""
        INSERT INTO settlement_proposal (visit_id, cause, scheme, place, pool, settled, proposed, large_claims, counted,
            former_pool, former_pooled, deductible, fixed, accounts, accounts_again, receipt, reason, status,
            proposed_by_id, proposed_at, decided_by_id, decided_at, note)
        SELECT id, 'replay', scheme, place, pool, pooled, pooled + 1, 0, 0, '', 0, 0, 0, 0, 0, receipt, 'x',
               'confirmed', {SOMEBODY}, now(), (SELECT max(id) FROM bureau_staff), now(), ''
          FROM settlement_visit WHERE id = {SETTLED}
        """,
    ),
    "a record changed by no act": (
        "changes_told",
        "INSERT INTO bureau_change (transaction, at, table_name, first_row, last_row)"
        " VALUES (1, now(), 'members_enrolment', 1, 1)",
    ),
    "an audit entry of a payment that never was": (
        "audit_happened",
        f"""
        INSERT INTO bureau_auditentry (at, actor_id, action, area_id, record_type, record_id, detail)
        VALUES (now(), {SOMEBODY}, 'run.pay', '500000', 'settlement.run', '999', '{{}}')""",
    ),
    "an audit entry of a visit that never was": (
        "audit_happened",
        f"""
        INSERT INTO bureau_auditentry (at, actor_id, action, area_id, record_type, record_id, detail)
        VALUES (now(), {SOMEBODY}, 'visit.settle', '500000', 'settlement.visit', {SETTLED}::text, '{{}}')""",
    ),
    "a role that nobody gave": (
        "roles_given",
        f"""
        INSERT INTO bureau_staff_groups (staff_id, group_id)
        SELECT {SOMEBODY}, id FROM auth_group WHERE name = 'finance'""",
    ),
    "a payout paid without a journal": (
        "records_booked",
        f"UPDATE accounts_payout SET status = 'paid', paid_by_id = {SOMEBODY}, paid_at = now()",
    ),
    "an approved payout returned without a journal": (
        "records_booked",
        f"UPDATE accounts_payout SET status = 'returned', returned_by_id = {SOMEBODY}, returned_at = now()",
    ),
    "a payment of a run set to returned": (
        "records_booked",
        "UPDATE settlement_payment SET status = 'returned' WHERE id = (SELECT max(id) FROM settlement_payment)",
    ),
    "a payment of a run ordered again without its return": (
        "records_booked",
        """
        INSERT INTO settlement_payment (fund, amount, account_name, bank_name, bank_account, status, ordered_on, note,
            line_id)
        SELECT fund, amount, account_name, bank_name, '6222999999999999', 'returned', ordered_on, '', line_id
          FROM settlement_payment WHERE status <> 'returned' LIMIT 1""",
    ),
    "a payment to an account that nobody approved": (
        "paid_to_approved_accounts",
        "UPDATE settlement_payment SET bank_account = '6222999999999999'",
    ),
    "a use without a journal": (
        "records_booked",
        """
        INSERT INTO accounts_accountuse (key, request_hash, relation, purpose, payee, used_on, asked, paid, cash,
            refusal, article, recorded_at, account_id, recorded_by_id, user_id)
        SELECT 'U9', '', relation, purpose, payee, used_on, asked, paid, cash, '', article, recorded_at, account_id,
               recorded_by_id, user_id FROM accounts_accountuse WHERE key = 'U1'""",
    ),
    "a use of another amount": (
        "journals_as_recorded",
        f"UPDATE accounts_accountuse SET paid = paid - 1, cash = cash + 1 WHERE id = {USED}",
    ),
    "a use of another account": (
        "journals_as_recorded",
        f"UPDATE accounts_accountuse SET account_id = {LAST_ACCOUNT} WHERE id = {USED}",
    ),
    "a visit owed to another institution": (
        "journals_as_recorded",
        f"""UPDATE settlement_visit SET payee_id = (SELECT min(id) FROM institutions_institution
            WHERE id <> settlement_visit.payee_id) WHERE id = {SETTLED}""",
    ),
    "a claim of another bill": (
        "claims_settled",
        "UPDATE settlement_claim SET total = total + 100, in_policy = in_policy + 100",
    ),
    "a claim's payment put back": ("claims_booked", "UPDATE settlement_claimpayment SET status = 'ordered'"),
    "an invoice freed": ("invoices_stand", "UPDATE settlement_invoice SET freed_at = now()"),
}


@pytest.mark.parametrize("state", PLANTED)
def test_planted_state_is_found_by_its_code(city, state):
    code, sql = PLANTED[state]
    with transaction.atomic():
        with connection.cursor() as cursor:
            cursor.execute(sql)
        codes = found(city)
        transaction.set_rollback(True)
    assert code in codes, sorted(codes)


def test_clean_city_has_no_finding_and_every_proof_has_a_planted_state(city):
    from settlement.queries.proofs.books import check_books

    proofs = list(check_books(city.area.pk))
    assert {proof.code: proof.shown for proof in proofs if proof.wrong} == {}
    assert {proof.code for proof in proofs if not proof.asked} == set()
    assert len({proof.code for proof in proofs}) == len(proofs)
    assert {proof.code for proof in proofs} == {code for code, _sql in PLANTED.values()}


@pytest.mark.django_db(transaction=True)
def test_e4_a_check_while_others_settle_is_of_one_moment():
    """Two connections settle and reverse while the books are checked again and again: no check sees half an act."""
    from settlement.queries.proofs.books import check_books
    from settlement.services.visits.requests import VisitRequest
    from settlement.services.visits.reversals import reverse_visit
    from settlement.services.visits.settling import settle_visit
    from tests.settlement import factories

    with transaction.atomic():  # rows and the acts that tell of them
        here = factories.heyuan()
        where = factories.institution(here)
        people = [factories.member(here, selected=where, balance="500.00") for _ in range(2)]
    over, failures = threading.Event(), []

    def settles(person, name):
        try:
            number = 0
            while not over.is_set():
                number += 1
                visit = settle_visit(
                    VisitRequest(
                        institution_id=where.pk, key=f"{name}{number}", member_id=person.pk,
                        encounter=f"{name}{number}", care_on=date(2026, 3, 1), total=Decimal("10.00"),
                    ),
                    actor=here.clerk,
                    now=datetime(2026, 3, 2, 2, tzinfo=UTC),
                )  # fmt: skip
                reverse_visit(visit.pk, key=f"{name}R{number}", reason="x", actor=here.clerk, now=visit.settled_at)
        except Exception as error:
            failures.append(error)
        finally:
            connection.close()

    threads = [threading.Thread(target=settles, args=(person, name)) for person, name in zip(people, "AB", strict=True)]
    for thread in threads:
        thread.start()
    try:
        asked = []
        for _ in range(6):
            proofs = list(check_books(here.area.pk))
            assert {proof.code: proof.shown for proof in proofs if proof.wrong} == {}
            asked.append(proofs[0].asked)
    finally:
        over.set()
        for thread in threads:
            thread.join()
    assert failures == []
    assert asked[0] < asked[-1]
