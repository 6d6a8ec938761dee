"""Filters of lists: by year without asking the table, and by records that the reader reaches."""

from django.contrib import admin
from django.utils.translation import gettext_lazy as _

from bureau import clock
from bureau.staff import reach


class YearFilter(admin.SimpleListFilter):
    """A year of records: the next and the last five, without asking the table which there are."""

    title = _("year")
    parameter_name = "year"

    def lookups(self, request, model_admin):
        year = clock.today().year
        return [(str(one), str(one)) for one in range(year + 1, year - 5, -1)]

    def queryset(self, request, queryset):
        value = self.value()
        return queryset.filter(year=int(value)) if value and value.isascii() and value.isdigit() else queryset


class ReachFilter(admin.RelatedFieldListFilter):
    """Records to filter by: those within reach, and in a list of what agencies own, one's own."""

    def field_choices(self, field, request, model_admin):
        listed = reach.tie(model_admin.model)
        own = bool(listed.county) and not listed.neighbours
        limits = reach.limits(field.remote_field.model, request.user.reach, own=own)
        ordering = self.field_admin_ordering(field, request, model_admin)
        return field.get_choices(include_blank=False, ordering=ordering, limit_choices_to=limits)


admin.FieldListFilter.register(lambda field: field.remote_field, ReachFilter, take_priority=True)
