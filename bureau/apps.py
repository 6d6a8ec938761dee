from django.apps import AppConfig
from django.contrib.admin.apps import AdminConfig
from django.contrib.auth.apps import AuthConfig
from django.db.models import Model
from django.db.models.signals import post_migrate
from django.utils.functional import Promise
from django.utils.module_loading import autodiscover_modules
from django.utils.translation import gettext_lazy as _
from django.utils.translation import gettext_noop
from django_celery_beat.apps import BeatConfig


class BureauConfig(AppConfig):
    name = "bureau"
    verbose_name = _("Bureau")

    def ready(self):
        from django.contrib.auth.signals import user_logged_in

        from bureau import celery  # noqa: F401  celery binds shared tasks to the application
        from bureau.grants import install_grants
        from bureau.guards import install_guards
        from bureau.jobs import schedule, tasks
        from bureau.jobs import services as jobs
        from bureau.jobs.schedule import Entry
        from bureau.rosters import tasks as roster_tasks
        from bureau.rosters import uploads
        from bureau.site.exports import services as exports
        from bureau.site.exports import tasks as export_tasks
        from bureau.staff import (
            roles,
            sessions,
        )

        autodiscover_modules("reach")
        user_logged_in.connect(sessions.begin)
        post_migrate.connect(install_guards, sender=self)
        post_migrate.connect(install_grants, sender=self)
        post_migrate.connect(roles.install_roles, sender=self)
        jobs.register(
            uploads.JOB_KIND,
            uploads.load_as_job,
            label=_("loading of a roster"),
            queue="import",
            failed=uploads.failed,
            again=uploads.loading_again,
        )
        jobs.register(exports.JOB_KIND, exports.write_as_job, label=_("export of a list"), queue="import")
        schedule.register(
            Entry(tasks.sweep.name, gettext_noop("Call workers to unfinished jobs"), every_minutes=2),
            Entry(roster_tasks.drop_originals.name, gettext_noop("Drop files whose time is over"), minute=40),
            Entry(export_tasks.drop_exports.name, gettext_noop("Drop exports whose time is over"), minute=45),
        )
        post_migrate.connect(_install_schedule, sender=self)


def _install_schedule(**_signal):
    from django.db import connection

    from bureau.jobs import schedule

    # A migration of single apps may come before the tables of the schedule.
    if "django_celery_beat_periodictask" in connection.introspection.table_names():
        schedule.install_schedule()


class OfficeConfig(AdminConfig):
    default_site = "bureau.site.office.Office"


class RolesConfig(AuthConfig):
    """Groups are the house's roles, and are called so."""

    verbose_name = _("Roles and rights")

    def ready(self):
        super().ready()
        _call(self.get_model("Group"), _("role"), _("roles"))


class ScheduleConfig(BeatConfig):
    """The packaged schedule, in the house's words."""

    verbose_name = _("Schedule")

    def ready(self):
        super().ready()
        _call(self.get_model("PeriodicTask"), _("scheduled task"), _("scheduled tasks"))
        _call(self.get_model("CrontabSchedule"), _("time of a task"), _("times of tasks"))
        _call(self.get_model("IntervalSchedule"), _("interval of a task"), _("intervals of tasks"))


def _call(model: type[Model], name: Promise, plural: Promise) -> None:
    """Name a model of a package; its migrations do not see it."""
    model._meta.verbose_name, model._meta.verbose_name_plural = name, plural
