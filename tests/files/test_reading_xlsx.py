"""XLSX files: native cells, several worksheets, formulas, and damaged or hostile archives."""

import datetime
import io
import zipfile
from functools import partial

import openpyxl
import pytest
import xlsxwriter

from bureau.files import FileProblem, read_rows
from tests.sheets import SHEETS

CONTRIBUTIONS = SHEETS["contributions"]
EMPLOYERS = SHEETS["employers"]
MEMBERS = SHEETS["members"]

at = partial(datetime.datetime, tzinfo=None)
HEADINGS = ["姓名", "证件号码", "险种类型", "人员类别", "本次参保日期", "参保所属医保区划"]
ZHANG = ["张三", "441602198503120018", 310, 11, datetime.date(2026, 1, 5), 441602]
LI = ["李四", "441602199005152345", "310", "退休", 46027, "441602"]


def book(*sheets: tuple[str, str, list]) -> bytes:
    """XLSX of worksheets given as title, state and rows."""
    workbook = openpyxl.Workbook()
    workbook.remove(workbook.active)
    for title, state, rows in sheets:
        worksheet = workbook.create_sheet(title)
        worksheet.sheet_state = state
        for row in rows:
            worksheet.append(row)
    out = io.BytesIO()
    workbook.save(out)
    return out.getvalue()


def summary(rows):
    return [(row.line, [problem.text(str) for problem in row.problems] or row.values["name"]) for row in rows]


def file_problem(content, sheet=EMPLOYERS) -> str:
    with pytest.raises(FileProblem) as caught:
        list(read_rows("x.xlsx", content, sheet))
    return str(caught.value)


def test_native_cells_are_read_below_a_title():
    rows = [["花名册"], [], HEADINGS, ZHANG, [], LI, ["合计", 2]]
    opened = read_rows("x.xlsx", book(("名册", "visible", rows)), MEMBERS)
    assert (opened.header, opened.source) == (HEADINGS, "名册")
    read = list(opened)
    assert summary(read) == [(4, "张三"), (6, "李四")]
    assert [row.values["starts_on"] for row in read] == [datetime.date(2026, 1, 5)] * 2


def test_first_visible_worksheet_with_the_headings_is_read():
    content = book(
        ("说明", "visible", [["请填写"]]),
        ("旧", "hidden", [HEADINGS, LI]),
        ("名册", "visible", [HEADINGS, ZHANG]),
        ("另", "visible", [HEADINGS, LI]),
    )
    assert summary(read_rows("x", content, MEMBERS)) == [(2, "张三")]


def test_notes_right_of_the_table_are_ignored():
    content = book(("名册", "visible", [HEADINGS, [*ZHANG, None, "注"]]))
    assert summary(read_rows("x", content, MEMBERS)) == [(2, "张三")]


def test_formula_is_refused_with_or_without_a_stored_result():
    out = io.BytesIO()
    with xlsxwriter.Workbook(out, {"in_memory": True}) as workbook:
        worksheet = workbook.add_worksheet()
        worksheet.write_row(0, 0, ["单位编号", "单位名称", "备注"])
        worksheet.write_row(1, 0, ["E1", "甲厂"])
        worksheet.write_formula(1, 2, "=1+1")
        worksheet.write_string(2, 0, "E2")
        worksheet.write_formula(2, 1, '="乙"&"厂"', None, "乙厂")
        worksheet.write_string(3, 0, "E3")
        worksheet.write_array_formula(3, 1, 3, 1, "{=A1}")
    reason = "The cell contains a formula; copy the column and paste it as values."
    assert summary(read_rows("x", out.getvalue(), EMPLOYERS)) == [(2, "甲厂"), (3, [reason]), (4, [reason])]


def test_formula_written_by_openpyxl_is_refused():
    content = book(("s", "visible", [["单位编号", "单位名称"], ["E1", "=A1"]]))
    reason = "The cell contains a formula; copy the column and paste it as values."
    assert summary(read_rows("x", content, EMPLOYERS)) == [(2, [reason])]


def test_identity_number_kept_as_a_number_is_refused():
    content = book(("s", "visible", [HEADINGS, ["张三", 441602198503120018, *ZHANG[2:]]]))
    reason = "Excel has turned the number into 4.42E+17; format the column as text and enter it again."
    assert summary(read_rows("x", content, MEMBERS)) == [(2, [reason])]


def test_month_that_excel_made_a_date_is_read():
    headings = ["证件号码", "费款所属期", "险种类型", "缴费基数", "单位缴费金额", "个人缴费金额", "入国库时间"]
    day = at(2026, 1, 15)
    line = ["441602198503120018", at(2026, 1, 1), 310, 6543.21, 392.59, 130.86, day]
    row = next(iter(read_rows("x", book(("s", "visible", [headings, line])), CONTRIBUTIONS)))
    assert row.problems == []
    assert row.values["month"] == datetime.date(2026, 1, 1)
    assert str(row.values["base"]) == "6543.21"
    assert row.values["paid_on"] == datetime.date(2026, 1, 15)


def test_wrong_headings_are_refused():
    content = book(("s", "visible", [["机构编码", "得分"], ["H44160200001", 99]]))
    assert file_problem(content) == "These columns are missing: 单位编号、单位名称. Found: 机构编码、得分."


@pytest.mark.parametrize("sheets", [[("s", "visible", [])], [("s", "hidden", [["单位编号", "单位名称"]])]])
def test_workbook_without_visible_cells_is_empty(sheets):
    if sheets[0][1] == "hidden":
        sheets = [*sheets, ("t", "visible", [])]
    assert file_problem(book(*sheets)) == "The file is empty."


DAMAGED = "The XLSX file is damaged; open it in Excel and save it again."


def repacked(change) -> bytes:
    content = book(("s", "visible", [["单位编号", "单位名称"], ["E1", "甲厂"]]))
    out = io.BytesIO()
    with (
        zipfile.ZipFile(io.BytesIO(content)) as old,
        zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as new,
    ):
        for name in old.namelist():
            new.writestr(name, change(name, old.read(name)))
    return out.getvalue()


def test_half_a_workbook_is_refused():
    content = book(("s", "visible", [["单位编号", "单位名称"], ["E1", "甲厂"]]))
    assert file_problem(content[: len(content) // 2]) == DAMAGED


def test_worksheet_that_breaks_off_is_refused_while_it_is_read():
    whole = repacked(lambda name, data: data[:-60] if "sheet1.xml" in name else data)
    assert file_problem(whole) == DAMAGED


def test_other_archives_are_refused():
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        archive.writestr("roster.csv", "单位编号,单位名称\n")
    assert file_problem(out.getvalue()) == "The file is neither CSV nor XLSX."


@pytest.mark.parametrize(
    ("part", "said"),
    [
        ("styles.xml", "Unpacked, the file is too large; split it, or save it as CSV."),
        ("sheet1.xml", "Unpacked, the file is more than 100 times as large; no roster is. Save it as CSV."),
    ],
)
def test_archive_that_unpacks_beyond_measure_is_refused(part, said):
    bomb = repacked(lambda name, data: bytes(300 * 1024**2) if part in name else data)
    assert len(bomb) < 2 * 1024**2
    assert file_problem(bomb) == said


def test_entities_that_multiply_are_refused():
    doctype = b'<!DOCTYPE a [<!ENTITY a "aaaaaaaaaa">' + b"".join(
        b'<!ENTITY %c "%s">' % (98 + step, b"&%c;" % (97 + step) * 10) for step in range(9)
    )
    bomb = repacked(
        lambda name, data: (
            doctype + b"]>" + data.replace(b"<sheetData>", b"<sheetData>&j;", 1) if "sheet1.xml" in name else data
        )
    )
    assert file_problem(bomb) == DAMAGED


def test_size_that_a_worksheet_claims_is_not_believed():
    small = repacked(lambda name, data: data.replace(b'ref="A1:B2"', b'ref="A1"'))
    huge = repacked(lambda name, data: data.replace(b'ref="A1:B2"', b'ref="A1:XFD1048576"'))
    for content in (small, huge):
        assert summary(read_rows("x", content, EMPLOYERS)) == [(2, "甲厂")]
