"""What a roster costs from a file to its tables, through receive and load, against COPY and INSERT in the same run.

    DATABASE_URL=… python tests/bench/bench_rosters.py [ROWS]

The bare way is the same rows, checked and encrypted, copied into an unlogged table and inserted into the same tables
with their keys and triggers. The run has a database of its own on that server (name with _bench_rosters), which is
dropped at the end.
"""

from __future__ import annotations

import datetime
import io
import os
import sys
import time
from collections.abc import Iterable
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
    good = with_check_digit(f"4416{serial // 999 % 100:02d}{year}{month:02d}{day:02d}{1 + serial % 999:03d}")
    return good if serial % BAD_EVERY else good[:17] + ("1" if good[17] == "0" else "0")


def text(headings: str, lines: Iterable[str]) -> bytes:
    return "\n".join([headings, *lines, ""]).encode()


def files(rows: int) -> list[tuple[str, str, bytes]]:
    people = range(rows)
    members = [
        f"成员{n % 5000},{number(n)},310,{12 if n % 4 == 0 else 11},2026-01-01,441699,E{n % 100:03d},138{n:08d}"
        for n in people
    ]
    periods = [f"成员{n % 5000},{number(n)},310,2026-01-01,2026-12-31" for n in people]
    payments = [
        f"{number(n)},202601,310,{3000 + n % 9000}.21,{195 + n % 585}.01,{60 + n % 180}.00,2026-01-12" for n in people
    ]
    return [
        ("employers", "employers", text("单位编号,单位名称", (f"E{n:03d},公司{n}" for n in range(100)))),
        ("members", "members", text(MEMBERS, members)),
        ("members", "members again", text(MEMBERS, reversed(members))),
        ("benefit_periods", "benefit periods", text(PERIODS, periods)),
        ("contributions", "contributions", text(PAYMENTS, payments)),
    ]


TABLES = {
    "members": ("members_member", "members_enrolment"),
    "benefit_periods": ("members_benefitperiod",),
    "contributions": ("members_contribution",),
}


class Spent:
    """CPU seconds of this process and of the database's, from here on."""

    def __init__(self) -> None:
        from django.db import connection

        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_backend_pid()")
            self._stat = Path(f"/proc/{cursor.fetchone()[0]}/stat")
        self._python, self._postgres = time.process_time(), self._ticks()

    def _ticks(self) -> float:
        fields = self._stat.read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def seconds(self) -> tuple[float, float]:
        return time.process_time() - self._python, self._ticks() - self._postgres


TRIGGERS = """
DO $$ DECLARE name text; BEGIN
    FOR name IN SELECT tablename FROM pg_tables WHERE schemaname = 'public' LOOP
        EXECUTE format('ALTER TABLE %I {} TRIGGER USER', name);
    END LOOP;
END $$
"""


def bare(kind: str) -> float:
    """CPU seconds to COPY what a roster has brought, checked and encrypted, and INSERT it into its tables again."""
    from django.db import connection

    written = {}
    with connection.cursor() as cursor:
        for table in TABLES[kind]:
            out = io.BytesIO()
            with cursor.copy(f"COPY {table} TO STDOUT") as copy:
                for block in copy:
                    out.write(block)
            written[table] = out.getvalue()
        cursor.execute(TRIGGERS.format("DISABLE"))
        cursor.execute(f"TRUNCATE {', '.join(TABLES[kind])} CASCADE")
        cursor.execute(TRIGGERS.format("ENABLE"))
        spent = Spent()
        for table, rows in written.items():
            cursor.execute(f"CREATE UNLOGGED TABLE staging.bench (LIKE {table})")
            with cursor.copy("COPY staging.bench FROM STDIN") as copy:
                copy.write(rows)
            cursor.execute(f"INSERT INTO {table} SELECT * FROM staging.bench")
            cursor.execute("DROP TABLE staging.bench")
            cursor.execute(f"ANALYZE {table}")
    return sum(spent.seconds())


def encrypted(rows: int) -> float:
    """CPU seconds for the documents of so many new members."""
    from members import identity

    started = time.process_time()
    for serial in range(rows):
        identity.encrypt(number(serial))
    return time.process_time() - started


def measure(rows: int) -> None:
    from bureau.models import Area, Staff
    from bureau.rosters.uploads import load_now, receive_upload

    area = Area.objects.create(code="441699", name="河源市")
    clerk = Staff.objects.create(username="clerk", area=area)
    print("CPU microseconds a row; the ratio is to COPY and INSERT of the same rows into the same tables")
    print(f"{'roster':18}{'rows':>9}{'rejected':>9}{'python':>8}{'postgres':>9}{'bare':>7}{'ratio':>7}   seconds")
    for kind, label, content in files(rows):
        spent, started = Spent(), time.perf_counter()
        upload = receive_upload(kind=kind, name=f"{label}.csv", content=content, area=area, actor=clerk, now=NOW)
        upload = load_now(upload, actor=clerk, now=NOW)
        python, postgres = spent.seconds()
        each = 1e6 / upload.rows
        line = f"{label:18}{upload.rows:9}{upload.rejected:9}{python * each:8.1f}{postgres * each:9.1f}"
        seconds = time.perf_counter() - started
        if upload.accepted and kind in TABLES:
            least = bare(kind)
            line += f"{least * each:7.1f}{(python + postgres) / least:7.2f}"
        print(f"{line:67}{seconds:10.1f}", flush=True)
        assert upload.rows == upload.accepted + upload.unchanged + upload.rejected, upload.problem
    print(f"of it for new members, encrypting: {encrypted(rows) / rows * 1e6:.1f}")


def main() -> None:
    rows = int(sys.argv[1]) if len(sys.argv) > 1 else 100_000
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
            from django.core.management import call_command
            from django.db import connection

            call_command("migrate", verbosity=0)
            measure(rows)
            connection.close()
        finally:
            server.execute(f'DROP DATABASE "{name}" WITH (FORCE)')


if __name__ == "__main__":
    main()
