from django.apps import AppConfig
from django.contrib.admin.apps import AdminConfig
from django.utils.translation import gettext_lazy as _


class BureauConfig(AppConfig):
    name = "bureau"
    verbose_name = _("Bureau")

    def ready(self):
        from bureau import celery  # noqa: F401  binds shared tasks to the application
        from bureau.services import jobs, uploads

        jobs.register(uploads.JOB_KIND, uploads.load_as_job)


class OfficeConfig(AdminConfig):
    default_site = "bureau.admin.Office"
