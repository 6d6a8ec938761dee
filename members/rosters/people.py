"""Members with their enrolments: the roster that makes people known."""

from __future__ import annotations

from typing import Any

from django.utils.translation import gettext_lazy
from django.utils.translation import gettext_noop as _

from bureau.errors import DomainError
from bureau.files import Refused, cells
from bureau.files.days import ENROLLED, LASTING, LIFE, OF_AGE, PAST, date_, end_date, month_
from bureau.files.shared import AREA_HEADINGS, NUMBER_HEADINGS, in_order, is_masked
from bureau.identifiers.identity import birth_and_sex, states_birth
from bureau.rosters.columns import Column, always, given
from bureau.rosters.roster import OVERLAPS_LINE
from bureau.rosters.shared import scheme_column
from bureau.rosters.staging import Batch, refuse_other_areas
from members import insured
from members.models import Enrolment, Member
from members.queries import OTHER_NAME
from members.rosters.persons import DocumentColumn, PersonRoster
from members.services import matching
from members.services.newborns import newborn_days
from members.services.plans import plan_after

OTHER_NAME_IN_FILE = _("Line %(other)s names the holder of this document %(said)s.")
OTHER_DOCUMENT_IN_FILE = _("Line %(other)s has this member number for another document.")
SAME_NUMBER = """o.{prefix}member_number = s.{prefix}member_number AND o.line < s.line
    AND o.{member} IS NULL AND s.{member} IS NULL AND o.{prefix}document_hash <> s.{prefix}document_hash"""
SEXES = cells.choice({"1": ("男", "男性"), "2": ("女", "女性"), "9": ("未说明性别",), "0": ("未知", "未知的性别")})


def _birth_and_sex(values: dict[str, Any]) -> None:
    """An identity number states both; what the roster says besides must agree."""
    number = values["document_number"]
    if not number or is_masked(number) or not states_birth(values["document_kind"], number):
        return
    birth, sex = birth_and_sex(number)
    if values["birth"] not in (None, birth):
        raise Refused(
            "birth_differs",
            _("The identity number says %(birth)s; the date of birth differs."),
            field="birth",
            birth=birth.isoformat(),
        )
    if values["sex"] in ("1", "2") and values["sex"] != sex:
        raise Refused("sex_differs", _("The identity number says another sex."), field="sex")
    values["birth"], values["sex"] = birth, sex


def known_sex(said: str, recorded: str) -> str:
    """SQL: 未知 says nothing."""
    return f"CASE WHEN COALESCE({said}, '0') = '0' THEN {recorded} ELSE {said} END"


class Members(PersonRoster):
    name = Column("姓名", cells.person_name, ("人员姓名", "psn_name"), attribute="member__name", required=True)
    document_number = DocumentColumn(
        "证件号码", NUMBER_HEADINGS, attribute="member__document_last4", required=True, known=False
    )
    member_number = Column(
        "人员编号", cells.code(40), ("个人编号", "psn_no"), attribute="member__number", changes=given
    )
    sex = Column("性别", SEXES, ("gend",), attribute="member__sex", changes=known_sex)
    birth = Column("出生日期", date_, ("出生年月日", "brdy"), attribute="member__birth", days=LIFE, changes=given)
    employer_code = Column(
        "单位编号", cells.code(40), ("参保单位编号", "单位编码", "emp_no"), attribute="employer__code", changes=given
    )
    employer_name = Column(
        "单位名称", cells.text(200), ("参保单位", "参保单位.名称", "emp_name"), attribute="employer__name"
    )
    scheme = scheme_column()
    person_type = Column(
        "人员类别",
        insured.person_type,
        ("psn_type",),
        attribute="person_type",
        required=True,
        instead="person_class",  # a change of enrolment gives the class alone
        changes=given,
    )
    status = Column(
        "参保状态",
        cells.choice(
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
        sql="text",
    )
    starts_on = Column(
        "本次参保日期",
        date_,
        ("参保日期", "个人参保日期", "psn_insu_date", "begndate"),
        attribute="starts_on",
        required=True,
        days=ENROLLED,
    )
    ends_on = Column(
        "终止日期",
        end_date,
        ("参保终止日期", "参保结束日期", "个人参保终止日期", "enddate"),
        attribute="ends_on",
        days=LASTING,
        changes=always,
    )
    first_month = Column("首次参保年月", month_, ("首次参保日期", "fst_insu_ym"), days=ENROLLED)
    area = Column("参保所属医保区划", cells.area_code, AREA_HEADINGS, attribute="area_id", required=True)
    phone = Column(
        "联系电话", cells.phone, ("手机号", "手机号码", "电话", "tel"), attribute="member__phone", changes=given
    )
    person_class = Column("待遇人员类别", insured.person_class, attribute="person_class")
    plan = Column(
        "参保档次", insured.plan, ("档次", "参保方案", "参保方案.名称"), attribute="plan", changes=plan_after
    )
    way = Column("参保方式", insured.way, ("统账类型", "统账方式", "建账类型", "建账方式"))
    pooled_only = Column("是否单建统筹", cells.yes_no, ("单建统筹", "单建统筹标志"))
    with_account = Column("是否统账结合", cells.yes_no, ("统账结合", "统账结合标志"))
    large_claims = Column(
        "大额互助参保",
        cells.yes_no,
        ("大额互助", "大额医疗互助", "大额医疗费用补助", "是否参加大额互助"),
        attribute="large_claims",
        changes=given,
    )
    by_hand_elsewhere = Column(
        "市外手工报销",
        cells.yes_no,
        ("特病未开通跨省直接结算", "特病未开通跨省结算"),
        attribute="by_hand_elsewhere",
        changes=given,
    )
    reached_age_on = Column(
        "达到法定退休年龄日期",
        date_,
        ("法定退休年龄日期", "到龄日期", "到达退休年龄日期"),
        attribute="member__reached_age_on",
        days=OF_AGE,
        changes=given,
    )
    paid_on = Column(
        "首次缴费日期",
        date_,
        ("缴费日期", "首次到账日期"),
        attribute="paid_on",
        days=PAST,
        changes=given,
    )

    checks = (
        *PersonRoster.checks,
        _birth_and_sex,
        insured.way_of_being_insured,
        insured.class_of_member,
        in_order(),
    )

    class Meta:
        model = Enrolment
        roster = "members"
        label = gettext_lazy("Members and enrolments")
        key = ("member", "starts_on")
        once = ("person", "starts_on")
        spans = True
        writes = (Enrolment, Member)
        overlaps = _("The person is enrolled from %(first)s to %(last)s already.")
        scratch = {"later_line": "boolean"}

    def find(self, batch: Batch) -> None:
        refuse_other_areas(batch)
        _refuse_unfit(batch)
        _refuse_uncovered_days(batch)
        _find_employers(batch)
        matching.find_members(batch)
        matching.refuse_unknown_numbers(batch)
        matching.refuse_other_names(batch)

    def refusals(self, batch: Batch) -> None:
        batch.refuse(
            "name",
            OTHER_NAME_IN_FILE,
            f"""o.document_hash = s.document_hash AND o.document_kind = s.document_kind AND o.line < s.line
                AND {OTHER_NAME.format(one="o.name", other="s.name")}""",
            using="roster_staged o",
            places={"other": "o.line", "said": "o.name"},
        )
        batch.refuse(
            "member_number",
            OTHER_DOCUMENT_IN_FILE,
            SAME_NUMBER.format(prefix="", member="member_id"),
            using="roster_staged o",
            places={"other": "o.line"},
        )
        matching.refuse_after_death(batch)
        batch.refuse(
            "starts_on",
            _("The record has another person class, scheme or area from this day on; send a change instead."),
            """r.member_id = s.member_id AND r.starts_on = s.starts_on
               AND (r.area_id, r.scheme, r.person_class) <> (%(area)s, s.scheme, s.person_class)""",
            using="members_enrolment r",
        )
        batch.refuse(
            "ends_on",
            _("The record says that this enrolment ended on %(day)s; send a change to enrol the person again."),
            """r.member_id = s.member_id AND r.starts_on = s.starts_on AND r.ends_on IS NOT NULL
               AND r.ends_on IS DISTINCT FROM s.ends_on""",
            using="members_enrolment r",
            places={"day": "r.ends_on"},
        )
        # Lines of one person who is still unknown must not overlap either.
        batch.refuse_overlaps_in_file(
            "starts_on", OVERLAPS_LINE, "document_hash", "document_kind", where="s.member_id IS NULL"
        )

    def before(self, batch: Batch) -> None:
        """A person's first line says what is known of them; who is new becomes known."""
        for same in ("member_id", "document_hash, document_kind"):
            batch.run(
                f"""
                UPDATE roster_staged s SET later_line = TRUE FROM (
                    SELECT {same}, min(line) AS line FROM roster_staged GROUP BY {same} HAVING count(*) > 1) o
                WHERE (s.{same.replace(", ", ", s.")}) = (o.{same.replace(", ", ", o.")}) AND s.line > o.line
                """
            )
        details = self.changed_record(Member, "member")
        batch.update(
            Member,
            details,
            where=f"t.id = s.member_id AND s.later_line IS NULL AND NOT ({self.says(details)})",
        )
        batch.insert(
            Member, self.new_record(Member, "member"), where="s.later_line IS NULL AND s.member_id IS NULL"
        )
        matching.find_by_document(batch)

    def new_record(self, model=None, path=""):
        values = super().new_record(model, path)
        listed = {"listed_on": "CASE WHEN s.paid_on IS NOT NULL THEN %(today)s::date END"}
        return values if model else values | listed


def _refuse_unfit(batch: Batch) -> None:
    batch.refuse(
        "status",
        _("The roster itself says that the person is not enrolled; leave the line out."),
        "s.status IN ('0', '3')",
    )
    batch.refuse(
        "ends_on",
        _("The enrolment has ended; give its last day."),
        "s.status = '4' AND s.ends_on IS NULL",
    )


def _refuse_uncovered_days(batch: Batch) -> None:
    """Turn away lines that enrol a newborn for days that the first premium does not cover."""
    newborns = batch.rows("SELECT line, birth, paid_on, scheme, starts_on FROM roster_staged WHERE paid_on IS NOT NULL")
    for line, birth, paid_on, scheme, starts_on in newborns:
        this = {"where": "s.line = %(line)s", "line": line}
        if birth is None:
            batch.refuse("birth", _("The date of birth is missing; the first premium of a newborn needs it."), **this)
            continue
        try:
            days = newborn_days(area_id=batch.area_id, scheme=scheme, birth=birth, paid_on=paid_on)
        except DomainError as error:
            batch.refuse("paid_on", str(error).replace("%", "%%"), **this)
            continue
        if days is None or starts_on < days.starts_on:
            batch.refuse(
                "starts_on",
                _("By the day of the premium the cover begins on %(day)s."),
                **this,
                places={"day": "%(day)s"},
                day=str(days.starts_on) if days else "…",
            )


def _find_employers(batch: Batch) -> None:
    batch.run(
        """
        UPDATE roster_staged s SET employer_id = e.id FROM members_employer e
        WHERE e.area_id = %(area)s AND e.code = s.employer_code
        """
    )
    batch.run(
        """
        UPDATE roster_staged s SET employer_id = e.id
        FROM (SELECT name, min(id) AS id FROM members_employer WHERE area_id = %(area)s
              GROUP BY name HAVING count(*) = 1) e
        WHERE s.employer_code IS NULL AND e.name = s.employer_name
        """
    )
    batch.refuse(
        "employer_code",
        _("The employer %(said)s is not recorded; load the roster of employers first."),
        "s.employer_id IS NULL AND COALESCE(s.employer_code, s.employer_name) IS NOT NULL",
        places={"said": "COALESCE(s.employer_code, s.employer_name)"},
    )
