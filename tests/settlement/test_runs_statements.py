"""What leaves the house: statements with their steps, the payment file, and the month's jobs."""

import csv
import io
from datetime import UTC, date, datetime
from decimal import Decimal

import openpyxl
import pytest

from bureau.files import tables
from bureau.jobs import services as jobs
from bureau.models import Job
from settlement import statements
from settlement.models import Run
from settlement.services.runs.compute import compute_due, compute_runs
from tests.settlement import factories, history
from tests.settlement.runs import NOW, compute, pay

pytestmark = pytest.mark.django_db

FEBRUARY = date(2026, 2, 1)


@pytest.fixture
def english():
    from django.utils import translation

    with translation.override("en"):
        yield


def advance_line(city, name: str = ""):
    where = factories.institution(city, name)
    factories.heads(city, where, 1000)
    history.settled(city, where, factories.member(city), on=date(2026, 1, 20), fund="25000.00")
    return compute(city, "advance", FEBRUARY).lines.get()


def test_statement_shows_facts_steps_and_articles(city, english):
    shown = statements.statement(advance_line(city))
    assert dict(shown.facts) == {
        "rules of": "2026-02-01",
        "month": "2026-02",
        "heads of the month": 1000,
        "recorded in the last month": Decimal("25000.00"),
        "carried on from earlier months": Decimal("0.00"),
        "use of the last month": Decimal("25000.00"),
    }
    assert shown.results == [("advance", Decimal("20000.00"))]
    assert [(step.article, step.amount) for step in shown.steps] == [
        ("13(1)", None),
        ("13(1)", None),
        ("13(1)", Decimal("20000.00")),
    ]
    assert shown.steps[-1].text == "80% of 25000.00 is advanced"


def test_payment_file_names_bank_account_amount_and_purpose(city, english):
    line = advance_line(city, "=HYPERLINK(1)")
    assert len(statements.payment_table(line.run)) == 1
    pay(city, line.run)
    table = statements.payment_table(line.run)
    where = line.institution
    assert table[1] == [
        where.code, "=HYPERLINK(1)", "工商银行", where.bank_account, "employees' pooled fund", Decimal("20000.00"),
        "monthly advance 2026-02",
    ]  # fmt: skip
    rows = list(csv.reader(io.StringIO(tables.as_csv(table).decode("utf-8-sig"))))
    assert rows[1][1] == "'=HYPERLINK(1)"
    assert rows[1][3] == where.bank_account
    assert rows[1][5] == "20000.00"
    sheet = openpyxl.load_workbook(io.BytesIO(tables.as_xlsx(table, "预拨/2026"))).active
    assert sheet["B2"].value == "=HYPERLINK(1)"
    assert sheet["B2"].data_type == "s"
    assert sheet["F2"].value == 20000


def test_run_table_and_statement_table_end_with_what_is_paid(city, english):
    line = advance_line(city)
    assert statements.run_table(line.run)[-1] == ["Total", "", Decimal("20000.00"), Decimal(0), Decimal("20000.00")]
    assert statements.statement_table(line)[-1] == ["To pay", "", Decimal("20000.00")]


def test_year_end_statement_names_the_bands_article(city, english):
    where = factories.institution(city)
    factories.heads(city, where, 1)
    history.settled(city, where, factories.member(city), on=date(2026, 3, 1), fund="255.99")
    run = compute(city, "year_end", date(2026, 1, 1), now=datetime(2027, 1, 10, tzinfo=UTC))
    shown = statements.statement(run.lines.get())
    assert ("person-months", 12) in shown.facts
    assert any("79.9968%" in step.text and step.article == "13(2)" for step in shown.steps)


def test_compute_runs_makes_one_job_with_a_part_for_each_agency(city):
    factories.heads(city, factories.institution(city), 5)
    factories.heads(city, factories.institution(city, county=city.other_county), 7)
    kind = {"area": city.area, "scheme": "310", "kind": "advance", "period": date(2026, 1, 1)}
    job = compute_runs(**kind, actor=city.clerk, now=NOW)
    assert compute_runs(**kind, actor=city.clerk, now=NOW) == job
    for _ in range(2):
        jobs.work(job.pk, clock=lambda: NOW)
    job.refresh_from_db()
    assert (job.status, job.result) == ("done", {"runs": 2, "lines": 2})
    assert sorted(Run.objects.values_list("county", "total")) == [
        ("441602", Decimal("106.67")),
        ("441625", Decimal("149.33")),
    ]


def test_compute_due_asks_for_the_new_months_advances_and_the_last_months_items(city):
    first = datetime(2026, 3, 1, 1, 0, tzinfo=UTC)
    compute_due(actor=city.clerk, now=first)
    compute_due(actor=city.clerk, now=first)
    assert sorted(Job.objects.values_list("params__kind", "params__period")) == [
        ("advance", "2026-03-01"),
        ("items", "2026-02-01"),
    ]
    for job in Job.objects.all():
        jobs.work(job.pk, clock=lambda: first)
    assert set(Run.objects.values_list("status", flat=True)) == {"computed"}
    assert Run.objects.count() == 4


@pytest.mark.parametrize("number", ["6222021234567890123", "10-123456789012345", "622202123456"])
def test_d5_account_number_in_files_is_the_number_and_nothing_else(city, english, number):
    where = factories.institution(city, bank=False)
    factories.move_account(city, where, number)
    factories.heads(city, where, 10)
    run = pay(city, compute(city, "advance", date(2026, 1, 1)))
    table = statements.payment_table(run)
    text = tables.as_csv(table).decode("utf-8-sig")
    assert "\t" not in text
    assert [row[3] for row in csv.reader(io.StringIO(text))][1:] == [number]
    cell = openpyxl.load_workbook(io.BytesIO(tables.as_xlsx(table, "预拨"))).active["D2"]
    assert (cell.value, cell.data_type) == (number, "s")


def test_d5_claims_files_have_the_number_and_nothing_else(bureau, person, english):
    from settlement.admin.claims.lists import order_table
    from settlement.models import ClaimPayment

    bureau.paid(person)
    table = order_table(ClaimPayment.objects.all())
    [row] = list(csv.reader(io.StringIO(tables.as_csv(table).decode("utf-8-sig"))))[1:]
    assert row[3] == "6222021234567890123"
    cell = openpyxl.load_workbook(io.BytesIO(tables.as_xlsx(table, "x"))).active["D2"]
    assert (cell.value, cell.data_type) == ("6222021234567890123", "s")
