"""What the application's role may do in the database: every table by name, and nothing that is not named here.

Applied after every migration by the owner of the tables. What is posted, settled or recorded is inserted and never
rewritten; a column that an act changes is named; rows are deleted only where an act takes back what nothing rests on
(undoing a roster, discarding a run that nobody approved). MAINTAIN lets a large load end with ANALYZE.
"""

import re
from collections.abc import Iterator

from django.db import connection, transaction

ROLE = "gongji_app"

READ = "SELECT"
KEPT = "SELECT, INSERT"
GROWS = "SELECT, INSERT, MAINTAIN"
ROSTER = "SELECT, INSERT, UPDATE, DELETE, MAINTAIN"
ROWS = "SELECT, INSERT, UPDATE, DELETE"

TABLES = {
    # Places and people of the bureau. Areas and agencies are locked while something of theirs is computed, which
    # takes the right to change a column.
    "bureau_area": f"{KEPT}, UPDATE (name)",
    "bureau_county": f"{KEPT}, UPDATE (name)",
    "bureau_staff": (
        f"{KEPT}, UPDATE (password, last_login, first_name, area_id, county_id, is_active, must_change_password)"
    ),
    "bureau_staff_groups": "SELECT, INSERT, DELETE",
    "bureau_loginfailure": "SELECT, INSERT, UPDATE (failures, until), DELETE",
    "bureau_staff_user_permissions": READ,
    "auth_group": READ,
    "auth_group_permissions": READ,
    "auth_permission": READ,
    # Editions: their days are the database's alone.
    "bureau_edition": f"{KEPT}, UPDATE (status, note, submitted_by_id, submitted_at, approved_by_id, approved_at)",
    "bureau_publishedfigure": (
        f"{KEPT}, UPDATE (value, document, entered_by_id, entered_at, confirmed_by_id, confirmed_at)"
    ),
    # Files, jobs and the audit trail
    "bureau_upload": (
        f"{KEPT}, UPDATE (status, rows, accepted, unchanged, rejected, problem, original, undone_by_id, undone_at)"
    ),
    "bureau_rejectedrow": f"{KEPT}, UPDATE (quoted)",
    "bureau_job": f"{KEPT}, UPDATE (status, result, finished_at, sealed)",
    "bureau_chunk": f"{KEPT}, UPDATE (status, attempts, result, problem, finished_at, sealed)",
    "bureau_auditentry": KEPT,
    "bureau_change": READ,
    # Members
    "members_benefitperiod": ROSTER,
    "members_contribution": ROSTER,
    "members_employer": ROSTER,
    "members_enrolment": ROSTER,
    "members_member": ROSTER,
    "members_relative": ROSTER,
    "members_suspension": ROSTER,
    # Institutions
    "institutions_accountchange": ROWS,
    "institutions_agreement": ROSTER,
    "institutions_assessment": ROSTER,
    "institutions_hospitalstay": ROSTER,
    "institutions_institution": ROSTER,
    "institutions_level": ROSTER,
    "institutions_outofarearegistration": ROSTER,
    "institutions_referral": ROSTER,
    "institutions_selection": ROSTER,
    "institutions_selectionwindow": f"{KEPT}, UPDATE (closed_at)",
    # The ledger
    "accounts_account": f"{GROWS}, UPDATE (status, status_reason, balance, last_number)",
    "accounts_accountuse": KEPT,
    "accounts_closedmonth": KEPT,
    "accounts_credit": KEPT,
    "accounts_creditrecovery": KEPT,
    "accounts_entry": GROWS,
    "accounts_familygrant": f"{KEPT}, UPDATE (ends_on)",
    "accounts_freeze": f"{KEPT}, UPDATE (ended_by_id, ended_at, end_reason)",
    "accounts_journal": GROWS,
    "accounts_payout": (
        f"{KEPT}, UPDATE (status, approved_by_id, approved_at, paid_by_id, paid_at, returned_by_id, returned_at, note)"
    ),
    # Settlement
    "settlement_accountrecovery": KEPT,
    "settlement_adjustment": f"{KEPT}, UPDATE (carried_by_id)",
    "settlement_adjustment_visits": KEPT,
    "settlement_claim": f"{KEPT}, UPDATE",
    "settlement_claimpayment": f"{KEPT}, UPDATE (status, note)",
    "settlement_invoice": f"{KEPT}, UPDATE (freed_at), DELETE",
    "settlement_line": ROWS,
    "settlement_monthlyreturn": f"{KEPT}, UPDATE",
    "settlement_openinguse": "SELECT, INSERT, DELETE, MAINTAIN",
    "settlement_otheruse": "SELECT, INSERT, DELETE, MAINTAIN",
    "settlement_payment": f"{KEPT}, UPDATE (status, note)",
    "settlement_proposal": f"{KEPT}, UPDATE (status, decided_by_id, decided_at, note)",
    "settlement_run": ROWS,
    "settlement_visit": GROWS,
    "settlement_visitpayment": GROWS,
    # Django's and the schedule's
    "django_admin_log": READ,
    "django_content_type": READ,
    "django_migrations": READ,
    "django_session": ROWS,
    "django_celery_beat_clockedschedule": ROWS,
    "django_celery_beat_crontabschedule": ROWS,
    "django_celery_beat_intervalschedule": ROWS,
    "django_celery_beat_periodictask": ROWS,
    "django_celery_beat_periodictasks": f"{KEPT}, UPDATE",
    "django_celery_beat_solarschedule": ROWS,
}
# Numbers that are drawn before their rows are written; all others come with the row.
SEQUENCES = {
    "accounts_journal_id_seq": "USAGE",
    "members_member_number_seq": "USAGE",
    "settlement_visit_id_seq": "USAGE",
}
FUNCTIONS = {
    "accounts_post": "EXECUTE",
    "accounts_reopen_month": "EXECUTE",
    "members_name_key": "EXECUTE",
    "bureau_stage": "EXECUTE",
    "bureau_unstage": "EXECUTE",
}
# Rosters are staged in tables there, which bureau_stage creates for it.
SCHEMA = {"staging": "USAGE"}

Right = tuple[str, str, str]  # object, privilege, column or ""

HELD = """
WITH grantee (id) AS (SELECT 0::oid UNION SELECT oid FROM pg_roles WHERE rolname = %(role)s)
SELECT c.relname::text, a.privilege_type, '' FROM pg_class c, aclexplode(c.relacl) a
 WHERE c.relnamespace = 'public'::regnamespace AND a.grantee IN (SELECT id FROM grantee)
UNION ALL
SELECT c.relname::text, a.privilege_type, t.attname::text
  FROM pg_class c JOIN pg_attribute t ON t.attrelid = c.oid, aclexplode(t.attacl) a
 WHERE c.relnamespace = 'public'::regnamespace AND a.grantee IN (SELECT id FROM grantee)
UNION ALL
SELECT p.proname::text, a.privilege_type, ''
  FROM pg_proc p, aclexplode(coalesce(p.proacl, acldefault('f', p.proowner))) a
 WHERE p.pronamespace = 'public'::regnamespace AND a.grantee IN (SELECT id FROM grantee)
UNION ALL
SELECT n.nspname::text, a.privilege_type, '' FROM pg_namespace n, aclexplode(n.nspacl) a
 WHERE n.nspname = 'staging' AND a.grantee IN (SELECT id FROM grantee)
UNION ALL
SELECT 'database', a.privilege_type, '' FROM pg_database d, aclexplode(coalesce(d.datacl, acldefault('d', d.datdba))) a
 WHERE d.datname = current_database() AND a.grantee IN (SELECT id FROM grantee) AND a.privilege_type <> 'CONNECT'
UNION ALL
SELECT 'by default', a.privilege_type, d.defaclobjtype::text FROM pg_default_acl d, aclexplode(d.defaclacl) a
 WHERE a.grantee IN (SELECT id FROM grantee)
"""

COLUMNS = """
SELECT c.relname::text, t.attname::text FROM pg_class c LEFT JOIN pg_attribute t ON t.attrelid = c.oid AND t.attnum > 0
 WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'p', 'v', 'm', 'f', 'S')
"""

REVOKE = """
REVOKE ALL ON ALL TABLES IN SCHEMA public FROM {role}, PUBLIC;
REVOKE ALL ON ALL SEQUENCES IN SCHEMA public FROM {role}, PUBLIC;
REVOKE ALL ON ALL FUNCTIONS IN SCHEMA public FROM {role}, PUBLIC;
REVOKE CREATE, TEMPORARY ON DATABASE {database} FROM {role}, PUBLIC;
ALTER DEFAULT PRIVILEGES REVOKE ALL ON TABLES FROM {role}, PUBLIC;
ALTER DEFAULT PRIVILEGES REVOKE ALL ON SEQUENCES FROM {role}, PUBLIC;
ALTER DEFAULT PRIVILEGES REVOKE ALL ON FUNCTIONS FROM {role}, PUBLIC;
"""


def named() -> Iterator[Right]:
    """Every right that is named here."""
    for objects in (TABLES, SEQUENCES, FUNCTIONS, SCHEMA):
        for name, privileges in objects.items():
            for privilege, columns in re.findall(r"(\w+)(?: \(([^)]*)\))?", privileges):
                for column in columns.split(", "):
                    yield name, privilege, column


def held() -> set[Right]:
    """What the application's role and everybody may do, as the database has it."""
    with connection.cursor() as cursor:
        cursor.execute(HELD, {"role": ROLE})
        return set(cursor.fetchall())


def unnamed() -> list[str]:
    """Tables of the database that are not named here, and what is named here and is not in the database."""
    with connection.cursor() as cursor:
        cursor.execute(COLUMNS)
        there = set(cursor.fetchall())
    tables = {table for table, _column in there if not table.endswith("_seq")}
    columns = {(name, column) for name, _privilege, column in named() if column}
    return sorted({*tables ^ set(TABLES), *(".".join(column) for column in columns - there)})


def install_grants(**_signal) -> None:
    """Bring the database's rights to what is named here. Runs after every migration; does nothing where they agree."""
    wanted = set(named())
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SELECT current_database(), EXISTS (SELECT FROM pg_roles WHERE rolname = %s)", [ROLE])
        database, is_there = cursor.fetchone()
        if not is_there or held() == wanted:
            return
        cursor.execute(COLUMNS)
        there = set(cursor.fetchall())
        objects = {name for name, _column in there}
        quote = connection.ops.quote_name
        cursor.execute(REVOKE.format(role=ROLE, database=quote(database)))
        # A migration of single apps may come before a table or a column of another.
        for name, privilege, column in sorted(wanted):
            if name in objects and (not column or (name, column) in there):
                what = f"{privilege} ({quote(column)})" if column else privilege
                kind = "SEQUENCE" if name in SEQUENCES else "TABLE"
                cursor.execute(f"GRANT {what} ON {kind} {quote(name)} TO {ROLE}")
        cursor.execute("SELECT nspname::text FROM pg_namespace WHERE nspname = ANY(%s)", [list(SCHEMA)])
        for (name,) in cursor.fetchall():
            cursor.execute(f"REVOKE ALL ON SCHEMA {quote(name)} FROM {ROLE}, PUBLIC")
            cursor.execute(f"GRANT {SCHEMA[name]} ON SCHEMA {quote(name)} TO {ROLE}")
        for name, privilege in FUNCTIONS.items():
            cursor.execute("SELECT oid::regprocedure::text FROM pg_proc WHERE proname = %s", [name])
            for (signature,) in cursor.fetchall():
                cursor.execute(f"GRANT {privilege} ON FUNCTION {signature} TO {ROLE}")
