"""The ledger against bare tables of the same shape, without guards, checks and all but one index, in the same run.

    DATABASE_URL=postgresql://… python tests/bench/bench_ledger.py [ACCOUNTS]

Everything happens in a scratch database that is made on that server and dropped again. Single postings of three
entries against the same rows inserted and the balance updated by hand; a chunk of ten thousand personal entries
against COPY plus one UPDATE; and the monthly credit as the job does it, facts and rule included.
"""

import os
import statistics
import sys
import time
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from urllib.parse import urlsplit

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

import psycopg

CHUNK = 10_000
SINGLES = 2_000
DAY = date(2026, 1, 20)
NOW = datetime(2026, 1, 20, 2, 0, tzinfo=UTC)
AREA = "441699"

POST = """
SELECT * FROM accounts_post(
    %s::text[], %s::text[], %s::text[], %s::text[], %s::date[], %s::int[], %s::text[], %s::bigint, %s::timestamptz,
    %s::int[], %s::text[], %s::text[], %s::text[], %s::bigint[], %s::numeric[])
"""

BARE = """
CREATE TABLE bare_account (LIKE accounts_account INCLUDING DEFAULTS, PRIMARY KEY (id)) WITH (fillfactor = 45);
INSERT INTO bare_account SELECT * FROM accounts_account;
CREATE TABLE bare_journal (LIKE accounts_journal INCLUDING DEFAULTS, PRIMARY KEY (id));
CREATE TABLE bare_entry (LIKE accounts_entry INCLUDING DEFAULTS, PRIMARY KEY (id));
ALTER TABLE bare_journal ALTER id SET DEFAULT nextval('accounts_journal_id_seq');
ALTER TABLE bare_entry ALTER id SET DEFAULT nextval('accounts_entry_id_seq');
"""

BARE_POST = """
WITH j AS (
    INSERT INTO bare_journal (key, request_hash, area_id, kind, posted_on, source, entry_count, actor_id, posted_at)
    VALUES (%s, '', %s, 'visit', %s, 'bench', 3, %s, %s) RETURNING id
), a AS (
    UPDATE bare_account SET balance = balance + %s, last_number = last_number + 1 WHERE id = %s
    RETURNING id, balance, last_number
)
INSERT INTO bare_entry (journal_id, fund, subject, holder, account_id, amount, number, balance_after)
SELECT j.id, 'personal_accounts', 'member_accounts', '', a.id, %s, a.last_number, a.balance FROM j, a
UNION ALL SELECT j.id, 'personal_accounts', 'bank', '', null, %s, null, null FROM j
UNION ALL SELECT j.id, 'personal_accounts', 'suspense', '', null, %s, null, null FROM j
"""

COPY = "COPY bare_entry (journal_id, fund, subject, holder, account_id, amount, number, balance_after) FROM STDIN"


def scratch(url: str, name: str) -> str:
    with psycopg.connect(url, autocommit=True) as server:
        server.execute(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")
        server.execute(f"CREATE DATABASE {name}")
    parts = urlsplit(url)
    return parts._replace(path=f"/{name}").geturl()


def seconds(act) -> float:
    started = time.perf_counter()
    act()
    return time.perf_counter() - started


def populate(accounts: int):
    """An area with its edition and so many members, each with an account, a benefit period and January's premium."""
    from tests.accounts import factories

    city = factories.heyuan()
    with psycopg.connect(os.environ["DATABASE_URL"], autocommit=True) as db:
        db.execute(
            f"""
            INSERT INTO members_member (
                name, document_kind, document_cipher, document_hash, document_last4, sex, birth, phone)
            SELECT 'n' || g, '01', '', int8send(g), '0000', '0', '1980-01-01', '' FROM generate_series(1, {accounts}) g;
            INSERT INTO accounts_account (member_id, area_id, status, status_reason, balance, last_number, opened_on)
            SELECT id, '{AREA}', 'open', '', 0, 0, '2026-01-01' FROM members_member;
            INSERT INTO members_enrolment (
                member_id, area_id, scheme, person_class, person_type, plan, large_claims, by_hand_elsewhere, starts_on)
            SELECT id, '{AREA}', '310', CASE WHEN id % 4 = 0 THEN 'retired' ELSE 'active' END, '', '', false, false,
                '2020-01-01'
            FROM members_member;
            INSERT INTO members_benefitperiod (member_id, area_id, scheme, starts_on)
            SELECT id, '{AREA}', '310', '2020-01-01' FROM members_member;
            INSERT INTO members_contribution (
                member_id, area_id, scheme, month, kind, base, employer_amount, own_amount, paid_on)
            SELECT id, '{AREA}', '310', '2026-01-01', 'normal', 3000 + id % 9000, 0, 1, '2026-01-15'
            FROM members_member WHERE id % 4 <> 0;
            """
        )
        db.execute("VACUUM ANALYZE")
        db.execute(BARE)
    return city


def single(db: psycopg.Connection, accounts: list[int], actor: int) -> tuple[float, float]:
    """Milliseconds of one posting of three entries: ours, and bare."""
    ours, bare = [], []
    funds, subjects = ["personal_accounts"] * 3, ["member_accounts", "bank", "suspense"]
    for n in range(SINGLES):
        account = accounts[n * 7919 % len(accounts)]
        amounts = [Decimal("3.00"), Decimal("-2.00"), Decimal("-1.00")]
        params = (
            [f"single:{n}"], [""], [AREA], ["visit"], [DAY], [None], ["bench"], actor, NOW,
            [1, 1, 1], funds, subjects, [""] * 3, [account, None, None], amounts,
        )  # fmt: skip
        ours.append(seconds(lambda params=params: db.execute(POST, params)))
        row = (f"bare:{n}", AREA, DAY, actor, NOW, amounts[0], account, *amounts)
        bare.append(seconds(lambda row=row: db.execute(BARE_POST, row)))
    return statistics.median(ours) * 1000, statistics.median(bare) * 1000


def chunk(db: psycopg.Connection, accounts: list[int], actor, number: int) -> tuple[float, float, float]:
    """Seconds of a chunk of personal entries: ours, COPY and UPDATE, and one INSERT … SELECT and UPDATE."""
    from accounts.models import Journal, Subject
    from accounts.services.ledger import JournalRequest, control, post, to_account

    size = len(accounts)
    entries = [to_account(account, Decimal("1.00")) for account in accounts]
    entries.append(control(Subject.CONTRIBUTION_INCOME, Decimal(-size)))
    key = f"chunk:{number}"
    journal = JournalRequest(key, AREA, Journal.Kind.CREDIT, DAY, "bench", entries, fingerprint=key)
    ours = seconds(lambda: post([journal], actor=actor, now=NOW))
    amounts = [Decimal("1.00")] * size

    def move():
        db.execute(
            "UPDATE bare_account SET balance = balance + m.amount, last_number = last_number + 1 "
            "FROM unnest(%s::bigint[], %s::numeric[]) AS m (id, amount) WHERE bare_account.id = m.id",
            (accounts, amounts),
        )

    def copied():
        with db.transaction():
            move()
            with db.cursor() as cursor, cursor.copy(COPY) as copy:
                for account in accounts:
                    copy.write_row((1, "personal_accounts", "member_accounts", "", account, "1.00", 1, "1.00"))

    def inserted():
        with db.transaction():
            move()
            db.execute(
                "INSERT INTO bare_entry (journal_id, fund, subject, holder, account_id, amount, number, balance_after) "
                "SELECT 1, 'personal_accounts', 'member_accounts', '', id, amount, 1, 1 "
                "FROM unnest(%s::bigint[], %s::numeric[]) AS m (id, amount)",
                (accounts, amounts),
            )

    return ours, seconds(copied), seconds(inserted)


def main() -> None:
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 100_000
    server = os.environ["DATABASE_URL"]
    os.environ["DATABASE_URL"] = scratch(server, "gongji_bench_ledger")
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "bureau.settings")
    import django

    django.setup()
    from django.core.management import call_command
    from django.db import connection

    try:
        call_command("migrate", verbosity=0)
        city = populate(count)
        with psycopg.connect(os.environ["DATABASE_URL"], autocommit=True, prepare_threshold=3) as db:
            accounts = [row[0] for row in db.execute("SELECT id FROM accounts_account ORDER BY id")]
            credit(city, count)
            ours, bare = single(db, accounts, city.clerk.pk)
            print(f"one posting of 3 entries: {ours:.3f} ms, bare tables {bare:.3f} ms: {ours / bare:.1f} times")
            runs = [
                chunk(db, accounts[first : first + CHUNK], city.clerk, first)
                for first in range(0, min(count, 10 * CHUNK), CHUNK)
            ]
            ours, copied, inserted = (statistics.median(times) for times in zip(*runs, strict=True))
            size = min(CHUNK, count)
            print(f"chunk of {size:,} entries: {size / ours:,.0f} entries/s")
            print(
                f"  COPY into bare tables and UPDATE: {size / copied:,.0f} entries/s, {ours / copied:.1f} times as fast"
            )
            print(f"  INSERT and UPDATE there: {size / inserted:,.0f} entries/s, {ours / inserted:.1f} times as fast")
    finally:
        connection.close()
        with psycopg.connect(server, autocommit=True) as db:
            db.execute("DROP DATABASE IF EXISTS gongji_bench_ledger WITH (FORCE)")


def credit(city, count: int) -> None:
    from accounts.services.credits import credit_month
    from bureau.jobs import services as jobs

    job = credit_month(area=city.area, month=date(2026, 1, 1), actor=city.clerk, now=NOW)
    took = seconds(lambda: jobs.work(job.pk, clock=lambda: NOW))
    job.refresh_from_db()
    print(f"monthly credit: {job.result}, {count / took:,.0f} accounts/s")


if __name__ == "__main__":
    main()
