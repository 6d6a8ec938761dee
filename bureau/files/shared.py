"""Headings, parsers and checks that rosters of several rooms share, with the codes of the national dictionary."""

from __future__ import annotations

from typing import Any

from bureau.files.cells import IDENTITY_INSIDE, choice, require_document_number
from bureau.files.problems import Refused
from bureau.files.problems import noop as _
from bureau.files.sheets import Check
from bureau.identifiers.identity import DOCUMENT_KINDS, OTHER_NAMES, kind_of

NUMBER_HEADINGS = (
    "身份证号", "身份证号码", "身份证", "身份证件号码", "证件号", "公民身份号码", "公民身份证号码",
    "社会保障号码", "社会保障号", "人员证件号码", "证件编号", "certno",
)  # fmt: skip

INSTITUTION_HEADINGS = (
    "机构编码", "医院编码", "医疗机构编码", "医药机构编码", "定点医药机构编号", "定点医药机构编码", "定点医药机构代码",
    "定点医疗机构编号", "定点医疗机构编码", "定点医疗机构代码", "定点机构编码", "定点机构编号", "定点机构代码",
    "定点机构", "医药机构编号", "医药机构代码", "医疗机构编号", "医疗机构代码", "机构编号", "机构代码",
    "国家医保编码", "医保编码", "fixmedins_code",
)  # fmt: skip
INSTITUTION_NAMES = (
    "机构名称", "医院名称", "医疗机构名称", "医药机构名称", "定点机构名称", "定点医药机构名称", "定点医疗机构名称",
    "fixmedins_name",
)  # fmt: skip
AREA_HEADINGS = (
    "参保所属医保区划", "参保地医保区划", "参保机构医保区划", "参保医保区划", "参保地区划", "参保区划", "参保统筹区",
    "医保区划", "医保统筹区", "统筹区", "insu_admdvs", "insuplc_admdvs", "insu_optins",
)  # fmt: skip

document_kind = choice({kind: (label, *OTHER_NAMES.get(kind, ())) for kind, label in DOCUMENT_KINDS.items()})

# The two schemes that have a pooled outpatient fund.
scheme = choice(
    {
        "310": ("职工基本医疗保险", "城镇职工基本医疗保险", "职工医保", "职工"),
        "390": ("城乡居民基本医疗保险", "居民基本医疗保险", "居民医保", "城乡居民医保", "居民"),
    }
)


def document(kind: str = "document_kind", number: str = "document_number") -> Check:
    """The number is one that a document of this kind can have; the kind becomes that of the number."""

    def check(values: dict[str, Any]) -> None:
        if values[kind] and values[number]:
            try:
                require_document_number(values[kind], values[number])
            except Refused as refused:
                refused.field = number
                raise
            values[kind] = kind_of(values[kind], values[number])
            _refuse_elsewhere(values, values[number])

    return check


def _refuse_elsewhere(values: dict[str, Any], number: str) -> None:
    """No other text or code of a row has the document's number in it; one shorter than eight may be anything."""
    length = len(number)
    if length < 8:
        return
    for name, value in values.items():
        holds = value.__class__ is str and len(value) >= length and number in value.upper()
        if holds and not name.endswith("document_number"):
            raise Refused("identity_inside", IDENTITY_INSIDE, field=name)


def is_masked(number: str) -> bool:
    """Whether a document's number is shown in part: `440106********1234`."""
    return "*" in number


def person(prefix: str = "") -> Check:
    """A line names a person: by a document in full, or by the member number, beside which a document may be masked.

    `values["person"]` becomes what no two people share.
    """
    kind, number, member = f"{prefix}document_kind", f"{prefix}document_number", f"{prefix}member_number"
    in_full = document(kind, number)

    def check(values: dict[str, Any]) -> None:
        document_number, member_number = values[number], values[member]
        values[f"{prefix}person"] = member_number
        if document_number and not is_masked(document_number):
            in_full(values)
            values[f"{prefix}person"] = (values[kind], document_number)
        elif document_number and not member_number:
            raise Refused(
                "masked", _("The document is masked; give it in full, or the member number beside it."), field=number
            )
        elif not document_number and not member_number:
            raise Refused("required", _("The cell is empty."), field=number)

    return check


def in_order(first: str = "starts_on", last: str = "ends_on") -> Check:
    """The last day does not lie before the first; an empty last day is open."""

    def check(values: dict[str, Any]) -> None:
        if values[first] and values[last] and values[last] < values[first]:
            raise Refused("order", _("The last day lies before the first."), field=last)

    return check
