"""How long a visit takes, at the desk and in a file's batch, against the least that PostgreSQL can do for one.

    python -m launcher run --ephemeral -- python -m tests.bench.bench_visits

The raw limit is one lock, one read of a year's visits and one insert of the same row, by prepared psycopg statements.
Ratios compare within one run; the milliseconds are this machine's.
"""

import os
import time
from contextlib import contextmanager
from datetime import UTC, date, datetime
from decimal import Decimal

import django

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "bureau.settings")
django.setup()

import psycopg  # noqa: E402
from django.db import connection, transaction  # noqa: E402
from django.test.utils import setup_databases, teardown_databases  # noqa: E402

from bureau.editions.rulebook import edition_by_hash  # noqa: E402
from bureau.models import Upload  # noqa: E402
from bureau.rules.benefits import receipts  # noqa: E402
from settlement.models import Visit  # noqa: E402
from settlement.services.visits.requests import VisitRequest  # noqa: E402
from settlement.services.visits.settling import settle_visit, settle_visits  # noqa: E402
from tests.settlement import factories  # noqa: E402

NOW = datetime(2026, 12, 31, 2, tzinfo=UTC)
MEMBERS, ROUNDS, DESK = 500, 12, 500


@contextmanager
def timed(found: dict, name: str, count: int):
    wall, own = time.perf_counter(), time.process_time()
    yield
    found[name] = ((time.perf_counter() - wall) / count * 1000, (time.process_time() - own) / count * 1000)


def requests(where, people, number):
    return [
        VisitRequest(
            institution_id=where.pk,
            key=f"{number}-{person.pk}",
            member_id=person.pk,
            encounter=f"{number}-{person.pk}",
            care_on=date(2026, 1 + number % 12, 3),
            total=Decimal("43.21"),
        )
        for person in people
    ]


RAW_READ = "SELECT sum(pooled) FROM settlement_visit WHERE member_id = %s AND care_on BETWEEN %s AND %s"


def raw(people) -> None:
    """Lock, read and insert a copy of each member's last visit, leaving nothing."""
    columns = [f.column for f in Visit._meta.concrete_fields if f.column not in ("id", "key")]
    names = ", ".join(columns)
    insert = (
        f"INSERT INTO settlement_visit (key, {names}) SELECT 'raw' || id, {names} FROM settlement_visit WHERE id = %s"
    )
    last = dict(Visit.objects.order_by("id").values_list("member_id", "id"))
    cursor = psycopg.Cursor(connection.connection)
    for person in people:
        cursor.execute("BEGIN" if not connection.in_atomic_block else "SAVEPOINT raw")
        cursor.execute("SELECT id FROM members_member WHERE id = %s FOR NO KEY UPDATE", [person.pk], prepare=True)
        cursor.execute(RAW_READ, [person.pk, date(2026, 1, 1), date(2026, 12, 31)], prepare=True)
        cursor.execute(insert, [last[person.pk]], prepare=True)
        cursor.execute("ROLLBACK" if not connection.in_atomic_block else "ROLLBACK TO raw")


def main() -> None:
    found: dict[str, tuple[float, float]] = {}
    city = factories.heyuan()
    where = factories.institution(city)
    with transaction.atomic():
        people = [factories.member(city, selected=where, balance="900.00") for _ in range(MEMBERS)]
    file = Upload.objects.create(
        area=city.area, kind="visits", name="bench.csv", size=0, sha256="", uploaded_by=city.clerk, uploaded_at=NOW
    )
    with timed(found, "batch", MEMBERS * ROUNDS):
        for number in range(ROUNDS):
            answers = settle_visits(
                requests(where, people, number), actor=city.clerk, now=NOW, area_id=city.area.pk, upload_id=file.pk
            )
            assert all(answer.error is None for answer in answers)
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE")
    settle_visit(requests(where, people[:1], 90)[0], actor=city.clerk, now=NOW)
    with timed(found, "desk", DESK):
        for request in requests(where, people[:DESK], 91):
            settle_visit(request, actor=city.clerk, now=NOW)
    with timed(found, "raw", DESK):
        raw(people[:DESK])
    kept = list(Visit.objects.values_list("receipt", flat=True)[:5000])
    with timed(found, "rules", len(kept)):
        for receipt in kept:
            receipts.replay(edition_by_hash(receipt["edition"]), receipt)
    base = found["raw"][0]
    print(f"{'':8}{'wall ms':>10}{'own CPU ms':>12}{'of raw':>8}")
    for name, (wall, own) in found.items():
        print(f"{name:8}{wall:10.3f}{own:12.3f}{wall / base:8.2f}")


if __name__ == "__main__":
    databases = setup_databases(verbosity=0, interactive=False)
    try:
        main()
    finally:
        teardown_databases(databases, verbosity=0)
