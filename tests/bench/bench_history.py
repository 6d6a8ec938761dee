"""What the history of rows costs: members copied, changed and removed, with its triggers and without.

    DATABASE_URL=… python tests/bench/bench_history.py [ROWS]

The run has a database of its own on that server (name with _bench_history), which is dropped at the end.
"""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path
from urllib.parse import urlsplit

import psycopg

ROOT = Path(__file__).resolve().parents[2]
COPY = """
COPY members_member (name, document_kind, document_cipher, document_hash, document_last4, sex, phone) FROM STDIN
"""
STEPS = {
    "UPDATE of two columns": "UPDATE members_member SET phone = '9' || phone, died_on = '2026-01-01'",
    "DELETE": "DELETE FROM members_member",
}


def seconds(connection: psycopg.Connection, rows: int) -> dict[str, float]:
    """Of each statement, in one transaction that is rolled back."""
    took, line = {}, b"\\\\x" + b"ab" * 60
    with connection.transaction(force_rollback=True):
        began = time.perf_counter()
        with connection.cursor() as cursor, cursor.copy(COPY) as copy:
            for n in range(rows):
                copy.write(b"Name%d\t01\t%b\t\\\\x%064x\t%04d\t1\t138%08d\n" % (n % 5000, line, n, n % 10000, n))
        took["COPY"] = time.perf_counter() - began
        for name, sql in STEPS.items():
            began = time.perf_counter()
            connection.execute(sql)
            took[name] = time.perf_counter() - began
    return took


def main(rows: int) -> None:
    parts = urlsplit(os.environ["DATABASE_URL"])
    name = f"{parts.path.strip('/')}_bench_history"
    address = parts._replace(scheme="postgresql", path=f"/{name}").geturl()
    with psycopg.connect(parts._replace(scheme="postgresql").geturl(), autocommit=True) as server:
        server.execute(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")
        server.execute(f"CREATE DATABASE {name}")
        try:
            environment = os.environ | {"DATABASE_URL": address}
            subprocess.run([sys.executable, "manage.py", "migrate", "-v0"], cwd=ROOT, env=environment, check=True)
            with psycopg.connect(address, autocommit=True) as connection:
                found: dict[bool, dict[str, float]] = {}
                for kept in (True, False, True, False):
                    for trigger in ("insert", "update", "delete"):
                        connection.execute(
                            f"ALTER TABLE members_member {'ENABLE' if kept else 'DISABLE'} TRIGGER history_{trigger}"
                        )
                    took = seconds(connection, rows)
                    best = found.setdefault(kept, took)
                    found[kept] = {step: min(best[step], took[step]) for step in took}
                    connection.execute("VACUUM members_member, bureau_change")
        finally:
            server.execute(f"DROP DATABASE {name} WITH (FORCE)")
    for step, without in found[False].items():
        with_history = found[True][step]
        print(f"{step:24} {rows} rows: {without:6.2f} s without, {with_history:6.2f} s with "
              f"({(with_history / without - 1) * 100:+.0f} %)")  # fmt: skip


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 200_000)
