"""The start page: what waits for whom, what the year still lacks, and how the months went.

It knows no room. Each says here, beside its own pages, which of its records wait for which act.
"""

import datetime
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any
from urllib.parse import urlencode

from django.contrib import admin
from django.core.cache import cache
from django.db.models import Model, QuerySet
from django.http import HttpRequest
from django.utils.functional import Promise
from django.utils.translation import gettext

from bureau import clock
from bureau.rules.periods import add_months
from bureau.site.acts import list_url
from bureau.site.sections import Panel
from bureau.staff import roles

TASKS_KEPT = 60  # seconds
CHARTS_KEPT = 600
MONTHS = 12
RECENT_DAYS = 30
MOST_COUNTED = 1000


@dataclass(frozen=True)
class Task:
    """Records that wait, and the act they wait for (none: somebody should look). The filters are those of the list."""

    name: str
    label: str | Promise
    model: type[Model]
    filters: Mapping[str, object]
    act: str = ""
    own: bool = False  # shown to nobody but who may act
    recent: str = ""  # a time: only what is younger than thirty days
    narrow: Callable[[QuerySet], QuerySet] | None = None  # what the list's own filter does, where no lookup says it


@dataclass(frozen=True)
class Waiting:
    """One line of what waits: how many, where they are listed, and whether for an act of who reads it."""

    label: str | Promise
    count: int
    url: str
    mine: bool
    more: bool = False


@dataclass(frozen=True)
class Series:
    """A figure for each month of a chart, drawn as "bar" or "line"."""

    label: str
    kind: str
    values: Sequence[Decimal | int]


@dataclass(frozen=True)
class Chart:
    name: str
    title: str
    series: Sequence[Series]


Lines = Callable[[HttpRequest], Iterable[Waiting]]
Sentences = Callable[[HttpRequest], Iterable[str]]
Pictures = Callable[[HttpRequest, Sequence[datetime.date]], Iterable[Chart]]

TASKS: list[Task] = []
# Work that a room does for the page, by the label of the model that one must be allowed to read.
WAITING: list[tuple[str, Lines]] = []
LACKS: list[tuple[str, Sentences]] = []
CHARTS: list[tuple[str, Pictures]] = []


def waits(*tasks: Task) -> None:
    """Show these counts on the start page."""
    TASKS.extend(tasks)


def _registering(place: list) -> Callable[..., Callable]:
    def register(reads: str) -> Callable:
        def take(work: Callable) -> Callable:
            place.append((reads, work))
            return work

        return take

    return register


# Decorators: lines that no filter of a list counts, sentences about what a year lacks, charts of the months.
waiting, lacks, charts = _registering(WAITING), _registering(LACKS), _registering(CHARTS)


def seen(request: HttpRequest, model: type[Model]) -> QuerySet:
    """The records of a model that a member of staff sees."""
    return admin.site.get_model_admin(model).get_queryset(request)


def page(request: HttpRequest):
    """The admin's index, with today's work above the list of records."""
    return admin.site.index(
        request,
        {
            "subtitle": clock.today().isoformat(),
            "title": admin.site.index_title,
            "tasks": what_waits(request),
            "missing": _worked_out(request, LACKS, TASKS_KEPT),
            "charts": _pictures(request),
        },
    )


def what_waits(request: HttpRequest) -> list[Waiting]:
    """What waits within the reach of a member of staff; first what waits for an act of theirs."""
    wanted = [
        task
        for task in TASKS
        if roles.may_read(request.user, task.model._meta.label_lower)
        and (not task.own or roles.may(request.user, task.act))
    ]
    counts = _kept(request, "tasks", TASKS_KEPT, lambda: {task.name: _count(request, task) for task in wanted})
    found = [
        Waiting(
            task.label,
            counts[task.name],
            _list_of(task),
            mine=bool(task.act) and roles.may(request.user, task.act),
            more=counts[task.name] >= MOST_COUNTED,
        )
        for task in wanted
        if counts.get(task.name)
    ]
    found += _worked_out(request, WAITING, CHARTS_KEPT)
    return sorted(found, key=lambda line: not line.mine)


def _count(request: HttpRequest, task: Task) -> int:
    found = seen(request, task.model)
    found = task.narrow(found) if task.narrow else found.filter(**task.filters)
    if task.recent:
        found = found.filter(**{f"{task.recent}__date__gte": clock.today() - datetime.timedelta(days=RECENT_DAYS)})
    return found.order_by()[:MOST_COUNTED].count()


def _list_of(task: Task) -> str:
    query = {name: ",".join(value) if isinstance(value, list) else value for name, value in task.filters.items()}
    return f"{list_url(task.model)}?{urlencode(query)}"


def last_months() -> list[datetime.date]:
    """The first days of the last twelve months, this one the last."""
    this_month = clock.today().replace(day=1)
    return [add_months(this_month, number - MONTHS + 1) for number in range(MONTHS)]


def _pictures(request: HttpRequest) -> list[dict]:
    """Each chart as the page draws it, and the table with the same figures below it."""
    months = last_months()
    names = [f"{month:%Y-%m}" for month in months]
    return [
        {
            "id": chart.name,
            "data": {
                "title": chart.title,
                "months": names,
                "series": [
                    {"name": one.label, "type": one.kind, "data": [str(value) for value in one.values]}
                    for one in chart.series
                ],
            },
            "panel": Panel(
                chart.title,
                [gettext("month"), *(one.label for one in chart.series)],
                [list(row) for row in zip(names, *(one.values for one in chart.series), strict=True)],
            ),
        }
        for chart in _worked_out(request, CHARTS, CHARTS_KEPT, months)
    ]


def _worked_out(request: HttpRequest, sources: list, seconds: int, *more: Any) -> list:
    found: list = []
    for reads, work in sources:
        if roles.may_read(request.user, reads):
            name = f"{work.__module__}.{work.__name__}:{request.LANGUAGE_CODE}"
            found += _kept(request, name, seconds, lambda work=work: list(work(request, *more)))
    return found


def _kept(request: HttpRequest, name: str, seconds: int, work: Callable[[], Any]) -> Any:
    """Worked out once for everybody with the same roles, area and agency, and kept for a while."""
    staff = request.user
    who = "+".join(role.code for role in roles.roles_of(staff))
    key = f"start:{name}:{clock.today()}:{staff.area_id}:{staff.county_id}:{who}"
    return cache.get_or_set(key, work, seconds)
