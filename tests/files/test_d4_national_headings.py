"""Headings and words of the national platform are understood; a Strict workbook says what it is (D4)."""

import io
import zipfile

import openpyxl
import pytest

from bureau.files import FileProblem, read_rows
from bureau.files.sheets import heading
from bureau.identifiers.identity import with_check_digit
from tests.sheets import SHEETS

LI = with_check_digit("44162119800101001")
HEADINGS = [
    (SHEETS["members"], "starts_on", "个人参保日期"),
    (SHEETS["members"], "area", "参保地医保区划 参保所属医保区划 参保机构医保区划 参保统筹区 insu_admdvs"),
    (SHEETS["members"], "document_kind", "人员证件类型 psn_cert_type"),
    (SHEETS["contributions"], "base", "本人工资 缴费工资 人员缴费基数"),
    (SHEETS["contributions"], "scheme", "参保费种 征收品目 险种"),
    (SHEETS["institutions"], "code", "定点医药机构编号 定点机构编号 医疗机构编码 fixmedins_code"),
    (SHEETS["institutions"], "name", "定点医药机构名称 定点机构名称 fixmedins_name"),
    (SHEETS["institutions"], "hospital_level", "医院等级 hosp_lv"),
    (SHEETS["selections"], "institution", "定点医药机构编号 医院编码"),
    (SHEETS["selections"], "institution_name", "定点医药机构名称 医院名称"),
    (SHEETS["assessments"], "institution", "定点医药机构编号"),
    (SHEETS["hospital_stays"], "institution", "定点医药机构编号"),
    (SHEETS["referrals"], "to_institution", "转往定点医药机构编号"),
    (SHEETS["visits"], "institution", "定点医药机构编号"),
]


@pytest.mark.parametrize(
    ("sheet", "column", "said"), [(sheet, column, one) for sheet, column, all_ in HEADINGS for one in all_.split()]
)
def test_d4_heading_is_understood(sheet, column, said):
    names = {
        heading(spelling): known.name
        for known in sheet.columns
        for spelling in (known.header, *known.synonyms, known.name)
    }
    assert names.get(heading(said)) == column


def test_d4_roster_under_the_platforms_headings_is_read():
    heads = "人员编号,姓名,人员证件类型,证件号码,险种类型,人员类别,个人参保日期,参保地医保区划"
    [row] = read_rows("r.csv", f"{heads}\n1,李明,01,{LI},310,11,2026-01-05,441699\n".encode(), SHEETS["members"])
    assert (row.problems, row.values["area"], str(row.values["starts_on"])) == ([], "441699", "2026-01-05")


INSTITUTION = "定点医药机构编号,定点医药机构名称,机构类型,{},协议开始日期"


@pytest.mark.parametrize(
    ("column", "written", "level"),
    [
        *(("结算等级", written, 3) for written in ("三级甲等", "三级特等", "三级无等", "三甲", "三级", "3")),
        *(("结算等级", written, 2) for written in ("二级乙等", "二甲", "二级", "2")),
        *(("结算等级", written, 1) for written in ("一级丙等", "一级及以下", "1")),
        *(("结算等级", written, 0) for written in ("无等级", "未定级", "0")),
        *(("医院等级", written, 3) for written in ("三级甲等", "1", "2", "02", "4", "12")),
        *(("医院等级", written, 2) for written in ("二级甲等", "5", "7", "13")),
        *(("医院等级", written, 1) for written in ("一级甲等", "8", "10", "14")),
        ("医院等级", "11", 0),
    ],
)
def test_d4_levels_are_read_from_grades_and_from_the_codes_of_their_column(column, written, level):
    content = f"{INSTITUTION.format(column)}\nH44160200001,源城医院,医院,{written},2026-01-05\n"
    [row] = read_rows("r.csv", content.encode(), SHEETS["institutions"])
    assert (row.problems, row.values["level"]) == ([], level)


@pytest.mark.parametrize("written", ["四级", "三级丁等", "15", "4"])
def test_d4_other_levels_are_refused(written):
    content = f"{INSTITUTION.format('结算等级')}\nH44160200001,源城医院,医院,{written},2026-01-05\n"
    [row] = read_rows("r.csv", content.encode(), SHEETS["institutions"])
    assert [problem.code for problem in row.problems] == ["choice"]


def test_d4_strict_workbook_says_what_it_is():
    book = openpyxl.Workbook()
    book.active.append(["单位编号", "单位名称"])
    book.active.append(["E1", "甲厂"])
    plain = io.BytesIO()
    book.save(plain)
    strict = io.BytesIO()
    with zipfile.ZipFile(plain) as old, zipfile.ZipFile(strict, "w") as new:
        for part in old.namelist():
            text = old.read(part)
            text = text.replace(
                b"http://schemas.openxmlformats.org/spreadsheetml/2006/main",
                b"http://purl.oclc.org/ooxml/spreadsheetml/main",
            ).replace(
                b"http://schemas.openxmlformats.org/officeDocument/2006/relationships",
                b"http://purl.oclc.org/ooxml/officeDocument/relationships",
            )
            new.writestr(part, text)
    assert len(list(read_rows("r.xlsx", plain.getvalue(), SHEETS["employers"]))) == 1
    with pytest.raises(FileProblem) as problem:
        list(read_rows("r.xlsx", strict.getvalue(), SHEETS["employers"]))
    assert problem.value.code == "strict"
    assert problem.value.text(lambda message: message) == (
        "The file was saved as “Strict Open XML Spreadsheet”; save it as “Excel Workbook (*.xlsx)”."
    )
