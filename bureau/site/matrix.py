"""Who may do and read what, as one page: every act, list and roster against every role (docs/permissions.md).

Worked out from what is registered, so that the page cannot say anything else than the product does.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from django.apps import apps
from django.contrib import admin
from django.utils import translation
from django.utils.functional import Promise
from django.utils.text import capfirst

from bureau.rosters import uploads
from bureau.site.acts import LABELS, Act, Report
from bureau.site.exports.acts import Export
from bureau.staff import roles

HEAD = """# Who may do and read what

Written by `manage.py write_permissions` from what the rooms register and from `bureau/staff/roles.py`; not by hand.
Whoever may act or read does so within their own area and agency.
"""
MAY = "●"


@dataclass
class Line:
    """One row: a code, what it is called (on each page it may be something else), what kind it is, where it stands,
    and which roles it is for."""

    code: str
    labels: list[str | Promise]
    room: str
    kind: str = ""
    pages: list[str | Promise] = field(default_factory=list)
    roles: list[str] = field(default_factory=list)


def acts() -> list[Line]:
    """Every act and report that a button stands for, then those that have none, such as a form of the schedule."""
    found: dict[str, Line] = {}
    for model, desk in admin.site._registry.items():
        for act in (*getattr(desk, "acts", ()), *getattr(desk, "list_acts", ())):
            line = found.setdefault(act.code, Line(act.code, [], _room(act, model), _kind(act)))
            if act.label not in line.labels:
                line.labels.append(act.label)
            if model._meta.verbose_name not in line.pages:
                line.pages.append(model._meta.verbose_name)
    for code in sorted(roles.ACTS - set(found)):
        found[code] = Line(code, [LABELS[code]] if code in LABELS else [], "bureau", "act")
    for line in found.values():
        line.roles = [role.code for role in roles.ROLES.values() if line.code in role.acts]
    return list(found.values())


def lists() -> list[Line]:
    """Every list, which is who reads the records of a model at all."""
    return [
        Line(
            model._meta.label_lower,
            [capfirst(model._meta.verbose_name_plural)],
            model._meta.app_label,
            roles=[role.code for role in roles.ROLES.values() if role.may_read(model._meta.label_lower)],
        )
        for model in admin.site._registry
    ]


def rosters() -> list[Line]:
    """Every roster that can be loaded; who may load one may load all."""
    may_load = [role.code for role in roles.ROLES.values() if "upload.load" in role.acts]
    return [Line(roster.kind, [roster.label], "", roles=may_load) for roster in uploads.rosters()]


def page() -> str:
    """The page as Markdown, in English with the Chinese words beside."""
    with translation.override("en"):
        return "\n".join([HEAD, *_tables()])


def _tables() -> Iterator[str]:
    yield "## Roles\n"
    yield from _table(("code", "English", "中文"), ((code, *_both([role.label])) for code, role in roles.ROLES.items()))
    yield "## Acts and reports\n\nA report shows figures, a download gives a file; neither changes anything.\n"
    for room, lines in _by_room(acts()):
        yield f"### {room}\n"
        told = ((line.code, *_both(line.labels), line.kind, ", ".join(map(str, line.pages))) for line in lines)
        yield from _marked(("act", "English", "中文", "kind", "on the page of"), told, lines)
    yield "## Lists\n\nWho reads the records of a kind, as a list and as pages, and what other pages show of them.\n"
    for room, lines in _by_room(lists()):
        yield f"### {room}\n"
        yield from _marked(("list", "English", "中文"), ((line.code, *_both(line.labels)) for line in lines), lines)
    yield "## Rosters\n\nLoading takes the act `upload.load`, undoing `upload.undo`.\n"
    lines = sorted(rosters(), key=lambda line: line.code)
    yield from _marked(("roster", "English", "中文"), ((line.code, *_both(line.labels)) for line in lines), lines)


def _by_room(lines: Iterable[Line]) -> list[tuple[str, list[Line]]]:
    rooms: dict[str, list[Line]] = {}
    for line in sorted(lines, key=lambda line: line.code):
        rooms.setdefault(line.room, []).append(line)
    installed = list(apps.app_configs)
    return sorted(rooms.items(), key=lambda room: installed.index(room[0]))


def _marked(head: tuple[str, ...], rows: Iterable[tuple[str, ...]], lines: list[Line]) -> Iterator[str]:
    marks = ([MAY if code in line.roles else "" for code in roles.ROLES] for line in lines)
    names = [_both([role.label])[1] for role in roles.ROLES.values()]
    yield from _table((*head, *names), ((*row, *mark) for row, mark in zip(rows, marks, strict=True)))


def _table(head: Iterable[str], rows: Iterable[Iterable[str]]) -> Iterator[str]:
    head = list(head)
    yield "| " + " | ".join(head) + " |"
    yield "|" + "---|" * len(head)
    for first, *others in rows:
        yield "| " + " | ".join([f"`{first}`", *others]) + " |"
    yield ""


def _both(labels: list[str | Promise]) -> tuple[str, str]:
    """A label, or several, in English and in Chinese."""
    with translation.override("zh-hans"):
        chinese = " / ".join(map(str, labels))
    return " / ".join(map(str, labels)), chinese


def _kind(act: Act | Report) -> str:
    if isinstance(act, Export):
        return "export"
    if isinstance(act, Act):
        return "act"
    return " and ".join(kind for kind, there in (("report", act.show), ("download", act.file)) if there)


def _room(act: Act | Report, model) -> str:
    """The room whose code does it: an act may stand on the page of a room below."""
    work = act.do if isinstance(act, Act) else act.show or act.file
    room = getattr(work, "__module__", "").partition(".")[0]
    return room if room in apps.app_configs else model._meta.app_label
