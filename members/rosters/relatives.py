"""Who is whose relative; who is insured nowhere here becomes known by it."""

from __future__ import annotations

from typing import Any

from django.utils.translation import gettext_lazy
from django.utils.translation import gettext_noop as _

from bureau.files import Refused, cells, shared
from bureau.files.days import LASTING, PLANNED, date_, end_date
from bureau.files.shared import NUMBER_HEADINGS, in_order, is_masked, person
from bureau.identifiers.identity import IDENTITY_CARD, birth_and_sex, states_birth
from bureau.rosters.columns import Column, always
from bureau.rosters.roster import OVERLAPS_LINE
from bureau.rosters.staging import Batch
from members.models import Member, Relative
from members.queries import OTHER_NAME
from members.rosters.people import OTHER_DOCUMENT_IN_FILE, OTHER_NAME_IN_FILE, SAME_NUMBER
from members.rosters.persons import DocumentColumn, PersonRoster
from members.services import matching

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
            SAME_NUMBER.format(prefix="relative_", member="relative_id"),
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
