"""What one row a day costs, kept by an exclusion constraint and by triggers.

    DATABASE_URL=… python tests/bench/bench_spans.py [ROWS]

As the owner, on a migrated database: enrolments of as many new members are inserted in one statement, rolled back.
"""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

PERSONS = """
INSERT INTO members_member (id, number, name, document_kind, document_cipher, document_hash, document_last4, sex, phone)
OVERRIDING SYSTEM VALUE
SELECT 10^12::bigint + n, 'B' || n, '甲', '99', ' ', sha256(n::text::bytea), '0000', '1', ''
FROM generate_series(1, %s) n
"""
ROWS = """
INSERT INTO {table} (member_id, area_id, scheme, starts_on, ends_on)
SELECT 10^12::bigint + n, '{area}', '310', '2026-01-01', NULL FROM generate_series(1, %s) n
"""
EXCLUSION = """
ALTER TABLE {table} ADD CONSTRAINT bench_exclusion EXCLUDE USING gist (
    int8range(member_id, member_id, '[]') WITH &&, int8range(area_id::bigint, area_id::bigint, '[]') WITH &&,
    daterange(starts_on, ends_on, '[]') WITH &&)
"""


def main(rows: int) -> None:
    import django

    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "bureau.settings")
    django.setup()
    from django.db import connection, transaction

    def spent(how: str) -> float:
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute("INSERT INTO bureau_area (code, name) VALUES ('999999', 'bench')")
            cursor.execute("ALTER TABLE members_member DISABLE TRIGGER USER")
            cursor.execute(PERSONS, [rows])
            cursor.execute("ANALYZE members_member")
            table = "members_benefitperiod"
            if how != "triggers":
                cursor.execute(f"ALTER TABLE {table} DISABLE TRIGGER USER")
                cursor.execute("DROP INDEX benefit_period_one_a_day")
            if how == "exclusion":
                cursor.execute(EXCLUSION.format(table=table))
            started = time.perf_counter()
            cursor.execute(ROWS.format(table=table, area="999999"), [rows])
            seconds = time.perf_counter() - started
            transaction.set_rollback(True)
        return seconds

    bare = spent("nothing")
    print(f"{rows:,} rows, neither: {bare:.1f} s")
    for how in ("triggers", "exclusion"):
        seconds = spent(how)
        print(f"{how:10} {seconds:6.1f} s, {(seconds - bare) / rows * 1e6:6.1f} µs a row more", flush=True)


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 100_000)
