"""增减变动: who leaves, comes back, retires, changes a plan or dies. It writes enrolments; a change is no record."""

from django.utils.translation import gettext_lazy

from bureau.files import cells
from bureau.files.days import PLANNED, date_
from bureau.files.shared import scheme
from bureau.rosters.columns import Column
from bureau.rosters.shared import SCHEME_HEADINGS
from bureau.rosters.staging import Batch
from members import insured
from members.models import Enrolment
from members.rosters.persons import PersonRoster
from members.services.changes import SCRATCH, load_changes


class Changes(PersonRoster):
    kind = Column(
        "变更类型",
        cells.choice(
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
        sql="text",
    )
    changed_on = Column("变更日期", date_, ("变动日期", "生效日期"), required=True, days=PLANNED, sql="date")
    reason = Column("变更原因", cells.text(200), ("变动原因",))
    scheme = Column("险种类型", scheme, SCHEME_HEADINGS, sql="text")
    person_class = Column("变更后人员类别", insured.person_class, ("变更后待遇人员类别",), sql="text")
    plan = Column("变更后参保档次", insured.plan, ("变更后档次",), sql="text")
    way = Column("变更后参保方式", insured.way, ("变更后统账类型",))
    large_claims = Column("变更后大额互助参保", cells.yes_no, ("变更后大额互助",), sql="boolean")
    by_hand_elsewhere = Column("变更后市外手工报销", cells.yes_no, sql="boolean")
    employer_code = Column("单位编号", cells.code(40), ("emp_no",), sql="text")
    base = Column("缴费工资", cells.money(), ("缴费基数",))

    checks = (*PersonRoster.checks, insured.way_of_being_insured, insured.class_after_change)

    class Meta:
        model = Enrolment
        roster = "changes"
        label = gettext_lazy("Changes of enrolment")
        once = ("person", "kind", "changed_on")
        scratch = SCRATCH

    def load(self, batch: Batch) -> None:
        load_changes(batch)
