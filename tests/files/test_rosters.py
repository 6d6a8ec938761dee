"""The sheets of each room: their headings, what each row check refuses."""

import datetime
from decimal import Decimal

import pytest

from bureau.files import read_rows
from bureau.files.sheets import heading
from tests.sheets import SHEETS

ZHANG, LI = "441602198503120018", "441602199005152345"


def row(sheet, **cells):
    """One line whose headings are the keyword's Chinese names."""
    content = ",".join(cells) + "\n" + ",".join(f'"{cell}"' for cell in cells.values()) + "\n"
    (only,) = read_rows("x", content.encode(), sheet)
    return only


def values(sheet, **cells):
    read = row(sheet, **cells)
    assert read.problems == []
    return read.values


def reasons(sheet, **cells):
    return {problem.field: problem.text(str) for problem in row(sheet, **cells).problems}


def test_all_rosters_are_here():
    assert sorted(SHEETS) == [
        *("assessments", "benefit_periods", "changes", "contributions", "employers", "hospital_stays", "institutions"),
        *("members", "opening", "other_uses", "out_of_area", "referrals", "relatives", "selections", "suspensions"),
        "visits",
    ]


@pytest.mark.parametrize("sheet", SHEETS.values(), ids=SHEETS)
def test_headings_and_names_mean_one_column_each(sheet):
    spellings = [
        (heading(spelling), column.name)
        for column in sheet.columns
        for spelling in {column.header, *column.synonyms, column.name}
    ]
    meanings = {}
    for spelling, name in spellings:
        assert meanings.setdefault(spelling, name) == name, spelling
    names = [column.name for column in sheet.columns]
    assert len(set(names)) == len(names)
    assert set(sheet.key) <= {*names, "person", "relative_person"}  # which checks work out


MEMBER = {
    "姓名": "张三",
    "证件号码": ZHANG,
    "险种类型": "310",
    "人员类别": "11",
    "本次参保日期": "2026-01-01",
    "参保所属医保区划": "441602",
}


def test_birth_and_sex_come_from_the_identity_number():
    read = values(SHEETS["members"], **MEMBER)
    assert (read["birth"], read["sex"]) == (datetime.date(1985, 3, 12), "1")
    assert values(SHEETS["members"], **MEMBER, 性别="男", 出生日期="1985/3/12")["sex"] == "1"


def test_birth_or_sex_that_differs_is_refused():
    assert reasons(SHEETS["members"], **MEMBER, 出生日期="1985-03-13") == {
        "birth": "The identity number says 1985-03-12; the date of birth differs."
    }
    assert reasons(SHEETS["members"], **MEMBER, 性别="女") == {"sex": "The identity number says another sex."}


def test_member_with_a_passport_is_read():
    passport = MEMBER | {"证件号码": "e1234567", "证件类型": "08", "出生日期": "1980-01-02", "性别": "女"}
    read = values(SHEETS["members"], **passport)
    assert (read["document_kind"], read["document_number"]) == ("08", "E1234567")
    assert (read["birth"], read["sex"]) == (datetime.date(1980, 1, 2), "2")


@pytest.mark.parametrize(
    ("person_type", "scheme", "person_class"),
    [
        ("在职", "310", "active"),
        ("1105", "310", "active"),
        ("116099", "310", "active"),
        ("12", "职工医保", "retired"),
        ("126013", "310", "retired"),
        ("中小学生", "390", "resident"),
        ("15", "城乡居民基本医疗保险", "resident"),
    ],
)
def test_person_type_decides_the_class_by_its_prefix(person_type, scheme, person_class):
    read = values(SHEETS["members"], **MEMBER | {"人员类别": person_type, "险种类型": scheme})
    assert read["person_class"] == person_class


@pytest.mark.parametrize(
    ("label", "person_class"),
    [
        ("到龄按月缴费", "retired_paying_monthly"),
        ("灵活就业", "flexible"),
        ("趸缴", "lump_sum"),
        ("active", "active"),
    ],
)
def test_person_class_given_goes_first(label, person_class):
    assert values(SHEETS["members"], **MEMBER, 待遇人员类别=label)["person_class"] == person_class


def test_person_class_that_cannot_be_is_refused():
    assert reasons(SHEETS["members"], **MEMBER | {"人员类别": "13"}) == {
        "person_class": "The person type 13 does not decide the benefits; fill in the person class."
    }
    assert reasons(SHEETS["members"], **MEMBER, 待遇人员类别="居民") == {
        "person_class": "The person class belongs to the other scheme."
    }


def test_enrolment_that_ends_before_it_starts_is_refused():
    assert reasons(SHEETS["members"], **MEMBER, 终止日期="2025-12-31") == {
        "ends_on": "The last day lies before the first."
    }
    assert values(SHEETS["members"], **MEMBER, 终止日期="9999-12-31")["ends_on"] is None


def test_national_names_are_headings():
    read = values(
        SHEETS["members"],
        psn_no="44160000001",
        psn_name="张三",
        psn_cert_type="01",
        certno=ZHANG,
        insutype="310",
        psn_type="11",
        psn_insu_date="2026-01-01",
        insu_admdvs="441602",
    )
    assert (read["member_number"], read["document_number"], read["area"]) == ("44160000001", ZHANG, "441602")


def test_change_is_read_by_code_or_label():
    change = {"身份证号": ZHANG, "变更日期": "2026-03-01"}
    assert values(SHEETS["changes"], **change, 变更类型="22停保")["kind"] == "stop"
    assert values(SHEETS["changes"], **change, 变更类型="12")["kind"] == "resume"
    assert values(SHEETS["changes"], **change, 变更类型="死亡")["kind"] == "death"
    retired = values(SHEETS["changes"], **change, 变更类型="退休")
    assert (retired["kind"], retired["person_class"]) == ("retirement", "retired")
    assert reasons(SHEETS["changes"], **change, 变更类型="人员类别变更") == {"person_class": "The cell is empty."}


CONTRIBUTION = {
    "证件号码": ZHANG,
    "费款所属期": "202601",
    "险种类型": "310",
    "缴费基数": "6,543.21",
    "单位缴费金额": "392.59",
    "个人缴费金额": "130.86",
    "入国库时间": "2026-01-20",
}


def test_contribution_is_read():
    read = values(SHEETS["contributions"], **CONTRIBUTION)
    assert read["month"] == datetime.date(2026, 1, 1)
    assert (read["base"], read["employer_amount"]) == (Decimal("6543.21"), Decimal("392.59"))
    assert (read["own_amount"], read["kind"]) == (Decimal("130.86"), "normal")
    assert values(SHEETS["contributions"], **CONTRIBUTION, 缴费类型="补缴")["kind"] == "back"


def test_contribution_below_zero_is_refused():
    assert reasons(SHEETS["contributions"], **CONTRIBUTION | {"缴费基数": "-1"}) == {"base": "The amount is negative."}


def test_benefit_period_and_suspension_are_read():
    days = {"证件号码": ZHANG, "开始日期": "2026-01-01", "结束日期": "20991231"}
    assert values(SHEETS["benefit_periods"], **days, 险种="310")["ends_on"] is None
    assert values(SHEETS["suspensions"], **days, 类型="欠费")["kind"] == "arrears"
    assert values(SHEETS["suspensions"], **days, 类型="suspended")["kind"] == "suspended"


RELATIVE = {
    "主账户人姓名": "张三",
    "主账户人证件号码": ZHANG,
    "成员姓名": "李四",
    "成员证件号码": LI,
    "授权开始日期": "2026-01-01",
}


@pytest.mark.parametrize(
    ("label", "relation"),
    [
        ("配偶", "spouse"),
        ("父母", "parent"),
        ("女儿", "child"),
        ("兄、弟、姐、妹", "sibling"),
        ("外祖父母", "grandparent"),
        ("maternal_grandparent", "grandparent"),
        ("外孙女", "grandchild"),
    ],
)
def test_relation_is_read(label, relation):
    assert values(SHEETS["relatives"], **RELATIVE, 与主账户人关系=label)["relation"] == relation


def test_relative_is_refused_for_oneself_or_with_a_wrong_number():
    assert reasons(SHEETS["relatives"], **RELATIVE | {"成员证件号码": ZHANG}, 关系="配偶") == {
        "relative_document_number": "A person is not a relative of their own."
    }
    assert reasons(SHEETS["relatives"], **RELATIVE | {"成员证件号码": LI[:-1] + "0"}, 关系="配偶") == {
        "relative_document_number": "The check digit of the identity number is wrong; compare it with the card."
    }


CENTRE = {
    "机构编码": "H44160200001",
    "机构名称": "某镇卫生院",
    "机构类型": "乡镇卫生院",
    "统筹区": "441600",
    "经办区县": "441602",
    "结算等级": "一级及以下",
    "协议开始": "2025-01-01",
}


def test_institution_is_read():
    read = values(SHEETS["institutions"], **CENTRE)
    assert (read["code"], read["kind"], read["level"]) == ("H44160200001", "centre", 1)
    station = CENTRE | {
        "机构编码": "H44160200002",
        "机构类型": "村卫生站",
        "结算等级": "",
        "上级机构编码": "H44160200001",
    }
    assert values(SHEETS["institutions"], **station)["level"] == 0


def test_institution_that_cannot_be_is_refused():
    assert reasons(SHEETS["institutions"], **CENTRE | {"机构类型": "药店"}) == {
        "code": "Codes of pharmacies begin with P, all others with H."
    }
    assert reasons(SHEETS["institutions"], **CENTRE | {"机构类型": "村卫生站"}) == {
        "parent": "A village station belongs to a primary-care centre: name its parent."
    }
    assert reasons(SHEETS["institutions"], **CENTRE | {"结算等级": ""}) == {"level": "The cell is empty."}
    assert reasons(SHEETS["institutions"], **CENTRE | {"经办区县": ""}) == {
        "county": "Name the county agency that pays this institution."
    }
    assert reasons(SHEETS["institutions"], **CENTRE, 协议结束="2024-12-31") == {
        "ends_on": "The last day lies before the first."
    }


def test_selection_has_its_year_given_or_from_its_first_day():
    selection = {"证件号码": ZHANG, "医院编码": "H44160200001", "申请时间": "2025-10-10 09:00:00"}
    read = values(SHEETS["selections"], **selection, 选点年度="2026", 改点类型="改点", 变更原因="居住地迁移")
    assert (read["year"], read["role"], read["route"]) == (2026, "primary", "change")
    assert (read["requested_on"], read["reason"]) == (datetime.date(2025, 10, 10), "居住地迁移")
    assert values(SHEETS["selections"], **selection, 定点开始时间="2026-01-01")["year"] == 2026
    assert reasons(SHEETS["selections"], **selection) == {"year": "The cell is empty."}


def test_referral_stay_registration_and_score_are_read():
    person = {"证件号码": ZHANG}
    assert reasons(
        SHEETS["referrals"],
        **person,
        转出机构="H44160200001",
        转入机构="H44160200001",
        开始日期="2026-03-01",
        有效期止="2026-03-31",
    ) == {"to_institution": "A referral leads to another institution."}
    stay = values(SHEETS["hospital_stays"], **person, 机构编码="H44160200001", 入院日期="2026-03-01", 出院日期="")
    assert stay["discharged_on"] is None
    filed = values(
        SHEETS["out_of_area"], **person, 备案类型="异地安置退休人员", 就医地区划="440100", 开始="", 开始日期=46027
    )
    assert (filed["kind"], filed["starts_on"]) == ("retired_resettled", datetime.date(2026, 1, 5))
    scored = values(SHEETS["assessments"], 机构编码="H44160200001", 年度=2026, 得分="92.5")
    assert (scored["year"], scored["score"]) == (2026, Decimal("92.50"))


VISIT = {
    "setl_id": "S1",
    "mdtrt_id": "M1",
    "证件号码": ZHANG,
    "定点机构编码": "H44160200001",
    "就诊日期": "2026-03-01",
    "setl_time": "2026-03-01 10:20:30",
    "就诊凭证类型": "01",
    "medfee_sumamt": "100.00",
    "fulamt_ownpay_amt": "10.00",
    "overlmt_selfpay": "0",
    "preselfpay_amt": "5.5",
    "inscp_scp_amt": "84.50",
}


def test_visit_is_read():
    read = values(SHEETS["visits"], **VISIT)
    assert (read["key"], read["encounter"], read["care_on"]) == ("S1", "M1", datetime.date(2026, 3, 1))
    assert read["settled_at"] == datetime.datetime.fromisoformat("2026-03-01 10:20:30")
    assert (read["total"], read["in_policy"]) == (Decimal("100.00"), Decimal("84.50"))
    assert (read["med_type"], read["urgency"], read["account_use"], read["pay_from"]) == ("11", "0", None, "none")
    assert (read["reversal"], read["reverses"]) == (False, None)


def test_visit_whose_parts_do_not_add_up_is_refused():
    assert reasons(SHEETS["visits"], **VISIT | {"inscp_scp_amt": "84.51"}) == {
        "total": "The total cost is 100.00; its four parts add up to 100.01."
    }


def test_visit_settled_before_it_took_place_is_refused():
    assert reasons(SHEETS["visits"], **VISIT | {"就诊日期": "2026-03-02"}) == {
        "settled_at": "The visit was settled before it took place."
    }


def test_reversal_is_negative_and_names_its_visit():
    back = VISIT | {
        name: f"-{VISIT[name]}" for name in ("medfee_sumamt", "fulamt_ownpay_amt", "preselfpay_amt", "inscp_scp_amt")
    }
    read = values(SHEETS["visits"], **back, refd_setl_flag="1", 原结算ID="S0")
    assert (read["reversal"], read["reverses"], read["total"]) == (True, "S0", Decimal("-100.00"))
    assert reasons(SHEETS["visits"], **back, refd_setl_flag="1") == {
        "reverses": "A reversal names the settlement that it reverses."
    }
    assert reasons(SHEETS["visits"], **back) == {"total": "The amount is negative."}
    assert reasons(SHEETS["visits"], **VISIT, refd_setl_flag="1", 原结算ID="S0") == {
        "total": "The amounts of a reversal are negative."
    }
    assert reasons(SHEETS["visits"], **VISIT, 原结算ID="S0") == {
        "reverses": "Only a reversal names a settlement that it reverses."
    }


def test_opening_use_is_read():
    read = values(SHEETS["opening"], 证件号码=ZHANG, 年度="2026", 统筹已支付="1,660.00")
    assert (read["year"], read["fund"], read["deductible"]) == (2026, Decimal("1660.00"), Decimal("0.00"))
