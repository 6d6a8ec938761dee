"""CPU and memory of lists on their way out, against COPY TO of the same rows.

    DATABASE_URL=… python tests/bench/bench_exports.py [ROWS]

The list of enrolments, in each format, masked and in full, alone and into the encrypted store as a worker does; the
comparison is COPY TO of the same columns of the same tables as they are stored. Memory is the most that each process
held. The run has a database of its own on that server (name with _bench_exports), which is dropped at the end.
"""

from __future__ import annotations

import datetime
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from urllib.parse import urlsplit

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

import psycopg

from tests.bench.bench_rosters import Used

NOW = datetime.datetime(2026, 3, 10, 9, 30, tzinfo=datetime.UTC)

PEOPLE = """
INSERT INTO members_member (name, number, document_kind, document_hash, document_cipher, document_last4, sex, phone)
SELECT '成员' || n %% 5000, 'GJ' || lpad(n::text, 10, '0'), '01', sha256(n::text::bytea), %s,
       lpad((n %% 10000)::text, 4, '0'), '1', '138' || lpad(n::text, 8, '0')
  FROM generate_series(1, %s) n
"""
ENROLMENTS = """
INSERT INTO members_enrolment (member_id, area_id, scheme, person_class, person_type, plan, large_claims,
                               by_hand_elsewhere, starts_on)
SELECT id, '441699', '310', 'active', '11', '', false, false, '2026-01-01' FROM members_member
"""
AS_STORED = """
COPY (SELECT m.number, m.name, m.document_kind, m.document_last4, m.sex, m.birth, e.scheme, e.person_type, e.starts_on,
             e.ends_on, e.area_id, m.phone, e.person_class, e.plan, e.large_claims, e.by_hand_elsewhere,
             m.reached_age_on, e.paid_on, p.code, p.name
        FROM members_enrolment e JOIN members_member m ON m.id = e.member_id
        LEFT JOIN members_employer p ON p.id = e.employer_id ORDER BY e.id DESC) TO STDOUT (FORMAT csv)
"""


def measure(rows: int) -> None:
    from django.contrib import admin
    from django.db import connection, transaction

    from bureau.files import tables
    from bureau.models import Area, Staff
    from bureau.site.exports import store
    from bureau.site.exports.lists import Listed
    from members.identity import encrypt
    from members.models import Enrolment

    Area.objects.create(code="441699", name="河源市")
    clerk = Staff.objects.create(username="clerk", area_id="441699")
    with connection.cursor() as cursor:
        cursor.execute(PEOPLE, [encrypt("11010519491231002X"), rows])
        cursor.execute(ENROLMENTS)
        cursor.execute("VACUUM ANALYZE members_member, members_enrolment")
    listed = Listed(admin.site.get_model_admin(Enrolment), "", clerk)

    def told(label: str, used: Used, size: int) -> None:
        print(f"{label:28} CPU {used.cpu:6.1f} s: Python {used.python:.1f}, PostgreSQL {used.server:.1f};"
              f" {size >> 20} MB; most memory: Python {used.memory[0]} MB, PostgreSQL {used.memory[1]} MB",
              flush=True)  # fmt: skip

    bare = Used()
    with bare.measured(), connection.cursor() as cursor, tempfile.TemporaryFile() as file:
        with cursor.copy(AS_STORED) as copy:
            for block in copy:
                file.write(block)
        size = file.tell()
    told("COPY TO, as it is stored", bare, size)
    for kind, in_full in ((tables.CSV, False), (tables.GB18030, False), (tables.XLSX, False), (tables.CSV, True)):
        for where in ("", ", into the store"):
            used, size = Used(), 0
            with used.measured(), transaction.atomic():
                blocks = listed.blocks(kind, tables.Counted(), in_full=in_full)
                if where:
                    store.keep(store.name_of("bench", NOW), blocks)
                else:
                    for block in blocks:
                        size += len(block)
            told(f"{kind}{', in full' if in_full else ''}{where}", used, size)
            print(f"{'':28} {used.cpu / bare.cpu:.1f} times COPY TO", flush=True)


def main() -> None:
    rows = int(sys.argv[1]) if len(sys.argv) > 1 else 50_000
    given = urlsplit(os.environ["DATABASE_URL"])
    name = f"{given.path.lstrip('/')}_bench_exports"
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
            with tempfile.TemporaryDirectory() as folder:
                from django.conf import settings

                settings.STORAGES["exports"]["OPTIONS"]["location"] = folder
                measure(rows)
            connection.close()
        finally:
            server.execute(f'DROP DATABASE "{name}" WITH (FORCE)')


if __name__ == "__main__":
    main()
