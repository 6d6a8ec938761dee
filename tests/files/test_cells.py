"""Every parser against what clerks type and what Excel makes of it."""

import datetime
from decimal import Decimal
from functools import partial

import pytest

from bureau.files.cells import (
    area_code,
    choice,
    clean,
    code,
    identity_number,
    institution_code,
    integer,
    money,
    person_name,
    phone,
    score,
    text,
    yes_no,
)
from bureau.files.days import date_, end_date, moment, month_
from bureau.files.problems import Refused

# A bureau's wall clock, as files give it.
at = partial(datetime.datetime, tzinfo=None)
DAY = datetime.date(2026, 1, 5)


def refusal(parse, cell) -> str:
    with pytest.raises(Refused) as caught:
        parse(clean(cell) if isinstance(cell, str) else cell)
    return caught.value.message % caught.value.params


@pytest.mark.parametrize(
    "cell",
    [
        *("2026-01-05", "2026-1-5", "2026/1/5", "2026/01/05", "2026.1.5", "20260105", "2026年1月5日", "2026年01月05号"),
        *("２０２６－０１－０５", "2026-01-05 10:20:30", "2026-01-05T00:00", "46027", "46027.4271", 20260105, 46027),
        *(46027.0, 46027.5, datetime.date(2026, 1, 5), at(2026, 1, 5, 23, 59), "20260105 102030"),
    ],
)
def test_date_is_read(cell):
    assert date_(cell) == DAY


def test_first_day_of_march_1960_is_the_serial_that_excel_gives():
    assert date_(21976) == datetime.date(1960, 3, 1)


@pytest.mark.parametrize(
    ("cell", "reason"),
    [
        ("2026-02-30", "There is no day “2026-02-30”."),
        ("2025-02-29", "There is no day “2025-02-29”."),
        ("20261301", "There is no day “20261301”."),
        ("26-01-05", "“26-01-05” lacks a year of four digits, or a month or day; write it as 2026-01-05."),
        ("1/5/26", "“1/5/26” lacks a year of four digits, or a month or day; write it as 2026-01-05."),
        ("202601", "“202601” lacks a year of four digits, or a month or day; write it as 2026-01-05."),
        (2026, "“2026” is not a date; write it as 2026-01-05."),
        ("05/01/2026", "“05/01/2026” is not a date; write it as 2026-01-05."),
        ("2026-01/05", "“2026-01/05” is not a date; write it as 2026-01-05."),
        ("昨天", "“昨天” is not a date; write it as 2026-01-05."),
        (True, "“True” is not a date; write it as 2026-01-05."),
        (datetime.time(10, 20), "“10:20:00” is not a date; write it as 2026-01-05."),
        ("9999-12-31", "“9999-12-31” lies outside the years 1900 to 2100."),
        ("1026-01-05", "“1026-01-05” lies outside the years 1900 to 2100."),
    ],
)
def test_date_is_refused(cell, reason):
    assert refusal(date_, cell) == reason


def test_end_date_of_other_systems_is_open():
    assert end_date("9999-12-31") is None
    assert end_date(20991231) is None
    assert end_date("2026-12-31") == datetime.date(2026, 12, 31)
    assert refusal(end_date, "2150-12-31") == "“2150-12-31” lies outside the years 1900 to 2100."


def test_moment_keeps_the_time_of_day():
    assert moment("2026-01-05 10:20:30") == at(2026, 1, 5, 10, 20, 30)
    assert moment("2026/1/5 9:05") == at(2026, 1, 5, 9, 5)
    assert moment("20260105102030") == at(2026, 1, 5, 10, 20, 30)
    assert moment(46027.5) == at(2026, 1, 5, 12)
    assert moment("2026-01-05") == at(2026, 1, 5)
    assert refusal(moment, "2026-01-05 25:00") == "There is no day “2026-01-05 25:00”."


@pytest.mark.parametrize(
    "cell",
    [
        *("202601", 202601, "2026-01", "2026-1", "2026/1", "2026.01", 2026.01, "2026年1月", "2026年01月份"),
        *("2026-01-31", 46027, at(2026, 1, 31), "２０２６０１"),
    ],
)
def test_month_is_its_first_day(cell):
    assert month_(cell) == datetime.date(2026, 1, 1)


@pytest.mark.parametrize("cell", ["202613", "2026.1", 2026.1, "Jan-26", "1月", "26-01", 2026])
def test_month_is_refused(cell):
    assert refusal(month_, cell) == f"“{cell}” is not a month; write it as 202601."


@pytest.mark.parametrize(
    ("cell", "amount"),
    [
        ("1234.5", "1234.50"),
        ("1,234.50", "1234.50"),
        ("１，２３４．５０", "1234.50"),
        ("￥12", "12.00"),
        ("¥1,234,567.89", "1234567.89"),
        ("12元", "12.00"),
        ("12.", "12.00"),
        ("12.3400", "12.34"),
        (12, "12.00"),
        (12.3, "12.30"),
        (1234.5599999999999, "1234.56"),
        (0.1 + 0.2, "0.30"),
        ("0", "0.00"),
        ("99999999999999.99", "99999999999999.99"),
    ],
)
def test_money_is_read(cell, amount):
    parsed = money()(cell)
    assert parsed == Decimal(amount)
    assert str(parsed) == amount


@pytest.mark.parametrize(
    ("cell", "reason"),
    [
        ("12.345", "“12.345” has more than two decimals."),
        (12.345, "“12.345” has more than two decimals."),
        ("-1", "The amount is negative."),
        ("1.2E+03", "“1.2E+03” is in scientific notation; write all digits."),
        (1e300, "“1e+300” is in scientific notation; write all digits."),
        ("1,23.00", "“1,23.00” is not a number."),
        ("(12.00)", "“(12.00)” is not a number."),
        ("12,50", "“12,50” is not a number."),
        ("1.2.3", "“1.2.3” is not a number."),
        ("abc", "“abc” is not a number."),
        ("元", "“元” is not a number."),
        (True, "“True” is not a number."),
        (float("nan"), "“nan” is not a number."),
        ("100000000000000", "“100000000000000” is larger than any amount here."),
        ("100,000,000,000,000", "“100,000,000,000,000” is larger than any amount here."),
    ],
)
def test_money_is_refused(cell, reason):
    assert refusal(money(), cell) == reason


def test_money_is_negative_where_allowed():
    assert money(negative=True)("-12.50") == Decimal("-12.50")
    assert money(negative=True)("￥-12.50") == Decimal("-12.50")


LOST = "Excel has turned the number into {}; format the column as text and enter it again."


@pytest.mark.parametrize(
    "cell",
    [
        *("11010519491231002X", "11010519491231002x", " 11010519491231002X ", "'11010519491231002X"),
        *(
            "110105 19491231 002X",
            "１１０１０５１９４９１２３１００２Ｘ",
            "\ufeff11010519491231002X\u200b",
            "11010519491231002X\t",
        ),
    ],
)
def test_identity_number_is_read(cell):
    assert identity_number(clean(cell)) == "11010519491231002X"


@pytest.mark.parametrize(
    ("cell", "reason"),
    [
        ("110105194912310021", "The check digit of the identity number is wrong; compare it with the card."),
        ("1101051949", "An identity number has 18 characters; this one has 10."),
        ("110105491231002", "Identity numbers of 15 digits are no longer valid; give the one of 18 characters."),
        ("11010519491331002X", "Characters 7 to 14 of the identity number are not a date of birth."),
        ("1101051949I231002X", "An identity number is 17 digits followed by a digit or X."),
        ("5.10E+17", LOST.format("5.10E+17")),
        ("４.４E+17", LOST.format("4.4E+17")),
        (4.41602198503120e17, LOST.format("4.42E+17")),
        (441602198503120000, LOST.format("4.42E+17")),
        ("441602198503120000", LOST.format("4.42E+17")),
        (10**400, LOST.format("1.00E+400")),
    ],
)
def test_identity_number_is_refused(cell, reason):
    assert refusal(identity_number, cell) == reason


def test_identity_number_that_a_program_wrote_as_an_integer_is_read():
    assert identity_number(441602198503120018) == "441602198503120018"


def test_clean_refuses_formulas_and_excel_errors():
    assert refusal(text(10), "=A1+1") == "The cell contains a formula; copy the column and paste it as values."
    assert refusal(text(10), "#N/A") == "The cell contains Excel's error #N/A."
    assert text(10)(clean("'=A1")) == "=A1"
    assert text(10)(clean("#3")) == "#3"


def test_text_is_bounded_and_on_one_line():
    assert text(10)("一\n 二\t三") == "一 二 三"
    assert text(10)(12.0) == "12"
    assert text(10)(at(2026, 1, 5)) == "2026-01-05"
    assert refusal(text(3), "一二三四") == "At most 3 characters; this text has 4."
    assert refusal(text(3), "a\x07b") == "The cell contains control characters."


def test_person_name_loses_blanks_that_align():
    assert person_name("张　三") == "张三"
    assert person_name("阿不都·热合曼") == "阿不都·热合曼"
    assert person_name("Mary  Ann Lee") == "Mary Ann Lee"


def test_code_keeps_leading_zeros_and_refuses_lost_digits():
    assert code(10)("00123") == "00123"
    assert code(10)(123.0) == "123"
    assert refusal(code(40), 6.2228e18) == LOST.format("6.22E+18")
    assert refusal(code(40), "6.2228E+18") == LOST.format("6.2228E+18")
    assert refusal(code(40), "12 3") == "The value contains blanks."


def test_choice_takes_codes_and_labels():
    parse = choice({"01": ("居民身份证", "身份证"), "10": ("军烈属证明",), "02": ("军官证",)})
    for cell in ("01", "1", 1, 1.0, "居民身份证", "身份证", "０１", "01 身份证", "01-居民身份证", " 居民 身份证"):
        assert parse(cell) == "01", cell
    assert parse(10) == "10"
    assert refusal(parse, "护照") == "“护照” is unknown here; one of 居民身份证、军烈属证明、军官证 is expected."
    assert (
        refusal(parse, "02 身份证") == "“02 身份证” is unknown here; one of 居民身份证、军烈属证明、军官证 is expected."
    )


def test_yes_no_is_read():
    assert [yes_no(cell) for cell in ("是", "1", 1, True, "Y")] == [True] * 5
    assert [yes_no(cell) for cell in ("否", "0", 0, False, "n")] == [False] * 5


def test_integer_is_bounded():
    year = integer(2000, 2100)
    assert [year(cell) for cell in ("2026", 2026, 2026.0, "２０２６", "2026年")] == [2026] * 5
    assert refusal(year, "26") == "The number lies between 2000 and 2100."
    assert refusal(year, "2026.5") == "“2026.5” is not a whole number."


def test_score_lies_between_0_and_100():
    assert score("99.50") == Decimal("99.50")
    assert refusal(score, 101) == "A score lies between 0 and 100."


def test_patterns_name_what_they_expect():
    assert institution_code("h44160200001") == "H44160200001"
    assert area_code(441602) == "441602"
    assert phone("138-0000-0000") == "138-0000-0000"
    assert phone(13800000000) == "13800000000"
    assert refusal(institution_code, "X1") == "“X1” is not an institution code: H or P followed by 11 digits."
    assert refusal(area_code, "4416") == "“4416” is not an area code: six digits (GB/T 2260)."
    assert refusal(phone, "无") == "“无” is not a telephone number: digits and hyphens, 7 to 20 of them."
