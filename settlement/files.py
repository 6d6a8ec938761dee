"""Rosters of settlement: visits settled at institutions, and what an old system had counted before."""

from __future__ import annotations

import re
import unicodedata
from decimal import Decimal
from typing import Any

from bureau.files import Column, Refused, Sheet
from bureau.files.cells import (
    choice,
    code,
    institution_code,
    integer,
    money,
    person_name,
    text,
    yes_no,
)
from bureau.files.days import PAST, date_, moment, month_
from bureau.files.problems import noop as _
from bureau.files.shared import document, document_columns, institution_column, scheme_column

# med_type of the national dictionary, as far as it is outpatient care.
med_type = choice(
    {
        "11": ("普通门诊", "门诊"),
        "1103": ("癌症筛查",),
        "13": ("急诊",),
        "1301": ("急诊抢救",),
        "14": ("门诊慢特病",),
        "18": ("特药购药",),
        "41": ("定点药店购药", "药店购药"),
        "51": ("生育门诊",),
        "9901": ("门诊两病",),
        "990101": ("门诊单病种",),
        "990103": ("新冠病毒核酸检测",),
        "9903": ("意外伤害门诊",),
        "9904": ("大病特药",),
    }
)

ELECTRONIC = 20  # digits of a fully electronic invoice, whose number says who issued it
_INVOICE_CODE = re.compile(r"[0-9A-Z]{6,20}", re.ASCII)
_INVOICE_NUMBER = re.compile(r"[0-9A-Z]{4,30}", re.ASCII)


def invoice_number(code: str, number: str) -> tuple[str, str]:
    """An invoice as somebody wrote it, read so that it is always written one way: full-width made ASCII, upper case,
    without blanks and dashes. A fully electronic invoice has 20 digits and no code; any other has both.
    """
    code, number = _plain(code), _plain(number)
    if not _INVOICE_NUMBER.fullmatch(number):
        message = _("“%(number)s” is not the number of an invoice: 4 to 30 digits or letters.")
        raise Refused("invoice", message, field="invoice", number=number)
    if len(number) == ELECTRONIC and number.isdigit():
        if code:
            message = _("Invoice %(number)s is fully electronic: it has 20 digits and no code.")
            raise Refused("invoice_code", message, field="invoice_code", number=number)
    elif not _INVOICE_CODE.fullmatch(code):
        message = _("Invoice %(number)s: write the code of the issuing body before the number, 6 to 20 digits.")
        raise Refused("invoice_code", message, field="invoice_code", number=number)
    return code, number


def _plain(written: str) -> str:
    return re.sub(r"[\s\-‐-―−]+", "", unicodedata.normalize("NFKC", written)).upper()


_amount = money(negative=True)
_ZERO = Decimal("0.00")
_PARTS = ("own_expense", "over_limit", "first_self", "in_policy")


def _adds_up(values: dict[str, Any]) -> None:
    """medfee_sumamt = fulamt_ownpay_amt + overlmt_selfpay + preselfpay_amt + inscp_scp_amt."""
    if any(values[name] is None for name in ("total", *_PARTS)):
        return
    parts = sum((values[name] for name in _PARTS), _ZERO)
    if parts != values["total"]:
        raise Refused(
            "amounts",
            _("The total cost is %(total)s; its four parts add up to %(parts)s."),
            field="total",
            total=values["total"],
            parts=parts,
        )


def _sign(values: dict[str, Any]) -> None:
    """A reversal is the exact negative of the visit it names; any other visit has no negative amount."""
    for name in ("total", *_PARTS, "general_fee", "consultation_fee", "other_funds"):
        amount = values[name]
        if amount is None:
            continue
        if values["reversal"] and amount > 0:
            raise Refused("sign", _("The amounts of a reversal are negative."), field=name)
        if not values["reversal"] and amount < 0:
            raise Refused("negative", _("The amount is negative."), field=name)


def _reversed_visit(values: dict[str, Any]) -> None:
    if values["reversal"] and values["reverses"] is None:
        raise Refused("reverses", _("A reversal names the settlement that it reverses."), field="reverses")
    if not values["reversal"] and values["reverses"] is not None:
        raise Refused("not_a_reversal", _("Only a reversal names a settlement that it reverses."), field="reverses")


def _settled_after_care(values: dict[str, Any]) -> None:
    if values["care_on"] and values["settled_at"] and values["settled_at"].date() < values["care_on"]:
        raise Refused("order", _("The visit was settled before it took place."), field="settled_at")


def _invoice(values: dict[str, Any]) -> None:
    """Write the invoice one way, where the file has one. A reversal frees that of its visit and brings none."""
    if not values["reversal"] and (values["invoice"] or values["invoice_code"]):
        code, number = invoice_number(values["invoice_code"] or "", values["invoice"] or "")
        values["invoice_code"], values["invoice"] = code, number


VISITS = Sheet(
    columns=(
        Column("key", "结算ID", code(60), ("结算流水号", "流水号", "结算编号", "setl_id"), required=True),
        Column("encounter", "就诊登记号", code(60), ("就诊ID", "就诊编号", "mdtrt_id"), required=True),
        Column("name", "姓名", person_name, ("就诊人", "psn_name")),
        *document_columns(),
        institution_column(),
        Column("care_on", "就诊日期", date_, ("就诊时间", "begndate"), required=True, days=PAST),
        Column("settled_at", "结算时间", moment, ("结算日期", "setl_time"), required=True, days=PAST),
        Column("med_type", "医疗类别", med_type, ("med_type",), default="11"),
        Column(
            "urgency",
            "门诊急诊转诊标志",
            choice(
                {
                    "0": ("否", "普通"),
                    "1": ("急诊",),
                    "2": ("转诊",),
                    "3": ("转诊合并急诊",),
                }
            ),
            ("急诊转诊标志", "otp_er_refl_flag"),
            default="0",
        ),
        Column("prescriber", "处方机构编码", institution_code, ("处方机构", "开方机构编码")),
        Column("prescription_encounter", "处方就诊登记号", code(60), ("处方就诊号",)),
        Column(
            "credential",
            "就诊凭证类型",
            choice(
                {
                    "01": ("医保电子凭证", "电子凭证"),
                    "02": ("居民身份证", "身份证"),
                    "03": ("社会保障卡", "社保卡"),
                }
            ),
            ("mdtrt_cert_type",),
            required=True,
        ),
        Column("total", "医疗费总额", _amount, ("医疗费用总额", "总费用", "medfee_sumamt"), required=True),
        Column("own_expense", "全自费金额", _amount, ("全自费", "fulamt_ownpay_amt"), default=_ZERO),
        Column("over_limit", "超限价自费金额", _amount, ("超限价", "overlmt_selfpay"), default=_ZERO),
        Column("first_self", "先行自付金额", _amount, ("先行自付", "preselfpay_amt"), default=_ZERO),
        Column(
            "in_policy",
            "符合范围金额",
            _amount,
            ("符合政策范围金额", "政策范围内费用", "inscp_scp_amt"),
            required=True,
        ),
        Column("general_fee", "一般诊疗费", _amount, default=_ZERO),
        Column("consultation_fee", "定额报销诊察费", _amount, ("门诊诊察费", "诊察费"), default=_ZERO),
        Column("other_funds", "其他基金支付", _amount, ("其他基金已支付", "特病基金支付", "oth_pay"), default=_ZERO),
        Column(
            "account_use",
            "个人账户使用标志",
            choice(
                {
                    "0": ("不使用", "否"),
                    "1": ("使用本人个账", "使用本人账户", "是"),
                    "2": ("使用共济人个账", "使用共济账户"),
                }
            ),
            ("账户使用", "账户使用标志", "acct_used_flag"),
            default="0",
        ),
        Column(
            "reversal",
            "退费结算标志",
            yes_no,
            ("退费标志", "refd_setl_flag"),
            default=False,
        ),
        Column("reverses", "原结算ID", code(60), ("原结算流水号", "init_setl_id")),
        Column("invoice_code", "票据代码", text(40), ("发票代码", "电子票据代码")),
        Column("invoice", "票据号码", text(40), ("发票号码", "发票号", "电子票据号码", "invono")),
    ),
    checks=(document(), _adds_up, _sign, _reversed_visit, _settled_after_care, _invoice),
    key=("institution", "key"),
)


def _fixed_within(values: dict[str, Any]) -> None:
    if values["fund"] is not None and values["fixed"] is not None and values["fixed"] > values["fund"]:
        raise Refused(
            "amounts", _("The fixed fees are part of what the fund paid; they are more than it."), field="fixed"
        )


def _month_of_year(values: dict[str, Any]) -> None:
    if values["month"] is not None and values["year"] not in (None, values["month"].year):
        raise Refused("month", _("The month lies in another year."), field="month")


OPENING = Sheet(
    columns=(
        Column("name", "姓名", person_name, ("psn_name",)),
        *document_columns(),
        scheme_column(required=False),
        Column("year", "年度", integer(2000, 2100), ("结算年度",), required=True),
        Column("month", "月份", month_, ("所属月份", "结算月份"), days=PAST),
        Column("fund", "统筹已支付", money(), ("统筹累计支付", "已支付金额"), required=True),
        Column("fixed", "其中定额报销", money(), ("不计入限额",), default=_ZERO),
        Column("deductible", "起付已累计", money(), ("起付线累计",), default=_ZERO),
    ),
    checks=(document(), _fixed_within, _month_of_year),
    key=("document_kind", "document_number", "scheme", "year", "month"),
)

# What a fund paid a member outside ordinary outpatient care, in hospital say; taken back with a negative amount.
OTHER_USES = Sheet(
    columns=(
        Column("number", "结算ID", code(60), ("结算流水号", "setl_id"), required=True),
        Column("name", "姓名", person_name, ("psn_name",)),
        *document_columns(),
        scheme_column(required=False),
        Column(
            "fund",
            "基金类别",
            choice(
                {
                    "employees_pool": ("统筹基金", "职工统筹基金", "310100", "310102"),
                    "large_claims": ("大额互助", "大额基金", "大额医疗费用补助基金", "330100"),
                    "residents_outpatient": ("居民门诊统筹基金", "390102"),
                }
            ),
            ("基金支付类型", "fund_pay_type"),
            default="employees_pool",
        ),
        Column("paid_on", "就诊日期", date_, ("出院日期", "结算日期", "setl_time"), required=True, days=PAST),
        Column("amount", "基金支付金额", _amount, ("统筹支付", "支付金额", "fund_payamt"), required=True),
    ),
    checks=(document(),),
    key=("document_kind", "document_number", "fund", "number"),
)
