"""The base of every list and page: readable by role and area, fast at millions of rows, written only by acts."""

from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any
from urllib.parse import urlencode

from django.contrib import admin, messages
from django.contrib.admin import ShowFacets
from django.contrib.admin.utils import unquote
from django.core.exceptions import FieldDoesNotExist, PermissionDenied
from django.core.paginator import Paginator
from django.db import DataError, models
from django.http import Http404, HttpResponseRedirect
from django.urls import path, reverse
from django.utils.functional import cached_property
from django.utils.html import format_html, format_html_join
from django.utils.text import capfirst
from django.utils.translation import gettext as _

from bureau.errors import DomainError
from bureau.identifiers.identity import numbers_in
from bureau.site import failures
from bureau.site.acts import Act, Report, list_url, offers
from bureau.site.exports.acts import Export
from bureau.site.history import history_panel
from bureau.site.sections import EMPTY, Panel, Section
from bureau.staff import reach, roles

MOST_COUNTED = 10_000


class BoundedPaginator(Paginator):
    """Counts up to ten thousand and no further: nobody pages through millions, they search."""

    @cached_property
    def count(self) -> int:
        return self.object_list.order_by()[:MOST_COUNTED].count()


def money(name: str, label: Any = None) -> Callable:
    """A column or line with an amount, aligned at the right by the style sheet."""

    def amount(record):
        value = getattr(record, name)
        return EMPTY if value is None else f"{value:,.2f}"

    amount.__name__ = f"{name}_amount"
    amount.short_description = label
    amount.admin_order_field = name
    return amount


def facts(name: str, label: Any) -> Callable:
    """A JSON field as lines of name and value."""

    def shown(record):
        return _told(getattr(record, name)) or EMPTY

    shown.__name__ = f"{name}_facts"
    shown.short_description = label
    return shown


def _told(value: Any) -> Any:
    if isinstance(value, dict):
        rows = format_html_join("", "<dt>{}</dt><dd>{}</dd>", ((key, _told(one)) for key, one in value.items()))
        return format_html('<dl class="facts">{}</dl>', rows) if value else ""
    if isinstance(value, list):
        if any(isinstance(one, dict | list) for one in value):
            return format_html_join("", "<div>{}</div>", ((_told(one),) for one in value))
        return ", ".join(str(one) for one in value)
    return "" if value is None else str(value)


Q = "q"


def without_number(request) -> HttpResponseRedirect | None:
    """A list whose search has an identity number in it is asked for again without; None where there is none."""
    if not numbers_in(" ".join(request.GET.getlist(Q))):
        return None
    messages.warning(request, _("An identity number stands in no address; nothing is searched by it here."))
    return HttpResponseRedirect(_address(request.path, {name: request.GET[name] for name in request.GET if name != Q}))


def _address(path: str, query: Mapping[str, Any]) -> str:
    return f"{path}?{urlencode(query, doseq=True)}" if query else path


class ListActs(admin.ModelAdmin):
    """What can be done from a list, among it its export: pages and buttons."""

    list_acts: Sequence[Act | Report] = ()

    def __init__(self, model, admin_site):
        super().__init__(model, admin_site)
        self.list_acts = [*self.list_acts, Export.of(self)]

    def get_urls(self):
        name = f"{self.opts.app_label}_{self.opts.model_name}_list_act"
        return [path("act/<str:code>/", self.admin_site.admin_view(self.list_act_view), name=name), *super().get_urls()]

    def list_act_view(self, request, code):
        act = self._act(self.list_acts, code)
        self._require(request, act)
        return act.view(self, request, None)

    @staticmethod
    def _act(acts, code):
        for act in acts:
            if act.code == code:
                return act
        raise Http404

    def _require(self, request, act) -> None:
        if not self.has_view_permission(request) or not roles.may(request.user, act.code):
            raise PermissionDenied

    def list_buttons(self, request) -> list[tuple[Any, str]]:
        """The export comes last, and takes the list's search and filters with it."""
        name = f"admin:{self.opts.app_label}_{self.opts.model_name}_list_act"
        acts = sorted(self.list_acts, key=lambda act: isinstance(act, Export))
        return [
            (
                act.label,
                _address(reverse(name, args=[act.code]), dict(request.GET.lists()) if isinstance(act, Export) else {}),
            )
            for act in acts
            if roles.may(request.user, act.code)
        ]


class Records(ListActs):
    """A model's list and pages, of what its reader reaches."""

    acts: Sequence[Act | Report] = ()
    sections: Sequence[Section | Callable[..., Panel | None]] = ()

    actions = None
    ordering = ("-pk",)  # what came last; the order that a key gives costs nothing at millions of rows
    list_per_page = 50
    list_max_show_all = 0
    show_full_result_count = False
    show_facets = ShowFacets.NEVER
    paginator = BoundedPaginator
    most_counted = MOST_COUNTED
    view_on_site = False
    searches_by_post = True
    hidden = False  # a part of another record, without a place of its own in the menu
    change_list_template = "admin/records.html"
    change_form_template = "admin/record.html"

    def has_view_permission(self, request, obj=None):
        return roles.may_read(request.user, self.opts.label_lower)

    def has_module_permission(self, request):
        return not self.hidden and self.has_view_permission(request)

    def has_add_permission(self, request):
        return False

    def has_change_permission(self, request, obj=None):
        return False

    def has_delete_permission(self, request, obj=None):
        return False

    def get_queryset(self, request):
        found = (
            super()
            .get_queryset(request)
            .defer(*(field.name for field in self.opts.concrete_fields if isinstance(field, models.BinaryField)))
        )
        return found.filter(reach.limits(self.model, request.user.reach))

    # How values are shown

    def get_list_display(self, request):
        return [self._shown(name) for name in super().get_list_display(request)]

    def get_fieldsets(self, request, obj=None):
        fieldsets = self.fieldsets or [(None, {"fields": self.fields or self._all_fields()})]
        left_out = self.left_out(obj) if obj else ()
        lines = [[self._line(line, left_out) for line in options["fields"]] for _title, options in fieldsets]
        return [
            (title, options | {"fields": [line for line in shown if line]})
            for (title, options), shown in zip(fieldsets, lines, strict=True)
        ]

    def left_out(self, record: models.Model) -> Collection[str]:
        """The fields that mean nothing for this record."""
        return ()

    def _line(self, line: Any, left_out: Collection[str]) -> Any:
        """A field, or several of one line; nothing where all are left out."""
        if isinstance(line, tuple):
            return tuple(self._shown(name) for name in line if name not in left_out)
        return None if line in left_out else self._shown(line)

    def _all_fields(self) -> list[str]:
        return [
            field.name
            for field in self.opts.fields
            if not field.primary_key and not isinstance(field, models.BinaryField)
        ]

    def _shown(self, name: Any) -> Any:
        if not isinstance(name, str) or hasattr(self, name):
            return name
        try:
            field = self.opts.get_field(name)
        except FieldDoesNotExist:
            return name
        if isinstance(field, models.DecimalField):
            return money(name, field.verbose_name)
        if isinstance(field, models.JSONField):
            return facts(name, field.verbose_name)
        return name

    # Pages

    def get_urls(self):
        name = f"{self.opts.app_label}_{self.opts.model_name}"
        view = self.admin_site.admin_view
        return [
            path("<path:object_id>/act/<str:code>/", view(self.act_view), name=f"{name}_act"),
            *super().get_urls(),
        ]

    def act_view(self, request, object_id, code):
        act = self._act(self.acts, code)
        self._require(request, act)
        record = self.get_object(request, unquote(object_id))
        if record is None:
            raise Http404
        if isinstance(act, Act) and not self.is_near(request, record):
            raise PermissionDenied
        return act.view(self, request, record)

    def is_near(self, request, record) -> bool:
        """Whether a member of staff may act on a record that they may read: a neighbour's is read only."""
        return reach.reaches(request.user.reach, record)

    def get_object(self, request, object_id, from_field=None):
        try:
            return super().get_object(request, object_id, from_field)
        except DataError:  # an address that fits no key
            return None

    def found_by_document(self, request, term: str, query: dict[str, str]) -> HttpResponseRedirect | None:
        """Where a search by a document number leads: to an address without it. None: the term is no such number."""
        return None

    def search_view(self, request) -> HttpResponseRedirect:
        """A search is sent by POST; what is no document number then stands in the list's address, to be kept."""
        query = {name: value for name, value in request.POST.items() if name not in (Q, "csrfmiddlewaretoken")}
        term = request.POST.get(Q, "").strip()
        if (found := self.found_by_document(request, term, query)) is not None:
            return found
        if term and not numbers_in(term):
            query[Q] = term
        elif term:
            messages.warning(request, _("An identity number stands in no address; nothing is searched by it here."))
        return HttpResponseRedirect(_address(request.path, query))

    def changelist_view(self, request, extra_context=None):
        if not self.has_view_permission(request):
            raise PermissionDenied
        if request.method == "POST":
            return self.search_view(request)
        if numbers_in(" ".join(request.GET.getlist(Q))):
            query = {name: request.GET[name] for name in request.GET if name != Q}
            found = self.found_by_document(request, request.GET[Q].strip(), query)
            return found or without_number(request)
        buttons = self.list_buttons(request)
        try:
            return super().changelist_view(
                request,
                {
                    "buttons": buttons,
                    "title": capfirst(self.opts.verbose_name_plural),
                    "subtitle": None,
                }
                | (extra_context or {}),
            )
        except (DataError, ValueError):  # what stands in the address fits no column
            messages.error(request, _("The address of the list cannot be read; here is the whole list."))
            return HttpResponseRedirect(list_url(self.model))

    def changeform_view(self, request, object_id=None, form_url="", extra_context=None):
        record = self.get_object(request, unquote(object_id)) if object_id is not None else None
        extra = {"title": capfirst(self.opts.verbose_name)}
        if record is not None and self.has_view_permission(request):
            panels = self._panels(request, record)
            extra |= {
                "buttons": self._buttons(request, record),
                "panels": panels,
                "nothing": [panel.title for panel in panels if panel.empty],
            }
        return super().changeform_view(request, object_id, form_url, extra | (extra_context or {}))

    def _buttons(self, request, record) -> list[tuple[Any, str]]:
        name = f"admin:{self.opts.app_label}_{self.opts.model_name}_act"
        near = self.is_near(request, record)
        buttons = [
            (act.label, reverse(name, args=[record.pk, act.code]))
            for act in self.acts
            if (near or isinstance(act, Report)) and roles.may(request.user, act.code) and offers(act, record)
        ]
        if roles.may_read(request.user, "bureau.auditentry"):
            buttons.append((_("Audit trail"), self._trail(record.pk)))
        return buttons

    def _panels(self, request, record) -> list[Panel]:
        panels = [self._panel(request, record, section) for section in (*self.sections, history_panel)]
        return [panel for panel in panels if panel is not None]

    @staticmethod
    def _panel(request, record, section) -> Panel | None:
        """One table below a record; what cannot be worked out says so there and leaves the page standing."""
        try:
            return section.panel(request, record) if isinstance(section, Section) else section(request, record)
        except DomainError as error:
            return Panel(_("Cannot be shown"), note=str(error))
        except Exception as error:
            return Panel(_("Cannot be shown"), note=failures.sentence(failures.reference(request, error)))

    def history_view(self, request, object_id, extra_context=None):
        return HttpResponseRedirect(self._trail(object_id))

    def _trail(self, pk) -> str:
        query = urlencode({"record_type__exact": self.opts.label_lower, "record_id__exact": pk})
        return f"{reverse('admin:bureau_auditentry_changelist')}?{query}"


def extend(
    model: type[models.Model],
    *,
    acts: Sequence[Act | Report] = (),
    list_acts: Sequence[Act | Report] = (),
    sections: Sequence[Section | Callable[..., Panel | None]] = (),
) -> None:
    """Let a room add to the pages of a room below it."""
    desk = admin.site.get_model_admin(model)
    desk.acts = [*desk.acts, *acts]
    desk.list_acts = [*desk.list_acts, *list_acts]
    desk.sections = [*desk.sections, *sections]
