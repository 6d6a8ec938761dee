import csv
import io

import openpyxl

from bureau.files import read_rows, write_rejects
from tests.sheets import SHEETS

EMPLOYERS = SHEETS["employers"]
MEMBERS = SHEETS["members"]

CHINESE = {"Line": "行号", "Field": "字段", "Reason": "原因", "The cell is empty.": "单元格为空。"}


def translate(message: str) -> str:
    return CHINESE.get(message, message)


def rejects(content: bytes, sheet) -> tuple[bytes, list[list[str]]]:
    problems = {row.line: row.problems for row in read_rows("x", content, sheet) if row.problems}
    again = read_rows("x", content, sheet)
    lines = [(line, cells, problems[line]) for line, cells in again.lines() if line in problems]
    written = "".join(write_rejects(again.header, lines, translate))
    return written.encode("utf-8-sig"), list(csv.reader(io.StringIO(written)))


def test_rejected_rows_come_back_with_line_field_and_reason():
    content = "单位编号,单位名称,备注\nE1,甲厂,\nE2,,迁入\nE 3,,\n".encode("gbk")
    assert rejects(content, EMPLOYERS)[1] == [
        ["单位编号", "单位名称", "备注", "行号", "字段", "原因"],
        ["E2", "", "迁入", "3", "单位名称", "单元格为空。"],
        ["E 3", "", "", "4", "单位编号、单位名称", "The value contains blanks. 单元格为空。"],
    ]


def test_cells_that_excel_would_calculate_are_made_texts():
    lines = ["=1+1", "+cmd", "-2+3", "@sum", "-5.00", "+86"]
    content = "单位编号,单位名称,备注\n" + "".join(f",甲厂,{line}\n" for line in lines)
    read = rejects(content.encode(), EMPLOYERS)[1]
    assert [line[2] for line in read[1:]] == ["'=1+1", "'+cmd", "'-2+3", "'@sum", "-5.00", "+86"]


def test_identity_numbers_survive_excel_and_a_second_reading():
    headings = "姓名,证件号码,险种类型,人员类别,本次参保日期,参保所属医保区划"
    content = f"{headings}\n张三,441602198503120018,310,11,,441602\n".encode()
    written, read = rejects(content, MEMBERS)
    assert read[1][1] == "441602198503120018\t"
    corrected = written.replace(b",11,,", b",11,2026-01-05,")
    row = next(iter(read_rows("x", corrected, MEMBERS)))
    assert row.problems == []
    assert row.values["document_number"] == "441602198503120018"


def test_rejected_rows_of_xlsx_are_written_as_they_looked():
    workbook = openpyxl.Workbook()
    workbook.active.append(["单位编号", "单位名称"])
    workbook.active.append([12.0, "=A1"])
    out = io.BytesIO()
    workbook.save(out)
    assert rejects(out.getvalue(), EMPLOYERS)[1][1] == [
        *("12", "'=A1", "2", "单位名称"),
        "The cell contains a formula; copy the column and paste it as values.",
    ]


def test_damaged_lines_can_be_written():
    content = '单位编号,单位名称\nE\x001,甲\nE2,"乙\n'.encode()
    read = rejects(content, EMPLOYERS)[1]
    assert [line[2:4] for line in read[1:]] == [["2", ""], ["3", ""]]
    assert read[1][0] == "E\ufffd1"
