"""Selections: every line a request, decided by the rules in the order of their days."""

import datetime
import json
from collections.abc import Iterator
from typing import Any, NamedTuple

from django.db import connection
from django.db.models import F
from django.utils.translation import gettext_lazy

from bureau.errors import DomainError
from bureau.files import Refused, cells
from bureau.files.days import PAST, PLANNED, date_
from bureau.files.problems import noop as _
from bureau.files.shared import INSTITUTION_HEADINGS, INSTITUTION_NAMES
from bureau.rosters.columns import Column, given
from bureau.rosters.shared import institution_column, scheme_column
from bureau.rosters.staging import SHOWN, STAGED, Batch, Shown
from institutions.models import Selection
from institutions.services.choices import CHANGEABLE, Ask, Plan, plan_for
from institutions.services.matching import match_institutions
from members.rosters import PersonRoster

MEMBERS_AT_ONCE = 10_000
# A request's field in the roster's words.
_FIELDS = {"member": "document_number"}
# SQL: not all lines of a member, year and day, which are one request, are recorded.
_NEW_REQUEST = f"""EXISTS (SELECT FROM {STAGED} o WHERE o.record_id IS NULL
                           AND (o.member_id, o.year, o.requested_on) = (s.member_id, s.year, s.requested_on))"""


def _year_of_selection(values: dict[str, Any]) -> None:
    """National lists give the first day instead of the year."""
    if values["year"] is None and values["starts_on"] is not None:
        values["year"] = values["starts_on"].year
    if values["year"] is None:
        raise Refused("required", _("The cell is empty."), field="year")


class Selections(PersonRoster):
    institution = institution_column("医院编码", INSTITUTION_HEADINGS)
    institution_name = Column("医院名称", cells.text(120), INSTITUTION_NAMES, attribute="institution__name")
    year = Column("选点年度", cells.integer(2000, 2100), ("年度", "定点年度"), attribute="year")
    requested_on = Column(
        "申请时间", date_, ("申请日期", "选点日期"), attribute="requested_on", required=True, days=PAST
    )
    starts_on = Column("定点开始时间", date_, ("生效日期", "begndate"), attribute="starts_on", days=PLANNED)
    scheme = scheme_column(required=False)
    role = Column(
        "定点类别",
        cells.choice({"primary": ("选定机构", "主点"), "station": ("卫生站",), "remote": ("异地医院", "异地")}),
        default="primary",
        shows=F("role"),  # which role it takes follows from the institution
    )
    route = Column(
        "改点类型",
        cells.choice(
            {
                "window": ("集中选点", "年度选点"),
                "in_year": ("年内选点", "首次选点", "补选"),
                "change": ("改点", "变更", "年内变更"),
            }
        ),
        ("选点类型",),
        attribute="route",
    )
    reason = Column("变更原因", cells.text(200), ("改点原因",), attribute="reason", changes=given)

    checks = (*PersonRoster.checks, _year_of_selection)

    class Meta:
        model = Selection
        roster = "selections"
        label = gettext_lazy("Selections")
        key = ("member", "institution", "year", "requested_on")
        once = ("person", "role", "year", "requested_on")

    def find(self, batch: Batch) -> None:
        super().find(batch)
        match_institutions(batch, "institution")

    def agrees(self) -> str:
        """SQL: the whole request is recorded."""
        return f"NOT {_NEW_REQUEST}"

    def write(self, batch: Batch) -> None:
        """What is recorded can be given another reason; new requests are decided by the rules."""
        self.refuse_differences(batch)
        reason = self.changed_record()
        batch.update(
            Selection, reason, where=f"t.id = s.record_id AND NOT {_NEW_REQUEST} AND NOT ({self.says(reason)})"
        )
        for lines in _parts(batch):
            _load_part(batch, lines)


class Line(NamedTuple):
    line: int
    member_id: int
    institution_id: int
    year: int
    requested_on: datetime.date
    starts_on: datetime.date | None
    scheme: str | None
    route: str | None
    reason: str | None


def _parts(batch: Batch) -> Iterator[list[Line]]:
    """The new requests of some thousand members at a time, each member's in the order of their days."""
    after = 0
    while True:
        found = batch.rows(
            f"""SELECT {", ".join(f"s.{name}" for name in Line._fields)} FROM {STAGED} s
                WHERE {_NEW_REQUEST}
                  AND s.member_id IN (SELECT DISTINCT member_id FROM {STAGED} WHERE member_id > %(after)s
                                      ORDER BY member_id LIMIT %(count)s)
                ORDER BY s.member_id, s.requested_on, s.year, s.line""",
            after=after,
            count=MEMBERS_AT_ONCE,
        )
        lines = [Line._make(row) for row in found]
        if not lines:
            return
        after = lines[-1].member_id
        yield lines


def _load_part(batch: Batch, lines: list[Line]) -> None:
    requests = list(_requests(lines, batch.area_id))
    plan = plan_for((ask for ask, _lines in requests), actor=batch.actor, upload=batch.upload)
    problems: dict[str, dict[int, str]] = {}
    unchanged: list[int] = []
    accepted: dict[int, int] = {}
    for ask, numbers in requests:
        steps = plan.steps
        try:
            plan.choose(ask)
        except DomainError as error:
            field = _FIELDS.get(error.field or "", error.field or "")
            problems.setdefault(field, {}).update(dict.fromkeys(numbers, str(error)))
            continue
        if plan.steps == steps:
            unchanged += numbers
        else:
            accepted[ask.member_id] = numbers[0]
    for field, texts in problems.items():
        batch.refuse(
            field,
            "%(problem)s",
            "s.line = p.line",
            using="unnest(%(lines)s::int[], %(texts)s::text[]) AS p(line, text)",
            places={"problem": "p.text"},
            lines=list(texts),
            texts=list(texts.values()),
        )
    batch.unchanged("s.line = ANY(%(lines)s::int[])", lines=unchanged)
    _write(batch, plan, accepted)


def _requests(lines: list[Line], area_id: str) -> Iterator[tuple[Ask, list[int]]]:
    """Lines of one member, year and day are one request: a centre and its station, say."""
    together: dict[tuple, list[Line]] = {}
    for line in lines:
        together.setdefault((line.member_id, line.requested_on, line.year), []).append(line)
    for (member_id, requested_on, year), group in together.items():
        ask = Ask(
            member_id,
            tuple(line.institution_id for line in group),
            year,
            requested_on,
            reason=next((line.reason for line in group if line.reason), ""),
            area_id=area_id,
            scheme=group[0].scheme or "",
            route=group[0].route or "",
            starts_on=group[0].starts_on,
        )
        yield ask, [line.line for line in group]


def _write(batch: Batch, plan: Plan, accepted: dict[int, int]) -> None:
    """Store the plan under the upload. A selection goes with any accepted line of its member."""
    if plan.removed:
        Selection.objects.filter(pk__in=[row.pk for row in plan.removed]).delete()
    changes = [
        {"line": accepted[row.member_id], "id": row.pk} | {name: getattr(row, name) for name in CHANGEABLE}
        for row in plan.changed
    ]
    if changes:
        batch.update(
            Selection,
            {name: f"c.{name}" for name in CHANGEABLE},
            where="c.line = s.line AND t.id = c.id",
            using=f"""jsonb_to_recordset(%(changes)s::jsonb) AS c(line int, id bigint, {_CHANGE_TYPES})""",
            changes=json.dumps(changes, default=str),
        )
    if batch.preview is not None:
        said = [(accepted[row.member_id], {name: getattr(row, name) for name in _SHOWN}) for row in plan.new[:SHOWN]]
        batch.preview.new += [Shown(line, Selection, None, None, values) for line, values in said]
    Selection.objects.bulk_create(plan.new, batch_size=5_000)


_SHOWN = ("member_id", "scheme", "year", "role", "starts_on", *CHANGEABLE)
_CHANGE_TYPES = ", ".join(f"{name} {Selection._meta.get_field(name).db_type(connection)}" for name in CHANGEABLE)
