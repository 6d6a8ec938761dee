"""A failing statement leaves nothing of what it was given in the server's log, nor in the application's (E9)."""

import logging
import sys
from contextlib import nullcontext
from pathlib import Path

import psycopg
import pytest
from django.db import IntegrityError, connection, transaction

from bureau.identifiers.identity import with_check_digit
from bureau.web.logs import WithoutValues
from launcher.servers import OWN_SERVERS, Servers, discard, throwaway_folder

NUMBER = with_check_digit("44160219800520001")
NAME = "欧阳锦程"
COPIED = f"{NAME}\t{NUMBER}\t2026-13-45\n"
FAILING = [
    f"INSERT INTO person VALUES ('{NAME}', '{NUMBER}', '2026-02-30')",
    f"INSERT INTO person VALUES ('{NAME}', '{NUMBER}', NULL)",
    f"INSERT INTO person VALUES ('{NAME}', '{NUMBER}', '2026-01-05'), ('{NAME}', '{NUMBER}', '2026-01-05')",
    f"SELECT '{NUMBER}'::int",
    f"SELECT {NUMBER[:17]}::int",
    f"SELECT * FROM nowhere WHERE number = '{NUMBER}'",
    f"DO $$ BEGIN RAISE EXCEPTION 'seen {NAME} {NUMBER}'; END $$",
    f"DO $$ BEGIN RAISE WARNING 'seen {NAME} {NUMBER}'; END $$",
    f"SELECT pg_sleep(1) /* {NAME} {NUMBER} */",  # a statement that takes too long
]


@pytest.fixture
def servers(monkeypatch):
    monkeypatch.setenv(OWN_SERVERS, "")
    folder = throwaway_folder()
    servers = Servers(folder, durable=False)
    yield servers
    servers.stop()
    discard(folder)


def test_e9_failing_statement_leaves_nothing_in_the_log_of_postgresql(servers):
    addresses = servers.start()
    with psycopg.connect(addresses.owner_url, autocommit=True) as link:
        link.execute("CREATE TABLE person (name text, number text PRIMARY KEY, born date NOT NULL)")
        link.execute("SET statement_timeout = '200ms'")
        for statement in FAILING:
            with nullcontext() if "WARNING" in statement else pytest.raises(psycopg.Error):
                link.execute(statement)
        with pytest.raises(psycopg.Error):
            link.execute("INSERT INTO person VALUES (%s, %s, %s)", [NAME, NUMBER, "2026-02-30"])
        with pytest.raises(psycopg.Error), link.cursor().copy("COPY person FROM STDIN") as copy:
            copy.write(COPIED)
    servers.stop()
    log = "".join(path.read_text("utf-8", errors="replace") for path in Path(servers.logs).glob("postgresql*"))
    assert "database system is ready" in log
    for secret in (NAME, NUMBER, NUMBER[:17], NUMBER[6:14]):
        assert secret not in log


def logged(error: BaseException) -> str:
    record = logging.LogRecord("bureau", logging.ERROR, __file__, 1, f"upload of {NUMBER} failed", (), sys.exc_info())
    return WithoutValues("{levelname} {message}", style="{").format(record)


@pytest.mark.django_db
def test_e9_failing_statement_leaves_nothing_in_the_log_of_the_application():
    from bureau.models import Area

    Area.objects.create(code="441699", name=NAME)
    texts = []
    with connection.cursor() as cursor:
        cursor.execute("CREATE TEMP TABLE person (name text, number text, born date NOT NULL)")
    for statement in (
        f"INSERT INTO bureau_area (code, name) VALUES ('441699', '{NAME}')",
        f"INSERT INTO person VALUES ('{NAME}', '{NUMBER}', NULL)",
        f"SELECT '{NUMBER}'::int",
        COPIED,
    ):
        try:
            with transaction.atomic(), connection.cursor() as cursor:
                if statement is COPIED:
                    with cursor.copy("COPY person FROM STDIN") as copy:
                        copy.write(COPIED)
                else:
                    cursor.execute(statement)
        except Exception as error:
            texts.append(logged(error))
    assert len(texts) == 4
    for text in texts:
        assert text.startswith("ERROR upload of ····")
        assert "Traceback" in text
        assert "errors." in text
        for secret in (NAME, NUMBER, NUMBER[6:14]):
            assert secret not in text
    assert "23505 · duplicate key value violates unique constraint" in texts[0]
    assert IntegrityError.__name__ in texts[0]
    assert "psycopg.errors.InvalidTextRepresentation: 22P02" in texts[2] or "22003" in texts[2]


def test_e9_the_application_logs_as_its_settings_say():
    from django.conf import settings

    assert settings.LOGGING["formatters"]["plain"]["()"] == "bureau.web.logs.WithoutValues"
    assert settings.CELERY_WORKER_HIJACK_ROOT_LOGGER is False
