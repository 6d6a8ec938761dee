"""The functions and triggers of the database as they are now, installed after every migration.

Each stands once: by hand in `<room>/sql/*.sql`, or made of a model's steps and constraints (`bureau.spans`) and of the
list of watched tables (`bureau.history`). What migrations say of them is history. Written as CREATE OR REPLACE; what is
no longer wanted is dropped by a migration.
"""

import hashlib
from collections.abc import Iterator
from pathlib import Path

from django.apps import apps
from django.db import connection, models, transaction
from django.db.migrations.executor import MigrationExecutor

from bureau import spans, steps
from bureau.history import triggers

# Everything in the house's schema that runs, as the database has it, and the mark of the last installation.
INSTALLED = """
SELECT 'function', p.oid::regprocedure::text, pg_get_functiondef(p.oid)
  FROM pg_proc p WHERE p.pronamespace = 'public'::regnamespace
UNION ALL
SELECT 'trigger', t.tgrelid::regclass || ' ' || t.tgname, pg_get_triggerdef(t.oid)
  FROM pg_trigger t JOIN pg_class c ON c.oid = t.tgrelid
 WHERE NOT t.tgisinternal AND c.relnamespace = 'public'::regnamespace
 ORDER BY 1, 2
"""
MARKED = "bureau_refuse_change()"


def stepping() -> list[type[models.Model]]:
    """The models whose steps are declared, room by room."""
    return [model for model in apps.get_models() if hasattr(model, "steps")]


def texts() -> Iterator[str]:
    """The SQL of every function and trigger: the rooms in their order, then steps, spans and the history of rows."""
    for config in apps.get_app_configs():
        for file in sorted(Path(config.path, "sql").glob("*.sql")):
            yield file.read_text(encoding="utf-8")
    yield from map(steps.trigger_sql, stepping())
    for model in apps.get_models():
        yield from spans.trigger_sql(model)
    yield from triggers.texts()


def installed() -> list[tuple[str, str, str]]:
    """Kind, name and definition of every function and trigger, as the database has them."""
    with connection.cursor() as cursor:
        cursor.execute(INSTALLED)
        return cursor.fetchall()


def install_guards(**_signal) -> None:
    """Bring functions and triggers to what is written here; does nothing where the database has them so.

    Waits while migrations are to come: they find the functions that they replace.
    """
    wanted = list(texts())
    if _marked() == _mark(wanted):
        return
    executor = MigrationExecutor(connection)
    if executor.migration_plan(executor.loader.graph.leaf_nodes()):
        return
    with transaction.atomic(), connection.cursor() as cursor:
        for text in wanted:
            cursor.execute(text)
        cursor.execute(f"COMMENT ON FUNCTION {MARKED} IS '{_mark(wanted)}'")


def _mark(wanted: list[str]) -> str:
    """Of what is written here and of what the database has: either changed is another mark."""
    return hashlib.sha256(repr((wanted, installed())).encode()).hexdigest()


def _marked() -> str | None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT obj_description(to_regprocedure(%s), 'pg_proc')", [MARKED])
        return cursor.fetchone()[0]
