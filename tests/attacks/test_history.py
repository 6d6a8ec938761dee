"""The history of rows as the application meets it: every writer is seen, and nobody writes it or gets past it."""

from datetime import UTC, datetime

import pytest
from django.db import IntegrityError, connection, transaction

from bureau import audit
from bureau.history import triggers
from bureau.history.watched import EXEMPT, WATCHED, Watched
from bureau.models import Area, AuditEntry, Change, Staff
from members.models import Employer, Member
from tests.attacks.attack import ran, refused, temporary_tables_allowed

pytestmark = pytest.mark.django_db
NOW = datetime(2026, 3, 10, 1, 30, tzinfo=UTC)


@pytest.fixture
def area():
    return Area.objects.create(code="441699", name="河源市")


@pytest.fixture
def clerk(area):
    return Staff.objects.create(username="clerk", area=area)


@pytest.fixture
def person(area, clerk, request):
    """Somebody who is recorded; from here on as the application."""
    made = Member.objects.create(
        name="李明", document_cipher=b"sealed", document_hash=b"h" * 32, document_last4="1234", phone="138"
    )
    audit.record("member.register", actor=clerk, now=NOW, subject=made)
    request.getfixturevalue("as_application")
    return made


def told(after: int = 0) -> list[tuple]:
    """What was kept: table, first and last row, before and after."""
    found = Change.objects.filter(pk__gt=after).order_by("pk")
    return list(found.values_list("table_name", "first_row", "last_row", "before", "after"))


def mark() -> int:
    return max(Change.objects.values_list("pk", flat=True), default=0)


def employers(area, *codes) -> list[int]:
    rows = [Employer(area=area, code=code, name=f"公司{code}") for code in codes]
    return [row.pk for row in Employer.objects.bulk_create(rows)]


# Which tables -----------------------------------------------------------------------------------------------


def test_every_table_is_watched_or_says_why_not():
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT relname::text FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'p')"
        )
        tables = {table for (table,) in cursor}
    assert WATCHED.keys() & EXEMPT.keys() == set()
    assert tables ^ (WATCHED.keys() | EXEMPT.keys()) == set()
    assert all(EXEMPT.values())


def test_what_is_settled_or_posted_keeps_no_history():
    never = {"settlement_visit", "settlement_visitpayment", "accounts_journal", "accounts_entry", "accounts_account"}
    assert never <= EXEMPT.keys()


def test_each_watched_table_has_its_triggers():
    """Installed from the list with all other guards: a new table is one line there."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT proname::text FROM pg_proc WHERE starts_with(proname, 'history_of_')")
        assert {name.removeprefix("history_of_") for (name,) in cursor} == WATCHED.keys()
        cursor.execute(
            "SELECT tgrelid::regclass::text, count(*) FROM pg_trigger WHERE starts_with(tgname, 'history_') GROUP BY 1"
        )
        assert dict(cursor.fetchall()) == dict.fromkeys(WATCHED, 5)


def test_what_is_made_changed_and_removed_of_any_table_is_kept():
    watched = Watched(sealed=("secret",), passing=("seen",))
    ran("CREATE TABLE later (id bigint PRIMARY KEY, name text, secret text, seen int)")
    ran(triggers.table_sql("later", watched, ["id", "name", "secret", "seen"]))
    ran("INSERT INTO later VALUES (7, 'a', 'b'), (8, 'a', 'b'), (10, 'a', 'b')")
    ran("UPDATE later SET name = 'c', secret = 'd', seen = 1 WHERE id = 8")
    ran("UPDATE later SET seen = 2")
    ran("ALTER TABLE later ADD COLUMN more int")
    ran(triggers.table_sql("later", watched, ["id", "name", "secret", "seen", "more"]))
    ran("UPDATE later SET more = 5 WHERE id = 8")
    ran("DELETE FROM later WHERE id = 8")
    assert told() == [
        ("later", 7, 8, None, None),
        ("later", 10, 10, None, None),
        ("later", 8, 8, {"name": "a", "secret": None}, {"name": "c", "secret": None}),
        ("later", 8, 8, {"more": None}, {"more": 5}),
        ("later", 8, 8, {"id": 8, "name": "c", "more": 5}, None),
    ]


# Whoever writes ---------------------------------------------------------------------------------------------


def test_rows_that_the_orm_writes_are_kept(person, area):
    at = mark()
    first, second, third = employers(area, "A", "B", "C")
    Employer.objects.filter(pk=second).update(name="新公司")
    row = Employer.objects.get(pk=third)
    row.save()  # nothing new
    row.delete()
    assert told(at) == [
        ("members_employer", first, third, None, None),
        ("members_employer", second, second, {"name": "公司B"}, {"name": "新公司"}),
        ("members_employer", third, third, {"id": third, "area_id": "441699", "code": "C", "name": "公司C",
                                            "upload_id": None}, None),
    ]  # fmt: skip


def test_copy_merge_and_on_conflict_are_kept(person, area):
    [known] = employers(area, "A")
    at = mark()
    with connection.cursor() as cursor, cursor.copy("COPY members_employer (area_id, code, name) FROM STDIN") as copy:
        copy.write_row(("441699", "B", "公司B"))
        copy.write_row(("441699", "C", "公司C"))
    copied = Employer.objects.get(code="B").pk
    ran("""INSERT INTO members_employer (area_id, code, name) VALUES ('441699', 'A', '甲'), ('441699', 'D', '丁')
           ON CONFLICT (area_id, code) DO UPDATE SET name = EXCLUDED.name""")
    added = Employer.objects.get(code="D").pk
    ran("""MERGE INTO members_employer t USING (VALUES ('A', '乙'), ('B', NULL), ('E', '戊')) s (code, name)
           ON t.code = s.code
           WHEN MATCHED AND s.name IS NULL THEN DELETE
           WHEN MATCHED THEN UPDATE SET name = s.name
           WHEN NOT MATCHED THEN INSERT (area_id, code, name) VALUES ('441699', s.code, s.name)""")
    merged = Employer.objects.get(code="E").pk
    rows = told(at)
    assert sorted(row for row in rows if row[3] is None) == [
        ("members_employer", copied, copied + 1, None, None),
        ("members_employer", added, added, None, None),
        ("members_employer", merged, merged, None, None),
    ]
    assert [(first, before, after) for _table, first, _last, before, after in rows if before and after] == [
        (known, {"name": "公司A"}, {"name": "甲"}),
        (known, {"name": "甲"}, {"name": "乙"}),
    ]
    assert [before["name"] for _table, _first, _last, before, after in rows if before and not after] == ["公司B"]


def test_a_raw_cursor_of_the_driver_is_kept(person):
    at = mark()
    connection.connection.execute("UPDATE members_member SET phone = '139' WHERE id = %s", [person.pk])
    assert told(at) == [("members_member", person.pk, person.pk, {"phone": "138"}, {"phone": "139"})]


def test_secrets_are_kept_as_changed_and_not_as_what_they_are(person, clerk):
    at = mark()
    clerk.set_password("another password of mine")
    clerk.last_login = NOW
    clerk.save(update_fields=["password", "last_login"])
    Staff.objects.filter(pk=clerk.pk).update(last_login=None)
    Member.objects.filter(pk=person.pk).update(
        document_cipher=b"other", document_hash=b"i" * 32, document_last4="5678"
    )
    nothing = {"document_cipher": None}
    assert told(at) == [
        ("bureau_staff", clerk.pk, clerk.pk, {"password": None}, {"password": None}),
        ("members_member", person.pk, person.pk, nothing | {"document_last4": "1234"},
         nothing | {"document_last4": "5678"}),
    ]  # fmt: skip
    person.delete()
    gone = Change.objects.latest("pk").before
    assert gone["document_last4"] == "5678"
    assert gone.keys() & {"document_cipher", "document_hash"} == set()


# Five attacks, which open other histories -------------------------------------------------------------------


@pytest.mark.parametrize(
    "setting",
    ["pgtrigger.ignore = '{history_update}'", "pgtrigger.ignore = '{members_member:history_update}'",
     "pghistory.context_id = '1'", "gongji.act = 'x'", "gongji.history = 'off'", "search_path = pg_temp",
     "TimeZone = 'America/New_York'", "row_security = off"],
)  # fmt: skip
def test_no_setting_of_the_session_adds_or_omits_a_change(person, setting):
    at = mark()
    ran(f"SET LOCAL {setting}")
    ran("UPDATE public.members_member SET phone = '139'")
    ran("SET LOCAL search_path = public")
    assert told(at) == [("members_member", person.pk, person.pk, {"phone": "138"}, {"phone": "139"})]


@pytest.mark.parametrize("name", ["bureau_change", "rows_before", "rows_after", "members_member", "bureau_auditentry"])
def test_no_table_of_ones_own_swallows_a_change(person, name):
    at = mark()
    temporary_tables_allowed()
    like = name if name.startswith(("bureau", "members")) else "members_member"
    ran(f"CREATE TEMP TABLE {name} AS SELECT * FROM public.{like} WHERE false")
    ran("UPDATE public.members_member SET phone = '139'")
    ran(f"DROP TABLE pg_temp.{name}")
    assert told(at) == [("members_member", person.pk, person.pk, {"phone": "138"}, {"phone": "139"})]


def test_no_function_or_operator_of_ones_own_is_called(person):
    """What the triggers look up, they look up in the house first; temporary functions are found nowhere."""
    at = mark()
    temporary_tables_allowed()
    for arguments, name in (("anyelement", "to_jsonb"), ("", "transaction_timestamp"), ("", "pg_current_xact_id")):
        ran(f"CREATE FUNCTION pg_temp.{name}({arguments}) RETURNS jsonb LANGUAGE sql AS 'SELECT ''{{}}''::jsonb'")
    ran("SET LOCAL search_path = pg_temp, public")
    ran("UPDATE public.members_member SET phone = '139'")
    ran("SET LOCAL search_path = public")
    assert told(at) == [("members_member", person.pk, person.pk, {"phone": "138"}, {"phone": "139"})]


@pytest.mark.parametrize(
    "attack",
    [
        "INSERT INTO bureau_change (transaction, at, table_name, first_row, last_row)"
        " VALUES (1, now(), 'members_member', 1, 1)",
        "COPY bureau_change FROM STDIN",
        "UPDATE bureau_change SET before = '{}'",
        "DELETE FROM bureau_change",
        "TRUNCATE bureau_change",
        "ALTER TABLE members_member DISABLE TRIGGER history_update",
        "DROP TRIGGER history_update ON members_member",
        "DROP FUNCTION history_of_members_member() CASCADE",
        "CREATE OR REPLACE FUNCTION history_of_members_member() RETURNS trigger LANGUAGE plpgsql AS ''",
        "ALTER FUNCTION history_of_members_member() SET search_path = pg_temp",
        "SELECT history_of_members_member()",
        "SET session_replication_role = replica",
        "SELECT setval('bureau_change_id_seq', 1)",
        "TRUNCATE members_member CASCADE",
    ],
)
def test_changes_are_neither_forged_nor_taken_away_nor_switched_off(person, attack):
    kept = told()
    refused(attack, "42501")
    assert told() == kept


def test_the_functions_are_put_on_no_table_of_ones_own(person):
    temporary_tables_allowed()
    ran("CREATE TEMP TABLE mine (id bigint, name text)")
    refused(
        "CREATE TRIGGER t AFTER INSERT ON mine REFERENCING NEW TABLE AS rows_after FOR EACH STATEMENT"
        " EXECUTE FUNCTION history_of_members_member()",
        "42501",
    )


def test_an_audit_entry_stands_in_the_transaction_that_it_was_written_in(person, clerk):
    """Whatever is said of it: nobody lends an act to the changes of another transaction."""
    ran(
        """INSERT INTO bureau_auditentry (at, actor_id, action, record_type, record_id, detail, transaction, began_at,
               last_change) VALUES (now(), %s, 'member.correct', '', '', '{}', 1, '2020-01-01', 999)""",
        [clerk.pk],
    )
    mine = AuditEntry.objects.latest("pk")
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_current_xact_id()::text::bigint, transaction_timestamp()")
        assert (mine.transaction, mine.began_at) == cursor.fetchone()
    assert mine.last_change == mark()


# What the database refuses to anybody -----------------------------------------------------------------------


def test_keys_of_watched_rows_stay(person):
    kept = told()
    for attack in (
        "UPDATE members_member SET id = id + 1",
        "UPDATE bureau_area SET code = '441601'",
        """MERGE INTO members_member t USING (VALUES (1)) s (id) ON t.id > 0
           WHEN MATCHED THEN UPDATE SET id = 999""",
    ):
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute("RESET ROLE")  # the owner neither
            refused(attack, "23000", "history_keys_stay")
    assert told() == kept
    assert Member.objects.get().pk == person.pk


@pytest.mark.parametrize("table", sorted(WATCHED))
def test_watched_tables_are_not_emptied_unseen(table):
    with pytest.raises(IntegrityError) as caught, transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(f"TRUNCATE {table} CASCADE")
    assert caught.value.__cause__.diag.constraint_name.endswith(("_stay", "_stays"))


def test_the_owner_rewrites_no_change_by_chance():
    for attack in ("UPDATE bureau_change SET before = NULL", "DELETE FROM bureau_change", "TRUNCATE bureau_change"):
        refused(attack, "23000", "changes_stay")


# Who and why ------------------------------------------------------------------------------------------------


def test_a_change_is_of_the_first_act_after_it_and_else_of_the_last(person, area, clerk):
    from bureau.history.acts import OF_CHANGE

    at = mark()
    employers(area, "A")
    audit.record("employer.register", actor=clerk, now=NOW)
    audit.record("other.act", actor=clerk, now=NOW)
    Employer.objects.update(name="甲")
    Employer.objects.update(name="乙")
    audit.record("employer.change", actor=clerk, now=NOW)
    Employer.objects.update(name="丙")
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT e.action FROM bureau_change c {OF_CHANGE} WHERE c.id > %s ORDER BY c.id", [at])
        assert [action for (action,) in cursor] == ["employer.register", *["employer.change"] * 3]


@pytest.mark.django_db(transaction=True)
def test_what_raw_sql_wrote_of_rosters_staff_and_opening_figures_is_found():
    """Each in a transaction of its own, as the application, with no act behind it."""
    from bureau.grants import ROLE
    from settlement.queries.proofs.books import check_books

    def untold() -> list[str]:
        [proof] = [proof for proof in check_books("441699") if proof.code == "changes_told"]
        assert proof.wrong == len(proof.shown)
        return [what.rpartition(" (")[0] for what in proof.shown]

    with transaction.atomic():
        area = Area.objects.create(code="441699", name="河源市")
        clerk = Staff.objects.create(username="clerk", area=area)
        made = Member.objects.create(name="李明", document_cipher=b"", document_hash=b"h" * 32, document_last4="1234")
        audit.record("member.register", actor=clerk, now=NOW, subject=made)
    assert untold() == []
    writes = [
        ("INSERT INTO members_enrolment (member_id, area_id, scheme, person_class, person_type, plan, large_claims,"
         " by_hand_elsewhere, starts_on) VALUES (%(member)s, '441699', '310', 'active', '', '', false, false,"
         " '2026-01-01')", "members_enrolment"),
        ("UPDATE members_member SET died_on = '2026-01-01'", "members_member"),
        ("INSERT INTO settlement_openinguse (member_id, area_id, scheme, year, fund, fixed, deductible) VALUES"
         " (%(member)s, '441699', '310', 2026, 500, 0, 0)", "settlement_openinguse"),
        ("UPDATE bureau_staff SET area_id = NULL WHERE id = %(clerk)s", "bureau_staff"),
        ("UPDATE bureau_staff SET password = 'x' WHERE id = %(clerk)s", "bureau_staff"),
    ]  # fmt: skip
    for sql, _table in writes:
        with connection.cursor() as cursor:
            cursor.execute(f"SET ROLE {ROLE}")
            cursor.execute(sql, {"member": made.pk, "clerk": clerk.pk})
            cursor.execute("RESET ROLE")
    assert [what.split()[0] for what in untold()] == [table for _sql, table in writes]
    with transaction.atomic():  # an act of another transaction covers none of them
        audit.record("staff.change", actor=clerk, now=NOW, subject=clerk)
    assert len(untold()) == len(writes)
    assert Change.objects.get(table_name="members_member", before__isnull=False).after == {"died_on": "2026-01-01"}
