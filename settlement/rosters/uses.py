"""Opening figures: what an old system had counted, and what funds pay outside outpatient care."""

from decimal import Decimal
from typing import Any

from django.utils.translation import gettext_lazy
from django.utils.translation import gettext_noop as _

from bureau.files import Refused, cells
from bureau.files.days import PAST, date_, month_
from bureau.rosters.columns import Column
from bureau.rosters.shared import scheme_column
from bureau.rosters.staging import STAGED, Batch
from members.rosters import PersonRoster
from settlement.models import OpeningUse, OtherUse


def _find_schemes(batch: Batch, first: str, last: str) -> None:
    """Fill in the scheme of lines without one, from the enrolment on some days (SQL)."""
    batch.run(
        f"""
        UPDATE {STAGED} s SET scheme = e.scheme FROM members_enrolment e
        WHERE s.scheme IS NULL AND e.member_id = s.member_id AND e.area_id = %(area)s
          AND e.starts_on <= {last} AND COALESCE(e.ends_on, 'infinity') >= {first}
        """
    )
    batch.refuse(
        "scheme",
        _("The person was not enrolled in %(year)s; name the scheme."),
        "s.scheme IS NULL",
        places={"year": f"extract(year FROM {first})"},
    )


def _fixed_within(values: dict[str, Any]) -> None:
    if values["fund"] is not None and values["fixed"] is not None and values["fixed"] > values["fund"]:
        raise Refused(
            "amounts", _("The fixed fees are part of what the fund paid; they are more than it."), field="fixed"
        )


def _month_of_year(values: dict[str, Any]) -> None:
    if values["month"] is not None and values["year"] not in (None, values["month"].year):
        raise Refused("month", _("The month lies in another year."), field="month")


_ZERO = Decimal("0.00")
_RECORDED = _("For %(year)s %(fund)s is recorded already.")


class Opening(PersonRoster):
    """期初累计, of a year or of a month of it."""

    scheme = scheme_column(required=False)
    year = Column("年度", cells.integer(2000, 2100), ("结算年度",), attribute="year", required=True)
    month = Column("月份", month_, ("所属月份", "结算月份"), attribute="month", days=PAST)
    fund = Column(
        "统筹已支付",
        cells.money(),
        ("统筹累计支付", "已支付金额"),
        attribute="fund",
        required=True,
        differs=_RECORDED,
    )
    fixed = Column("其中定额报销", cells.money(), ("不计入限额",), attribute="fixed", default=_ZERO, differs=_RECORDED)
    deductible = Column(
        "起付已累计", cells.money(), ("起付线累计",), attribute="deductible", default=_ZERO, differs=_RECORDED
    )

    checks = (*PersonRoster.checks, _fixed_within, _month_of_year)

    class Meta:
        model = OpeningUse
        roster = "opening"
        label = gettext_lazy("Opening figures of a year")
        key = ("member", "scheme", "year", "month")
        once = ("person", "scheme", "year", "month")
        within_area = True

    def find(self, batch: Batch) -> None:
        super().find(batch)
        _find_schemes(batch, "make_date(s.year, 1, 1)", "make_date(s.year, 12, 31)")

    def refusals(self, batch: Batch) -> None:
        batch.refuse(
            "year",
            _("Visits of %(year)s are settled here already; what was counted before can no longer be changed."),
            """s.record_id IS NULL AND EXISTS (
                 SELECT FROM settlement_visit v WHERE v.member_id = s.member_id
                 AND v.area_id = %(area)s AND v.scheme = s.scheme
                 AND v.care_on BETWEEN make_date(s.year, 1, 1) AND make_date(s.year, 12, 31))""",
            places={"year": "s.year"},
        )


_ANOTHER_AMOUNT = _(
    "The settlement %(number)s is recorded with %(amount)s; send the difference under a number of its own."
)


class OtherUses(PersonRoster):
    """What a fund paid outside ordinary outpatient care, in hospital say; taken back with a negative amount."""

    number = Column("结算ID", cells.code(60), ("结算流水号", "setl_id"), attribute="number", required=True)
    scheme = scheme_column(required=False)
    fund = Column(
        "基金类别",
        cells.choice(
            {
                "employees_pool": ("统筹基金", "职工统筹基金", "310100", "310102"),
                "large_claims": ("大额互助", "大额基金", "大额医疗费用补助基金", "330100"),
                "residents_outpatient": ("居民门诊统筹基金", "390102"),
            }
        ),
        ("基金支付类型", "fund_pay_type"),
        attribute="fund",
        default="employees_pool",
    )
    paid_on = Column(
        "就诊日期",
        date_,
        ("出院日期", "结算日期", "setl_time"),
        attribute="paid_on",
        required=True,
        days=PAST,
        differs=_ANOTHER_AMOUNT,
    )
    amount = Column(
        "基金支付金额",
        cells.money(negative=True),
        ("统筹支付", "支付金额", "fund_payamt"),
        attribute="amount",
        required=True,
        differs=_ANOTHER_AMOUNT,
    )

    class Meta:
        model = OtherUse
        roster = "other_uses"
        label = gettext_lazy("Payments outside outpatient care")
        key = ("member", "fund", "number")
        once = ("person", "fund", "number")
        within_area = True

    def find(self, batch: Batch) -> None:
        """A line without a scheme says nothing new of a payment that is recorded."""
        super().find(batch)
        batch.run(
            f"UPDATE {STAGED} s SET scheme = t.scheme FROM settlement_otheruse t WHERE s.scheme IS NULL AND {self.same}"
        )
        _find_schemes(batch, "s.paid_on", "s.paid_on")
