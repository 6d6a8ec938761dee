"""Institutions with their agreements and levels."""

from __future__ import annotations

from typing import Any

from django.db.models import OuterRef, Q, QuerySet, Subquery
from django.utils.translation import gettext_lazy
from django.utils.translation import gettext_noop as _

from bureau.files import Refused, cells
from bureau.files.cells import Cell
from bureau.files.days import LASTING, PLANNED, date_, end_date
from bureau.files.shared import INSTITUTION_HEADINGS, INSTITUTION_NAMES, in_order
from bureau.rosters.columns import Column, always, given
from bureau.rosters.roster import OVERLAPS_LINE, Roster
from bureau.rosters.shared import institution_column
from bureau.rosters.staging import STAGED, Batch, Shown, refuse_other_areas
from institutions.models import AccountChange, Agreement, Institution, Level
from institutions.services.bank_accounts import ACCOUNT
from institutions.services.matching import refuse_other_agencies

KINDS = cells.choice(
    {
        "hospital": (
            "医院", "综合医院", "中医医院", "中医院", "中西医结合医院", "专科医院", "妇幼保健院", "人民医院",
            "专科疾病防治院",
        ),
        "centre": (
            "基层医疗机构", "卫生院", "乡镇卫生院", "中心卫生院", "街道卫生院", "社区卫生服务中心",
        ),
        "station": ("村卫生站", "卫生站", "村卫生室", "村（居）卫生站", "社区卫生服务站"),
        "school_clinic": ("校医院", "校医室", "学校医务室", "高校医务室", "医务室"),
        "pharmacy": ("药店", "定点零售药店", "零售药店", "定点药店"),
    }
)  # fmt: skip

_GRADES = ("特等", "甲等", "乙等", "丙等", "无等", "未定等", "未评等")


def _graded(digit: str, *more: str) -> tuple[str, ...]:
    """A level with the grades that hospitals have within it."""
    short = tuple(f"{digit}{grade[0]}" for grade in _GRADES[:4])
    return (f"{digit}级", f"{digit}级医院", *(f"{digit}级{grade}" for grade in _GRADES), *short, *more)


# 协议结算等级; unrated institutions and village stations are 0.
LEVELS = cells.choice(
    {
        0: ("未定级", "未评级", "无等级", "未定等级", "未评等级"),
        1: _graded("一", "一级及以下"),
        2: _graded("二"),
        3: _graded("三"),
    }
)
# 医院等级 (hosp_lv): the same labels, but numbers that count grades.
_LEVEL_OF_GRADE = {
    "1": 3, "2": 3, "3": 3, "4": 3, "5": 2, "6": 2, "7": 2, "8": 1, "9": 1, "10": 1, "11": 0, "12": 3, "13": 2, "14": 1,
}  # fmt: skip


def hospital_level(cell: Cell) -> int:
    """The level of a hospital by the national code of its grade, or by a label."""
    number = cells.half_width(cells.shown(cell)).lstrip("0")
    return _LEVEL_OF_GRADE[number] if number in _LEVEL_OF_GRADE else LEVELS(cell)


def _kind_of_institution(values: dict[str, Any]) -> None:
    kind, number = values["kind"], values["code"]
    if kind is None or number is None:
        return
    if (kind == "pharmacy") != number.startswith("P"):
        raise Refused("code_of_other_kind", _("Codes of pharmacies begin with P, all others with H."), field="code")
    if kind == "station" and values["parent"] is None:
        raise Refused(
            "parent",
            _("A village station belongs to a primary-care centre: name its parent."),
            field="parent",
        )
    if values["level"] is None:
        values["level"] = values["hospital_level"]
    if values["level"] is None:
        if kind in ("hospital", "centre"):
            raise Refused("required", _("The cell is empty."), field="level")
        values["level"] = 0


def _county_of_area(values: dict[str, Any]) -> None:
    """Whom no area pays, no county agency pays."""
    if values["area"] and values["county"] is None:
        raise Refused("county", _("Name the county agency that pays this institution."), field="county")
    if not values["area"]:
        values["county"] = None


_RATED = Level.objects.filter(
    Q(ends_on__isnull=True) | Q(ends_on__gte=OuterRef("starts_on")),
    institution=OuterRef("institution"),
    starts_on__lte=OuterRef("starts_on"),
)


class Institutions(Roster):
    """Each line is an agreement, its institution, and the institution's level from the agreement's first day on."""

    code = institution_column("机构编码", INSTITUTION_HEADINGS)
    name = Column(
        "机构名称", cells.text(120), INSTITUTION_NAMES, attribute="institution__name", required=True, changes=given
    )
    kind = Column("机构类型", KINDS, ("机构类别",), attribute="institution__kind", required=True)
    area = Column("统筹区", cells.area_code, ("统筹区编码", "医保区划", "admdvs"), attribute="institution__area_id")
    county = Column(
        "经办区县",
        cells.area_code,
        ("经办机构区划", "经办区划"),
        attribute="institution__county_id",
        changes=given,
    )
    parent = Column(
        "上级机构编码",
        cells.institution_code,
        ("上级机构", "所属机构编码"),
        attribute="institution__parent__code",
    )
    level = Column(
        "结算等级",
        LEVELS,
        ("协议结算等级", "医保结算等级", "hi_setl_lv"),
        shows=Subquery(_RATED.values("level")[:1]),
        sql="smallint",
    )
    hospital_level = Column("医院等级", hospital_level, ("医院级别", "医疗机构等级", "机构等级", "hosp_lv"))
    starts_on = Column(
        "协议开始", date_, ("协议开始日期", "begndate"), attribute="starts_on", required=True, days=PLANNED
    )
    ends_on = Column(
        "协议结束", end_date, ("协议结束日期", "enddate"), attribute="ends_on", days=LASTING, changes=always
    )
    bank_name = Column("开户行", cells.text(100), ("开户银行",), attribute="institution__bank_name")
    bank_account = Column("银行账号", cells.bank_account, ("账号", "银行账户"), attribute="institution__bank_account")
    account_name = Column("户名", cells.text(120), ("账户名称", "开户名"), attribute="institution__account_name")

    checks = (_kind_of_institution, _county_of_area, in_order())

    class Meta:
        model = Agreement
        roster = "institutions"
        label = gettext_lazy("Institutions")
        key = ("institution", "starts_on")
        once = ("code", "starts_on")
        spans = True
        overlaps = _("The days overlap an agreement from %(first)s to %(last)s.")
        writes = (AccountChange, Level, Agreement, Institution)
        scratch = {"first_of_code": "boolean", "account_change": "text", "turn": "int", "level_until": "date"}

    def get_queryset(self) -> QuerySet:
        """A clearing body comes with no roster: it is registered by hand."""
        return super().get_queryset().exclude(institution__kind=Institution.Kind.CLEARING)

    def find(self, batch: Batch) -> None:
        batch.run(f"UPDATE {STAGED} s SET institution_id = i.id FROM institutions_institution i WHERE i.code = s.code")
        refuse_other_agencies(batch, "county", "s.county")
        refuse_other_agencies(batch, "code")
        refuse_other_areas(batch)

    def agrees(self) -> str:
        """SQL: it is this institution, has this level then, and is paid on this account or waits for it."""
        mine = "i.id = s.institution_id"
        return f"""
            EXISTS (SELECT FROM institutions_institution i LEFT JOIN institutions_institution p ON p.id = i.parent_id
                    WHERE {mine} AND i.kind = s.kind AND p.code IS NOT DISTINCT FROM s.parent
                      AND i.area_id IS NOT DISTINCT FROM {_AREA}
                      AND ({_paid_on("i")}
                           OR EXISTS (SELECT FROM institutions_accountchange c WHERE c.institution_id = i.id
                                      AND c.status = 'open' AND {_paid_on("c", "i")})))
            AND EXISTS (SELECT FROM institutions_level l WHERE l.institution_id = s.institution_id AND l.level = s.level
                        AND s.starts_on BETWEEN l.starts_on AND COALESCE(l.ends_on, 'infinity'))
            """

    def refusals(self, batch: Batch) -> None:
        _refuse_places(batch)
        batch.refuse_overlaps_in_file("starts_on", OVERLAPS_LINE, "code", where="s.institution_id IS NULL")
        _refuse_parents(batch)

    def before(self, batch: Batch) -> None:
        """The institutions, and what of them has changed; parents come before their stations."""
        while _refuse_orphans(batch):
            pass  # with a parent's line, the lines of those under it go too
        batch.run(
            f"UPDATE {STAGED} s SET first_of_code = TRUE WHERE s.line IN (SELECT min(line) FROM {STAGED} GROUP BY code)"
        )
        _enter_accounts(batch)
        details = self.changed_record(Institution, "institution")
        batch.update(
            Institution,
            details,
            where=f"t.id = s.institution_id AND s.first_of_code AND NOT ({self.says(details)})",
        )
        new = self.new_record(Institution, "institution") | {
            "area_id": _AREA,
            "parent_id": "(SELECT p.id FROM institutions_institution p WHERE p.code = s.parent)",
        }
        for which in ("s.parent IS NULL", "s.parent IS NOT NULL"):
            batch.insert(Institution, new, where=f"s.institution_id IS NULL AND s.first_of_code AND {which}")
            batch.run(
                f"""UPDATE {STAGED} s SET institution_id = i.id FROM institutions_institution i
                    WHERE i.code = s.code AND s.institution_id IS NULL"""
            )

    def write(self, batch: Batch) -> None:
        super().write(batch)
        _set_levels(batch)

    def differences(self, shown: Shown) -> list[tuple[str, str, str]]:
        if shown.model is Level and shown.before is not None and "level" in shown.after:
            column = self.fields["level"]
            return [(column.header, *(column.widget.write(said["level"]) for said in (shown.before, shown.after)))]
        return super().differences(shown)


_AREA = "CASE WHEN s.area IS NULL THEN NULL ELSE %(area)s END"


def _paid_on(account: str, otherwise: str = "") -> str:
    """SQL: an account is what a line says; of what the line leaves out, what the institution has (`otherwise`)."""
    said = {name: f"COALESCE(s.{name}, {otherwise or account}.{name})" for name in ACCOUNT}
    return " AND ".join(f"{account}.{name} = {new}" for name, new in said.items())


def _refuse_places(batch: Batch) -> None:
    batch.refuse(
        "county",
        _("%(said)s is not a county agency of this area."),
        """s.county IS NOT NULL
           AND NOT EXISTS (SELECT FROM bureau_county c WHERE c.area_id = %(area)s AND c.code = s.county)""",
        places={"said": "s.county"},
    )
    batch.refuse(
        "kind",
        _("The institution is recorded as another kind; correct the one or the other."),
        "i.id = s.institution_id AND i.kind <> s.kind",
        using="institutions_institution i",
    )
    batch.refuse(
        "area",
        _("The institution is recorded in another area."),
        """i.id = s.institution_id
           AND i.area_id IS DISTINCT FROM CASE WHEN s.area IS NULL THEN NULL ELSE %(area)s END""",
        using="institutions_institution i",
    )
    batch.refuse(
        "kind",
        _("Line %(other)s describes the institution of this code otherwise."),
        """o.code = s.code AND o.line < s.line
           AND (o.kind, o.area IS NULL, COALESCE(o.parent, '')) <> (s.kind, s.area IS NULL, COALESCE(s.parent, ''))""",
        using="roster_staged o",
        places={"other": "o.line"},
    )


def _refuse_parents(batch: Batch) -> None:
    """A parent is recorded or in the same file, and no station; a station that is recorded keeps its own."""
    batch.refuse(
        "parent",
        _("%(said)s cannot be a parent: it is a station or a pharmacy."),
        """EXISTS (SELECT FROM institutions_institution i WHERE i.code = s.parent AND i.kind IN ('station', 'pharmacy'))
           OR EXISTS (SELECT FROM roster_staged o WHERE o.code = s.parent AND o.kind IN ('station', 'pharmacy'))""",
        places={"said": "s.parent"},
    )
    _refuse_orphans(batch)
    batch.refuse(
        "parent",
        _("The institution is recorded under another parent; change that at the desk."),
        """i.id = s.institution_id AND i.parent_id IS DISTINCT FROM
               (SELECT p.id FROM institutions_institution p WHERE p.code = s.parent)""",
        using="institutions_institution i",
    )
    batch.refuse(
        "county",
        _("A village station is paid by the agency of its centre."),
        """s.kind = 'station' AND s.county IS DISTINCT FROM COALESCE(
               (SELECT o.county FROM roster_staged o WHERE o.code = s.parent ORDER BY o.line LIMIT 1),
               (SELECT p.county_id FROM institutions_institution p WHERE p.code = s.parent))""",
    )


def _refuse_orphans(batch: Batch) -> int:
    return batch.refuse(
        "parent",
        _("The parent %(said)s is neither recorded nor in this file."),
        """s.parent IS NOT NULL
           AND NOT EXISTS (SELECT FROM institutions_institution i WHERE i.code = s.parent)
           AND NOT EXISTS (SELECT FROM roster_staged o WHERE o.code = s.parent)""",
        places={"said": "s.parent"},
    )


def _enter_accounts(batch: Batch) -> None:
    """Another account of an institution that is recorded waits for a second person, as at the desk."""
    wanted = {name: f"COALESCE(o.{name}, t.{name})" for name in ACCOUNT}
    batch.run(
        f"""
        UPDATE roster_staged s
           SET ({", ".join(ACCOUNT)}, account_change) = ({", ".join(f"w.{name}" for name in ACCOUNT)}, w.how)
          FROM (
            SELECT o.line, {", ".join(f"{new} AS {name}" for name, new in wanted.items())},
                   CASE WHEN c.id IS NULL THEN 'new' ELSE 'instead' END AS how
              FROM roster_staged o JOIN institutions_institution t ON t.id = o.institution_id
              LEFT JOIN institutions_accountchange c ON c.institution_id = t.id AND c.status = 'open'
             WHERE o.first_of_code AND ({" OR ".join(f"{new} <> t.{name}" for name, new in wanted.items())})
               AND (c.id IS NULL OR {" OR ".join(f"{new} <> c.{name}" for name, new in wanted.items())})
          ) w WHERE w.line = s.line
        """
    )
    batch.show(
        Institution,
        {name: f"s.{name}" for name in ACCOUNT},
        where="t.id = s.institution_id AND s.account_change IS NOT NULL",
    )
    entered = {"entered_by_id": "%(actor)s::bigint", "entered_at": "%(now)s::timestamptz"}
    columns = {name: f"s.{name}" for name in ACCOUNT} | entered
    batch.update(
        AccountChange,
        columns,
        where="s.account_change = 'instead' AND t.institution_id = s.institution_id AND t.status = 'open'",
    )
    batch.insert(
        AccountChange,
        {"institution_id": "s.institution_id", "status": "'open'", "note": "''"} | columns,
        where="s.account_change = 'new'",
    )


def _set_levels(batch: Batch) -> None:
    """A level from the first day of the agreement on, where another is in force then; the lines of a code in turn."""
    batch.run(
        """UPDATE roster_staged s SET turn = t.turn FROM (
               SELECT line, row_number() OVER (PARTITION BY code ORDER BY starts_on) AS turn FROM roster_staged
           ) t WHERE t.line = s.line"""
    )
    in_force = """t.institution_id = s.institution_id AND t.starts_on <= s.starts_on
                  AND COALESCE(t.ends_on, 'infinity') >= s.starts_on"""
    for turn in range(1, batch.value("SELECT COALESCE(max(turn), 0) FROM roster_staged") + 1):
        mine = f"s.turn = {turn}"
        other = f"{mine} AND {in_force} AND t.level <> s.level"
        batch.run(
            f"UPDATE roster_staged s SET level_until = t.ends_on FROM institutions_level t WHERE {mine} AND {in_force}"
        )
        batch.run(
            f"""UPDATE roster_staged s SET level_until = (
                    SELECT min(t.starts_on) - 1 FROM institutions_level t
                    WHERE t.institution_id = s.institution_id AND t.starts_on > s.starts_on)
                WHERE {mine} AND NOT EXISTS (SELECT FROM institutions_level t WHERE {in_force})"""
        )
        batch.update(Level, {"level": "s.level"}, where=f"{other} AND t.starts_on = s.starts_on")
        batch.show(Level, {"level": "s.level"}, where=f"{other} AND t.starts_on < s.starts_on")
        batch.update(Level, {"ends_on": "s.starts_on - 1"}, where=f"{other} AND t.starts_on < s.starts_on")
        batch.insert(
            Level,
            {
                "institution_id": "s.institution_id",
                "level": "s.level",
                "starts_on": "s.starts_on",
                "ends_on": "s.level_until",
            },
            where=f"{mine} AND NOT EXISTS (SELECT FROM institutions_level t WHERE {in_force})",
        )
