"""Rosters of places: institutions, selections, referrals, hospital stays, registrations elsewhere, scores."""

from __future__ import annotations

from typing import Any

from bureau.files import Column, Refused, Sheet
from bureau.files.cells import (
    Cell,
    area_code,
    bank_account,
    choice,
    half_width,
    institution_code,
    integer,
    person_name,
    score,
    shown,
    text,
)
from bureau.files.days import LASTING, PAST, PLANNED, date_, end_date
from bureau.files.problems import noop as _
from bureau.files.shared import (
    INSTITUTION_NAMES,
    document,
    document_columns,
    in_order,
    institution_column,
    scheme_column,
)

institution_kind = choice(
    {
        "hospital": (
            "医院", "综合医院", "中医医院", "中医院", "中西医结合医院", "专科医院", "妇幼保健院", "人民医院",
            "专科疾病防治院",
        ),
        "centre": (
            "基层医疗机构", "卫生院", "乡镇卫生院", "中心卫生院", "街道卫生院", "社区卫生服务中心",
        ),
        "station": ("村卫生站", "卫生站", "村卫生室", "村（居）卫生站", "社区卫生服务站"),
        "school_clinic": ("校医院", "校医室", "学校医务室", "高校医务室", "医务室"),
        "pharmacy": ("药店", "定点零售药店", "零售药店", "定点药店"),
    }
)  # fmt: skip

_GRADES = ("特等", "甲等", "乙等", "丙等", "无等", "未定等", "未评等")


def _graded(digit: str, *more: str) -> tuple[str, ...]:
    """A level with the grades that hospitals have within it."""
    short = tuple(f"{digit}{grade[0]}" for grade in _GRADES[:4])
    return (f"{digit}级", f"{digit}级医院", *(f"{digit}级{grade}" for grade in _GRADES), *short, *more)


# 协议结算等级; unrated institutions and village stations are 0.
level = choice(
    {
        0: ("未定级", "未评级", "无等级", "未定等级", "未评等级"),
        1: _graded("一", "一级及以下"),
        2: _graded("二"),
        3: _graded("三"),
    }
)
# 医院等级 (hosp_lv): the same labels, but numbers that count grades.
_LEVEL_OF_GRADE = {
    "1": 3, "2": 3, "3": 3, "4": 3, "5": 2, "6": 2, "7": 2, "8": 1, "9": 1, "10": 1, "11": 0, "12": 3, "13": 2, "14": 1,
}  # fmt: skip


def hospital_level(cell: Cell) -> int:
    """The level of a hospital by the national code of its grade, or by a label."""
    number = half_width(shown(cell)).lstrip("0")
    return _LEVEL_OF_GRADE[number] if number in _LEVEL_OF_GRADE else level(cell)


_year = integer(2000, 2100)


def _kind_of_institution(values: dict[str, Any]) -> None:
    kind, number = values["kind"], values["code"]
    if kind is None or number is None:
        return
    if (kind == "pharmacy") != number.startswith("P"):
        raise Refused("code_of_other_kind", _("Codes of pharmacies begin with P, all others with H."), field="code")
    if kind == "station" and values["parent"] is None:
        raise Refused(
            "parent",
            _("A village station belongs to a primary-care centre: name its parent."),
            field="parent",
        )
    if values["level"] is None:
        values["level"] = values["hospital_level"]
    if values["level"] is None:
        if kind in ("hospital", "centre"):
            raise Refused("required", _("The cell is empty."), field="level")
        values["level"] = 0


def _county_of_area(values: dict[str, Any]) -> None:
    if values["area"] and values["county"] is None:
        raise Refused("county", _("Name the county agency that pays this institution."), field="county")


INSTITUTIONS = Sheet(
    columns=(
        institution_column("code", "机构编码"),
        Column("name", "机构名称", text(120), INSTITUTION_NAMES, required=True),
        Column("kind", "机构类型", institution_kind, ("机构类别",), required=True),
        Column("area", "统筹区", area_code, ("统筹区编码", "医保区划", "admdvs")),
        Column("county", "经办区县", area_code, ("经办机构区划", "经办区划")),
        Column("parent", "上级机构编码", institution_code, ("上级机构", "所属机构编码")),
        Column("level", "结算等级", level, ("协议结算等级", "医保结算等级", "hi_setl_lv")),
        Column("hospital_level", "医院等级", hospital_level, ("医院级别", "医疗机构等级", "机构等级", "hosp_lv")),
        Column("starts_on", "协议开始", date_, ("协议开始日期", "begndate"), required=True, days=PLANNED),
        Column("ends_on", "协议结束", end_date, ("协议结束日期", "enddate"), days=LASTING),
        Column("bank_name", "开户行", text(100), ("开户银行",)),
        Column("bank_account", "银行账号", bank_account, ("账号", "银行账户")),
        Column("account_name", "户名", text(120), ("账户名称", "开户名")),
    ),
    checks=(_kind_of_institution, _county_of_area, in_order()),
    key=("code", "starts_on"),
)


def _year_of_selection(values: dict[str, Any]) -> None:
    """National lists give the first day instead of the year."""
    if values["year"] is None and values["starts_on"] is not None:
        values["year"] = values["starts_on"].year
    if values["year"] is None:
        raise Refused("required", _("The cell is empty."), field="year")


SELECTIONS = Sheet(
    columns=(
        Column("name", "姓名", person_name, ("psn_name",)),
        *document_columns(),
        institution_column("institution", "医院编码"),
        Column("institution_name", "医院名称", text(120), INSTITUTION_NAMES),
        Column("year", "选点年度", _year, ("年度", "定点年度")),
        Column("requested_on", "申请时间", date_, ("申请日期", "选点日期"), required=True, days=PAST),
        Column("starts_on", "定点开始时间", date_, ("生效日期", "begndate"), days=PLANNED),
        scheme_column(required=False),
        Column(
            "role",
            "定点类别",
            choice({"primary": ("选定机构", "主点"), "station": ("卫生站",), "remote": ("异地医院", "异地")}),
            default="primary",
        ),
        Column(
            "route",
            "改点类型",
            choice(
                {
                    "window": ("集中选点", "年度选点"),
                    "in_year": ("年内选点", "首次选点", "补选"),
                    "change": ("改点", "变更", "年内变更"),
                }
            ),
            ("选点类型",),
        ),
        Column("reason", "变更原因", text(200), ("改点原因",)),
    ),
    checks=(document(), _year_of_selection),
    key=("document_kind", "document_number", "role", "year", "requested_on"),
)


def _to_another(values: dict[str, Any]) -> None:
    if values["from_institution"] and values["from_institution"] == values["to_institution"]:
        raise Refused("same_institution", _("A referral leads to another institution."), field="to_institution")


REFERRALS = Sheet(
    columns=(
        Column("name", "姓名", person_name, ("psn_name",)),
        *document_columns(),
        institution_column("from_institution", "转出机构编码", ("转出机构", "转出医院编码", "转出定点医药机构编号")),
        institution_column(
            "to_institution", "转入机构编码", ("转入机构", "转入医院编码", "转往定点医药机构编号", "reflin_medins_no")
        ),
        Column(
            "starts_on",
            "开始日期",
            date_,
            ("转诊日期", "转院日期", "refl_date", "begndate"),
            required=True,
            days=PLANNED,
        ),
        Column("ends_on", "有效期止", date_, ("结束日期", "有效期至", "enddate"), required=True, days=PLANNED),
        Column("reason", "转诊原因", text(200), ("原因",)),
    ),
    checks=(document(), _to_another, in_order()),
    key=("document_kind", "document_number", "to_institution", "starts_on"),
)

HOSPITAL_STAYS = Sheet(
    columns=(
        Column("name", "姓名", person_name, ("psn_name",)),
        *document_columns(),
        institution_column(required=False),
        Column("admitted_on", "入院日期", date_, ("入院时间", "adm_time"), required=True, days=PAST),
        Column("discharged_on", "出院日期", date_, ("出院时间", "dscg_time"), days=PAST),
    ),
    checks=(document(), in_order("admitted_on", "discharged_on")),
    key=("document_kind", "document_number", "admitted_on"),
)

OUT_OF_AREA = Sheet(
    columns=(
        Column("name", "姓名", person_name, ("psn_name",)),
        *document_columns(),
        Column(
            "kind",
            "备案类型",
            choice(
                {
                    "retired_resettled": ("异地安置退休人员", "异地安置退休", "异地安置"),
                    "long_term_resident": ("异地长期居住人员", "异地长期居住"),
                    "posted_worker": ("常驻异地工作人员", "常驻异地工作", "常驻异地"),
                    "temporary": ("临时外出就医人员", "临时外出就医"),
                }
            ),
            ("异地备案类型",),
            required=True,
        ),
        Column(
            "destination",
            "就医地区划",
            area_code,
            ("就医地", "就医地行政区划", "就医地医保区划", "mdtrtarea_admvs"),
            required=True,
        ),
        Column("starts_on", "开始日期", date_, ("备案开始日期", "begndate"), required=True, days=PLANNED),
        Column("ends_on", "结束日期", end_date, ("备案结束日期", "enddate"), days=LASTING),
    ),
    checks=(document(), in_order()),
    key=("document_kind", "document_number", "starts_on"),
)

ASSESSMENTS = Sheet(
    columns=(
        institution_column(),
        Column("institution_name", "机构名称", text(120), INSTITUTION_NAMES),
        Column("year", "年度", _year, ("考核年度",), required=True),
        Column("score", "得分", score, ("考核得分", "分数"), required=True),
        Column("document", "文号", text(200), ("文件",)),
    ),
    key=("institution", "year"),
)
