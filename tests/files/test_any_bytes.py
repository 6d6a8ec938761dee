"""Whatever bytes come, a file is read, refused row by row, or refused as a whole."""

import csv
import io

import openpyxl
from hypothesis import given, settings
from hypothesis import strategies as st

from bureau.files import FileProblem, read_rows, write_rejects
from bureau.files.cells import clean, shown
from bureau.files.problems import Refused
from tests.sheets import SHEETS

INSTITUTIONS = SHEETS["institutions"]
EMPLOYERS = SHEETS["employers"]
MEMBERS = SHEETS["members"]
VISITS = SHEETS["visits"]

HEADINGS = "姓名,证件号码,险种类型,人员类别,本次参保日期,参保所属医保区划"


def outcome(content: bytes, sheet=MEMBERS) -> int | None:
    """Number of rows, or None where the file as a whole is refused."""
    try:
        opened = read_rows("roster", content, sheet)
        rows = list(opened)
    except FileProblem as problem:
        assert problem.text(str)
        return None
    for row in rows:
        assert all(problem.text(str) for problem in row.problems)
    list(write_rejects(opened.header, [(row.line, (), row.problems) for row in rows], str))
    return len(rows)


def workbook() -> bytes:
    book = openpyxl.Workbook()
    for row in (HEADINGS.split(","), ["张三", "441602198503120018", 310, 11, 46027, 441602]):
        book.active.append(row)
    out = io.BytesIO()
    book.save(out)
    return out.getvalue()


WORKBOOK = workbook()


@given(st.binary(max_size=400))
@settings(max_examples=200, deadline=None)
def test_any_bytes_are_read_or_refused(content):
    outcome(content)


@given(st.binary(max_size=400), st.sampled_from(["utf-8", "gbk", "utf-16"]))
@settings(max_examples=300, deadline=None)
def test_any_bytes_below_headings_are_read_or_refused(content, encoding):
    outcome((HEADINGS + "\n").encode(encoding) + content)


@given(st.lists(st.tuples(st.integers(0, len(WORKBOOK) - 1), st.integers(0, 255)), max_size=8))
@settings(max_examples=200, deadline=None)
def test_any_change_to_a_workbook_is_read_or_refused(changes):
    content = bytearray(WORKBOOK)
    for place, byte in changes:
        content[place] = byte
    outcome(bytes(content))


@given(st.integers(0, len(WORKBOOK)))
@settings(max_examples=60, deadline=None)
def test_any_beginning_of_a_workbook_is_read_or_refused(length):
    outcome(WORKBOOK[:length])


CELLS = st.one_of(
    st.none(),
    st.text(max_size=30),
    st.text("0123456789-/.年月日:, EX￥'=#", max_size=20),
    st.integers(-(10**25), 10**25),
    st.floats(),
    st.booleans(),
    st.dates(),
    st.datetimes(),
    st.times(),
    st.timedeltas(),
)


@given(CELLS)
@settings(max_examples=500, deadline=None)
def test_any_cell_is_parsed_or_refused(cell):
    for sheet in (MEMBERS, INSTITUTIONS, VISITS):
        for column in sheet.columns:
            try:
                value = clean(cell) if isinstance(cell, str) else cell
                if value not in (None, ""):
                    column.parse(value)
            except Refused as refused:
                assert refused.message % refused.params


# Without what makes a line damaged, ends it, or could make it a line of totals.
WORDS = st.text(st.characters(codec="gb18030", exclude_characters="\0\r\n\ufffd计"), max_size=20)


@given(st.lists(st.tuples(WORDS, WORDS), max_size=20), st.sampled_from(["utf-8", "utf-8-sig", "gb18030", "utf-16"]))
@settings(max_examples=200, deadline=None)
def test_accepted_and_rejected_rows_are_all_rows(pairs, encoding):
    out = io.StringIO(newline="")
    writer = csv.writer(out, quoting=csv.QUOTE_ALL)
    writer.writerow(["单位编号", "单位名称"])
    writer.writerows(pairs)
    expected = sum(1 for pair in pairs if "".join(pair).strip())
    assert outcome(out.getvalue().encode(encoding), EMPLOYERS) == expected


@given(
    st.lists(
        st.tuples(st.integers(1, 10**9), st.text("甲乙丙丁厂公司", min_size=1, max_size=9)), unique_by=lambda p: p[0]
    )
)
@settings(max_examples=50, deadline=None)
def test_roster_written_as_csv_and_xlsx_reads_the_same(pairs):
    out = io.StringIO(newline="")
    csv.writer(out).writerows([("单位编号", "单位名称"), *pairs])
    book = openpyxl.Workbook(write_only=True)
    sheet = book.create_sheet()
    for row in (("单位编号", "单位名称"), *pairs):
        sheet.append(row)
    xlsx = io.BytesIO()
    book.save(xlsx)
    read = [
        [(row.line, row.values) for row in read_rows("x", content, EMPLOYERS)]
        for content in (out.getvalue().encode("gbk"), xlsx.getvalue())
    ]
    assert read[0] == read[1]
    assert [values["code"] for _line, values in read[0]] == [shown(number) for number, _name in pairs]
