"""How rosters say as what and in which way a person is insured: person type, class and plan.

The class (in service, retired …) and the plan (单建统筹, 统账结合, a level of contribution) are two things. Rosters
write both into one cell as often as into two, so whatever cell says the way of being insured is understood.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from bureau.files import Refused
from bureau.files.cells import Cell, choice, half_width, shown, text
from bureau.files.problems import noop as _
from bureau.files.writing import writer_of
from bureau.rules.enrolment import POOLED_ONLY

WITH_ACCOUNT = ""  # 统账结合 is what everybody is who is in no plan of another name

# psn_type of the national dictionary; what decides benefits is the first two digits.
PERSON_TYPES: dict[str, tuple[str, ...]] = {
    "11": ("在职", "在职职工", "在职人员"),
    "1105": ("农民工", "农名工"),
    "1111": ("伤残军人在职",),
    "1112": ("伤残军人退休",),
    "116003": ("失业人员",),
    "116013": ("在职副厅以上干部",),
    "116015": ("二等乙级在职职工",),
    "12": ("退休", "退休人员", "退休职工"),
    "1204": ("提前退休",),
    "126013": ("退休副厅以上干部",),
    "126015": ("退休残疾军人",),
    "13": ("离休", "离休人员"),
    "1302": ("二乙伤残军人",),
    "1304": ("离休配偶",),
    "136003": ("缴专项基金的建国前工人",),
    "136011": ("二等乙(市属离休)",),
    "136019": ("市属离休人员",),
    "14": ("居民（未成年）", "未成年居民"),
    "1401": ("新生儿",),
    "1402": ("学龄前儿童",),
    "1403": ("中小学生",),
    "1404": ("大学生",),
    "1405": ("未成年（未入学）",),
    "15": ("居民（成年）", "成年居民"),
    "151": ("居民",),
    "16": ("居民（老年）", "老年居民"),
    "1701": ("城乡居民",),
    "18": ("农牧民中",),
    "33": ("一至六级残疾军人",),
    "34": ("建国前老工人",),
    "99": ("其他",),
}
_CLASS_OF_TYPE = {
    "11": "active",
    "12": "retired",
    "14": "resident",
    "15": "resident",
    "16": "resident",
    "17": "resident",
}
_known_person_type = choice(PERSON_TYPES)
_known_class = choice(
    {
        "active": ("在职", "在职职工", "在职人员"),
        "retired": ("退休", "退休人员", "退休职工"),
        "retired_paying_monthly": ("到龄按月缴费", "按月缴费", "到龄延缴"),
        "flexible": ("灵活就业", "灵活就业人员"),
        "lump_sum": ("趸缴", "一次性缴费"),
        "resident": ("居民", "城乡居民"),
    }
)

_WAY = re.compile(rf"(?:(单建统筹|{POOLED_ONLY})|统账结合)(?:基金)?(?:人员)?")
_BETWEEN = " ()[]【】-_/、,;:·+"
way = choice({POOLED_ONLY: ("单建统筹", "单建", "单建统筹基金"), WITH_ACCOUNT: ("统账结合", "统账")})

# What rosters write for plans that editions know by other words; any other text is the plan's own name.
PLANS = {"单位": "unit", "单位参保": "unit", "一档": "personal_1", "个人一档": "personal_1"}
PLANS |= {"二档": "personal_2", "个人二档": "personal_2"}
_plan_name = text(20)


def plan(cell: Cell) -> str:
    name: str = _plan_name(cell)
    found = _WAY.fullmatch(name)
    if found:
        return POOLED_ONLY if found[1] else WITH_ACCOUNT
    return PLANS.get(name, name)


def _beside_way(parse: Callable[[Cell], str]) -> Callable[[Cell], tuple[str | None, str | None]]:
    """What a column asks for and the way of being insured, either of which a cell may say alone."""

    def parsed(cell: Cell) -> tuple[str | None, str | None]:
        said = half_width(shown(cell))
        found = _WAY.search(said)
        if not found:
            return parse(cell), None
        rest = (said[: found.start()] + said[found.end() :]).strip(_BETWEEN)
        return parse(rest) if rest else None, POOLED_ONLY if found[1] else WITH_ACCOUNT

    parsed.write = writer_of(parse)  # type: ignore[attr-defined]
    return parsed


def _person_type(cell: Cell) -> str:
    """A person type by its code or label; codes that provinces add below a known one are kept as they are."""
    value = half_width(shown(cell))
    if value.isascii() and value.isdigit() and 2 < len(value) <= 6 and value[:2] in _CLASS_OF_TYPE:
        return value
    return _known_person_type(cell)


person_type = _beside_way(_person_type)
person_class = _beside_way(_known_class)


def way_of_being_insured(values: dict[str, Any]) -> None:
    """Bring what a row says of the plan together in `plan`; class and type then say no more than themselves."""
    said: list[tuple[str, str]] = []
    for name in ("person_type", "person_class"):
        if values.get(name) is not None:
            values[name], beside = values[name]
            if beside is not None:
                said.append((name, beside))
    if values.get("way") is not None:
        said.append(("way", values["way"]))
    for name, yes, no in (("pooled_only", POOLED_ONLY, WITH_ACCOUNT), ("with_account", WITH_ACCOUNT, POOLED_ONLY)):
        # Of residents neither is true, and a "no" says nothing.
        if values.get(name) or (values.get(name) is False and values["scheme"] != "390"):
            said.append((name, yes if values[name] else no))
    if values["plan"] in (POOLED_ONLY, WITH_ACCOUNT):
        said.append(("plan", values["plan"]))
    for name, other in said[1:]:
        if other != said[0][1]:
            raise Refused("plan_differs", _("The row says both 单建统筹 and 统账结合."), field=name)
    if not said:
        return
    if values["plan"] is None:
        values["plan"] = said[0][1]
    elif said[0][1] == POOLED_ONLY and values["plan"] != POOLED_ONLY:
        raise Refused(
            "plan_differs", _("The row says both 单建统筹 and the plan %(plan)s."), field="plan", plan=values["plan"]
        )


def class_of_member(values: dict[str, Any]) -> None:
    """Where the roster does not give the class, the person type decides by its first two digits."""
    if values["person_class"] is None and values["person_type"] is not None:
        values["person_class"] = _CLASS_OF_TYPE.get(values["person_type"][:2])
        if values["person_class"] is None:
            raise Refused(
                "class_unknown",
                _("The person type %(type)s does not decide the benefits; fill in the person class."),
                field="person_class",
                type=values["person_type"],
            )
    if values["person_class"] is None and values["plan"] is not None:
        raise Refused(
            "class_unknown",
            _("Whether in service or retired is missing; how the person is insured does not say it."),
            field="person_type",
        )
    if values["person_class"] is None:
        raise Refused("required", _("The cell is empty."), field="person_type")
    resident = values["person_class"] == "resident"
    if values["scheme"] and values["person_class"] and (values["scheme"] == "390") != resident:
        raise Refused("class_of_other_scheme", _("The person class belongs to the other scheme."), field="person_class")
    if resident and values["plan"] == POOLED_ONLY:
        raise Refused("class_of_other_scheme", _("Pooled fund only is a plan of the employees' scheme."), field="plan")


def class_after_change(values: dict[str, Any]) -> None:
    """A change of class needs the class; where it says the way of being insured alone, the plan is what changes."""
    if values["kind"] == "retirement" and values["person_class"] is None:
        values["person_class"] = "retired"
    if values["kind"] == "class_change" and values["person_class"] is None:
        if values["plan"] is None:
            raise Refused("required", _("The cell is empty."), field="person_class")
        values["kind"] = "plan_change"
    terms = ("plan", "large_claims", "by_hand_elsewhere")
    if values["kind"] == "plan_change" and all(values[name] is None for name in terms):
        raise Refused("required", _("The cell is empty."), field="plan")
