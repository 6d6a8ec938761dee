"""The rosters as they were sent in, held against the rows that came of them, where the files can be read.

Every row that a file brought must stand in it, as it was before anything later changed it.
"""

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

from tests.recompute.data.files import fen_of, lines_of
from tests.recompute.data.history import Version
from tests.recompute.data.reading import FACTS, Area
from tests.recompute.data.sealed import opened
from tests.recompute.days import months_later, next_month
from tests.recompute.differences import Findings

Read = Callable[[Mapping[str, str]], Any]
OPEN = (date(2099, 12, 31), date(9999, 12, 31))


def text(header: str) -> Read:
    return lambda line: line[header].strip()


def number(header: str) -> Read:
    return lambda line: int(line[header])


def money(header: str) -> Read:
    return lambda line: fen_of(line[header])


def day(header: str) -> Read:
    return lambda line: date.fromisoformat(line[header][:10])


def last(header: str) -> Read:
    """A last day; empty or far away means until further notice."""

    def read(line: Mapping[str, str]) -> date | None:
        found = date.fromisoformat(line[header][:10]) if line[header] else None
        return None if found in OPEN else found

    return read


def month(header: str) -> Read:
    return lambda line: date(int(line[header][:4]), int(line[header][4:6]), 1)


def word(header: str, words: Mapping[str, Any]) -> Read:
    return lambda line: words[line[header].strip()]


def class_of(line: Mapping[str, str]) -> str:
    """单建统筹 is a way of being insured and says no class: then the national code does."""
    label = line["待遇人员类别"]
    return {"11": "active", "12": "retired"}[line["人员类别"][:2]] if label == "单建统筹" else CLASSES[label]


def plan_of(line: Mapping[str, str]) -> str:
    return "pooled_only" if "单建统筹" in (line["待遇人员类别"], line["参保档次"]) else PLANS[line["参保档次"]]


def starts_on(line: Mapping[str, str]) -> date:
    """韶关 条8(一): a newborn is covered from birth if paid for within six months, else from the month after."""
    if not line["首次缴费日期"]:
        return date.fromisoformat(line["本次参保日期"])
    birth, paid = (date.fromisoformat(line[header]) for header in ("出生日期", "首次缴费日期"))
    return birth if paid <= months_later(birth, 6) else next_month(paid)


CLASSES = {
    "在职": "active", "退休": "retired", "灵活就业": "flexible", "到龄按月缴费": "retired_paying_monthly",
    "趸缴": "lump_sum", "居民": "resident",
}  # fmt: skip
PLANS = {"": "", "单位": "unit", "个人一档": "personal_1", "个人二档": "personal_2"}
PAID = {"正常缴费": "normal", "补缴": "back", "补差": "difference"}
LEVELS = {"": 0, "未定级": 0, "一级": 1, "二级": 2, "三级": 3}
STOPS = {"暂停": "suspended", "欠费": "arrears", "暂停待遇": "suspended"}
AWAY = {
    "异地安置退休人员": "retired_resettled", "异地安置退休": "retired_resettled",
    "异地长期居住人员": "long_term_resident", "异地长期居住": "long_term_resident",
    "常驻异地工作人员": "posted_worker", "常驻异地工作": "posted_worker",
    "临时外出就医人员": "temporary", "临时外出就医": "temporary",
}  # fmt: skip
DOCUMENT = "证件号码"


@dataclass(frozen=True, slots=True)
class Roster:
    """A kind of file: the table it fills, and where its lines say what stands in which column."""

    table: str
    columns: Mapping[str, Read]
    needed: tuple[str, ...]
    person: str = ""  # the heading of the document's number


def roster(table: str, *needed: str, person: str = DOCUMENT, **columns: Read) -> Roster:
    return Roster(table, columns, (*needed, *([person] if person else [])), person)


ROSTERS: dict[str, list[Roster]] = {
    "members": [
        roster(
            "members_enrolment", "人员类别", "待遇人员类别", "参保档次", "本次参保日期", "首次缴费日期", "出生日期",
            person_class=class_of, plan=plan_of, starts_on=starts_on,
        )
    ],
    "benefit_periods": [
        roster("members_benefitperiod", "开始日期", "结束日期", starts_on=day("开始日期"), ends_on=last("结束日期"))
    ],
    "contributions": [
        roster(
            "members_contribution", "费款所属期", "缴费基数", "个人缴费金额", "缴费类型", "入国库时间",
            month=month("费款所属期"), kind=word("缴费类型", PAID), base=money("缴费基数"),
            own_amount=money("个人缴费金额"), paid_on=day("入国库时间"),
        )
    ],
    "suspensions": [
        roster(
            "members_suspension", "类型", "开始日期", "结束日期",
            kind=word("类型", STOPS), starts_on=day("开始日期"), ends_on=last("结束日期"),
        )
    ],
    "hospital_stays": [
        roster(
            "institutions_hospitalstay", "入院日期", "出院日期",
            admitted_on=day("入院日期"), discharged_on=last("出院日期"),
        )
    ],
    "out_of_area": [
        roster(
            "institutions_outofarearegistration", "备案类型", "就医地区划", "开始日期", "结束日期",
            kind=word("备案类型", AWAY), destination=text("就医地区划"), starts_on=day("开始日期"),
            ends_on=last("结束日期"),
        )
    ],
    "selections": [
        roster(
            "institutions_selection", "医院编码", "选点年度", "申请时间",
            institution_id=text("医院编码"), year=number("选点年度"), requested_on=day("申请时间"),
        )
    ],
    "referrals": [
        roster(
            "institutions_referral", "转出机构编码", "转入机构编码", "开始日期", "有效期止",
            from_institution_id=text("转出机构编码"), to_institution_id=text("转入机构编码"),
            starts_on=day("开始日期"), ends_on=day("有效期止"),
        )
    ],
    "opening": [roster("settlement_openinguse", "年度", "统筹已支付", year=number("年度"), fund=money("统筹已支付"))],
    "other_uses": [
        roster(
            "settlement_otheruse", "结算日期", "基金支付金额", paid_on=day("结算日期"), amount=money("基金支付金额")
        )
    ],
    "institutions": [
        roster(
            "institutions_level", "机构编码", "结算等级", "协议开始", person="",
            institution_id=text("机构编码"), level=word("结算等级", LEVELS), starts_on=day("协议开始"),
        ),
        roster(
            "institutions_agreement", "机构编码", "协议开始", "协议结束", person="",
            institution_id=text("机构编码"), starts_on=day("协议开始"), ends_on=last("协议结束"),
        ),
    ],
}  # fmt: skip


def compare(area: Area, findings: Findings) -> None:
    """Rows of each file that are not in it, and how many of its lines became rows."""
    kept = area.rows("SELECT id, kind, original FROM bureau_upload WHERE area_id = %(area)s")
    uploads = {row.id: row for row in kept}
    brought = _first_versions(area)
    documents = {document: number for number, document in area.documents().items()}
    for upload in uploads.values():
        for one in ROSTERS.get(upload.kind, ()):
            rows = brought[one.table].get(upload.id, ())
            if not rows:
                continue
            lines = lines_of(opened(upload.original) or b"", one.needed)
            if lines is None:
                findings.unread[upload.kind] += 1
                continue
            said = Counter(key for line in lines if (key := _key(one, line, documents)) is not None)
            for row in rows:
                key = tuple(
                    area.places[value].code if name.endswith("institution_id") else value
                    for name in (*(["member_id"] if one.person else []), *one.columns)
                    for value in [getattr(row, name)]
                )
                findings.compare("roster", upload.kind, f"{one.table}:{row.id}", "a line", "a line" if said[key] else
                                 "no line", f"upload {upload.id}")  # fmt: skip
                said[key] -= 1


def _key(one: Roster, line: Mapping[str, str], documents: Mapping[str, int]) -> tuple[Any, ...] | None:
    """What a line says; None where it says nothing that could have been taken in."""
    try:
        person = [documents[line[one.person].strip().upper()]] if one.person else []
        return (*person, *(read(line) for read in one.columns.values()))
    except (KeyError, ValueError, IndexError):
        return None


def _first_versions(area: Area) -> dict[str, dict[int, list[Any]]]:
    """By table and upload: the rows that it brought, as they were when they came."""
    everything: dict[str, Iterable[list[Version]]] = {table: area.facts[table].values() for table in FACTS}
    everything |= {
        "members_contribution": area.contributions.values(),
        "settlement_openinguse": area.opening.values(),
        "settlement_otheruse": area.other.values(),
        "institutions_level": area.levels.values(),
        "institutions_agreement": area.agreements.values(),
    }
    found: dict[str, dict[int, list[Any]]] = defaultdict(lambda: defaultdict(list))
    for table, groups in everything.items():
        first: dict[int, Version] = {}
        for version in (version for group in groups for version in group):
            known = first.get(version.row.id)
            if known is None or version.known < known.known or version.until < known.until:
                first[version.row.id] = version
        for version in first.values():
            if version.row.upload_id is not None:
                found[table][version.row.upload_id].append(version.row)
    return found
