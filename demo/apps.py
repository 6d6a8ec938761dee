from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class DemoConfig(AppConfig):
    name = "demo"
    verbose_name = _("Demonstration")

    def ready(self):
        from bureau.jobs import services as jobs

        jobs.register("demo", _nothing_left, label=_("month of the demonstration"))


def _nothing_left(params, *, job, actor, now):
    """A lived month is marked by a job without parts."""
    return {}
