"""A statement that must fail, and by what."""

import pytest
from django.db import Error, connection, transaction


def refused(sql: str, sqlstate: str, constraint: str | None = None, params: list | None = None) -> None:
    """Run one statement to the end of its transaction's checks; it fails with this SQLSTATE and constraint."""
    with pytest.raises(Error) as caught, transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(sql, params)
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
    diagnosis = caught.value.__cause__.diag
    assert (diagnosis.sqlstate, diagnosis.constraint_name) == (sqlstate, constraint), diagnosis.message_primary


def ran(sql: str, params: list | None = None) -> int:
    """Run one statement that is allowed; how many rows it touched."""
    with connection.cursor() as cursor:
        cursor.execute(sql, params)
        return cursor.rowcount


def temporary_tables_allowed() -> None:
    """What the application's role lacks, so that what would stand behind it is tried as well."""
    with connection.cursor() as cursor:
        cursor.execute("RESET ROLE")
        cursor.execute("SELECT format('GRANT TEMPORARY ON DATABASE %I TO gongji_app', current_database())")
        cursor.execute(cursor.fetchone()[0])
        cursor.execute("SET ROLE gongji_app")
