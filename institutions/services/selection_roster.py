"""How the roster of selections comes in: every line a request, decided by the rules in the order of their days."""

import datetime
import json
from collections.abc import Iterator
from typing import Any, NamedTuple

from django.db import connection
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from bureau import audit
from bureau.errors import DomainError
from bureau.models import AuditEntry, Upload
from bureau.rosters.staging import Batch, Loader
from institutions.models import Selection
from institutions.services.choices import CHANGEABLE, Ask, Plan, plan_for
from institutions.services.matching import match_institutions
from members.services.matching import MEMBER_COLUMN, PERSON_COLUMNS, match_members, person

MEMBERS_AT_ONCE = 10_000
REMOVED = "selection.take_back"
# A request's field in the roster's words.
_FIELDS = {"member": "document_number"}


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


def _stage(values: dict[str, Any]) -> tuple:
    return (
        *person(values),
        values["institution"],
        values["year"],
        values["requested_on"],
        values["starts_on"],
        values["scheme"],
        values["route"],
        values["reason"],
    )


def _load(batch: Batch) -> None:
    match_members(batch)
    match_institutions(batch, "institution", "institution_id")
    for lines in _parts(batch):
        _load_part(batch, lines)


def _parts(batch: Batch) -> Iterator[list[Line]]:
    """The staged lines of some thousand members at a time, each member's in the order of the requests."""
    after = 0
    while True:
        found = batch.rows(
            f"""SELECT {", ".join(Line._fields)} FROM roster_staged
                WHERE member_id IN (SELECT DISTINCT member_id FROM roster_staged WHERE member_id > %(after)s
                                    ORDER BY member_id LIMIT %(count)s)
                ORDER BY member_id, requested_on, year, line""",
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
    """Store the plan under the upload. A changed selection goes with any accepted line of its member."""
    if plan.removed:
        audit.record(
            REMOVED, actor=batch.actor, now=batch.now, subject=batch.upload, selections=[r.pk for r in plan.removed]
        )
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
    Selection.objects.bulk_create(plan.new, batch_size=5_000)


_CHANGE_TYPES = ", ".join(f"{name} {Selection._meta.get_field(name).db_type(connection)}" for name in CHANGEABLE)


def objection(upload: Upload) -> Promise | None:
    """An import that took a selection away cannot be undone: the selection's row is gone."""
    of_upload = {"record_type": Upload._meta.label_lower, "record_id": str(upload.pk)}
    removed = AuditEntry.objects.filter(action__in=(REMOVED, "selection.remove"), **of_upload).exists()
    return _("It took selections away that had not begun, so it cannot be undone any more.") if removed else None


SELECTIONS = Loader(
    columns={
        **PERSON_COLUMNS,
        "institution": "text",
        "year": "smallint",
        "requested_on": "date",
        "starts_on": "date",
        "scheme": "text",
        "route": "text",
        "reason": "text",
        **MEMBER_COLUMN,
        "institution_id": "bigint",
    },
    stage=_stage,
    load=_load,
    models=(Selection,),
)
