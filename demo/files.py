"""Roster files as institutions, employers and counties send them in: the bytes of CSV and XLSX, bad rows and all."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime

import xlsxwriter

from demo.people import Employer, Person, Tie
from demo.places import Place
from demo.profile import Profile
from demo.visits import Bill, Referral

LEVELS = {None: "", 0: "未定级", 1: "一级", 2: "二级", 3: "三级"}
CLASSES = {
    "active": ("11", "在职"),
    "retired": ("12", "退休"),
    "flexible": ("11", "灵活就业"),
    "retired_paying_monthly": ("11", "到龄按月缴费"),
    "lump_sum": ("11", "趸缴"),
    "pooled_only": ("11", "单建统筹"),
    "resident": ("151", "居民"),
}
SEXES = {"1": "男", "2": "女"}
NOBODY = "440000000000000000"
Cells = list[object]


@dataclass(slots=True)
class Table:
    """A roster before it is written: its headings and its rows."""

    headers: list[str]
    rows: list[Cells] = field(default_factory=list)

    def spoil(self, *changes: dict[str, object]) -> Table:
        """Put bad copies of good rows into the list, one for each of these changes, spread over the whole of it.

        A short list gets fewer: one for every ten rows, and at least one.
        """
        if self.rows:
            copies = []
            changes = changes[: max(1, len(self.rows) // 10)]
            for number, change in enumerate(changes):
                place = (2 * number + 1) * len(self.rows) // (2 * len(changes))
                row = list(self.rows[place])
                for header, value in change.items():
                    row[self.headers.index(header)] = value
                copies.append((place + 1, row))
            for place, row in reversed(copies):
                self.rows.insert(place, row)
        return self

    def csv(self, encoding: str = "utf-8-sig") -> bytes:
        out = io.StringIO(newline="")
        writer = csv.writer(out)
        writer.writerow(self.headers)
        writer.writerows(self.rows)
        return out.getvalue().encode(encoding)

    def xlsx(self, title: str) -> bytes:
        """A workbook with a title above the headings; days are Excel's days, numbers are numbers."""
        out = io.BytesIO()
        with xlsxwriter.Workbook(out, {"in_memory": True, "default_date_format": "yyyy-mm-dd"}) as book:
            sheet = book.add_worksheet("Sheet1")
            sheet.merge_range(0, 0, 0, len(self.headers) - 1, title)
            sheet.write_row(1, 0, self.headers)
            for number, row in enumerate(self.rows, start=2):
                sheet.write_row(number, 0, row)
        return out.getvalue()


def yuan(fen: int) -> str:
    sign = "-" if fen < 0 else ""
    return f"{sign}{abs(fen) // 100}.{abs(fen) % 100:02d}"


def _without_check_digit(number: str) -> str:
    """The number with another last character, so that its checksum fails."""
    return number[:17] + ("1" if number[17] != "1" else "2")


# People


def employers(known: Iterable[Employer]) -> Table:
    table = Table(["单位编号", "单位名称"], [[employer.code, employer.name] for employer in known])
    return table.spoil({"单位名称": ""}, {"单位编号": "4416 D 1"})


def members(people: Sequence[Person], profile: Profile) -> Table:
    table = Table(
        [
            "人员编号", "姓名", "证件类型", "证件号码", "性别", "出生日期", "单位编号", "单位名称", "险种类型",
            "人员类别", "参保状态", "本次参保日期", "首次参保年月", "参保所属医保区划", "联系电话", "待遇人员类别",
            "参保档次", "大额互助参保", "首次缴费日期",
        ]
    )  # fmt: skip
    for person in people:
        code, label = CLASSES[person.person_class]
        employer = person.employer
        table.rows.append(
            [
                person.number, person.name, "01", person.document, SEXES[person.sex], person.birth.isoformat(),
                employer.code if employer else "", employer.name if employer else "", profile.scheme, code, "1",
                person.enrolled_on.isoformat(), f"{person.enrolled_on:%Y%m}", profile.area, person.phone, label,
                person.plan, ("1" if person.large_claims else "0") if profile.large_claims else "",
                person.first_premium_on.isoformat() if person.first_premium_on else "",
            ]
        )  # fmt: skip
    if not people:
        return table
    return table.spoil(
        {"证件号码": _without_check_digit(people[0].document)},
        {"姓名": ""},
        {"本次参保日期": "2025-02-30"},
        {"证件号码": "441602850101123"},
        {"人员类别": "股东"},
        {"单位编号": "4416D99999"},
        {"姓名": "=A2"},
    )


def benefit_periods(people: Sequence[Person], profile: Profile) -> Table:
    table = Table(["姓名", "证件号码", "险种类型", "开始日期", "结束日期"])
    for person in people:
        table.rows.append([person.name, person.document, profile.scheme, person.enrolled_on.isoformat(), "2099-12-31"])
    return table.spoil({"结束日期": "2001-01-01"}, {"姓名": "无名氏"})


def benefit_changes(rows: Iterable[tuple[Person, date, date | None]], profile: Profile) -> Table:
    """Person, first and last day; a known first day gets a new last day."""
    table = Table(["姓名", "证件号码", "险种类型", "开始日期", "结束日期"])
    for person, first, last in rows:
        ends_on = last.isoformat() if last else "2099-12-31"
        table.rows.append([person.name, person.document, profile.scheme, first.isoformat(), ends_on])
    return table


def changes(rows: Iterable[tuple[Person, str, date, str]], profile: Profile) -> Table:
    """Person, kind of change, day and reason."""
    table = Table(["个人编号", "姓名", "身份证号", "变更类型", "变更日期", "变更原因", "险种"])
    for person, kind, day, reason in rows:
        table.rows.append([person.number, person.name, person.document, kind, day.isoformat(), reason, profile.scheme])
    return table.spoil({"变更类型": "调动"}, {"变更日期": "26/3/1"})


CONTRIBUTION_HEADERS = [
    "人员编号", "姓名", "证件号码", "费款所属期", "险种类型", "缴费基数", "单位缴费金额", "个人缴费金额", "缴费类型",
    "入国库时间",
]  # fmt: skip


def contributions(rows: Iterable[tuple[Person, date, int, str, date]], profile: Profile) -> Table:
    """Person, month, base in yuan, kind of payment and day of receipt.

    The person pays 2 % and the employer, where there is one, 5.5 %.
    """
    table = Table(CONTRIBUTION_HEADERS)
    for person, month, base, kind, paid_on in rows:
        table.rows.append(
            [
                person.number, person.name, person.document, f"{month:%Y%m}", profile.scheme, f"{base}.00",
                yuan(base * 11 // 2 if person.employer else 0), yuan(base * 2), kind, paid_on.isoformat(),
            ]
        )  # fmt: skip
    return table.spoil({"费款所属期": "2026.1"}, {"缴费基数": "-4200"}, {"证件号码": NOBODY}, {"个人缴费金额": "二百"})


def suspensions(rows: Iterable[tuple[Person, date, date | None, str]], profile: Profile) -> Table:
    table = Table(["姓名", "证件号码", "类型", "开始日期", "结束日期", "原因"])
    for person, first, last, reason in rows:
        ends_on = last.isoformat() if last else ""
        table.rows.append([person.name, person.document, profile.suspension, first.isoformat(), ends_on, reason])
    return table.spoil({"类型": "停"}, {"结束日期": "2025-01-01"})


def relatives(ties: Iterable[Tie]) -> Table:
    table = Table(
        [
            "主账户人姓名", "主账户人证件类型", "主账户人证件号码", "成员姓名", "成员证件类型", "成员证件号码",
            "与主账户人关系", "授权开始日期", "授权结束日期", "状态",
        ]
    )  # fmt: skip
    for tie in ties:
        holder, relative = tie.holder, tie.relative
        table.rows.append(
            [
                holder.name, "居民身份证", holder.document, relative.name, "居民身份证", relative.document,
                tie.relation, tie.since, None, "有效",
            ]
        )  # fmt: skip
    if not table.rows:
        return table
    own = str(table.rows[0][2])
    return table.spoil({"主账户人证件号码": own, "成员证件号码": own}, {"与主账户人关系": "同事"})


# Places


def institutions(places: Iterable[Place], profile: Profile, since: date) -> Table:
    table = Table(
        [
            "机构编码", "机构名称", "机构类型", "统筹区", "经办区县", "上级机构编码", "结算等级", "协议开始",
            "协议结束", "开户行", "银行账号", "户名",
        ]
    )  # fmt: skip
    for place in places:
        table.rows.append(
            [
                place.code, place.name, place.kind, "" if place.away else profile.area, place.county,
                place.parent.code if place.parent else "", LEVELS[place.level], since.isoformat(), "9999-12-31",
                place.bank, place.account, place.name if place.account else "",
            ]
        )  # fmt: skip
    return table.spoil(
        {"机构编码": "P44160200901", "机构类型": "综合医院"},
        {"机构编码": "H44160200902", "机构类型": "村卫生站", "上级机构编码": ""},
        {"机构编码": "4416020090"},
    )


SELECTION_HEADERS = [
    "姓名", "证件号码", "医院编码", "医院名称", "选点年度", "申请时间", "所属险种", "改点类型", "变更原因", "定点类别",
]  # fmt: skip


def selections(
    rows: Iterable[tuple[Person, Place, date, str, str]], year: int, profile: Profile, stations: dict[Place, Place]
) -> Table:
    """Person, institution, day of the request, route as the roster writes it, and reason of a change.

    A line of its own for the centre's station, where one is chosen besides its centre.
    """
    table = Table(SELECTION_HEADERS)
    for person, place, day, route, reason in rows:
        chosen = [(place, "异地医院" if place.away else "选定机构")]
        if place in stations and profile.chooses_stations:
            chosen.append((stations[place], "卫生站"))
        for one, role in chosen:
            table.rows.append(
                [
                    person.name, person.document, one.code, one.name, year, day.isoformat(), profile.scheme, route,
                    reason, role,
                ]
            )  # fmt: skip
    return table.spoil({"医院编码": "H44160299999"}, {"申请时间": "昨天"}, {"姓名": "无名氏"})


def referrals(sent: Iterable[Referral]) -> Table:
    table = Table(["姓名", "证件号码", "转出机构编码", "转入机构编码", "开始日期", "有效期止", "转诊原因"])
    for referral in sent:
        table.rows.append(
            [
                referral.person.name, referral.person.document, referral.sender.code, referral.receiver.code,
                referral.starts_on.isoformat(), referral.ends_on.isoformat(), "需专科诊治",
            ]
        )  # fmt: skip
    if table.rows:
        table.spoil({"转入机构编码": table.rows[0][2], "转出机构编码": table.rows[0][2]})
    return table


def hospital_stays(rows: Iterable[tuple[Person, Place, date, date]]) -> Table:
    table = Table(["姓名", "证件号码", "机构编码", "入院日期", "出院日期"])
    for person, place, admitted_on, discharged_on in rows:
        table.rows.append(
            [person.name, person.document, place.code, admitted_on.isoformat(), discharged_on.isoformat()]
        )
    return table.spoil({"出院日期": "2025-01-01"})


def registrations(people: Iterable[Person], profile: Profile) -> Table:
    """Who lives elsewhere."""
    table = Table(["姓名", "证件号码", "备案类型", "就医地区划", "开始日期", "结束日期"])
    for person in people:
        kind, city = person.away or ("", "")
        starts_on = max(profile.new_year, person.enrolled_on).isoformat()
        table.rows.append([person.name, person.document, kind, city, starts_on, ""])
    return table.spoil({"备案类型": "旅游"}, {"就医地区划": "广州"})


def assessments(scores: Iterable[tuple[Place, int]], profile: Profile) -> Table:
    """Institution and its score of the year."""
    table = Table(["定点机构编码", "机构名称", "年度", "得分", "文号"])
    for place, score in scores:
        table.rows.append([place.code, place.name, profile.year, score, "演示数据（虚构）"])
    return table.spoil({"得分": "101"})


# Settlement

VISIT_HEADERS = [
    "结算ID", "就诊登记号", "姓名", "证件号码", "定点机构编码", "就诊日期", "结算时间", "医疗类别", "门诊急诊转诊标志",
    "处方机构编码", "处方就诊登记号", "就诊凭证类型", "医疗费总额", "全自费金额", "超限价自费金额", "先行自付金额",
    "符合范围金额", "一般诊疗费", "定额报销诊察费", "其他基金支付", "个人账户使用标志", "退费结算标志", "原结算ID",
]  # fmt: skip


def visits(bills: Iterable[Bill], *, careless: bool = True) -> Table:
    """One institution's bills; a careless one has bad rows among them."""
    table = Table(VISIT_HEADERS)
    for bill in bills:
        table.rows.append(
            [
                bill.key, bill.encounter, bill.person.name, bill.person.document, bill.place.code,
                bill.care_on.isoformat(), _moment(bill.settled_at), bill.med_type, bill.urgency,
                bill.prescriber.code if bill.prescriber else "", bill.encounter if bill.prescriber else "",
                bill.card, yuan(bill.total), yuan(bill.own_expense), yuan(bill.over_limit), yuan(bill.first_self),
                yuan(bill.in_policy), yuan(bill.general_fee), yuan(bill.consultation_fee), yuan(bill.other_funds),
                bill.pays_with, "1" if bill.reverses else "0", bill.reverses,
            ]
        )  # fmt: skip
    if not careless:
        return table
    return table.spoil(
        {"结算ID": "BAD1", "医疗费总额": "8888.88"},
        {"结算ID": "BAD2", "定点机构编码": "H44160299999"},
        {"结算ID": "BAD3", "证件号码": NOBODY},
        {"结算ID": "BAD4", "就诊日期": "2026年13月1日"},
        {"结算ID": "BAD5", "医疗类别": "41", "处方机构编码": "H44160200001", "处方就诊登记号": "没有"},
        {"结算ID": "BAD6", "退费结算标志": "1", "原结算ID": ""},
    )


def opening_use(rows: Iterable[tuple[Person, int]], year: int, profile: Profile) -> Table:
    """Person and what an old system had paid (fen)."""
    table = Table(["姓名", "证件号码", "险种类型", "年度", "统筹已支付"])
    for person, amount in rows:
        table.rows.append([person.name, person.document, profile.scheme, year, yuan(amount)])
    return table.spoil({"统筹已支付": "-1"})


def other_uses(rows: Iterable[tuple[Person, str, date, int]], profile: Profile) -> Table:
    """Person, number, day and what the pooled fund paid in hospital (fen)."""
    table = Table(["结算ID", "姓名", "证件号码", "险种类型", "基金类别", "结算日期", "基金支付金额"])
    for person, number, day, amount in rows:
        table.rows.append(
            [number, person.name, person.document, profile.scheme, "统筹基金", day.isoformat(), yuan(amount)]
        )
    return table.spoil({"基金类别": "工会"})


def _moment(moment: datetime) -> str:
    return f"{moment:%Y-%m-%d %H:%M:%S}"
