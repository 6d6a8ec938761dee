"""The servers of the tests.

With DATABASE_URL and REDIS_URL set, those are used; the database role must be allowed to create databases.
Without them PostgreSQL and Redis are started once for the whole run, in a temporary folder that is removed at the
end. A run of tests/rules alone starts nothing. Two processes share the files of tests among them (`-n 0` for one):
they inherit the addresses, and each has a test database and a number of Redis to itself.
"""

import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

PURE = Path(__file__).resolve().parent / "rules"


@pytest.hookimpl(tryfirst=True)
def pytest_configure(config: pytest.Config) -> None:
    if config.option.help or config.option.version:
        return
    if hasattr(config, "workerinput"):
        _take_own_redis(config.workerinput)
    elif not ("DATABASE_URL" in os.environ and "REDIS_URL" in os.environ) and not _only_pure_tests(config):
        _start_servers(config)
    if getattr(config.option, "tx", None) and not hasattr(config, "workerinput"):
        return  # the processes that run the tests set Django up, each with its own addresses
    if "GONGJI_FILES" not in os.environ:
        files = tempfile.mkdtemp(prefix="gongji-files-")
        config.add_cleanup(lambda: shutil.rmtree(files, ignore_errors=True))
        os.environ["GONGJI_FILES"] = files
    # Settings read the addresses once: Django is set up here, as pytest-django would do it earlier than this.
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "bureau.settings")
    import django
    from django.conf import settings

    # Real hashes are slow on purpose, and a city has a dozen staff.
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
    django.setup()


def _take_own_redis(worker: dict[str, Any]) -> None:
    """Of the sixteen numbers of a Redis this process takes its own, as far from the given one as there are others."""
    if address := os.environ.get("REDIS_URL"):
        parts = urlsplit(address)
        place, of = int(worker["workerid"].removeprefix("gw")), worker["workercount"]
        number = (int(parts.path.strip("/") or 0) + place * max(16 // of, 1)) % 16
        os.environ["REDIS_URL"] = parts._replace(path=f"/{number}").geturl()


def _only_pure_tests(config: pytest.Config) -> bool:
    folder = config.invocation_params.dir
    paths = [Path(folder, argument.split("::")[0]).resolve() for argument in config.args]
    return bool(paths) and all(path == PURE or PURE in path.parents for path in paths)


def _start_servers(config: pytest.Config) -> None:
    from launcher.servers import Servers, discard, throwaway_folder

    folder = throwaway_folder()
    config.add_cleanup(lambda: discard(folder))
    servers = Servers(folder, durable=False)
    config.add_cleanup(servers.stop)
    addresses = servers.start()
    os.environ["DATABASE_URL"] = addresses.owner_url
    os.environ["REDIS_URL"] = addresses.redis_url


@pytest.fixture(scope="session")
def django_db_setup(django_db_setup: None) -> Iterator[None]:
    """Let Django empty the tables after a transactional test: guards against TRUNCATE stand aside for that."""
    from django.db.backends.postgresql.operations import DatabaseOperations

    flush = DatabaseOperations.sql_flush

    def flush_past_guards(operations, style, tables, **options):
        with operations.connection.cursor() as cursor:
            cursor.execute(
                """
                SELECT format('ALTER TABLE %%s %%%%s TRIGGER %%I', tgrelid::regclass, tgname) FROM pg_trigger
                WHERE NOT tgisinternal AND (tgtype & 32) <> 0 AND tgrelid::regclass::text = ANY(%s)
                """,
                [list(tables)],
            )
            guards = [guard for (guard,) in cursor]
        return [
            *(guard % "DISABLE" for guard in guards),
            *flush(operations, style, tables, **options),
            *(guard % "ENABLE" for guard in guards),
        ]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(DatabaseOperations, "sql_flush", flush_past_guards)
        yield


@pytest.fixture(scope="session")
def redis_url() -> str:
    """The address of a real Redis."""
    return os.environ["REDIS_URL"]


@pytest.fixture
def as_application(db: None) -> Iterator[None]:
    """Work on the database as the application does in production: with the rights of bureau.grants and no others."""
    from django.db import connection

    from bureau.grants import ROLE

    with connection.cursor() as cursor:
        cursor.execute(f"SET ROLE {ROLE}")
    yield
    connection.needs_rollback = False  # a test may end within a transaction that the database broke off
    with connection.cursor() as cursor:
        cursor.execute("RESET ROLE")
