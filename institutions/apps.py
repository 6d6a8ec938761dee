from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _
from django.utils.translation import gettext_noop


class InstitutionsConfig(AppConfig):
    name = "institutions"
    verbose_name = _("Institutions")

    def ready(self):
        from bureau.jobs import schedule
        from bureau.jobs.schedule import Entry
        from bureau.rosters.uploads import register_objection, register_roster
        from institutions import files, tasks
        from institutions.services import care_rosters, place_rosters, selection_roster

        register_roster("institutions", _("Institutions"), files.INSTITUTIONS, place_rosters.INSTITUTIONS)
        register_roster("selections", _("Selections"), files.SELECTIONS, selection_roster.SELECTIONS)
        register_roster("referrals", _("Referrals"), files.REFERRALS, care_rosters.REFERRALS)
        register_roster("hospital_stays", _("Hospital stays"), files.HOSPITAL_STAYS, care_rosters.HOSPITAL_STAYS)
        register_roster("out_of_area", _("Registrations out of the area"), files.OUT_OF_AREA, care_rosters.OUT_OF_AREA)
        register_roster("assessments", _("Assessments"), files.ASSESSMENTS, place_rosters.ASSESSMENTS)
        register_objection("selections", selection_roster.objection)
        schedule.register(
            Entry(tasks.open_and_close_windows.name, gettext_noop("Open and close the selection window"), minute=10),
            Entry(
                tasks.end_selections_of_departed.name,
                gettext_noop("End the selections of members who died or left"),
                minute=20,
            ),
        )
