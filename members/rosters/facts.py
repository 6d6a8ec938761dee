"""Employers, benefit periods, suspensions and contributions."""

from django.utils.translation import gettext_lazy
from django.utils.translation import gettext_noop as _

from bureau.files import cells
from bureau.files.days import LASTING, PAST, PLANNED, date_, end_date, month_
from bureau.files.shared import in_order
from bureau.rosters.columns import Column, always, given
from bureau.rosters.roster import Roster
from bureau.rosters.shared import scheme_column
from bureau.rosters.staging import Batch
from members.models import BenefitPeriod, Contribution, Employer, Suspension
from members.rosters.persons import PersonRoster
from members.services.matching import refuse_after_death


class Employers(Roster):
    code = Column("单位编号", cells.code(40), ("单位编码", "参保单位编号", "emp_no"), attribute="code", required=True)
    name = Column(
        "单位名称",
        cells.text(200),
        ("参保单位", "参保单位.名称", "emp_name"),
        attribute="name",
        required=True,
        changes=given,
    )
    credit_code = Column("统一社会信用代码", cells.code(18), ("信用代码", "uscc"))

    class Meta:
        model = Employer
        roster = "employers"
        label = gettext_lazy("Employers")
        key = ("code",)
        once = ("code",)
        within_area = True


class BenefitPeriods(PersonRoster):
    scheme = scheme_column(differs=_("The record has a benefit period of another scheme from this day on."))
    starts_on = Column(
        "开始日期",
        date_,
        ("待遇开始日期", "享受开始日期", "begndate"),
        attribute="starts_on",
        required=True,
        days=PLANNED,
    )
    ends_on = Column(
        "结束日期",
        end_date,
        ("待遇结束日期", "享受结束日期", "enddate"),
        attribute="ends_on",
        days=LASTING,
        changes=always,
    )

    checks = (*PersonRoster.checks, in_order())

    class Meta:
        model = BenefitPeriod
        roster = "benefit_periods"
        label = gettext_lazy("Benefit periods")
        key = ("member", "starts_on")
        once = ("person", "scheme", "starts_on")
        within_area = True
        spans = True

    def refusals(self, batch: Batch) -> None:
        refuse_after_death(batch)


class Suspensions(PersonRoster):
    kind = Column(
        "类型",
        cells.choice({"suspended": ("暂停", "暂停待遇", "停保"), "arrears": ("欠费", "欠缴")}),
        ("暂停类型",),
        attribute="kind",
        required=True,
        differs=_("The record has a suspension of another kind from this day on."),
    )
    starts_on = Column("开始日期", date_, ("开始", "begndate"), attribute="starts_on", required=True, days=PLANNED)
    ends_on = Column("结束日期", end_date, ("结束", "enddate"), attribute="ends_on", days=LASTING, changes=always)
    reason = Column("原因", cells.text(200), ("暂停原因",), attribute="reason", changes=given)

    checks = (*PersonRoster.checks, in_order())

    class Meta:
        model = Suspension
        roster = "suspensions"
        label = gettext_lazy("Suspensions")
        key = ("member", "starts_on")
        once = ("person", "starts_on")
        within_area = True
        spans = True

    def refusals(self, batch: Batch) -> None:
        refuse_after_death(batch)


class Contributions(PersonRoster):
    month = Column(
        "费款所属期",
        month_,
        ("费款所属日期起", "所属期", "缴费月份"),
        attribute="month",
        required=True,
        days=PLANNED,
    )
    scheme = scheme_column()
    base = Column(
        "缴费基数",
        cells.money(),
        ("人员缴费基数", "个人缴费基数", "缴费工资", "本人工资"),
        attribute="base",
        required=True,
    )
    employer_amount = Column(
        "单位缴费金额", cells.money(), ("单位缴费",), attribute="employer_amount", required=True
    )
    own_amount = Column("个人缴费金额", cells.money(), ("个人缴费",), attribute="own_amount", required=True)
    kind = Column(
        "缴费类型",
        cells.choice(
            {
                "normal": ("正常缴费", "正常"),
                "back": ("补缴", "补缴欠费"),
                "difference": ("补差", "基数补差"),
            }
        ),
        ("缴费性质",),
        attribute="kind",
        default="normal",
    )
    paid_on = Column(
        "入国库时间",
        date_,
        ("入库时间", "入库日期", "到账日期", "到账时间"),
        attribute="paid_on",
        required=True,
        days=PAST,
    )

    class Meta:
        model = Contribution
        roster = "contributions"
        label = gettext_lazy("Contributions")
        key = ("member", "month", "scheme", "kind", "paid_on")
        once = ("person", "month", "scheme", "kind", "paid_on")

    def refusals(self, batch: Batch) -> None:
        batch.refuse(
            "base",
            _(
                "This payment is recorded with base %(base)s, employer's share %(employer)s and own share %(own)s;"
                " send the difference as a payment of its own."
            ),
            f"""{self.same} AND (t.area_id, t.base, t.employer_amount, t.own_amount)
                    <> (%(area)s, s.base, s.employer_amount, s.own_amount)""",
            using="members_contribution t",
            places={"base": "t.base", "employer": "t.employer_amount", "own": "t.own_amount"},
        )
