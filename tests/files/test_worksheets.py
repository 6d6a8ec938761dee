"""Rows of a worksheet as openpyxl reads them, in flat memory whatever the file."""

import datetime
import io
import random
import zipfile

import openpyxl
import pytest
import xlsxwriter

from bureau.files import FileProblem, read_rows
from bureau.files import worksheets as reading
from bureau.files.workbooks import open_book
from tests.files.test_e9_hostile_workbooks import HEAD, MAIN, refused, workbook
from tests.sheets import SHEETS

SUSPENSIONS = SHEETS["suspensions"]

at = datetime.datetime


def rows_of(content: bytes) -> list:
    return [list(sheet.part.rows()) for sheet in open_book(io.BytesIO(content)).sheets]


def rows_of_openpyxl(content: bytes) -> list:
    """Rows by number without the blank ones and without blanks at their ends."""
    book = openpyxl.load_workbook(io.BytesIO(content), read_only=True)
    found = []
    for sheet in book.worksheets:
        sheet.reset_dimensions()
        rows = []
        for number, cells in enumerate(sheet.iter_rows(values_only=True), start=1):
            kept = [None if cell == "" else cell for cell in cells]
            kept = [cell if not type(cell).__module__.startswith("openpyxl") else "=" for cell in kept]
            while kept and kept[-1] is None:
                kept.pop()
            if kept:
                rows.append((number, kept))
        found.append(rows)
    return found


def anything(chance: random.Random):
    day = at(1901, 1, 1) + datetime.timedelta(days=chance.randrange(70_000), seconds=chance.randrange(86_400))
    return chance.choice([
        None, "", "张三", " 空 格 ", "多\n行", "=1+1", "'x", "a" * 300, "<&>", True, False, 0, -7, 10**14,
        441602198503120018, 3.5, 1e300, -0.25, day, day.date(), datetime.time(8, 30), datetime.timedelta(hours=30),
        chance.randrange(10**6), chance.random(),
    ])  # fmt: skip


@pytest.mark.parametrize("seed", range(12))
@pytest.mark.parametrize("writer", ["openpyxl", "xlsxwriter", "xlsxwriter, inline texts", "1904"])
def test_rows_are_those_that_openpyxl_reads(writer, seed):
    chance = random.Random(f"{writer} {seed}")
    table = {chance.randrange(60): [anything(chance) for _ in range(chance.randrange(9))] for _ in range(30)}
    out = io.BytesIO()
    if writer == "openpyxl":
        book = openpyxl.Workbook()
        for row, cells in table.items():
            for column, cell in enumerate(cells):
                book.active.cell(row + 1, column + 1, cell)
        book.save(out)
    else:
        options = {"in_memory": True, "constant_memory": "inline" in writer, "date_1904": writer == "1904",
                   "default_date_format": "yyyy-mm-dd"}  # fmt: skip
        with xlsxwriter.Workbook(out, options) as book:
            sheet = book.add_worksheet()
            for row, cells in sorted(table.items()):
                for column, cell in enumerate(cells):
                    sheet.write(row, column, cell)
    assert rows_of(out.getvalue()) == rows_of_openpyxl(out.getvalue()), f"seed {seed}"


SHARED = "application/vnd.openxmlformats-officedocument.spreadsheetml.sharedStrings+xml"


def with_texts(texts: str, sheet: str) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(workbook(sheet))) as old, zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as new:
        for part in old.namelist():
            text = old.read(part).decode()
            if part == "[Content_Types].xml":
                override = f'<Override PartName="/xl/sharedStrings.xml" ContentType="{SHARED}"/></Types>'
                text = text.replace("</Types>", override)
            new.writestr(part, text)
        new.writestr("xl/sharedStrings.xml", f"<sst {MAIN}>{texts}</sst>")
    return out.getvalue()


def test_shared_texts_join_their_runs_and_leave_out_how_they_sound():
    texts = (
        "<si><t>甲</t></si><si><r><t>乙</t></r><r><rPr><b/></rPr><t xml:space='preserve'> 丙</t></r></si>"
        "<si><t>東京</t><rPh sb='0' eb='2'><t>トウキョウ</t></rPh></si><si/><si><t/></si>"
    )
    cells = "".join(f'<c t="s"><v>{number}</v></c>' for number in range(5))
    content = with_texts(texts, f"<row>{cells}</row>")
    assert rows_of(content) == [[(1, ["甲", "乙 丙", "東京"])]] == rows_of_openpyxl(content)


@pytest.mark.parametrize("number", ["5", "-1"])
def test_a_shared_text_that_is_not_there_is_damage(number):
    assert refused(with_texts("<si><t>甲</t></si>", f'<row><c t="s"><v>{number}</v></c></row>')) == "damaged_xlsx"


@pytest.mark.parametrize("limit", ["MOST_TEXTS", "MOST_BYTES_OF_TEXTS"])
def test_more_shared_texts_than_can_be_held_are_refused_in_words(monkeypatch, limit):
    monkeypatch.setattr(reading, limit, 1000)
    chance = random.Random(1)
    texts = "".join(f"<si><t>{chance.random()}</t></si>" for _ in range(1001))
    with pytest.raises(FileProblem) as problem:
        open_book(io.BytesIO(with_texts(texts, f"<row>{HEAD}</row>")))
    assert problem.value.code == "too_many_texts"
    if limit == "MOST_TEXTS":
        said = "The workbook has more than 1000 different texts, or 64 MB of them; save it as CSV."
        assert problem.value.text(str) == said


@pytest.mark.parametrize(
    ("sheet", "code"),
    [
        ("<a>" * 40 + "</a>" * 40, "damaged_xlsx"),
        (f"<row>{HEAD}</row><row><c t='inlineStr'><is><t>{'x' * 40_000}</t></is></c></row>", None),
        ("<row>" + "<c t='inlineStr'><is><t>%s</t></is></c>" % ("x" * 20_000) * 40 + "</row>", "line"),
    ],
)
def test_a_worksheet_that_would_fill_the_memory_is_refused(sheet, code):
    chance = random.Random(2)
    noise = "".join(f"<row r='9'><c><v>{chance.random()}</v></c></row>" for _ in range(3000))
    content = workbook(sheet + noise)
    if code is not None:
        assert refused(content) == code
        return
    [row] = [row for row in read_rows("r.xlsx", content, SUSPENSIONS) if row.line == 2]
    assert [problem.code for problem in row.problems] == ["giant"]


def test_a_tag_that_does_not_end_is_refused():
    chance = random.Random(3)
    words = "".join(map(str, (chance.random() for _ in range(150_000))))
    assert refused(workbook(f"<row x='{words}'/>")) == "damaged_xlsx"


def test_a_list_of_parts_that_is_read_whole_is_bounded():
    chance = random.Random(4)
    names = "".join(f'<definedName name="n{chance.random()}">1</definedName>' for _ in range(20_000))
    out = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(workbook(""))) as old, zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as new:
        for part in old.namelist():
            text = old.read(part).decode()
            new.writestr(part, text.replace("</sheets>", f"</sheets><definedNames>{names}</definedNames>"))
    assert refused(out.getvalue()) == "too_large"


def test_an_archive_of_very_many_parts_is_refused_before_they_are_listed():
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        for number in range(20_000):
            archive.writestr(f"{number:060d}", b"")
    assert refused(out.getvalue()) == "too_large"
