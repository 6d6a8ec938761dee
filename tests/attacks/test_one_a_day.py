"""At most one row a day: kept by triggers against raw SQL, at any isolation level and in a race, and told in forms."""

import threading
from datetime import date

import psycopg
import pytest
from django.apps import apps
from django.core.exceptions import ValidationError
from django.db import Error, connection, transaction

from bureau import spans
from bureau.grants import ROLE
from tests.attacks.attack import ran, refused

CONSTRAINTS = {
    constraint.name: (model, constraint) for model in apps.get_models() for constraint in spans.declared(model)
}
DAYS = (date(2026, 3, 1), date(2026, 6, 30))
TIMES = [  # first and last day of another row, and whether its days meet those of the first
    (date(2026, 3, 1), date(2026, 6, 30), True),
    (date(2026, 1, 1), date(2026, 12, 31), True),
    (date(2026, 4, 1), date(2026, 4, 30), True),
    (date(2026, 6, 30), date(2026, 12, 31), True),
    (date(2026, 1, 1), date(2026, 3, 1), True),
    (date(2026, 7, 1), date(2026, 12, 31), False),
    (date(2026, 1, 1), date(2026, 2, 28), False),
]
WHOLE_MONTHS = [  # of the head that is counted
    (date(2026, 3, 1), date(2026, 6, 1), True),
    (date(2026, 6, 1), date(2026, 9, 1), True),
    (date(2026, 7, 1), date(2026, 9, 1), False),
]


def test_every_table_of_dated_rows_is_named_here():
    assert len(CONSTRAINTS) == 13
    assert {model._meta.label for model, _constraint in CONSTRAINTS.values()} == {
        "members.Enrolment", "members.BenefitPeriod", "members.Suspension", "members.Relative",
        "institutions.Agreement", "institutions.Level", "institutions.Selection", "institutions.Referral",
        "institutions.OutOfAreaRegistration", "accounts.FamilyGrant",
    }  # fmt: skip


@pytest.fixture
def place(db):
    """A city with people, institutions and an account, but no dated rows of theirs."""
    from accounts.models import Account
    from members.models import Relative
    from tests.settlement import factories

    city = factories.heyuan()

    class Place:
        here, there = factories.institution(city), factories.institution(city)
        one, other = factories.member(city), factories.member(city)
        account = Account.objects.filter(member=one).first()
        relative = Relative.objects.create(
            member=one, relative=other, relation="spouse", starts_on=date(2000, 1, 1), ends_on=date(2000, 1, 2)
        )

    for model, _constraint in CONSTRAINTS.values():
        if model is not Relative:
            model.objects.all().delete()
    if Place.account is None:
        from tests.accounts import factories as accounts

        Place.account = accounts.account(city)
    Place.city = city
    connection.check_constraints()
    return Place


def row(place, name: str):
    """An unsaved row that the constraint is about, on DAYS."""
    model = CONSTRAINTS[name][0]
    city = place.city
    given = {
        "member": place.one, "area": city.area, "scheme": "310", "person_class": "11", "kind": "suspended",
        "institution": place.here, "level": 2, "relative": place.other, "relation": "child", "account": place.account,
        "beneficiary": place.other, "granted_by": city.clerk, "from_institution": place.here,
        "to_institution": place.there, "destination": "440100", "year": 2026, "role": "primary", "route": "change",
        "requested_on": DAYS[0], "recorded_by": city.clerk, "starts_on": DAYS[0], "ends_on": DAYS[1],
    }  # fmt: skip
    if model.__name__ == "OutOfAreaRegistration":
        given["kind"] = "temporary"
    if model.__name__ == "FamilyGrant":
        given["relative"] = place.relative
    if "station" in name or "remote" in name:
        given["role"] = name.split("_")[1]
    if name == "selection_head_counts_once":
        given |= {"counts_from": date(2026, 3, 1), "counts_to": date(2026, 6, 1)}
    names = {field.name for field in model._meta.concrete_fields}
    return model(**{field: value for field, value in given.items() if field in names})


def on(instance, name: str, first: date, last: date | None):
    constraint = CONSTRAINTS[name][1]
    setattr(instance, constraint.first, first)
    setattr(instance, constraint.last, last)
    if name == "selection_head_counts_once":  # so that the days of the selections themselves do not meet
        instance.starts_on = instance.ends_on = date(2026, 12, 31)
    return instance


def times(name: str):
    return WHOLE_MONTHS if name == "selection_head_counts_once" else TIMES


@pytest.mark.parametrize("name", CONSTRAINTS)
def test_raw_sql_and_forms_refuse_the_same_days(place, name, request):
    model, constraint = CONSTRAINTS[name]
    first = row(place, name)
    first.save()
    for begins, ends, meet in times(name):
        second = on(row(place, name), name, begins, ends)
        if meet:
            with pytest.raises(ValidationError) as told:
                constraint.validate(model, second)
            assert told.value.messages == [str(constraint.violation_error_message)]
            with pytest.raises(Error) as caught, transaction.atomic():
                second.save()
            diagnosis = caught.value.__cause__.diag
            assert (diagnosis.sqlstate, diagnosis.constraint_name) == ("23P01", name), (begins, ends)
            assert diagnosis.table_name == model._meta.db_table
            continue
        constraint.validate(model, second)
        second.save()
        if name != "family_grant_one_a_day":  # which only ends earlier, and is never deleted
            with pytest.raises(ValidationError):  # and it is not moved there afterwards
                constraint.validate(model, on(second, name, *times(name)[0][:2]))
            columns = [model._meta.get_field(field).column for field in (constraint.first, constraint.last)]
            refused(
                f"UPDATE {model._meta.db_table} SET {columns[0]} = %s, {columns[1]} = %s WHERE id = %s",
                "23P01",
                name,
                [*times(name)[0][:2], second.pk],
            )
        second.delete()
    constraint.validate(model, first)  # it does not meet itself


def test_rows_of_another_condition_or_key_do_not_meet(place):
    row(place, "selection_primary_one_a_day").save()
    for name in ("selection_station_one_a_day", "selection_remote_one_a_day"):
        other = row(place, name)
        CONSTRAINTS["selection_primary_one_a_day"][1].validate(type(other), other)
        other.save()
    enrolment = row(place, "enrolment_one_a_day")
    enrolment.save()
    elsewhere = row(place, "enrolment_one_a_day")
    elsewhere.member = place.other
    elsewhere.save()
    refused(
        "UPDATE members_enrolment SET member_id = %s WHERE id = %s",
        "23P01",
        "enrolment_one_a_day",
        [place.one.pk, elsewhere.pk],
    )


def test_an_open_end_meets_all_that_comes_after(place):
    first = on(row(place, "enrolment_one_a_day"), "enrolment_one_a_day", DAYS[0], None)
    first.save()
    later = on(row(place, "enrolment_one_a_day"), "enrolment_one_a_day", date(2090, 1, 1), None)
    with pytest.raises(ValidationError):
        CONSTRAINTS["enrolment_one_a_day"][1].validate(type(later), later)
    with pytest.raises(Error, match="some days would have two rows"), transaction.atomic():
        later.save()


def copy_of(model, first: str, last: str) -> str:
    """SQL: one more row like that with the lowest number, from `first` to `last` (SQL)."""
    columns = [field.column for field in model._meta.concrete_fields if not field.primary_key]
    values = [{"starts_on": first, "ends_on": last}.get(column, column) for column in columns]
    table = model._meta.db_table
    return f"""INSERT INTO {table} ({", ".join(columns)}) SELECT {", ".join(values)} FROM {table}
        WHERE id = (SELECT min(id) FROM {table})"""


def test_two_rows_of_one_statement_meet(place, as_application):
    from members.models import Enrolment

    row(place, "enrolment_one_a_day").save()
    two = copy_of(Enrolment, "DATE '2030-01-01' + n", "NULL").replace("WHERE", ", generate_series(0, 1) n WHERE")
    refused(two, "23P01", "enrolment_one_a_day")
    assert ran(copy_of(Enrolment, "'2030-01-01'", "NULL")) == 1


@pytest.mark.parametrize("name", CONSTRAINTS)
def test_the_role_can_neither_take_the_guard_away_nor_stand_in_for_what_it_reads(place, name, as_application):
    table = CONSTRAINTS[name][0]._meta.db_table
    for attack in (
        f"ALTER TABLE {table} DISABLE TRIGGER {name}_new",
        f"DROP TRIGGER {name}_changed ON {table}",
        f"CREATE OR REPLACE FUNCTION {name}() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NULL; END'",
        f"DROP FUNCTION {name}() CASCADE",
        "SET session_replication_role = replica",
        f"CREATE TEMP TABLE {table} (id bigint)",
    ):
        with pytest.raises(Error) as caught, transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(attack)
        assert caught.value.__cause__.diag.sqlstate == "42501", attack


# On real connections -----------------------------------------------------------------------------------------------


def session() -> psycopg.Connection:
    given = connection.get_connection_params()
    known = {name: given[name] for name in ("dbname", "user", "password", "host", "port") if name in given}
    other = psycopg.connect(**known, autocommit=True)
    other.execute(f"SET ROLE {ROLE}")
    return other


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("name", CONSTRAINTS)
@pytest.mark.parametrize("level", ["REPEATABLE READ", "SERIALIZABLE"])
def test_nothing_is_written_by_who_does_not_see_what_others_commit(place, name, level):
    model = CONSTRAINTS[name][0]
    row(place, name).save()
    column = next(field.column for field in model._meta.concrete_fields if not field.primary_key)
    same = f"UPDATE {model._meta.db_table} SET {column} = {column}"
    with session() as other:
        for attack in (copy_of(model, "'2040-01-01'", "'2040-01-02'"), same):
            other.execute(f"BEGIN ISOLATION LEVEL {level}")
            with pytest.raises(psycopg.Error) as caught:
                other.execute(attack)
            assert (caught.value.diag.sqlstate, caught.value.diag.constraint_name) == (
                *("23000", "written_at_read_committed"),
            ) or "permission denied" in str(caught.value)
            other.execute("ROLLBACK")


PEOPLE, SESSIONS = 200, 4


def race(members: list[int], template: int) -> int:
    """Each session enrols every member from a day of its own on, all of them one member at the same time.

    Returns how many pairs of a member's rows overlap in the end.
    """
    from members.models import Enrolment

    columns = [field.column for field in Enrolment._meta.concrete_fields if not field.primary_key]
    values = [
        {"member_id": "%(member)s", "starts_on": "%(day)s", "ends_on": "NULL"}.get(column, column) for column in columns
    ]
    sql = f"""INSERT INTO members_enrolment ({", ".join(columns)}) SELECT {", ".join(values)}
              FROM members_enrolment WHERE id = {template}"""
    turn = threading.Barrier(SESSIONS)
    failures: list[str] = []

    def enrol(number: int) -> None:
        with session() as mine:
            for member in members:
                turn.wait()
                try:
                    with mine.transaction():
                        mine.execute(sql, {"member": member, "day": date(2027, 1, 1 + number)})
                except psycopg.Error as error:
                    failures.append(error.diag.constraint_name or error.sqlstate or str(error))

    threads = [threading.Thread(target=enrol, args=[number]) for number in range(SESSIONS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert set(failures) <= {"enrolment_one_a_day"}, set(failures)
    with connection.cursor() as cursor:
        cursor.execute(
            """SELECT count(*) FROM members_enrolment a JOIN members_enrolment b
               ON a.member_id = b.member_id AND a.id < b.id AND a.starts_on <= COALESCE(b.ends_on, 'infinity')
               AND b.starts_on <= COALESCE(a.ends_on, 'infinity')"""
        )
        return cursor.fetchone()[0]


@pytest.fixture
def crowd(place):
    from tests.settlement import factories

    template = on(row(place, "enrolment_one_a_day"), "enrolment_one_a_day", date(2020, 1, 1), date(2020, 1, 2))
    template.save()
    return [member.pk for member in factories.bare_members(PEOPLE)], template.pk


@pytest.mark.django_db(transaction=True)
def test_two_hundred_members_in_a_race_have_one_row_a_day(crowd):
    from members.models import Enrolment

    assert race(*crowd) == 0
    assert Enrolment.objects.filter(member__in=crowd[0]).count() == PEOPLE


@pytest.mark.django_db(transaction=True)
def test_without_the_lock_the_race_is_seen(crowd):
    from members.models import Enrolment

    [guard] = spans.trigger_sql(Enrolment)
    start, end = guard.index("    PERFORM"), guard.index("    IF EXISTS")
    with connection.cursor() as cursor:
        cursor.execute(guard[:start] + guard[end:])
        try:
            overlaps = race(*crowd)
        finally:
            cursor.execute(guard)
    print(f"{overlaps} overlaps without the lock")
    assert overlaps > 0
