"""A small Heyuan with a month of work before it: a credit, a file of visits over the desk's limit, and the runs due."""

import csv
from collections.abc import Iterator
from datetime import date, datetime, timedelta
from decimal import Decimal
from io import StringIO

from django.db import connection

from accounts.services import credits
from bureau.clock import SHANGHAI
from bureau.identifiers.identity import with_check_digit
from bureau.models import Area, Job, Staff
from bureau.rosters.uploads import load_upload, receive_upload
from institutions.models import Institution
from members.identity import keyed_hash
from members.models import Contribution, Member
from settlement.services.runs.compute import compute_due
from tests.settlement import factories

TODAY = date(2026, 8, 20)
NOW = datetime(2026, 8, 20, 9, 0, tzinfo=SHANGHAI)
MEMBERS, INSTITUTIONS, BILLS = 300, 20, 1_200
ACCOUNTS_IN_A_PART = 60


def build() -> None:
    """Members with premiums of eight months and a choice each; institutions of both agencies."""
    city = factories.heyuan()
    counties = (city.county, city.other_county)
    places = [factories.institution(city, county=counties[number % 2]) for number in range(INSTITUTIONS)]
    for number in range(MEMBERS):
        person = factories.member(city, selected=places[number % INSTITUTIONS], balance="50.00")
        Member.objects.filter(pk=person.pk).update(document_hash=keyed_hash(document(number)))
        Contribution.objects.bulk_create(
            Contribution(
                member=person, area=city.area, scheme=city.scheme, month=date(2026, month, 1), kind="normal",
                base=Decimal(4000 + number), employer_amount=Decimal("0.00"), own_amount=Decimal("100.00"),
                paid_on=date(2026, month, 15),
            )
            for month in range(1, 9)
        )  # fmt: skip


def document(number: int) -> str:
    return with_check_digit(f"44160219800520{number:03d}")


def jobs() -> Iterator[tuple[str, list[Job]]]:
    """Each long job in turn, begun as its screen begins it; the next once the one before is done."""
    area, clerk = Area.objects.get(), Staff.objects.get(username="clerk")
    credits.CHUNK = ACCOUNTS_IN_A_PART
    yield "monthly credit", [credits.credit_month(area=area, month=TODAY.replace(day=1), actor=clerk, now=NOW)]
    said = {"kind": "visits", "name": "july.csv", "content": bills(), "area": area}
    upload = load_upload(receive_upload(**said, actor=clerk, now=NOW), actor=clerk, now=NOW)
    yield "visits file", [Job.objects.get(key=f"upload {upload.pk}")]
    yield "runs", compute_due(actor=clerk, now=NOW)


def bills() -> bytes:
    """Visits of July; each fifth of a member without a choice of the place."""
    codes = list(Institution.objects.order_by("pk").values_list("code", flat=True))
    out = StringIO()
    rows = []
    for number in range(BILLS):
        member = number % MEMBERS
        place = codes[(member + (number % 5 == 0)) % INSTITUTIONS]
        day = date(2026, 7, 1) + timedelta(days=number * 30 // BILLS)
        rows.append(
            {
                "结算ID": f"S{number}",
                "就诊登记号": f"E{number}",
                "证件号码": document(member),
                "定点机构编码": place,
                "就诊日期": day.isoformat(),
                "结算时间": f"{day} 10:{number % 60:02d}:00",
                "就诊凭证类型": "01",
                "医疗费总额": f"{60 + number % 97}.{number % 100:02d}",
                "符合范围金额": f"{60 + number % 97}.{number % 100:02d}",
                "个人账户使用标志": "1",
            }
        )
    writer = csv.DictWriter(out, list(rows[0]))
    writer.writeheader()
    writer.writerows(rows)
    return out.getvalue().encode()


# Numbers that the database gives out have gaps after a kill, and moments are of the day of the round.
CONTENTS = {
    "accounts": "SELECT to_jsonb(t) FROM accounts_account t",
    "credits": "SELECT to_jsonb(t) - ARRAY['id', 'journal_id'] FROM accounts_credit t",
    "journals": """
        SELECT to_jsonb(t) - ARRAY['id', 'posted_at']
               || jsonb_build_object('source', split_part(source, ':', 1), 'key', regexp_replace(key, 'visit:.*', ''))
        FROM accounts_journal t""",
    # The account's running number and balance tell in which order it was paid; totals of the rest say the same.
    "entries": """
        SELECT to_jsonb(t) - ARRAY['id', 'journal_id', 'number', 'balance_after'] || jsonb_build_object('of', j.kind)
        FROM accounts_entry t JOIN accounts_journal j ON j.id = t.journal_id""",
    "visits": "SELECT to_jsonb(t) - ARRAY['id', 'upload_id', 'settled_at'] FROM settlement_visit t",
    "runs": "SELECT to_jsonb(t) - ARRAY['id', 'computed_at'] FROM settlement_run t",
    "lines": "SELECT to_jsonb(t) - ARRAY['id', 'run_id'] || to_jsonb(r.kind) FROM settlement_line t"
             " JOIN settlement_run r ON r.id = t.run_id",
    "uploads": "SELECT to_jsonb(t) - ARRAY['id', 'original', 'uploaded_at'] FROM bureau_upload t",
    "jobs": "SELECT jsonb_build_array(key, status, result - 'upload') FROM bureau_job",
    "audit": "SELECT jsonb_build_array(action, count(*)) FROM bureau_auditentry GROUP BY action",
}  # fmt: skip


def contents() -> dict[str, tuple[int, str]]:
    """Of each kind of record how many there are, and the hash of what they say."""
    found = {}
    with connection.cursor() as cursor:
        for kind, query in CONTENTS.items():
            cursor.execute(
                f'SELECT count(*), md5(string_agg(said, chr(10) ORDER BY said COLLATE "C"))'
                f" FROM (SELECT row::text AS said FROM ({query}) AS q (row)) AS texts"
            )
            found[kind] = cursor.fetchone()
    return found
