"""CPU and memory of rosters on their way from a file into the tables, against COPY and INSERT of the same rows.

    DATABASE_URL=… python tests/bench/bench_rosters.py [ROWS]

Each roster is received and loaded as a worker does, streamed from a file of its own. The comparison copies the rows
that came of it, checked and encrypted, into an unlogged table and inserts them from there into the same tables again,
with their keys and triggers. Encrypting and hashing the document numbers is printed apart. Memory is the most that each
process held; of the server's, what is its own. The run has a database of its own on that server (name with
_bench_rosters), which is dropped at the end.
"""

from __future__ import annotations

import datetime
import os
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

import psycopg

NOW = datetime.datetime(2026, 3, 10, 9, 30, tzinfo=datetime.UTC)
BAD_EVERY = 200  # one line in so many has a wrong check digit

MEMBERS = "姓名,证件号码,险种类型,人员类别,本次参保日期,参保所属医保区划,单位编号,联系电话"
PERIODS = "姓名,证件号码,险种类型,开始日期,结束日期"
PAYMENTS = "证件号码,费款所属期,险种类型,缴费基数,单位缴费金额,个人缴费金额,入国库时间"


def number(serial: int) -> str:
    from bureau.identifiers.identity import with_check_digit

    year, month, day = 1940 + serial % 60, 1 + serial % 12, 1 + serial % 28
    area = f"44{10 + serial // 699_300:02d}{serial // 999 % 100:02d}"
    good = with_check_digit(f"{area}{year}{month:02d}{day:02d}{1 + serial % 999:03d}")
    return good if serial % BAD_EVERY else good[:17] + ("1" if good[17] == "0" else "0")


def files(rows: int) -> dict[str, tuple[str, str, Iterable[str]]]:
    """Kind, headings and lines of each roster, by what it is called here."""

    def member(n: int) -> str:
        ends = f"{12 if n % 4 == 0 else 11},2026-01-01,441699,E{n % 100:03d},138{n:08d}"
        return f"成员{n % 5000},{number(n)},310,{ends}"

    def payment(n: int) -> str:
        amounts = f"{3000 + n % 9000}.21,{195 + n % 585}.01,{60 + n % 180}.00"
        return f"{number(n)},202601,310,{amounts},2026-01-12"

    people = range(rows)
    return {
        "employers": ("employers", "单位编号,单位名称", (f"E{n:03d},公司{n}" for n in range(100))),
        "members": ("members", MEMBERS, map(member, people)),
        "members again": ("members", MEMBERS, map(member, reversed(people))),
        "contributions": ("contributions", PAYMENTS, map(payment, people)),
        "members, every row wrong": ("members", MEMBERS, (f"成员{n},{n},999,77,26/1/5,1,," for n in people)),
    }


TABLES = {"members": ("members_member", "members_enrolment"), "contributions": ("members_contribution",)}


class Used:
    """CPU seconds of this process and of its server's, and the most that each held, while a step runs."""

    def __init__(self) -> None:
        from django.db import connection

        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_backend_pid()")
            self._server = cursor.fetchone()[0]
        self.python = self.server = self.seconds = 0.0
        self.memory = [0, 0]

    def _cpu(self) -> float:
        fields = Path(f"/proc/{self._server}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    @contextmanager
    def measured(self) -> Iterator[Used]:
        done = threading.Event()

        def watch() -> None:
            while not done.wait(0.1):
                own = _status("self", "VmRSS"), _status(self._server, "RssAnon")
                self.memory = [max(pair) for pair in zip(self.memory, own, strict=True)]

        watching = threading.Thread(target=watch)
        watching.start()
        python, server, started = time.process_time(), self._cpu(), time.perf_counter()
        try:
            yield self
        finally:
            done.set()
            watching.join()
            self.python, self.server = time.process_time() - python, self._cpu() - server
            self.seconds = time.perf_counter() - started

    @property
    def cpu(self) -> float:
        return self.python + self.server


def _status(process: int | str, name: str) -> int:
    lines = Path(f"/proc/{process}/status").read_text().splitlines()
    return next(int(line.split()[1]) >> 10 for line in lines if line.startswith(f"{name}:"))


def again(kind: str) -> Used:
    """COPY what a roster has brought into an unlogged table, and insert it from there as it was."""
    from django.db import connection

    used = Used()
    python = server = 0.0
    with connection.cursor() as cursor, tempfile.TemporaryDirectory() as folder:
        columns = {}
        for table in TABLES[kind]:
            cursor.execute(
                """SELECT string_agg(attname, ', ') FROM pg_attribute WHERE attrelid = %s::regclass AND attnum > 0
                   AND NOT attisdropped AND attgenerated = ''""",
                [table],
            )
            [columns[table]] = cursor.fetchone()
            with (
                Path(folder, table).open("wb") as file,
                cursor.copy(f"COPY {table} ({columns[table]}) TO STDOUT") as copy,
            ):
                for block in copy:
                    file.write(block)
        for table in reversed(TABLES[kind]):
            cursor.execute(f"DELETE FROM {table}")
            cursor.execute(f"VACUUM ANALYZE {table}")
        for table in TABLES[kind]:
            names = columns[table]
            cursor.execute(f"CREATE UNLOGGED TABLE bench_copy AS SELECT {names} FROM {table} WITH NO DATA")
            with used.measured(), Path(folder, table).open("rb") as file:
                with cursor.copy(f"COPY bench_copy ({names}) FROM STDIN") as copy:
                    while block := file.read(1 << 16):
                        copy.write(block)
                cursor.execute(
                    f"INSERT INTO {table} ({names}) OVERRIDING SYSTEM VALUE SELECT {names} FROM bench_copy"
                )
            python, server = python + used.python, server + used.server
            cursor.execute("DROP TABLE bench_copy")
    used.python, used.server = python, server
    return used


def encrypting(rows: int, *, store: bool) -> float:
    """CPU seconds to hash so many document numbers and, where they are stored, to encrypt them."""
    from members.identity import encrypt, keyed_hash

    numbers = [number(n) for n in range(10_000)]
    started = time.process_time()
    for one in numbers:
        keyed_hash(one)
        if store:
            encrypt(one)
    return (time.process_time() - started) * rows / len(numbers)


def measure(rows: int) -> None:
    from django.core.files.base import File

    from bureau.models import Area, Staff
    from bureau.rosters import rejected
    from bureau.rosters.uploads import load_now, receive_upload, roster

    area = Area.objects.create(code="441699", name="河源市")
    clerk = Staff.objects.create(username="clerk", area=area)
    for label, (kind, headings, lines) in files(rows).items():
        with tempfile.NamedTemporaryFile("w+", encoding="utf-8", suffix=".csv") as file:
            file.write(f"{headings}\n")
            file.writelines(f"{line}\n" for line in lines)
            file.flush()
            size = os.path.getsize(file.name) >> 20
            used = Used()
            with used.measured(), open(file.name, "rb") as content:
                given = {"kind": kind, "area": area, "actor": clerk, "now": NOW}
                upload = receive_upload(name=f"{label}.csv", content=File(content), **given)
                upload = load_now(upload, actor=clerk, now=NOW)
        assert upload.rows == upload.accepted + upload.unchanged + upload.rejected, upload.problem
        speed = f"{upload.rows / used.seconds:,.0f} rows/s"
        print(f"\n{label}: {upload.rows:,} rows, {upload.rejected:,} rejected, {size} MB, {speed}")
        print(f"  CPU {used.cpu:6.1f} s: Python {used.python:.1f}, PostgreSQL {used.server:.1f}; most memory: Python"
              f" {used.memory[0]} MB, PostgreSQL {used.memory[1]} MB", flush=True)  # fmt: skip
        if upload.rejected == upload.rows:
            with used.measured():
                written = sum(map(len, rejected.rejects_of(upload, roster(kind).sheet)))
            print(f"  its file of rejected rows, {written >> 20} MB: CPU {used.cpu:.1f} s, Python {used.memory[0]} MB")
        if kind in TABLES and upload.accepted > 0.9 * rows:
            apart, bare = encrypting(upload.rows, store=kind == "members"), again(kind)
            ratio = (used.cpu - apart) / bare.cpu
            print(f"  encrypting {apart:.1f} s apart; COPY and INSERT {bare.cpu:.1f} s: {ratio:.1f} times", flush=True)


def main() -> None:
    rows = int(sys.argv[1]) if len(sys.argv) > 1 else 20_000
    given = urlsplit(os.environ["DATABASE_URL"])
    name = f"{given.path.lstrip('/')}_bench_rosters"
    with psycopg.connect(given._replace(path="/postgres").geturl(), autocommit=True) as server:
        server.execute(f'DROP DATABASE IF EXISTS "{name}"')
        server.execute(f'CREATE DATABASE "{name}"')
        os.environ["DATABASE_URL"] = given._replace(path=f"/{name}").geturl()
        os.environ.setdefault("DJANGO_SETTINGS_MODULE", "bureau.settings")
        try:
            import django

            django.setup()
            from django.db import connection

            subprocess.run([sys.executable, "manage.py", "migrate", "--verbosity=0"], check=True)
            measure(rows)
            connection.close()
        finally:
            server.execute(f'DROP DATABASE "{name}" WITH (FORCE)')


if __name__ == "__main__":
    main()
