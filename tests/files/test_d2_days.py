"""A day outside what its column can mean is refused as it was read; calendars of 1904 are understood (D2)."""

import datetime
import io

import openpyxl
import pytest
from openpyxl.utils.datetime import CALENDAR_MAC_1904

from bureau.files import read_rows
from bureau.files.days import date_, end_date, moment, month_
from bureau.identifiers.identity import identity_number_problem, with_check_digit
from tests.sheets import SHEETS

TODAY = datetime.date(2026, 3, 10)
LI = with_check_digit("44162119800101001")


def read(content, sheet, name="r.csv"):
    [row] = read_rows(name, content, sheet, today=TODAY)
    return row


def text_of(problem):
    return problem.text(lambda message: message)


def line(sheet, headings, cells):
    return read(f"{headings}\n{cells}\n".encode(), sheet)


@pytest.mark.parametrize("sheet", SHEETS.values(), ids=SHEETS)
def test_d2_every_column_of_days_says_what_it_can_mean(sheet):
    of_days = {date_, end_date, month_, moment}
    assert [column.name for column in sheet.columns if (column.parse in of_days) != (column.days is not None)] == []


STARTS = "姓名,证件号码,类型,开始日期,结束日期"


@pytest.mark.parametrize(
    ("written", "read_as"),
    [("60301", "2065-02-03"), ("2032-01-01", "2032-01-01"), ("1989-12-31", "1989-12-31")],
)
def test_d2_first_day_far_off_is_refused_as_it_was_read(written, read_as):
    row = line(SHEETS["suspensions"], STARTS, f"李明,{LI},欠费,{written},")
    [problem] = row.problems
    last = "2027-12-31" if written.isdigit() else "2031-12-31"
    assert text_of(problem) == f"“{written}” was read as {read_as}; here stand days from 1990-01-01 to {last}."


CONTRIBUTED = "姓名,证件号码,费款所属期,险种类型,缴费基数,单位缴费金额,个人缴费金额,入国库时间"


@pytest.mark.parametrize(
    ("sheet", "headings", "cells", "wrong"),
    [
        ("members", "姓名,证件号码,险种类型,人员类别,本次参保日期,参保区划,出生日期,证件类型",
         "李明,E1234567,310,11,2026-01-01,441699,{},护照", ["2026-03-11", "1899-12-31", "60301"]),
        ("members", "姓名,证件号码,险种类型,人员类别,本次参保日期,参保区划",
         f"李明,{LI},310,11,{{}},441699", ["2032-01-01", "1949-12-31", "60301"]),
        ("contributions", CONTRIBUTED,
         f"李明,{LI},202601,310,1,1,1,{{}}", ["2026-03-11", "1989-12-31", "60301"]),
        ("contributions", CONTRIBUTED,
         f"李明,{LI},{{}},310,1,1,1,2026-01-05", ["203201", "198912", "60301"]),
        ("changes", "姓名,证件号码,变更类型,变更日期", f"李明,{LI},停保,{{}}", ["2032-01-01", "60301"]),
        ("benefit_periods", "姓名,证件号码,险种类型,开始日期,结束日期",
         f"李明,{LI},310,2026-01-01,{{}}", ["2077-01-01", "60301"]),
        ("hospital_stays", "姓名,证件号码,入院日期", f"李明,{LI},{{}}", ["2026-03-11", "60301"]),
        ("referrals", "姓名,证件号码,转出机构编码,转入机构编码,开始日期,有效期止",
         f"李明,{LI},H44160200001,H44160200002,2026-01-01,{{}}", ["2032-01-01", "60301"]),
        ("other_uses", "姓名,证件号码,险种类型,基金,结算ID,就诊日期,基金支付金额",
         f"李明,{LI},310,统筹基金,1,{{}},1", ["2026-03-11", "60301"]),
    ],
)  # fmt: skip
def test_d2_each_kind_of_day_has_its_bounds(sheet, headings, cells, wrong):
    for written in wrong:
        problems = line(SHEETS[sheet], headings, cells.format(written)).problems
        assert {"day_outside", "date_range"} & {problem.code for problem in problems}, (written, problems)


@pytest.mark.parametrize("written", ["2099-12-31", "9999-12-31", "2999/12/31", "2050-12-31"])
def test_d2_far_last_days_are_open_or_kept(written):
    row = line(SHEETS["suspensions"], STARTS, f"李明,{LI},欠费,2026-01-01,{written}")
    assert row.problems == []
    assert row.values["ends_on"] in (None, datetime.date(2050, 12, 31))


def test_d2_serial_numbers_of_our_days_are_read():
    row = line(SHEETS["suspensions"], STARTS, f"李明,{LI},欠费,46027,46112")
    assert (row.values["starts_on"], row.values["ends_on"]) == (datetime.date(2026, 1, 5), datetime.date(2026, 3, 31))


def test_d2_nobody_is_born_in_the_future():
    unborn = with_check_digit("44160220980101001")
    assert identity_number_problem(unborn) == "identity_unborn"
    row = line(SHEETS["suspensions"], STARTS, f"李明,{unborn},欠费,2026-01-05,")
    assert [problem.code for problem in row.problems] == ["identity_unborn"]


def workbook(epoch, *cells):
    book = openpyxl.Workbook()
    if epoch is not None:
        book.epoch = epoch
    sheet = book.active
    sheet.append(["姓名", "证件号码", "类型", "开始日期", "结束日期"])
    sheet.append(["李明", LI, "欠费", *cells])
    out = io.BytesIO()
    book.save(out)
    return out.getvalue()


@pytest.mark.parametrize("epoch", [None, CALENDAR_MAC_1904])
@pytest.mark.parametrize("form", ["date", "number", "float", "text", "iso", "eight"])
def test_d2_calendar_of_1904_says_the_same_days(epoch, form):
    """2026-01-05 is day 46027 of the one calendar and day 44565 of the other."""
    day, shift = datetime.date(2026, 1, 5), 0 if epoch is None else 1462
    cells = {
        "date": day, "number": 46027 - shift, "float": 46027.25 - shift, "text": str(46027 - shift),
        "iso": "2026-01-05", "eight": 20260105,
    }  # fmt: skip
    row = read(workbook(epoch, cells[form], None), SHEETS["suspensions"], "r.xlsx")
    assert (row.problems, row.values["starts_on"]) == ([], day)


def test_d2_months_and_other_numbers_are_not_shifted():
    book = openpyxl.Workbook()
    book.epoch = CALENDAR_MAC_1904
    book.active.append(
        ["姓名", "证件号码", "费款所属期", "险种类型", "缴费基数", "单位缴费金额", "个人缴费金额", "入国库时间"]
    )
    book.active.append(["李明", LI, 202601, 310, 12345, 45678, 44565, 44565])
    out = io.BytesIO()
    book.save(out)
    values = read(out.getvalue(), SHEETS["contributions"], "r.xlsx").values
    assert (values["month"], values["base"], values["own_amount"]) == (datetime.date(2026, 1, 1), 12345, 44565)
    assert values["paid_on"] == datetime.date(2026, 1, 5)
