"""A roster is its columns: sheet, template, staging, comparison and export follow from them."""

import re
from datetime import date
from decimal import Decimal
from pathlib import Path
from types import SimpleNamespace

import pytest
import tablib
from django.utils import translation
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bureau.files import cells, days
from bureau.files.writing import as_text
from bureau.identifiers.identity import with_check_digit
from bureau.rosters import columns
from bureau.rosters.columns import Column, always
from tests.history import changes_of
from tests.members.samples import LI, NOW, WANG, roster
from tests.roster_files import rejects

pytestmark = pytest.mark.django_db

SUSPENSIONS = "姓名,证件号码,类型,开始日期,结束日期,原因"
CHEN = with_check_digit("44162119640630003")


@pytest.fixture
def area():
    from bureau.models import Area

    return Area.objects.create(code="441699", name="河源市")


@pytest.fixture
def load(area):
    from bureau.models import Staff
    from bureau.rosters.uploads import load_now, receive_upload

    clerk = Staff.objects.create(username="clerk", area=area)

    def send(kind, content):
        upload = receive_upload(kind=kind, name="r.csv", content=content, area=area, actor=clerk, now=NOW)
        with translation.override("en"):
            return load_now(upload, actor=clerk, now=NOW)

    return send


@pytest.fixture
def people(load):
    head = "姓名,证件号码,险种类型,人员类别,本次参保日期,参保所属医保区划"
    load("members", roster(head, *(f"{name},{number},310,11,2026-01-01,441699" for name, number in
                                   (("李明", LI), ("王芳", WANG), ("陈强", CHEN)))))  # fmt: skip


@pytest.fixture
def declared(monkeypatch):
    """Suspensions as a room would declare them: without the reason, and with it as one column more."""
    from bureau.rosters import uploads
    from members.models import Suspension
    from members.rosters import PersonRoster

    class Short(PersonRoster):
        kind = Column("类型", cells.choice({"suspended": ("暂停",), "arrears": ("欠费",)}), attribute="kind")
        starts_on = Column("开始日期", days.date_, attribute="starts_on", days=days.PLANNED)
        ends_on = Column("结束日期", days.end_date, attribute="ends_on", days=days.LASTING, changes=always)

        class Meta:
            model = Suspension
            roster = "short"
            label = "Short"
            key = ("member", "starts_on")
            within_area = True
            spans = True

    class Longer(Short):
        reason = Column("原因", cells.text(200), attribute="reason", changes=columns.given)

        class Meta:
            roster = "longer"

    monkeypatch.setattr(uploads, "_rosters", dict(uploads._rosters))
    uploads.register(Short, Longer)
    return uploads.roster("short"), uploads.roster("longer")


def test_one_column_more_is_in_template_staging_comparison_and_export(declared, load, people):
    from members.models import Suspension

    short, longer = declared
    assert [*longer.sheet.headers] == [*short.sheet.headers, "原因"]
    assert longer.columns == short.columns | {"reason": "text"}
    load("short", roster(SUSPENSIONS, f"李明,{LI},欠费,2026-03-01,,单位欠缴"))
    assert Suspension.objects.get().reason == ""
    upload = load("longer", roster(SUSPENSIONS, f"李明,{LI},欠费,2026-03-01,,单位欠缴"))
    assert (upload.accepted, upload.unchanged) == (1, 0)
    [effect] = changes_of(upload)
    assert (effect.before["reason"], effect.after["reason"]) == ("", "单位欠缴")
    again = load("longer", roster(SUSPENSIONS, f"李明,{LI},欠费,2026-03-01,,"))
    assert (again.accepted, again.unchanged) == (0, 1)
    exported = longer.export()
    assert exported.headers == ["人员编号", "姓名", "证件类型", "证件号码", "类型", "开始日期", "结束日期", "原因"]
    assert [row[1:] for row in exported] == [
        ("李明", "01", f"**************{LI[-4:]}", "欠费", "2026-03-01", "", "单位欠缴")
    ]


def test_what_the_library_exports_comes_in_again_unchanged(load):
    from bureau.rosters.uploads import roster as known

    lines = ["E1,一公司", "'=E2,\"'-二公司, 分部\"", "E3,'+三", "E4,'@四", "E5,''五'"]
    assert load("employers", roster("单位编码,单位名称", *lines)).accepted == 5
    exported = known("employers").export()
    assert list(exported)[:2] == [("E1", "一公司"), ("'=E2", "'-二公司, 分部")]
    again = load("employers", exported.export("csv").encode("utf-8-sig"))
    assert (again.rows, again.accepted, again.unchanged, again.rejected) == (5, 0, 5, 0)


def test_a_column_that_no_file_changes_says_what_is_recorded(declared, load, people):
    load("short", roster(SUSPENSIONS, f"李明,{LI},欠费,2026-03-01,,"))
    turned = load("short", roster(SUSPENSIONS, f"李明,{LI},暂停,2026-03-01,,", f"王芳,{WANG},暂停,2026-03-01,,"))
    assert (turned.accepted, turned.rejected) == (1, 1)
    with translation.override("en"):
        assert "The record says arrears here; a roster does not change that." in rejects(turned)


@pytest.mark.parametrize(
    ("parse", "value", "cell"),
    [
        (cells.yes_no, True, "是"),
        (cells.choice({"310": ("职工",), "390": ("居民",)}), "310", "310"),
        (cells.choice({"spouse": ("配偶", "妻子")}), "spouse", "配偶"),
        (days.month_, date(2026, 1, 1), "202601"),
        (days.date_, date(2026, 1, 5), "2026-01-05"),
        (cells.text(20), "-", "'-"),
        (cells.text(20), "'quoted", "''quoted"),
        (cells.text(20), "#N/A", "'#N/A"),
        (cells.phone, "+8613800000000", "'+8613800000000"),
    ],
)
def test_a_cell_is_written_as_it_is_read(parse, value, cell):
    column = Column("x", parse)
    assert column.widget.render(value) == cell
    assert column.widget.clean(cell) == value
    assert as_text(None) == ""


def test_staged_rows_are_gone_after_a_load_and_no_type_of_ones_own_is_staged(load, people):
    from django.db import DataError, connection, transaction

    from bureau.models import Upload

    upload = Upload.objects.create(
        area_id="441699", kind="members", name="x", sha256="", size=0, uploaded_at=NOW,
        uploaded_by=Upload.objects.get().uploaded_by,
    )  # fmt: skip
    with connection.cursor() as cursor:
        cursor.execute("SELECT relname FROM pg_class WHERE relnamespace = 'staging'::regnamespace")
        assert cursor.fetchall() == []
        with pytest.raises(DataError), transaction.atomic():
            cursor.execute("SELECT bureau_stage(%s, '[[\"a\", \"text DEFAULT pg_sleep(1)\"]]')", [upload.pk])
        cursor.execute("SELECT bureau_stage(%s, '[[\"a; DROP\", \"text\"]]')", [upload.pk])
        cursor.execute("SELECT attname FROM pg_attribute WHERE attrelid = %s::regclass AND attnum > 0 ORDER BY attnum",
                       [f"staging.upload_{upload.pk}"])  # fmt: skip
        assert [name for (name,) in cursor] == ["line", "a; DROP", "record_id"]
        cursor.execute("SELECT relpersistence FROM pg_class WHERE relname = %s", [f"upload_{upload.pk}"])
        assert cursor.fetchone() == ("p",)  # not unlogged: docs/decisions/staging.md


@settings(max_examples=150, deadline=None, print_blob=True, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(raw=st.text(max_size=40), digits=st.from_regex(r"[=+@'-]?[0-9]{1,20}", fullmatch=True))
def test_sql_writes_a_text_as_the_parser_reads_it(area, raw, digits):
    """Whatever text is recorded: library and PostgreSQL write one cell, and it is read as that text."""
    from bureau.files.cells import clean
    from bureau.files.problems import Refused
    from bureau.rosters import exports
    from bureau.rosters.uploads import roster as known
    from members.models import Employer

    for said in (raw, digits):
        try:
            name = cells.text(200)(clean(said.replace("\0", "")))
        except Refused:
            continue
        employer = Employer.objects.create(area=area, code="E1", name=name)
        [line] = exports.rows(known("employers"), Employer.objects.filter(pk=employer.pk))
        assert line == known("employers").export_resource(employer)
        assert (cells.text(200)(clean(line[1])) if line[1] else "") == name
        employer.delete()


STAGED_TYPES = {
    "text": st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=60),
    "date": st.dates(date(1900, 1, 1), date(2100, 12, 31)),
    "timestamp": st.datetimes(),
    "numeric(16,2)": st.decimals(Decimal("-99999999999999.99"), Decimal("99999999999999.99"), places=2),
    "boolean": st.booleans(),
    "smallint": st.integers(0, 2100),
    "bytea": st.binary(max_size=60),
}


@settings(max_examples=60, deadline=None, print_blob=True, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(values=st.tuples(*(st.none() | values for values in STAGED_TYPES.values())))
def test_sql_reads_what_the_parser_made_of_a_cell(upload, values):
    """No cell is read a second time: what a parser made of it comes out of the staging table as that value."""
    from bureau.files import Row
    from bureau.rosters.staging import Batch

    names = [f"c{n}" for n, _kind in enumerate(STAGED_TYPES)]
    staged = SimpleNamespace(columns=dict(zip(names, STAGED_TYPES, strict=True)), stage=lambda row: row["all"])
    batch = Batch(upload, staged, actor=upload.uploaded_by, now=NOW)
    batch.fill([Row(2, {"all": values}, [])])
    [stored] = batch.rows(f"SELECT {', '.join(names)} FROM roster_staged")
    assert tuple(bytes(value) if isinstance(value, memoryview) else value for value in stored) == values


@pytest.fixture
def upload(area):
    from bureau.models import Staff, Upload

    clerk = Staff.objects.create(username="clerk", area=area)
    return Upload.objects.create(
        area=area, kind="members", name="x", sha256="", size=0, uploaded_at=NOW, uploaded_by=clerk
    )


def test_a_preview_shows_each_line_field_by_field_and_leaves_nothing(load, people):
    from django.db import connection, transaction

    from bureau.files import read_rows
    from bureau.models import Upload
    from bureau.rosters import uploads
    from bureau.rosters.staging import Batch, Preview
    from members.models import Enrolment, Member

    known = uploads.roster("members")
    head = "姓名,证件号码,险种类型,人员类别,本次参保日期,参保所属医保区划,联系电话"
    sun = with_check_digit("44162119900909005")
    content = roster(
        head,
        f"李明,{LI},310,11,2026-01-01,441699,13900000009",
        f"王芳,{WANG},310,11,2026-01-01,441699,",
        f"孙七,{sun},310,11,2026-02-01,441699,",
    )
    upload = uploads.receive_upload(
        kind="members", name="r.csv", content=content, area=Upload.objects.get().area,
        actor=Upload.objects.get().uploaded_by, now=NOW,
    )  # fmt: skip
    before = Enrolment.objects.count(), list(Member.objects.values_list("pk", "phone"))
    preview = Preview()
    with transaction.atomic():
        batch = Batch(upload, known, actor=upload.uploaded_by, now=NOW, preview=preview)
        batch.fill(read_rows("r.csv", content, known.sheet))
        known.load(batch)
        assert (batch.accepted_rows(), batch.changed_rows(), batch.unchanged_rows) == (2, 1, 1)
        transaction.set_rollback(True)
    [changed] = preview.changed
    assert (changed.line, changed.model) == (2, Member)
    assert known.differences(changed) == [("联系电话", "", "13900000009")]
    assert [(shown.line, shown.model) for shown in preview.new] == [(4, Member), (4, Enrolment)]
    assert preview.new[1].after["starts_on"] == "2026-02-01"
    assert (Enrolment.objects.count(), list(Member.objects.values_list("pk", "phone"))) == before
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM pg_class WHERE relnamespace = 'staging'::regnamespace")
        assert cursor.fetchone() == (0,)


def test_the_library_imports_a_dataset_the_way_of_all_files(load, people):
    from bureau.models import Upload
    from bureau.rosters import uploads
    from members.models import Employer, Enrolment

    load("employers", roster("单位编号,单位名称", "E1,一公司", "E2,二公司"))
    first = Upload.objects.get(kind="members")
    by = {"actor": first.uploaded_by, "now": NOW}
    known = uploads.roster("members")
    dataset = known.export()
    employer, plan = dataset.headers.index("单位编号"), dataset.headers.index("参保档次")
    rows = [list(row) for row in dataset]
    rows[0][employer], rows[0][plan] = "E2", "二档"
    rows[1][employer] = "E9"
    dataset = tablib.Dataset(*rows, headers=dataset.headers)
    upload = uploads.receive_upload(
        kind="members", name="d.csv", content=dataset.export("csv").encode(), area=first.area, **by
    )
    for dry_run in (True, False):
        with translation.override("en"):
            result = known.import_data(dataset, dry_run=dry_run, upload=upload, **by)
        assert result.total_rows == 3
        assert {kind: count for kind, count in result.totals.items() if count} == {
            "update": 1, "skip": 1, "invalid": 1,
        }  # fmt: skip
        [changed] = result.rows
        assert (changed.import_type, changed.diff) == (
            "update",
            [("参保档次", "", "personal_2"), ("单位编号", "", "E2")],
        )
        [wrong] = result.invalid_rows
        assert (wrong.number, wrong.error.messages) == (
            3,
            ["The employer E9 is not recorded; load the roster of employers first."],
        )
        moved = Enrolment.objects.filter(employer=Employer.objects.get(code="E2"), plan="personal_2").count()
        assert moved == (0 if dry_run else 1)


def test_nothing_says_a_rosters_columns_a_second_time():
    """What stood in ten places before: loaders and their columns, positional tuples, sheets apart from rosters."""
    house = Path(__file__).resolve().parents[2]
    said = re.compile(r"class Loader|Loader\(|\b_stage_\w+|def register_roster|PERSON_COLUMNS|ModelResource\(")
    sheets = re.compile(r"(?<![\w.])Sheet\(")
    found, read = [], 0
    for room in ("bureau", "members", "institutions", "accounts", "settlement"):
        for file in sorted((house / room).rglob("*.py")):
            text, read = file.read_text(encoding="utf-8"), read + 1
            own = file.relative_to(house).as_posix()
            if said.search(text) or (sheets.search(text) and own not in SHEETS_ARE_MADE_IN):
                found.append(own)
    assert read > 200
    assert found == []


SHEETS_ARE_MADE_IN = ("bureau/rosters/roster.py", "bureau/files/workbooks.py")
