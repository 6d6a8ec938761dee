"""Every process with declared steps: what its table names happens, and nothing else, by the services or by raw SQL.

The cases are made of the declarations themselves, each process in each of its states.
"""

from datetime import UTC, datetime

import pytest
from django.db import Error, connection, models, transaction

from bureau.errors import DomainError
from bureau.grants import ROLE
from bureau.guards import stepping
from bureau.models import AuditEntry
from bureau.steps import GONE, NEW
from tests.attacks.processes import PROCESSES

pytestmark = pytest.mark.django_db

AT = datetime(2026, 12, 1, 2, tzinfo=UTC)
STATIONS = [
    pytest.param(process, state, id=f"{model._meta.model_name}-{state}")
    for model, process in PROCESSES.items()
    for state in model.steps.states.values
]
EYES = [
    pytest.param(process, step, id=f"{step.act}-{step.another.name}-{step.before[0]}")
    for model, process in PROCESSES.items()
    for step in model.steps.steps
    if step.another is not None and step.act not in process.undone
]


def test_every_declared_process_is_tried():
    assert set(PROCESSES) == set(stepping())


@pytest.fixture
def role(db):
    """Work as the application, or as the owner of the tables again."""

    def work_as(role: str) -> None:
        with connection.cursor() as cursor:
            cursor.execute("RESET ROLE" if role == "owner" else f"SET ROLE {role}")

    yield work_as
    connection.needs_rollback = False
    work_as("owner")


def row(record: models.Model) -> dict | None:
    return type(record).objects.filter(pk=record.pk).values().first()


def entries(record: models.Model) -> int:
    """How many entries of the audit trail there are on a record."""
    return AuditEntry.objects.filter(record_type=record._meta.label_lower, record_id=str(record.pk)).count()


def allowed(model: type[models.Model], state: str, act: str) -> list[str]:
    """The states in which the act may leave a record of this one."""
    return [state if step.to is None else step.to for step in model.steps.of(act) if state in step.before]


@pytest.mark.parametrize(("process", "state"), STATIONS)
def test_service_takes_the_steps_of_the_table_and_no_others(process, state, role):
    town = process()
    model, steps = process.model, process.model.steps
    record = town.bring(state)
    assert steps.state(record) == state
    connection.check_constraints()
    role(ROLE)
    for act in town.acts():
        before, known = row(record), entries(record)
        with transaction.atomic():
            problem = None
            try:
                with transaction.atomic():
                    town.do(act, model.objects.get(pk=record.pk), town.another)
                    connection.check_constraints()
            except DomainError as refused:
                problem = refused
            if to := allowed(model, state, act):
                assert problem is None, (act, str(problem))
                assert AuditEntry.objects.filter(action=act, actor=town.another).exists(), act
                now = model.objects.filter(pk=record.pk).first()
                assert (GONE if now is None else steps.state(now)) in to, act
            else:
                assert row(record) == before, act
                assert entries(record) == known, act
            transaction.set_rollback(True)


def refusal(sql: str, params: list | None = None) -> tuple[str, str | None]:
    """The SQLSTATE and constraint by which a statement is refused."""
    with pytest.raises(Error) as caught, transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(sql, params)
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
    diagnosis = caught.value.__cause__.diag
    return diagnosis.sqlstate, diagnosis.constraint_name


def moved(model: type[models.Model], to: str, person: int, marks=None, more: dict[str, str] | None = None) -> str:
    """SQL: what puts a record into a state, with the people and times that are known there."""
    steps = model.steps
    said = {} if steps.once else {"status": f"'{to}'"}
    if steps.once and to == steps.states.values[0]:
        said[steps.once] = "NULL"
    for name in steps.filled[to][0] if marks is None else marks:
        field = model._meta.get_field(name)
        if isinstance(field, models.DateTimeField):
            said[field.column] = "now()"
        elif name.endswith("_by"):
            said[field.column] = str(person)
    return ", ".join(f"{column} = {value}" for column, value in (said | (more or {})).items())


@pytest.mark.parametrize(("process", "state"), STATIONS)
def test_raw_sql_moves_no_record_where_no_step_leads(process, state, role):
    town = process()
    model, steps = process.model, process.model.steps
    table, record = model._meta.db_table, town.bring(state)
    connection.check_constraints()
    codes = {steps.codes.step, steps.codes.stays}
    for to in [*steps.states.values, GONE]:
        if to == state or (state, to) in steps.moves:
            continue
        sql = f"DELETE FROM {table}" if to == GONE else f"UPDATE {table} SET {moved(model, to, town.another.pk)}"
        before = row(record)
        role("owner")
        sqlstate, code = refusal(f"{sql} WHERE id = {record.pk}")
        assert sqlstate == "23000", to
        assert to == GONE or code in codes, to
        role(ROLE)
        assert refusal(f"{sql} WHERE id = {record.pk}")[0] in ("23000", "42501"), to
        assert row(record) == before


@pytest.mark.parametrize(("process", "state"), STATIONS)
def test_raw_sql_begins_no_record_in_the_middle(process, state, role):
    town = process()
    model, steps = process.model, process.model.steps
    table, record = model._meta.db_table, town.bring(state)
    connection.check_constraints()
    if (NEW, state) in steps.moves:
        return
    role(ROLE)
    other = "(jsonb_populate_record(t, '{\"id\": 99999}')).*"
    copy = f"INSERT INTO {table} SELECT {other} FROM {table} t WHERE id = {record.pk}"
    assert refusal(copy) == ("23000", steps.codes.begins or steps.codes.step)


def otherwise(field: models.Field) -> str:
    """SQL: another value for a column."""
    column = field.column
    match field:
        case models.JSONField():
            return "'{\"other\": 1}'::jsonb"
        case models.BinaryField():
            return "'\\x0102'::bytea"
        case models.DateTimeField():
            return f"coalesce({column}, now()) + interval '1 day'"
        case models.DateField():
            return f"coalesce({column}, '2026-01-01') + 1"
        case models.CharField() | models.TextField():
            return f"left('x' || {column}, {field.max_length or 100})"
        case models.ForeignKey() if isinstance(field.target_field, models.CharField):
            return f"left('x' || {column}, 3)"
        case models.ForeignKey() | models.IntegerField() | models.DecimalField():
            return f"coalesce({column}, 0) + 1"
        case _:
            return f"coalesce({column}, '{{}}') || ARRAY['other']::varchar[]"


@pytest.mark.parametrize(("process", "state"), STATIONS)
def test_raw_sql_changes_with_a_step_only_what_the_table_names(process, state, role):
    town = process()
    model, steps = process.model, process.model.steps
    table, record = model._meta.db_table, town.bring(state)
    connection.check_constraints()
    role("owner")
    # Where changes of a table are kept, a row's number stays for their sake, before any step is asked.
    codes = {steps.codes.changed or steps.codes.step, steps.codes.step, steps.codes.stays, "history_keys_stay"}
    tried = 0
    for to in steps.states.values:
        found = steps.moves.get((state, to), [])
        keeps = {name for step in found for name in step.keeps}
        written = {name for step in found for name in (*step.marks, *step.writes, *steps.cleared(step))}
        marks = [name for step in found[:1] for name in step.marks]
        for field in model._meta.concrete_fields:
            if field.name == "status" or field.name == steps.once or (not found and to != state):
                continue
            if field.name in written or (keeps and field.name not in keeps and not field.primary_key):
                continue
            change = moved(model, to, town.another.pk, marks, {field.column: otherwise(field)})
            sqlstate, code = refusal(f"UPDATE {table} SET {change} WHERE id = {record.pk}")
            assert (sqlstate, code in codes) == ("23000", True), (to, field.name, code)
            tried += 1
    assert tried > 3


@pytest.mark.parametrize(("process", "state"), STATIONS)
def test_constraint_alone_keeps_what_is_filled_in_a_state(process, state, role):
    """Without any trigger: what surely is filled is not empty, and what no way there fills is."""
    town = process()
    model, steps = process.model, process.model.steps
    table, record = model._meta.db_table, town.bring(state)
    surely, perhaps = steps.filled[state]
    marks = set().union(*(some for _surely, some in steps.filled.values()))
    connection.check_constraints()
    with connection.cursor() as cursor:
        cursor.execute(f"ALTER TABLE {table} DISABLE TRIGGER USER")
    for name in marks - {steps.once}:
        if name in perhaps - surely:
            continue
        field = model._meta.get_field(name)
        filled = "now()" if isinstance(field, models.DateTimeField) else str(town.another.pk)
        change = f"{field.column} = {'NULL' if name in surely else filled}"
        assert refusal(f"UPDATE {table} SET {change} WHERE id = {record.pk}")[0] == "23514", name


@pytest.mark.parametrize(("process", "step"), EYES)
def test_same_person_is_refused_by_service_guards_and_constraint(process, step, role):
    for state in step.before:
        with transaction.atomic():
            town = process()
            model = process.model
            table, record = model._meta.db_table, town.bring(state)
            connection.check_constraints()
            for who in filter(None, (getattr(record, name) for name in step.another.than)):
                before, known = row(record), entries(record)
                with pytest.raises(DomainError) as refused, transaction.atomic():
                    town.do(step.act, model.objects.get(pk=record.pk), who)
                assert (str(refused.value), refused.value.field) == (str(step.another.sentence), step.another.field)
                assert (row(record), entries(record)) == (before, known)
                if not step.another.name:
                    continue
                marks = {step.who, *([f"{step.by}_by", f"{step.by}_at"] if step.by else [])}
                to = state if step.to is None else step.to
                change = moved(model, to, who.pk, marks, town.beside.get(step.act))
                sql = f"UPDATE {table} SET {change} WHERE id = {record.pk}"
                role(ROLE)
                assert refusal(sql)[0] in ("23000", "23514")
                role("owner")
                with transaction.atomic(), connection.cursor() as cursor:
                    cursor.execute(f"ALTER TABLE {table} DISABLE TRIGGER USER")
                    assert refusal(sql) == ("23514", step.another.name)
                    transaction.set_rollback(True)
                assert (row(record), entries(record)) == (before, known)
            transaction.set_rollback(True)
