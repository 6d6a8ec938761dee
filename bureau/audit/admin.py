"""The audit trail as its readers see it."""

from django.apps import apps
from django.contrib import admin
from django.utils.html import format_html
from django.utils.translation import gettext_lazy as _

from bureau.audit.models import AuditEntry
from bureau.site import Records
from bureau.site.acts import url_of
from bureau.site.history import changed_panel, counted_panel, deed
from bureau.site.sections import EMPTY


@admin.register(AuditEntry)
class AuditEntryAdmin(Records):
    list_display = ["at", "actor", "deed", "area", "county"]
    list_display_links = ["at"]
    list_filter = ["at"]
    search_fields = ["=actor__username", "=action"]
    search_help_text = _("User name, or code of an act such as run.approve")
    list_select_related = ["actor", "area", "county"]
    fields = ["at", "actor", "deed", "action", "area", "county", "detail"]
    sections = [counted_panel, changed_panel]

    def get_list_display(self, request):
        return [*super().get_list_display(request), _linked(request)]

    def get_fieldsets(self, request, obj=None):
        [(title, options)] = super().get_fieldsets(request, obj)
        return [(title, options | {"fields": [_linked(request), *options["fields"]]})]

    @admin.display(description=_("action"), ordering="action")
    def deed(self, entry):
        return deed(entry.action)


def _linked(request):
    """The record of an audit entry, as a link for those who may read it."""

    @admin.display(description=_("record"))
    def record(entry):
        try:
            model = apps.get_model(entry.record_type)
        except (LookupError, ValueError):
            return entry.record_id or EMPTY
        text = f"{model._meta.verbose_name} {entry.record_id}"
        if not entry.record_id or not admin.site.is_registered(model):
            return text
        if not admin.site.get_model_admin(model).has_view_permission(request):
            return text
        return format_html('<a href="{}">{}</a>', url_of(model(pk=entry.record_id)), text)

    return record
