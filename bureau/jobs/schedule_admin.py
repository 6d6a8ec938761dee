"""The schedule of repeated work, as staff read it and the system administrator keeps it."""

import datetime

from celery.schedules import ParseException
from django.contrib import admin
from django.urls import reverse
from django.utils.translation import gettext, ngettext_lazy
from django.utils.translation import gettext_lazy as _
from django_celery_beat import admin as beat
from django_celery_beat.models import ClockedSchedule, CrontabSchedule, IntervalSchedule, PeriodicTask, SolarSchedule

from bureau import audit, clock
from bureau.site.acts import call_acts
from bureau.site.records import ListActs, without_number
from bureau.site.sections import EMPTY
from bureau.staff import roles

call_acts({"schedule.change": _("Change the schedule")})


class Kept(ListActs):
    """Readable by whoever reads the schedule, changed by the system administrator, with an audit entry."""

    change_list_template = "admin/records.html"
    change_form_template = "admin/kept.html"
    show_full_result_count = False

    def changelist_view(self, request, extra_context=None):
        buttons = self.list_buttons(request)
        if self.has_add_permission(request):
            name = f"admin:{self.opts.app_label}_{self.opts.model_name}_add"
            buttons.insert(0, (gettext("Add"), reverse(name)))
        extra = {"buttons": buttons} | (extra_context or {})
        return without_number(request) or super().changelist_view(request, extra)

    def has_view_permission(self, request, obj=None):
        return roles.may_read(request.user, self.opts.label_lower)

    def has_module_permission(self, request):
        return self.has_view_permission(request)

    def has_add_permission(self, request, obj=None):
        return roles.may(request.user, "schedule.change")

    def has_change_permission(self, request, obj=None):
        return roles.may(request.user, "schedule.change")

    def has_delete_permission(self, request, obj=None):
        return roles.may(request.user, "schedule.change")

    def log_addition(self, request, obj, message):
        self._record(request, obj, "add")

    def log_change(self, request, obj, message):
        self._record(request, obj, "change")

    def log_deletions(self, request, queryset):
        for obj in queryset:
            self._record(request, obj, "delete")

    def _record(self, request, obj, what: str) -> None:
        now: datetime.datetime = clock.now()
        audit.record("schedule.change", actor=request.user, now=now, subject=obj, what=what, name=str(obj))


# What staff see of the package and its own Chinese catalogue lacks; ours has it because it stands here.
LACKING = (
    _("Periodic Tasks Using This Schedule"),
    _('Cron Months (1-12) Of The Year to Run. Use "*" for "all". (Example: "1,12")'),
    _('Cron Days Of The Week to Run. Use "*" for "all", Sunday is 0 or 7, Monday is 1. (Example: "0,5")'),
    ngettext_lazy("{0} task was successfully enabled", "{0} tasks were successfully enabled"),
    ngettext_lazy("{0} task was successfully disabled", "{0} tasks were successfully disabled"),
)

admin.site.unregister([PeriodicTask, CrontabSchedule, IntervalSchedule, ClockedSchedule, SolarSchedule])


class TasksOfSchedule(beat.PeriodicTaskInline):
    def has_view_permission(self, request, obj=None):
        return True

    def has_add_permission(self, request, obj=None):
        return False

    def has_change_permission(self, request, obj=None):
        return False


@admin.register(PeriodicTask)
class PeriodicTaskAdmin(Kept, beat.PeriodicTaskAdmin):
    # The packaged page has script in it, which the content security policy forbids.
    change_form_template = "admin/kept.html"
    date_hierarchy = None
    actions = ["enable_tasks", "disable_tasks"]
    list_display = ["name", "enabled", "scheduler", "last_run_at", "total_run_count"]
    list_filter = ["enabled"]
    fieldsets = [
        (None, {"fields": ["name", "regtask", "task", "enabled", "description"]}),
        (_("Schedule"), {"fields": ["crontab", "interval", "start_time", "last_run_at", "one_off"]}),
        (_("Arguments"), {"fields": ["args", "kwargs"]}),
        (_("Execution Options"), {"fields": ["expires", "expire_seconds", "queue"]}),
    ]


@admin.register(CrontabSchedule)
class CrontabScheduleAdmin(Kept, beat.CrontabScheduleAdmin):
    inlines = [TasksOfSchedule]
    list_display = ["__str__", "in_words"]
    fields = ["in_words", "minute", "hour", "day_of_month", "month_of_year", "day_of_week", "timezone"]
    readonly_fields = ["in_words"]

    @admin.display(description=_("Human readable"))
    def in_words(self, crontab):
        """The package's own column breaks the page while what was typed is no schedule."""
        try:
            return crontab.human_readable
        except (ValueError, ParseException):
            return EMPTY


@admin.register(IntervalSchedule)
class IntervalScheduleAdmin(Kept, beat.IntervalScheduleAdmin):
    inlines = [TasksOfSchedule]
