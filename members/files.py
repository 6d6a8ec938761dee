"""Rosters of people: employers, members, changes, contributions, benefit periods, suspensions, relatives."""

from __future__ import annotations

from typing import Any

from bureau.files import Column, Refused, Sheet
from bureau.files.cells import (
    area_code,
    choice,
    code,
    document_number,
    money,
    person_name,
    phone,
    text,
    yes_no,
)
from bureau.files.days import ENROLLED, LASTING, LIFE, OF_AGE, PAST, PLANNED, date_, end_date, month_
from bureau.files.problems import noop as _
from bureau.files.shared import (
    AREA_HEADINGS,
    NUMBER_HEADINGS,
    document,
    document_columns,
    document_kind,
    in_order,
    scheme_column,
)
from bureau.identifiers.identity import IDENTITY_CARD, birth_and_sex, states_birth
from members.insured import (
    class_after_change,
    class_of_member,
    person_class,
    person_type,
    plan,
    way,
    way_of_being_insured,
)

sex = choice({"1": ("男", "男性"), "2": ("女", "女性"), "9": ("未说明性别",), "0": ("未知", "未知的性别")})

relation = choice(
    {
        "spouse": ("配偶", "丈夫", "妻子", "夫妻"),
        "parent": ("父母", "父亲", "母亲"),
        "child": ("子女", "儿子", "女儿"),
        "sibling": ("兄弟姐妹", "兄、弟、姐、妹", "兄弟", "姐妹", "哥哥", "弟弟", "姐姐", "妹妹"),
        "grandparent": (
            "祖父母",
            "外祖父母",
            "祖父母或外祖父母",
            "祖父",
            "祖母",
            "外祖父",
            "外祖母",
            "maternal_grandparent",
        ),
        "grandchild": (
            "孙子女",
            "外孙子女",
            "孙子、孙女，或外孙子、外孙女",
            "孙子",
            "孙女",
            "外孙子",
            "外孙女",
            "外孙",
        ),
        "other": ("其他", "其他亲属"),
    }
)


def _birth_and_sex(values: dict[str, Any]) -> None:
    """An identity number states both; what the roster says besides must agree."""
    number = values["document_number"]
    if not number or not states_birth(values["document_kind"], number):
        return
    birth, sex_ = birth_and_sex(number)
    if values["birth"] not in (None, birth):
        raise Refused(
            "birth_differs",
            _("The identity number says %(birth)s; the date of birth differs."),
            field="birth",
            birth=birth.isoformat(),
        )
    if values["sex"] in ("1", "2") and values["sex"] != sex_:
        raise Refused("sex_differs", _("The identity number says another sex."), field="sex")
    values["birth"], values["sex"] = birth, sex_


MEMBERS = Sheet(
    columns=(
        Column("number", "人员编号", code(40), ("个人编号", "psn_no")),
        Column("name", "姓名", person_name, ("人员姓名", "psn_name"), required=True),
        *document_columns(),
        Column("sex", "性别", sex, ("gend",)),
        Column("birth", "出生日期", date_, ("出生年月日", "brdy"), days=LIFE),
        Column("employer_code", "单位编号", code(40), ("参保单位编号", "单位编码", "emp_no")),
        Column("employer_name", "单位名称", text(200), ("参保单位", "参保单位.名称", "emp_name")),
        scheme_column(),
        Column("person_type", "人员类别", person_type, ("psn_type",), required=True),
        Column(
            "status",
            "参保状态",
            choice(
                {
                    "1": ("正常参保", "参保", "正常", "参保缴费"),
                    "0": ("未参保",),
                    "2": ("暂停参保", "暂停"),
                    "3": ("无效参保",),
                    "4": ("终止参保", "终止"),
                }
            ),
            ("人员参保状态", "psn_insu_stas"),
            default="1",
        ),
        Column(
            "starts_on",
            "本次参保日期",
            date_,
            ("参保日期", "个人参保日期", "psn_insu_date", "begndate"),
            required=True,
            days=ENROLLED,
        ),
        Column(
            "ends_on",
            "终止日期",
            end_date,
            ("参保终止日期", "参保结束日期", "个人参保终止日期", "enddate"),
            days=LASTING,
        ),
        Column("first_month", "首次参保年月", month_, ("首次参保日期", "fst_insu_ym"), days=ENROLLED),
        Column(
            "area",
            "参保所属医保区划",
            area_code,
            AREA_HEADINGS,
            required=True,
        ),
        Column("phone", "联系电话", phone, ("手机号", "手机号码", "电话", "tel")),
        Column("person_class", "待遇人员类别", person_class),
        Column("plan", "参保档次", plan, ("档次", "参保方案", "参保方案.名称")),
        Column("way", "参保方式", way, ("统账类型", "统账方式", "建账类型", "建账方式")),
        Column("pooled_only", "是否单建统筹", yes_no, ("单建统筹", "单建统筹标志")),
        Column("with_account", "是否统账结合", yes_no, ("统账结合", "统账结合标志")),
        Column(
            "large_claims", "大额互助参保", yes_no, ("大额互助", "大额医疗互助", "大额医疗费用补助", "是否参加大额互助")
        ),
        Column("by_hand_elsewhere", "市外手工报销", yes_no, ("特病未开通跨省直接结算", "特病未开通跨省结算")),
        Column(
            "reached_age_on",
            "达到法定退休年龄日期",
            date_,
            ("法定退休年龄日期", "到龄日期", "到达退休年龄日期"),
            days=OF_AGE,
        ),
        Column("paid_on", "首次缴费日期", date_, ("缴费日期", "首次到账日期"), days=PAST),
    ),
    checks=(document(), _birth_and_sex, way_of_being_insured, class_of_member, in_order()),
    key=("document_kind", "document_number", "starts_on"),
)


CHANGES = Sheet(
    columns=(
        Column("number", "人员编号", code(40), ("个人编号", "psn_no")),
        Column("name", "姓名", person_name, ("psn_name",)),
        *document_columns(),
        Column(
            "kind",
            "变更类型",
            choice(
                {
                    "stop": ("停保", "22", "减员", "减少", "终止参保", "暂停参保"),
                    "resume": ("续保", "12", "增员", "增加", "恢复参保"),
                    "class_change": ("人员类别变更", "类别变更"),
                    "plan_change": ("参保档次变更", "档次变更", "大额互助变更", "市外手工报销变更"),
                    "retirement": ("退休", "在职转退休"),
                    "death": ("死亡",),
                }
            ),
            ("变动类型", "增减类型"),
            required=True,
        ),
        Column("changed_on", "变更日期", date_, ("变动日期", "生效日期"), required=True, days=PLANNED),
        Column("reason", "变更原因", text(200), ("变动原因",)),
        scheme_column(required=False),
        Column("person_class", "变更后人员类别", person_class, ("变更后待遇人员类别",)),
        Column("plan", "变更后参保档次", plan, ("变更后档次",)),
        Column("way", "变更后参保方式", way, ("变更后统账类型",)),
        Column("large_claims", "变更后大额互助参保", yes_no, ("变更后大额互助",)),
        Column("by_hand_elsewhere", "变更后市外手工报销", yes_no),
        Column("employer_code", "单位编号", code(40), ("emp_no",)),
        Column("base", "缴费工资", money(), ("缴费基数",)),
    ),
    checks=(document(), way_of_being_insured, class_after_change),
    key=("document_kind", "document_number", "kind", "changed_on"),
)

CONTRIBUTIONS = Sheet(
    columns=(
        Column("number", "人员编号", code(40), ("个人编号", "psn_no")),
        Column("name", "姓名", person_name, ("psn_name",)),
        *document_columns(),
        Column("month", "费款所属期", month_, ("费款所属日期起", "所属期", "缴费月份"), required=True, days=PLANNED),
        scheme_column(),
        Column("base", "缴费基数", money(), ("人员缴费基数", "个人缴费基数", "缴费工资", "本人工资"), required=True),
        Column("employer_amount", "单位缴费金额", money(), ("单位缴费",), required=True),
        Column("own_amount", "个人缴费金额", money(), ("个人缴费",), required=True),
        Column(
            "kind",
            "缴费类型",
            choice(
                {
                    "normal": ("正常缴费", "正常"),
                    "back": ("补缴", "补缴欠费"),
                    "difference": ("补差", "基数补差"),
                }
            ),
            ("缴费性质",),
            default="normal",
        ),
        Column(
            "paid_on",
            "入国库时间",
            date_,
            ("入库时间", "入库日期", "到账日期", "到账时间"),
            required=True,
            days=PAST,
        ),
    ),
    checks=(document(),),
    key=("document_kind", "document_number", "month", "scheme", "kind", "paid_on"),
)

def _another_person(values: dict[str, Any]) -> None:
    if values["document_number"] and (values["document_kind"], values["document_number"]) == (
        values["relative_document_kind"],
        values["relative_document_number"],
    ):
        raise Refused("own_relative", _("A person is not a relative of their own."), field="relative_document_number")


IN_FORCE = choice({
    True: ("有效", "1", "正常", "生效"),
    False: ("无效", "0", "撤销", "已撤销", "作废", "终止", "解除"),
})  # fmt: skip


def _withdrawn_with_last_day(values: dict[str, Any]) -> None:
    """What the roster calls no longer valid must say until when it was."""
    if values["in_force"] is False and values["ends_on"] is None:
        raise Refused(
            "withdrawn", _("The registration is no longer valid; give the last day on which it was."), field="ends_on"
        )


RELATIVES = Sheet(
    columns=(
        Column("name", "主账户人姓名", person_name, ("授权人姓名", "出资人姓名"), required=True),
        Column("document_kind", "主账户人证件类型", document_kind, default=IDENTITY_CARD),
        Column(
            "document_number",
            "主账户人证件号码",
            document_number,
            (*("主账户人" + heading for heading in NUMBER_HEADINGS), "授权人证件号码", "出资人证件号码"),
            required=True,
        ),
        Column("relative_name", "成员姓名", person_name, ("家庭成员姓名", "被授权人姓名"), required=True),
        Column(
            "relative_document_kind",
            "成员证件类型",
            document_kind,
            ("家庭成员证件类型",),
            default=IDENTITY_CARD,
        ),
        Column(
            "relative_document_number",
            "成员证件号码",
            document_number,
            ("家庭成员证件号码", "被授权人证件号码", "成员身份证号"),
            required=True,
        ),
        Column("relation", "与主账户人关系", relation, ("关系", "与授权人关系"), required=True),
        Column("starts_on", "授权开始日期", date_, ("开始日期", "begndate"), required=True, days=PLANNED),
        Column("ends_on", "授权结束日期", end_date, ("结束日期", "enddate"), days=LASTING),
        Column("in_force", "状态", IN_FORCE, ("授权状态", "备案状态", "有效标志")),
    ),
    checks=(
        document(),
        document("relative_document_kind", "relative_document_number"),
        _another_person,
        _withdrawn_with_last_day,
        in_order(),
    ),
    key=(
        "document_kind",
        "document_number",
        "relative_document_kind",
        "relative_document_number",
        "starts_on",
    ),
)
