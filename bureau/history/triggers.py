"""The triggers that keep the history: written from the list of watched tables, and installed with the other guards
(`bureau.guards`).

One function a table, run once a statement with the rows that it wrote (transition tables), so that ORM, SQL, COPY,
MERGE and ON CONFLICT are seen alike. It runs with the rights of the owner and looks up names in the house first: the
application can neither write changes nor put something in their place. Nothing is read from settings of the session.
"""

from collections.abc import Iterator, Sequence

from django.apps import apps

from bureau.history.watched import WATCHED, Watched

BODY = """
-- Written by bureau.history.triggers.
BEGIN
    IF TG_OP = 'INSERT' THEN
        INSERT INTO bureau_change (transaction, at, table_name, first_row, last_row)
        SELECT pg_current_xact_id()::text::bigint, transaction_timestamp(), '{table}', min(number), max(number)
          FROM (SELECT {key}::bigint AS number, {key}::bigint - row_number() OVER (ORDER BY {key}::bigint) AS run
                  FROM rows_after) AS made
         GROUP BY run ORDER BY min(number);
    ELSIF TG_OP = 'UPDATE' THEN
        INSERT INTO bureau_change (transaction, at, table_name, first_row, last_row, before, after)
        SELECT pg_current_xact_id()::text::bigint, transaction_timestamp(), '{table}', n.{key}::bigint, n.{key}::bigint,
               {before},
               {after}
          FROM rows_before o JOIN rows_after n ON n.{key} = o.{key}
         WHERE {differ};
    ELSE
        INSERT INTO bureau_change (transaction, at, table_name, first_row, last_row, before)
        SELECT pg_current_xact_id()::text::bigint, transaction_timestamp(), '{table}', o.{key}::bigint, o.{key}::bigint,
               to_jsonb(o) - '{{{left_out}}}'::text[]
          FROM rows_before o;
    END IF;
    RETURN NULL;
END
"""
# A session plans the join of a function once, perhaps for one row, and keeps the plan for a million: never by loops.
FUNCTION = """
CREATE OR REPLACE FUNCTION {function}() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
    SET search_path = pg_catalog, public, pg_temp SET enable_nestloop = off AS $keep${body}$keep$;
"""
# A change of its key would part a row from its history; TRUNCATE has no rows to keep.
TRIGGERS = """
CREATE OR REPLACE TRIGGER history_insert AFTER INSERT ON {table} REFERENCING NEW TABLE AS rows_after
    FOR EACH STATEMENT EXECUTE FUNCTION {function}();
CREATE OR REPLACE TRIGGER history_update AFTER UPDATE ON {table}
    REFERENCING OLD TABLE AS rows_before NEW TABLE AS rows_after
    FOR EACH STATEMENT EXECUTE FUNCTION {function}();
CREATE OR REPLACE TRIGGER history_delete AFTER DELETE ON {table} REFERENCING OLD TABLE AS rows_before
    FOR EACH STATEMENT EXECUTE FUNCTION {function}();
CREATE OR REPLACE TRIGGER history_keys_stay BEFORE UPDATE OF {key} ON {table}
    FOR EACH STATEMENT EXECUTE FUNCTION bureau_refuse_change();
CREATE OR REPLACE TRIGGER history_stays BEFORE TRUNCATE ON {table}
    FOR EACH STATEMENT EXECUTE FUNCTION bureau_refuse_change()
"""


def body(table: str, watched: Watched, columns: Sequence[str]) -> str:
    """The function's text for a table with these columns."""
    told = [column for column in columns if column != watched.key and column not in watched.passing]

    def changed(row: str) -> str:
        values = {column: "NULL" if column in watched.sealed else f"{row}.{column}" for column in told}
        return " || ".join(
            f"CASE WHEN o.{column} IS DISTINCT FROM n.{column} THEN jsonb_build_object('{column}', {value})"
            " ELSE '{}' END"
            for column, value in values.items()
        )

    rows = ("ROW(" + ", ".join(f"{row}.{column}" for column in told) + ")" for row in "on")
    return BODY.format(
        table=table,
        key=watched.key,
        before=changed("o"),
        after=changed("n"),
        differ=" IS DISTINCT FROM ".join(rows),
        left_out=",".join((*watched.sealed, *watched.passing)),
    )


def table_sql(table: str, watched: Watched, columns: Sequence[str]) -> str:
    """The function and the triggers of a table with these columns."""
    function = f"history_of_{table}"
    installed = FUNCTION.format(function=function, body=body(table, watched, columns))
    return installed + TRIGGERS.format(table=table, function=function, key=watched.key)


def texts() -> Iterator[str]:
    """The SQL of every watched table."""
    by_table = {model._meta.db_table: model for model in apps.get_models(include_auto_created=True)}
    for table, watched in WATCHED.items():
        yield table_sql(table, watched, [field.column for field in by_table[table]._meta.concrete_fields])
