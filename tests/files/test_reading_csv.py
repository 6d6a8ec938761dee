"""CSV files as they come: encodings, separators, titles, totals, and every way to be damaged."""

import datetime
import io

import pytest

from bureau.files import FileProblem, read_rows
from tests.sheets import SHEETS

MEMBERS = SHEETS["members"]

HEADINGS = "姓名,证件号码,险种类型,人员类别,本次参保日期,参保所属医保区划"
ZHANG = "张三,441602198503120018,310,11,2026-01-05,441602"
LI = "李四,441602199005152345,310,退休,46027,441602"
ROSTER = f"{HEADINGS}\r\n{ZHANG}\r\n{LI}\r\n"


def read(content, name="roster.csv", sheet=MEMBERS):
    if isinstance(content, str):
        content = content.encode()
    return list(read_rows(name, content, sheet))


def summary(rows):
    """Line and name of good rows, line and reasons of others."""
    return [(row.line, [problem.text(str) for problem in row.problems] or row.values["name"]) for row in rows]


def file_problem(content, name="roster.csv") -> str:
    with pytest.raises(FileProblem) as caught:
        read(content, name)
    assert str(caught.value) == caught.value.text(str)
    return str(caught.value)


def test_row_has_every_value():
    row = read(ROSTER)[1]
    assert row.values == {
        "member_number": None,
        "person": ("01", "441602199005152345"),
        "name": "李四",
        "document_kind": "01",
        "document_number": "441602199005152345",
        "sex": "2",
        "birth": datetime.date(1990, 5, 15),
        "employer_code": None,
        "employer_name": None,
        "scheme": "310",
        "person_type": "12",
        "status": "1",
        "starts_on": datetime.date(2026, 1, 5),
        "ends_on": None,
        "first_month": None,
        "area": "441602",
        "phone": None,
        "person_class": "retired",
        "plan": None,
        "large_claims": None,
        "by_hand_elsewhere": None,
        "paid_on": None,
        "way": None,
        "pooled_only": None,
        "with_account": None,
        "reached_age_on": None,
    }
    assert row.line == 3
    assert row.problems == []


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "gbk", "gb18030", "utf-16"])
@pytest.mark.parametrize("separator", [",", "\t", ";", "，"])
@pytest.mark.parametrize("line_end", ["\n", "\r\n", "\r"])
def test_encodings_separators_and_line_ends_are_found(encoding, separator, line_end):
    content = ROSTER.replace(",", separator).replace("\r\n", line_end).encode(encoding)
    assert summary(read(content)) == [(2, "张三"), (3, "李四")]


def test_path_and_open_file_are_read(tmp_path):
    path = tmp_path / "名册.csv"
    path.write_bytes(ROSTER.encode("gbk"))
    assert summary(read_rows(path.name, path, MEMBERS)) == [(2, "张三"), (3, "李四")]
    stream = io.BytesIO(ROSTER.encode())
    assert summary(read_rows("x", stream, MEMBERS)) == [(2, "张三"), (3, "李四")]
    assert not stream.closed


def test_opened_file_says_its_header_and_encoding():
    rows = read_rows("x", ROSTER.encode("gbk"), MEMBERS)
    assert rows.header == HEADINGS.split(",")
    assert rows.source == "gb18030"


def test_title_blank_lines_repeated_headings_and_totals_are_no_rows():
    content = f"某单位花名册,,,,,\n\n{HEADINGS}\n{ZHANG}\n,,,,,\n{HEADINGS}\n{LI}\n合  计：,2,,,,\n"
    assert summary(read(content)) == [(4, "张三"), (7, "李四")]


def test_headings_are_matched_past_marks_and_synonyms():
    content = "﻿*姓　名,身份证号（必填）,险种,人员 类别,参保日期,INSU_ADMDVS,备注\n" + ZHANG + ",\n"
    assert summary(read(content)) == [(2, "张三")]


def test_headings_in_the_eleventh_row_are_too_late():
    title = "".join(f"说明{number}\n" for number in range(10))
    assert file_problem(title + ROSTER).startswith("These columns are missing: 姓名、")
    assert summary(read(title[4:] + ROSTER)) == [(11, "张三"), (12, "李四")]


def test_quoted_line_breaks_keep_physical_line_numbers():
    content = f'{HEADINGS}\n"张\n\n三"{ZHANG[2:]}\n{LI}\n'
    assert summary(read(content)) == [(2, "张三"), (5, "李四")]


@pytest.mark.parametrize("content", [b"", b"\xef\xbb\xbf", b" \r\n\r\n", b"\xff\xfe"])
def test_empty_file_is_refused(content):
    assert file_problem(content) == "The file is empty."


def test_file_with_headings_alone_has_no_rows():
    assert read(HEADINGS) == []


def test_wrong_headings_are_refused_with_what_is_missing_and_found():
    assert file_problem("机构编码,得分\nH44160200001,99\n") == (
        "These columns are missing: 姓名、证件号码、险种类型、人员类别、本次参保日期、参保所属医保区划. "
        "Found: 机构编码、得分."
    )
    assert file_problem(ROSTER.replace("证件号码", "号码")) == (
        "These columns are missing: 证件号码. Found: 姓名、号码、险种类型、人员类别、本次参保日期、参保所属医保区划."
    )


def test_heading_given_twice_is_refused():
    content = f"{HEADINGS},身份证号\n{ZHANG},441602198503120018\n"
    assert file_problem(content) == "Two columns are headed 证件号码 and 身份证号 and mean the same; keep one."


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (
            b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(600),
            "This is an old .xls file or one with a password; save it as .xlsx without a password.",
        ),
        (b"<html><table><tr><td>1", "This is a web page saved under another name; save it as .xlsx."),
        (b"\xef\xbb\xbf<?xml version='1.0'?>", "This is a web page saved under another name; save it as .xlsx."),
        (b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR\0\0", "The file is neither CSV nor XLSX."),
        (b"PK\x03\x04 and nothing more", "The XLSX file is damaged; open it in Excel and save it again."),
        (
            b"a,b\n\x80\x80\xff,\n",
            "Line 2 is neither UTF-8 nor GB18030 text; save the file as CSV UTF-8 or as XLSX.",
        ),
        (b"," * 5_000_000, "A line is longer than 4 MB; the file is not CSV."),
    ],
)
def test_other_formats_are_refused(content, reason):
    assert file_problem(content) == reason


def test_text_named_xlsx_is_refused():
    assert file_problem(b"hello", "roster.xlsx") == "The file is neither CSV nor XLSX."


def test_roster_named_xls_that_is_text_is_read():
    assert summary(read(ROSTER.replace(",", "\t").encode("gbk"), "roster.xls")) == [(2, "张三"), (3, "李四")]


DAMAGED = "The line contains damaged characters; save the file again as UTF-8 or XLSX."
UNCLOSED = "A quotation mark is opened here and never closed; perhaps the file was cut off."


def test_damaged_byte_costs_its_own_line_only():
    content = f"{HEADINGS}\n{ZHANG}\n".encode() + b"\xe6\xff" + f"{LI}\n{LI}\n".encode()
    assert summary(read(content)) == [(2, "张三"), (3, [DAMAGED]), (4, "李四")]


def test_file_cut_within_a_character_is_refused_at_its_last_line():
    cut = f"{HEADINGS}\n{ZHANG}\n李四".encode()[:-1]
    assert summary(read(cut)) == [(2, "张三"), (3, [DAMAGED])]


def test_file_cut_within_a_quoted_cell_is_refused_at_its_last_line():
    assert summary(read(f'{HEADINGS}\n{ZHANG}\n李四,"4416021990')) == [(2, "张三"), (3, [UNCLOSED])]


def test_quotation_mark_never_closed_costs_its_own_line_only():
    lines = "".join(f"李四,441602199005152345,310,12,{46027 - day},441602\n" for day in range(3000))
    rows = read(f'{HEADINGS}\n"{ZHANG}\n{lines}')
    assert summary(rows[:2]) == [(2, [UNCLOSED]), (3, "李四")]
    assert len(rows) == 3001
    assert [row.line for row in rows] == list(range(2, 3003))
    assert not any(row.problems for row in rows[1:])


def test_quotation_mark_closed_far_below_costs_its_own_line_only():
    lines = "".join(f"李四,441602199005152345,310,12,{46027 + day},441602\n" for day in range(300))
    rows = read(f'{HEADINGS}\n"{ZHANG}\n{lines}"{LI}\n')
    assert [row.line for row in rows] == list(range(2, 304))
    assert summary([row for row in rows if row.problems]) == [(2, [UNCLOSED]), (303, [UNCLOSED])]


def test_nul_is_refused_at_its_line():
    nul = "The line contains NUL characters; the file is damaged."
    assert summary(read(f"{HEADINGS}\n张\0{ZHANG[1:]}\n{LI}\n")) == [(2, [nul]), (3, "李四")]


@pytest.mark.parametrize("length", [10_001, 131_073, 1_000_000])
def test_giant_cell_costs_its_own_line_only(length):
    giant = "A cell has more than 10000 characters."
    content = f"{HEADINGS}\n{'王' * length}{ZHANG[2:]}\n{LI}\n"
    assert summary(read(content)) == [(2, [giant]), (3, "李四")]


def test_text_that_holds_the_separator_unquoted_is_refused():
    extra = "The line has 7 cells for 6 headings; quote texts with a separator."
    assert summary(read(f"{HEADINGS}\n张,{ZHANG}\n{LI},\n")) == [(2, [extra]), (3, "李四")]


def test_row_is_refused_with_every_reason():
    content = f"{HEADINGS}\n=A1,441602198503120017,999,11,2026-02-30,\n"
    assert [(problem.field, problem.header, problem.text(str)) for problem in read(content)[0].problems] == [
        ("name", "姓名", "The cell contains a formula; copy the column and paste it as values."),
        ("scheme", "险种类型", "“999” is unknown here; one of 职工基本医疗保险、城乡居民基本医疗保险 is expected."),
        ("starts_on", "本次参保日期", "There is no day “2026-02-30”."),
        ("area", "参保所属医保区划", "The cell is empty."),
        (
            "document_number",
            "证件号码",
            "The check digit of the identity number is wrong; compare it with the card.",
        ),
    ]


def test_lines_with_the_same_key_are_known_by_it():
    """Whoever sees all rows refuses the second (bureau.rosters.staging): a reader remembers none."""
    first, other, second = read(f"{ROSTER}{ZHANG.replace('张三', '张叁')}\n")
    assert first.key == second.key != other.key and not second.problems
    assert read(f"{HEADINGS}\n{ZHANG.replace('441602', '4', 1)}\n")[0].key is None  # a row with problems has none


@pytest.mark.parametrize("shape", ["one quoted cell after another", "one line"])
def test_a_record_that_never_ends_is_refused(shape):
    endless = '"a\nb",' * 100_000 if shape.startswith("one quoted") else "a," * 2_500_000
    assert file_problem(f"{HEADINGS}\n{endless}\n".encode()) == (
        "A line has more than 262144 characters; no roster does."
        if shape.startswith("one quoted")
        else "A line is longer than 4 MB; the file is not CSV."
    )


def test_a_line_that_was_cut_for_its_length_is_refused_whatever_its_cells():
    """Many short cells: what is left of the line would pass for the whole of it."""
    long = ZHANG + ",x" * 200_000
    [(line, reasons), (after, name)] = summary(read(f"{HEADINGS}{',备注' * 200_000}\n{long}\n{LI}\n"))
    assert (line, after, name) == (2, 3, "李四") and reasons == ["A cell has more than 10000 characters."]


@pytest.mark.parametrize(
    "written",
    ["开始日期\n（必填）",
     "*开始日期（格式：2026-01-01（必填））", "开始日期〔yyyy-mm-dd〕", "开始日期：",
     "开始日期{见说明}：", "【必填】开始日期", "《开始日期》"],
)  # fmt: skip
def test_d4_headings_with_remarks_and_line_breaks_are_understood(written):
    from bureau.files.sheets import heading

    assert heading(written) == ("开始日期" if not written.startswith("《") else "《开始日期》")
