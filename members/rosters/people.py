"""Members with their enrolments, and relatives: the two rosters that make people known."""

from __future__ import annotations

from typing import Any

from django.utils.translation import gettext_lazy
from django.utils.translation import gettext_noop as _

from bureau.errors import DomainError
from bureau.files import Refused, cells, shared
from bureau.files.days import ENROLLED, LASTING, LIFE, OF_AGE, PAST, PLANNED, date_, end_date, month_
from bureau.files.shared import AREA_HEADINGS, NUMBER_HEADINGS, in_order, is_masked, person
from bureau.identifiers.identity import IDENTITY_CARD, birth_and_sex, states_birth
from bureau.rosters.columns import Column, always, given
from bureau.rosters.roster import OVERLAPS_LINE
from bureau.rosters.shared import scheme_column
from bureau.rosters.staging import Batch, refuse_other_areas
from members import insured
from members.models import Enrolment, Member, Relative
from members.queries import OTHER_NAME
from members.rosters.persons import DocumentColumn, PersonRoster
from members.services import matching
from members.services.newborns import newborn_days
from members.services.plans import plan_after

OTHER_NAME_IN_FILE = _("Line %(other)s names the holder of this document %(said)s.")
OTHER_DOCUMENT_IN_FILE = _("Line %(other)s has this member number for another document.")
_SAME_NUMBER = """o.{prefix}member_number = s.{prefix}member_number AND o.line < s.line
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
            _SAME_NUMBER.format(prefix="", member="member_id"),
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


RELATIONS = cells.choice(
    {
        "spouse": ("配偶", "丈夫", "妻子", "夫妻"),
        "parent": ("父母", "父亲", "母亲"),
        "child": ("子女", "儿子", "女儿"),
        "sibling": ("兄弟姐妹", "兄、弟、姐、妹", "兄弟", "姐妹", "哥哥", "弟弟", "姐姐", "妹妹"),
        "grandparent": (
            "祖父母", "外祖父母", "祖父母或外祖父母", "祖父", "祖母", "外祖父", "外祖母", "maternal_grandparent",
        ),
        "grandchild": (
            "孙子女", "外孙子女", "孙子、孙女，或外孙子、外孙女", "孙子", "孙女", "外孙子", "外孙女", "外孙",
        ),
        "other": ("其他", "其他亲属"),
    }
)  # fmt: skip
IN_FORCE = cells.choice({
    True: ("有效", "1", "正常", "生效"),
    False: ("无效", "0", "撤销", "已撤销", "作废", "终止", "解除"),
})  # fmt: skip


def _another_person(values: dict[str, Any]) -> None:
    if values["person"] is not None and values["person"] == values["relative_person"]:
        raise Refused("own_relative", _("A person is not a relative of their own."), field="relative_document_number")


def _withdrawn_with_last_day(values: dict[str, Any]) -> None:
    """What the roster calls no longer valid must say until when it was."""
    if values["in_force"] is False and values["ends_on"] is None:
        raise Refused(
            "withdrawn", _("The registration is no longer valid; give the last day on which it was."), field="ends_on"
        )


def _stated(values: dict[str, Any]) -> None:
    """What a relative's document states of them, for who becomes known by this roster."""
    kind, number = values["relative_document_kind"], values["relative_document_number"]
    stated = kind and number and not is_masked(number) and states_birth(kind, number)
    values["birth"], values["sex"] = birth_and_sex(number) if stated else (None, None)


class Relatives(PersonRoster):
    """The holder of an account (`member`), and a relative, who becomes known by this roster where they are not."""

    member_number = Column("主账户人人员编号", cells.code(40), attribute="member__number")
    name = Column(
        "主账户人姓名", cells.person_name, ("授权人姓名", "出资人姓名"), attribute="member__name", required=True
    )
    document_kind = Column(
        "主账户人证件类型", shared.document_kind, attribute="member__document_kind", default=IDENTITY_CARD
    )
    document_number = DocumentColumn(
        "主账户人证件号码",
        (*("主账户人" + heading for heading in NUMBER_HEADINGS), "授权人证件号码", "出资人证件号码"),
        attribute="member__document_last4",
        required=True,
        instead="member_number",
    )
    relative_member_number = Column("成员人员编号", cells.code(40), attribute="relative__number")
    relative_name = Column(
        "成员姓名", cells.person_name, ("家庭成员姓名", "被授权人姓名"), attribute="relative__name", required=True
    )
    relative_document_kind = Column(
        "成员证件类型",
        shared.document_kind,
        ("家庭成员证件类型",),
        attribute="relative__document_kind",
        default=IDENTITY_CARD,
    )
    relative_document_number = DocumentColumn(
        "成员证件号码",
        ("家庭成员证件号码", "被授权人证件号码", "成员身份证号"),
        attribute="relative__document_last4",
        required=True,
        instead="relative_member_number",
        known=False,
    )
    relation = Column(
        "与主账户人关系",
        RELATIONS,
        ("关系", "与授权人关系"),
        attribute="relation",
        required=True,
        differs=_("The record has another relation between the two from this day on."),
    )
    starts_on = Column(
        "授权开始日期", date_, ("开始日期", "begndate"), attribute="starts_on", required=True, days=PLANNED
    )
    ends_on = Column(
        "授权结束日期", end_date, ("结束日期", "enddate"), attribute="ends_on", days=LASTING, changes=always
    )
    in_force = Column("状态", IN_FORCE, ("授权状态", "备案状态", "有效标志"))

    checks = (
        *PersonRoster.checks,
        person("relative_"),
        _another_person,
        _stated,
        _withdrawn_with_last_day,
        in_order(),
    )

    class Meta:
        model = Relative
        roster = "relatives"
        label = gettext_lazy("Relatives")
        key = ("member", "relative", "starts_on")
        once = ("person", "relative_person", "starts_on")
        spans = True
        writes = (Relative, Member)
        derived = {"sex": "text", "birth": "date"}

    def find(self, batch: Batch) -> None:
        matching.match_members(batch)
        matching.find_members(batch, "relative_", "relative_id")
        matching.refuse_unknown_numbers(batch, "relative_", "relative_id")
        matching.refuse_other_names(batch, "relative_name", "relative_id", field="relative_name")

    def refusals(self, batch: Batch) -> None:
        matching.refuse_after_death(batch)
        batch.refuse(
            "relative_name",
            OTHER_NAME_IN_FILE,
            f"""o.relative_document_hash = s.relative_document_hash
                AND o.relative_document_kind = s.relative_document_kind AND o.line < s.line
                AND {OTHER_NAME.format(one="o.relative_name", other="s.relative_name")}""",
            using="roster_staged o",
            places={"other": "o.line", "said": "o.relative_name"},
        )
        batch.refuse(
            "relative_member_number",
            OTHER_DOCUMENT_IN_FILE,
            _SAME_NUMBER.format(prefix="relative_", member="relative_id"),
            using="roster_staged o",
            places={"other": "o.line"},
        )
        batch.refuse_overlaps_in_file(
            "starts_on",
            OVERLAPS_LINE,
            "member_id",
            "relative_document_hash",
            "relative_document_kind",
            where="s.relative_id IS NULL",
        )
        batch.insert(
            Member,
            self.new_record(Member, "relative") | {"sex": "COALESCE(s.sex, '0')", "birth": "s.birth"},
            where="""s.line IN (SELECT min(line) FROM roster_staged WHERE relative_id IS NULL
                                GROUP BY relative_document_hash, relative_document_kind)""",
        )
        matching.find_by_document(batch, "relative_", "relative_id")
