"""Visits settled at institutions: every line answered by a visit or by a reason, the desk's own way.

A visit never changes. What the roster exports comes in again as known. Some columns are only read: which accounts were
to pay (个人账户使用标志) and the encounter of a prescription, which a visit keeps as its own. Of 医疗类别 and
门诊急诊转诊标志 the export says what decided.
"""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from django.db import models
from django.db.models import ExpressionWrapper, F, OuterRef, Q, QuerySet, Subquery
from django.db.models.expressions import RawSQL
from django.utils.translation import gettext_lazy
from django.utils.translation import gettext_noop as _

from accounts.services.ledger import MONTH_CLOSED
from bureau.files import Refused, cells
from bureau.files.days import PAST, date_, moment
from bureau.rosters.columns import Column
from bureau.rosters.shared import institution_column
from bureau.rosters.staging import STAGED, Batch
from members.rosters import PersonRoster
from members.services.matching import match_members
from settlement.invoice_numbers import invoice_number
from settlement.models import Invoice, Visit
from settlement.services.rosters.visits import settle_staged

# med_type of the national dictionary, as far as it is outpatient care.
MED_TYPES = cells.choice(
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
PHARMACY = "41"
EMERGENCIES = {"13", "1301"}
OF_OTHER_FUNDS = {"14", "18", "9901", "9904"}  # chronic diseases, the two common ones, negotiated and special drugs
PAY_FROM = {"0": "none", "1": "own", "2": "family"}

# SQL over a visit: the codes from which it follows, as far as they decided.
_MED_TYPE = """CASE WHEN {v}.channel = 'prescription' THEN '41'
                    WHEN {v}.other_funds = 0 AND {v}.other_remainder <> 0 THEN '14'
                    WHEN {v}.channel = 'emergency' THEN '13' ELSE '11' END"""
_URGENCY = "CASE WHEN {v}.channel = 'emergency' THEN '1' ELSE '0' END"


def _coded(sql: str) -> RawSQL:
    return RawSQL(sql.format(v=Visit._meta.db_table), [], output_field=models.TextField())


def _invoice_of(name: str) -> Subquery:
    return Subquery(Invoice.objects.filter(visit=OuterRef("pk")).order_by("pk").values(name)[:1])


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


def _channel(values: dict[str, Any]) -> str:
    # A purchase without a prescription is an ordinary one: the fund refuses it, the account may pay.
    if values["med_type"] == PHARMACY:
        return Visit.Channel.PRESCRIPTION if values["prescriber"] else Visit.Channel.ORDINARY
    if values["med_type"] in EMERGENCIES or values["urgency"] in ("1", "3"):
        return Visit.Channel.EMERGENCY
    return Visit.Channel.ORDINARY


def _left_by_other_funds(values: dict[str, Any]) -> Decimal:
    """What is left of a bill that other funds have paid, or whose kind is theirs, after its fees."""
    if not values["other_funds"] and values["med_type"] not in OF_OTHER_FUNDS:
        return _ZERO
    left = values["in_policy"] - values["other_funds"] - values["general_fee"] - values["consultation_fee"]
    return max(left, _ZERO)


def _as_settled(values: dict[str, Any]) -> None:
    """What a bill's codes come to, where all its amounts could be read."""
    if any(values[name] is None for name in ("in_policy", "other_funds", "general_fee", "consultation_fee")):
        return
    channel = values["channel"] = _channel(values)
    values["other_remainder"] = _left_by_other_funds(values)
    values["pay_from"] = PAY_FROM[values["account_use"] or "0"]
    written = channel == Visit.Channel.PRESCRIPTION and values["prescription_encounter"]
    values["settled_encounter"] = written or values["encounter"]


def _amount(header: str, name: str, *synonyms: str, **more: Any) -> Column:
    """An amount that a reversal takes back whole; nothing where it is left out."""
    default = None if more.get("required") else _ZERO
    return Column(header, cells.money(negative=True), synonyms, attribute=name, default=default, **more)


class Visits(PersonRoster):
    key = Column(
        "结算ID",
        cells.code(60),
        ("结算流水号", "流水号", "结算编号", "setl_id"),
        attribute="key",
        required=True,
    )
    encounter = Column(
        "就诊登记号", cells.code(60), ("就诊ID", "就诊编号", "mdtrt_id"), attribute="encounter", required=True
    )
    institution = institution_column()
    care_on = Column("就诊日期", date_, ("就诊时间", "begndate"), attribute="care_on", required=True, days=PAST)
    settled_at = Column(
        "结算时间",
        moment,
        ("结算日期", "setl_time"),
        required=True,
        days=PAST,
        shows=F("settled_on"),
        sql="timestamp",
    )
    med_type = Column("医疗类别", MED_TYPES, ("med_type",), default="11", shows=_coded(_MED_TYPE), sql="text")
    urgency = Column(
        "门诊急诊转诊标志",
        cells.choice(
            {
                "0": ("否", "普通"),
                "1": ("急诊",),
                "2": ("转诊",),
                "3": ("转诊合并急诊",),
            }
        ),
        ("急诊转诊标志", "otp_er_refl_flag"),
        default="0",
        shows=_coded(_URGENCY),
        sql="text",
    )
    prescriber = institution_column(
        "处方机构编码", ("处方机构", "开方机构编码"), attribute="prescriber__code", required=False
    )
    prescription_encounter = Column("处方就诊登记号", cells.code(60), ("处方就诊号",))
    credential = Column(
        "就诊凭证类型",
        cells.choice(
            {
                "01": ("医保电子凭证", "电子凭证"),
                "02": ("居民身份证", "身份证"),
                "03": ("社会保障卡", "社保卡"),
            }
        ),
        ("mdtrt_cert_type",),
        attribute="credential",
        required=True,
    )
    total = _amount("医疗费总额", "total", "医疗费用总额", "总费用", "medfee_sumamt", required=True)
    own_expense = _amount("全自费金额", "own_expense", "全自费", "fulamt_ownpay_amt")
    over_limit = _amount("超限价自费金额", "over_limit", "超限价", "overlmt_selfpay")
    first_self = _amount("先行自付金额", "first_self", "先行自付", "preselfpay_amt")
    in_policy = _amount(
        "符合范围金额", "in_policy", "符合政策范围金额", "政策范围内费用", "inscp_scp_amt", required=True
    )
    general_fee = _amount("一般诊疗费", "general_fee")
    consultation_fee = _amount("定额报销诊察费", "consultation_fee", "门诊诊察费", "诊察费")
    other_funds = _amount("其他基金支付", "other_funds", "其他基金已支付", "特病基金支付", "oth_pay")
    account_use = Column(
        "个人账户使用标志",
        cells.choice(
            {
                "0": ("不使用", "否"),
                "1": ("使用本人个账", "使用本人账户", "是"),
                "2": ("使用共济人个账", "使用共济账户"),
            }
        ),
        ("账户使用", "账户使用标志", "acct_used_flag"),
        sql="text",
    )
    reversal = Column(
        "退费结算标志",
        cells.yes_no,
        ("退费标志", "refd_setl_flag"),
        default=False,
        shows=ExpressionWrapper(Q(reverses__isnull=False), output_field=models.BooleanField()),
    )
    reverses = Column("原结算ID", cells.code(60), ("原结算流水号", "init_setl_id"), attribute="reverses__key")
    invoice_code = Column(
        "票据代码", cells.text(40), ("发票代码", "电子票据代码"), shows=_invoice_of("code"), sql="text"
    )
    invoice = Column(
        "票据号码",
        cells.text(40),
        ("发票号码", "发票号", "电子票据号码", "invono"),
        shows=_invoice_of("number"),
        sql="text",
    )

    checks = (
        *PersonRoster.checks,
        _adds_up,
        _sign,
        _reversed_visit,
        _settled_after_care,
        _invoice,
        _as_settled,
    )

    class Meta:
        model = Visit
        roster = "visits"
        label = gettext_lazy("Visits")
        key = ("institution", "key")
        once = ("institution", "key")
        derived = {
            "channel": "text",
            "pay_from": "text",
            "other_remainder": "numeric(16,2)",
            "settled_encounter": "text",
        }
        scratch = {"family": "bigint"}

    @property
    def models(self) -> tuple[type[models.Model], ...]:
        """Nothing that could be undone."""
        return ()

    def get_queryset(self) -> QuerySet:
        """What a claim by hand was settled by is no institution's."""
        return super().get_queryset().exclude(payee__isnull=True)

    def find(self, batch: Batch) -> None:
        match_members(batch, strangers=True)
        for column in ("institution", "prescriber"):
            batch.run(
                f"UPDATE {STAGED} s SET {column}_id = i.id FROM institutions_institution i WHERE i.code = s.{column}"
            )
            batch.refuse(
                column,
                _("No institution is recorded with the code %(code)s."),
                f"s.{column} IS NOT NULL AND s.{column}_id IS NULL",
                places={"code": f"s.{column}"},
            )
        batch.run(
            f"""UPDATE {STAGED} s SET reverses_id = v.id FROM settlement_visit v
                WHERE s.reverses IS NOT NULL AND v.institution_id = s.institution_id AND v.key = s.reverses"""
        )

    def agrees(self) -> str:
        """SQL: the bill as the export writes it, without a word on accounts; other lines ask the visit's receipt."""
        return f"""
            s.account_use IS NULL AND s.med_type = {_MED_TYPE.format(v="t")} AND s.urgency = {_URGENCY.format(v="t")}
            AND (s.reverses_id IS NOT NULL OR COALESCE(
                (SELECT (i.code, i.number) = (COALESCE(s.invoice_code, ''), COALESCE(s.invoice, ''))
                   FROM settlement_invoice i WHERE i.visit_id = t.id ORDER BY i.id LIMIT 1), s.invoice IS NULL))
            """

    def refusals(self, batch: Batch) -> None:
        batch.refuse("settled_at", _("The time of settlement lies in the future."), "s.settled_at::date > %(today)s")
        batch.refuse(
            "settled_at",
            MONTH_CLOSED,
            "s.record_id IS NULL AND c.area_id = %(area)s AND c.month = date_trunc('month', s.settled_at)",
            using="accounts_closedmonth c",
            places={"month": "to_char(c.month, 'YYYY-MM')"},
        )

    def write(self, batch: Batch) -> None:
        settle_staged(batch)
