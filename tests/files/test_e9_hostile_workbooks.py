"""Workbooks made to cost more than they weigh are refused in words, before the work (E9)."""

import io
import random
import time
import zipfile

import pytest

from bureau.files import FileProblem, read_rows
from tests.sheets import SHEETS

SUSPENSIONS = SHEETS["suspensions"]

MAIN = 'xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"'
HEAD = "".join(
    f'<c t="inlineStr"><is><t>{heading}</t></is></c>' for heading in ("姓名", "证件号码", "类型", "开始日期")
)
TYPES = "application/vnd.openxmlformats-officedocument.spreadsheetml"
RELATION = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
PACKAGE = "http://schemas.openxmlformats.org/package/2006"


def workbook(sheet: str, *, before: str = "") -> bytes:
    """A workbook of one worksheet, written by hand."""
    parts = {
        "[Content_Types].xml": f"""<Types xmlns="{PACKAGE}/content-types">
            <Default Extension="rels" ContentType="application/vnd.openxmlformats-package.relationships+xml"/>
            <Override PartName="/xl/workbook.xml" ContentType="{TYPES}.sheet.main+xml"/>
            <Override PartName="/xl/worksheets/sheet1.xml" ContentType="{TYPES}.worksheet+xml"/></Types>""",
        "_rels/.rels": f"""<Relationships xmlns="{PACKAGE}/relationships">
            <Relationship Id="rId1" Type="{RELATION}/officeDocument" Target="xl/workbook.xml"/></Relationships>""",
        "xl/workbook.xml": f"""<workbook {MAIN} xmlns:r="{RELATION}">
            <sheets><sheet name="S" sheetId="1" r:id="rId1"/></sheets></workbook>""",
        "xl/_rels/workbook.xml.rels": f"""<Relationships xmlns="{PACKAGE}/relationships">
            <Relationship Id="rId1" Type="{RELATION}/worksheet" Target="worksheets/sheet1.xml"/></Relationships>""",
        "xl/worksheets/sheet1.xml": f"<worksheet {MAIN}>{before}<sheetData>{sheet}</sheetData></worksheet>",
    }
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, text in parts.items():
            archive.writestr(name, text)
    return out.getvalue()


def refused(content: bytes) -> str:
    started = time.monotonic()
    with pytest.raises(FileProblem) as problem:
        list(read_rows("r.xlsx", content, SUSPENSIONS))
    assert time.monotonic() - started < 5
    return problem.value.code


def varied(count: int, prefix: str = "") -> str:
    """Cells that do not shrink well."""
    chance = random.Random(20261128)
    return "".join(f"<{prefix}c><{prefix}v>{chance.randrange(10**6)}</{prefix}v></{prefix}c>" for _ in range(count))


def test_e9_row_of_many_cells_is_refused_while_it_is_read():
    content = workbook(f"<row>{HEAD}</row><row>{varied(100_000)}</row>")
    assert refused(content) == "too_many_cells"


def test_e9_so_is_a_row_of_headings_and_a_row_with_a_prefix():
    assert refused(workbook(f"<row>{varied(40_000)}</row>")) == "too_many_cells"
    plain = workbook("")  # the same sheet, its names under a prefix
    sheet = f"<x:row>{varied(40_000, 'x:')}</x:row>"
    out = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(plain)) as old, zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as new:
        for part in old.infolist():
            text = old.read(part)
            if part.filename.endswith("sheet1.xml"):
                text = f"<x:worksheet {MAIN.replace('xmlns', 'xmlns:x')}><x:sheetData>{sheet}</x:sheetData>".encode()
                text += b"</x:worksheet>"
            new.writestr(part.filename, text)
    assert refused(out.getvalue()) == "too_many_cells"


@pytest.mark.parametrize("width", [1, 500, 16_384])
def test_e9_row_as_wide_as_excel_allows_is_read(width):
    rows = list(read_rows("r.xlsx", workbook(f"<row>{HEAD}</row><row>{varied(width)}</row>"), SUSPENSIONS))
    assert len(rows) == 1


@pytest.mark.parametrize(
    ("sheet", "before"),
    [
        ("<row/>" * 2_000_000, ""),
        (f"<row>{HEAD}</row>", "<cols><col/></cols>" * 1_000_000),
        (f"<row>{HEAD}</row><row><c t='inlineStr'><is><t>{'a' * 40_000_000}</t></is></c></row>", ""),
        (f"<row>{HEAD}</row><row>{'<c><v>1</v></c>' * 400_000}</row>", ""),
    ],
)
def test_e9_file_that_grows_a_hundredfold_is_refused_unread(sheet, before):
    content = workbook(sheet, before=before)
    assert len(content) < 120_000
    assert refused(content) == "zip_bomb"


def test_e9_number_of_very_many_digits_ends_in_words():
    content = workbook(f"<row>{HEAD}</row><row><c><v>{'9' * 900_000}</v></c></row>")
    assert refused(content) == "damaged_xlsx"


def test_e9_ordinary_rows_shrink_far_less():
    """Blank formatted rows, as Excel writes them below a roster, are no attack."""
    rows = "".join(f'<row r="{n}" spans="1:9" s="1" customFormat="1"/>' for n in range(2, 100_000))
    assert list(read_rows("r.xlsx", workbook(f'<row r="1">{HEAD}</row>{rows}'), SUSPENSIONS)) == []


@pytest.mark.parametrize("name", ["xl/workbook.xml", "xl/other.xml"])
def test_e9_many_worksheets_that_are_one_part_are_refused(name):
    """26 kB took half a minute: each of them was searched for the headings."""
    content = workbook("<row><c><v>1</v></c></row>" * 10)
    sheets = "".join(f'<sheet name="S{number}" sheetId="{number}" r:id="rId1"/>' for number in range(1, 5001))
    book = f'<workbook {MAIN} xmlns:r="{RELATION}"><sheets>{sheets}</sheets></workbook>'
    out = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(content)) as old, zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as new:
        for part in old.namelist():
            text = old.read(part).decode().replace("xl/workbook.xml", name)
            new.writestr(part.replace("xl/workbook.xml", name), book if part == "xl/workbook.xml" else text)
        new.writestr(f"xl/_rels/{name.rpartition('/')[2]}.rels", old.read("xl/_rels/workbook.xml.rels"))
    assert refused(out.getvalue()) == "too_many_sheets"
