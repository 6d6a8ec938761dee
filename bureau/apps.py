from django.apps import AppConfig
from django.contrib.admin.apps import AdminConfig
from django.db.models.signals import post_migrate
from django.utils.translation import gettext_lazy as _


class BureauConfig(AppConfig):
    name = "bureau"
    verbose_name = _("Bureau")

    def ready(self):
        from bureau import celery  # noqa: F401  binds shared tasks to the application
        from bureau.services import jobs, roles, uploads

        post_migrate.connect(roles.install_roles, sender=self)
        jobs.register(uploads.JOB_KIND, uploads.load_as_job, queue="import")
        post_migrate.connect(_install_schedule, sender=self)


def _install_schedule(**_signal):
    from django.db import connection

    from bureau.services.schedule import install_schedule

    # A migration of single apps may come before the tables of the schedule.
    if "django_celery_beat_periodictask" in connection.introspection.table_names():
        install_schedule()


class OfficeConfig(AdminConfig):
    default_site = "bureau.office.Office"
