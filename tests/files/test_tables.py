"""8.2: whatever text stands in a table, its file gives it back: CSV, GB18030 and XLSX."""

import csv
import io
import zipfile
from decimal import Decimal

import openpyxl
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from bureau.files import Sheet, read_rows, tables
from bureau.files.writing import as_text
from bureau.rosters.columns import Column

KEY, SAID = Column("编号", str, required=True), Column("说明", str)
KEY.name, SAID.name = "key", "said"
SHEET = Sheet((KEY, SAID))
KINDS = (tables.CSV, tables.GB18030, tables.XLSX)
TEXTS = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=60)


def read(kind: str, *rows: list[str]) -> list[str]:
    """What our reader makes of the cells beside each key."""
    content = b"".join(tables.blocks(kind, [["编号", "说明"], *rows], "表"))
    found = list(read_rows(f"x.{kind}", content, SHEET))
    assert [row.problems for row in found] == [[]] * len(rows)
    return [row.values["said"] for row in found]


def as_read(text: str) -> str:
    """A text as a cell that somebody types is understood, without its marks."""
    from bureau.files.cells import _INVISIBLE

    return text.translate(_INVISIBLE).strip() or None


@pytest.mark.parametrize("kind", KINDS)
@settings(max_examples=200, deadline=None, print_blob=True)
@given(text=TEXTS)
@example("=1+1")
@example("'=1")
@example("@cmd")
@example("#N/A")
@example("_x0041_")
@example("_x005F_x0041_")
@example("441602198503120018")
@example("一\n二")
@example('"引"，号')
@example("𠮷𪚥\U0010ffff")
def test_8_2_any_text_comes_back_from_our_reader(kind, text):
    kept = as_read(text)
    if kept is None:
        return
    [said] = read(kind, ["1", as_text(kept)])
    assert said == kept


@pytest.mark.parametrize("text", ["=1+1", "+86", "-x", "@x", "#N/A"])
def test_8_2_nothing_that_begins_like_a_formula_is_one(text):
    content = b"".join(tables.blocks(tables.CSV, [["说明"], [as_text(text)]]))
    assert list(csv.reader(io.StringIO(content.decode("utf-8-sig")))) == [["说明"], [f"'{text}"]]
    content = b"".join(tables.blocks(tables.XLSX, [["说明"], [as_text(text)]]))
    cell = openpyxl.load_workbook(io.BytesIO(content)).active["A2"]
    assert (cell.value, cell.data_type) == (f"'{text}", "s")


def test_8_2_csv_says_how_it_is_encoded_and_gb18030_has_every_character():
    rows = [["姓名"], ["䶮㛃𠮷·ʼ€"]]
    assert b"".join(tables.blocks(tables.CSV, rows)) == "\ufeff姓名\r\n䶮㛃𠮷·ʼ€\r\n".encode()
    assert b"".join(tables.blocks(tables.GB18030, rows)) == "姓名\r\n䶮㛃𠮷·ʼ€\r\n".encode("gb18030")


def test_8_2_a_workbook_has_amounts_as_numbers_long_numbers_as_texts_and_nothing_where_nothing_is():
    rows = [["号码", "金额", "次数", "空"], ["622202123456\t", Decimal("-1234.50"), 3, None], ["", None, 0, ""]]
    book = openpyxl.load_workbook(io.BytesIO(tables.as_xlsx(rows, "预拨/2026[1]")))
    sheet = book.active
    assert sheet.title == "预拨-2026-1-"
    assert [list(row) for row in sheet.iter_rows(values_only=True)] == [
        ["号码", "金额", "次数", "空"],
        ["622202123456", -1234.5, 3, None],
        [None, None, 0, None],
    ]
    assert (sheet["B2"].number_format, sheet["A2"].number_format, sheet["A1"].font.b) == ("#,##0.00", "@", True)


def test_8_2_a_workbook_is_sent_as_it_grows_and_ends_at_the_rows_of_a_worksheet(monkeypatch):
    rows = ([f"{number:06d}-{'很长的文字' * (number % 7)}", str(number * 7919)] for number in range(50_000))
    blocks = list(tables.blocks(tables.XLSX, rows))
    assert len(blocks) > 5 and max(map(len, blocks)) < 400_000
    with zipfile.ZipFile(io.BytesIO(b"".join(blocks))) as book:
        assert book.testzip() is None
    monkeypatch.setattr(tables, "MOST_ROWS", 3)
    assert len(list(tables.blocks(tables.XLSX, [["一"]] * 3))) == 1
    with pytest.raises(OverflowError, match="a worksheet has 3 rows at most"):
        list(tables.blocks(tables.XLSX, [["一"]] * 4))
