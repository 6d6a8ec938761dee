"""Employers, benefit periods and suspensions."""

from django.utils.translation import gettext_lazy
from django.utils.translation import gettext_noop as _

from bureau.files import cells
from bureau.files.days import LASTING, PLANNED, date_, end_date
from bureau.files.shared import in_order
from bureau.rosters.columns import Column, always, given
from bureau.rosters.roster import Roster
from bureau.rosters.shared import scheme_column
from bureau.rosters.staging import Batch
from members.models import BenefitPeriod, Employer, Suspension
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
        once = ("document_kind", "document_number", "scheme", "starts_on")
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
        once = ("document_kind", "document_number", "starts_on")
        within_area = True
        spans = True

    def refusals(self, batch: Batch) -> None:
        refuse_after_death(batch)
