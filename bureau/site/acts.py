"""Acts and reports: a button, a page with a form, one call of a service, and a sentence about what came of it."""

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db import models, transaction
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.http.response import HttpResponseBase
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from bureau import clock
from bureau.errors import DomainError, waited_too_long
from bureau.site import failures
from bureau.site.forms import ActForm
from bureau.site.sections import Panel, link
from bureau.staff import roles

Text = str | Promise
Data = dict[str, Any]

DONE = _("Recorded: %(act)s.")

# How the audit trail calls an act: by its button, or as the room says whose act has none.
LABELS: dict[str, Text] = {}


def call_acts(labels: Mapping[str, Text]) -> None:
    """Say what the audit trail calls acts that no button stands for."""
    LABELS.update(labels)


@dataclass
class Answer:
    """What a service answered, to be shown instead of going back to the record."""

    panels: list[Panel] = field(default_factory=list)
    text: Text = ""


def always(record: models.Model) -> bool:
    return True


def is_status(*statuses: str) -> Callable[[models.Model], bool]:
    """An act is offered while its record has one of these."""
    return lambda record: record.status in statuses


def offers(act: "Act | Report", record: models.Model) -> bool:
    """Whether the button is shown: a step leads on from the record's state, and the act has nothing against it."""
    steps = getattr(record, "steps", None)
    return (steps is None or steps.leads(record, act.code)) and act.offered(record)


@dataclass(frozen=True, kw_only=True)
class Act:
    """One step that staff do, by one service.

    `do` gets the form's cleaned data, `actor` and `now`, and the record under the name `record` if the act stands on
    a record's page. It may return a record (where to go next with `follow`), an Answer, or a response.
    `offered` says for which records the button is shown, beside what their steps say (`offers`); the service says
    whether it may be done.
    `preview` shows what would happen before anything does: the act is done from that page only.
    """

    code: str
    label: Text
    do: Callable[..., Any]
    record: str = ""
    form: type[ActForm] = ActForm
    help: Text = ""
    done: Text = DONE
    offered: Callable[[Any], bool] = always
    initial: Callable[[HttpRequest, Any], Mapping[str, Any]] | None = None
    preview: Callable[[HttpRequest, Any, Data], list[Panel]] | None = None
    follow: bool = False

    def __post_init__(self):
        if self.code not in roles.ACTS:
            raise LookupError(f"no role may do {self.code}")
        LABELS.setdefault(self.code, self.label)

    def view(self, desk: admin.ModelAdmin, request: HttpRequest, record: models.Model | None) -> HttpResponse:
        initial = dict(self.initial(request, record)) if self.initial else {}
        bound = {"data": request.POST, "files": request.FILES} if request.method == "POST" else {}
        form = self.form(**bound, initial=initial, request=request, record=record)
        panels: list[Panel] = []
        shown = ""
        if request.method == "POST" and form.is_valid():
            data = dict(form.cleaned_data)
            if self.preview is None or request.POST.get("_shown") == _digest(data):
                with _Outcome(request, form) as outcome, transaction.atomic():
                    named = {self.record: record} if self.record else {}
                    outcome.result = self.do(**named, **data, actor=request.user, now=clock.now())
                if outcome.well:
                    return self._leave(desk, request, record, outcome.result)
            else:
                with _Outcome(request, form) as outcome:
                    panels = self.preview(request, record, data)
                if outcome.well:
                    shown = _digest(data)
        context = _context(desk, request, record, self, form) | {"panels": panels, "shown": shown}
        context["preview"] = self.preview is not None
        response = TemplateResponse(request, "admin/act.html", context)
        response.headers["Cache-Control"] = "no-store"
        return response

    def _leave(self, desk: admin.ModelAdmin, request: HttpRequest, record: Any, result: Any) -> HttpResponse:
        if isinstance(result, HttpResponseBase):
            return result
        if isinstance(result, Answer):
            context = _context(desk, request, record, self, None) | {"panels": result.panels, "text": result.text}
            response = TemplateResponse(request, "admin/answer.html", context)
            response.headers["Cache-Control"] = "no-store"
            return response
        messages.success(request, self.done % {"act": self.label})
        if isinstance(result, list) and result:
            result = result[0]
        goal = result if self.follow or record is None else record
        if isinstance(goal, models.Model) and admin.site.is_registered(type(goal)) and _is_there(goal):
            return HttpResponseRedirect(url_of(goal))
        return HttpResponseRedirect(list_url(desk.model))


@dataclass(frozen=True, kw_only=True)
class Report:
    """Something worked out for reading: by period, say. `show` gets request, record and cleaned data.

    `file` gives the same as a file to keep. Nothing is written, except what `show` itself puts into the audit trail.
    """

    code: str
    label: Text
    show: Callable[[HttpRequest, Any, Data], list[Panel]] | None = None
    file: Callable[[HttpRequest, Any, Data], HttpResponse] | None = None
    form: type[ActForm] = ActForm
    help: Text = ""
    offered: Callable[[Any], bool] = always
    initial: Callable[[HttpRequest, Any], Mapping[str, Any]] | None = None

    def __post_init__(self):
        if self.code not in roles.ACTS:
            raise LookupError(f"no role may read {self.code}")

    def view(self, desk: admin.ModelAdmin, request: HttpRequest, record: models.Model | None) -> HttpResponse:
        initial = dict(self.initial(request, record)) if self.initial else {}
        asked = bool(request.GET) or not self.form.base_fields
        form = self.form(request.GET if asked else None, initial=initial, request=request, record=record)
        panels: list[Panel] = []
        if asked and form.is_valid():
            show = self.file if self.show is None or (self.file and "_file" in request.GET) else self.show
            with _Outcome(request, form) as outcome:
                outcome.result = show(request, record, form.cleaned_data)
            if isinstance(outcome.result, HttpResponseBase):
                return outcome.result
            panels = outcome.result or []
        context = _context(desk, request, record, self, form) | {
            "panels": panels,
            "can_show": self.show is not None and bool(self.form.base_fields),
            "can_download": self.file is not None,
        }
        return TemplateResponse(request, "admin/report.html", context)


class _Outcome:
    """Says in the form what went wrong: a refused act at its field, anything unexpected with a number."""

    def __init__(self, request: HttpRequest, form: ActForm):
        self.request, self.form = request, form
        self.result: Any = None
        self.well = False

    def __enter__(self) -> "_Outcome":
        return self

    def __exit__(self, kind, error, traceback) -> bool:
        if error is None:
            self.well = True
        elif isinstance(error, DomainError):
            self.form.add_error(error.field if error.field in self.form.fields else None, str(error))
        elif isinstance(error, PermissionDenied) or not isinstance(error, Exception):
            return False
        elif (waited := waited_too_long(error)) is not None:
            self.form.add_error(None, str(waited))
        else:
            self.form.add_error(None, failures.sentence(failures.reference(self.request, error)))
        return True


def _context(desk: admin.ModelAdmin, request: HttpRequest, record, act, form) -> Data:
    return {
        **admin.site.each_context(request),
        "opts": desk.opts,
        "original": record,
        "title": act.label,
        "subtitle": record,
        "act": act,
        "form": form,
        "media": desk.media + form.media if form is not None else desk.media,
        "back": url_of(record) if record is not None else _list_from(desk, request, act),
        "record_link": link(record) if record is not None else "",
    }


def _list_from(desk: admin.ModelAdmin, request: HttpRequest, act: Any) -> str:
    """The list from which an act was asked for, with the search and filters that stand in the act's address."""
    filters = request.GET.urlencode() if isinstance(act, Act) else ""
    return f"{list_url(desk.model)}?{filters}" if filters else list_url(desk.model)


def _digest(data: Data) -> str:
    """What was shown is what is done: changed fields are shown anew first."""
    said = sorted((name, str(getattr(value, "pk", value))) for name, value in data.items())
    return hashlib.sha256(repr(said).encode()).hexdigest()


def _is_there(record: models.Model) -> bool:
    return type(record)._default_manager.filter(pk=record.pk).exists()


def url_of(record: models.Model) -> str:
    return reverse(f"admin:{record._meta.app_label}_{record._meta.model_name}_change", args=[record.pk])


def list_url(model: type[models.Model]) -> str:
    return reverse(f"admin:{model._meta.app_label}_{model._meta.model_name}_changelist")
