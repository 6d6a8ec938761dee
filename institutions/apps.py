from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _
from django.utils.translation import gettext_noop


class InstitutionsConfig(AppConfig):
    name = "institutions"
    verbose_name = _("Institutions")

    def ready(self):
        from bureau.jobs import schedule
        from bureau.jobs.schedule import Entry
        from bureau.rosters.uploads import register
        from institutions import tasks
        from institutions.rosters import ROSTERS

        register(*ROSTERS)
        schedule.register(
            Entry(tasks.open_and_close_windows.name, gettext_noop("Open and close the selection window"), minute=10),
            Entry(
                tasks.end_selections_of_departed.name,
                gettext_noop("End the selections of members who died or left"),
                minute=20,
            ),
        )
