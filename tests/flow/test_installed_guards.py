"""The database has the functions and triggers of the rooms' sql folders and of the steps, and no others."""

import os
import subprocess
import sys
from urllib.parse import urlsplit

import pytest
from django.db import connection

from bureau import guards
from bureau.management.commands.write_steps import PAGE, page

# Where functions were still written in migrations.
BEFORE = ("bureau 0011", "members 0009", "institutions 0003", "accounts 0010", "settlement 0019")


def drop_everything() -> None:
    with connection.cursor() as cursor:
        cursor.execute(
            """
            DO $$
            DECLARE name text;
            BEGIN
                FOR name IN SELECT oid::regprocedure FROM pg_proc WHERE pronamespace = 'public'::regnamespace LOOP
                    EXECUTE 'DROP FUNCTION IF EXISTS ' || name || ' CASCADE';
                END LOOP;
            END $$
            """
        )


def test_database_has_the_functions_and_triggers_of_the_files_and_no_others(db):
    """All are dropped, whichever migration made them, and installed from the files: the same is there."""
    before = guards.installed()
    assert len(before) > 100
    drop_everything()
    assert guards.installed() == []
    with connection.cursor() as cursor:
        for text in guards.texts():
            cursor.execute(text)
    assert guards.installed() == before


def test_guards_are_installed_once_and_again_where_somebody_changed_them(db, django_assert_num_queries):
    with django_assert_num_queries(2):
        guards.install_guards()
    before = guards.installed()
    with connection.cursor() as cursor:
        cursor.execute(
            "CREATE OR REPLACE FUNCTION accounts_check_entries() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN END'"
        )
        cursor.execute("DROP TRIGGER entries_balance ON accounts_entry")
    assert guards.installed() != before
    guards.install_guards()
    assert guards.installed() == before


def test_guards_wait_for_migrations_that_are_to_come(db, monkeypatch):
    with connection.cursor() as cursor:
        cursor.execute("DROP TRIGGER entries_balance ON accounts_entry")
    before = guards.installed()
    monkeypatch.setattr("django.db.migrations.executor.MigrationExecutor.migration_plan", lambda self, targets: [1])
    guards.install_guards()
    assert guards.installed() == before


@pytest.mark.django_db(transaction=True)
def test_database_of_before_comes_to_the_same_functions_and_triggers():
    """Migrated to where functions were still written in migrations, then to the end."""
    name = "test_guards_of_before"
    address = urlsplit(os.environ["DATABASE_URL"])._replace(path=f"/{name}").geturl()

    def manage(*said: str) -> str:
        done = subprocess.run(
            [sys.executable, "manage.py", *said], env=os.environ | {"DATABASE_URL": address},
            capture_output=True, text=True, check=True,
        )  # fmt: skip
        return done.stdout

    with connection.cursor() as cursor:
        cursor.execute(f"CREATE DATABASE {name}")
    try:
        for target in BEFORE:
            manage("migrate", *target.split(), "--verbosity", "0")
        manage("migrate", "--verbosity", "0")
        other = manage("shell", "--verbosity", "0", "-c", "from bureau.guards import installed; print(installed())")
        assert eval(other) == guards.installed()
    finally:
        with connection.cursor() as cursor:
            cursor.execute(f"DROP DATABASE {name}")


def test_page_of_steps_is_what_the_models_declare():
    assert PAGE.read_text("utf-8") == page(), "run manage.py write_steps"
