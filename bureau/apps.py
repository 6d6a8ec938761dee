from django.apps import AppConfig
from django.contrib.admin.apps import AdminConfig
from django.utils.translation import gettext_lazy as _


class BureauConfig(AppConfig):
    name = "bureau"
    verbose_name = _("Bureau")

    def ready(self):
        from bureau import celery  # noqa: F401  binds shared tasks to the application


class OfficeConfig(AdminConfig):
    default_site = "bureau.admin.Office"
