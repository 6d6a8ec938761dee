from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class InstitutionsConfig(AppConfig):
    name = "institutions"
    verbose_name = _("Institutions")

    def ready(self):
        from bureau.rosters.uploads import register_objection, register_roster
        from institutions import files
        from institutions.services import care_rosters, place_rosters, selection_roster

        register_roster("institutions", _("Institutions"), files.INSTITUTIONS, place_rosters.INSTITUTIONS)
        register_roster("selections", _("Selections"), files.SELECTIONS, selection_roster.SELECTIONS)
        register_roster("referrals", _("Referrals"), files.REFERRALS, care_rosters.REFERRALS)
        register_roster("hospital_stays", _("Hospital stays"), files.HOSPITAL_STAYS, care_rosters.HOSPITAL_STAYS)
        register_roster("out_of_area", _("Registrations out of the area"), files.OUT_OF_AREA, care_rosters.OUT_OF_AREA)
        register_roster("assessments", _("Assessments"), files.ASSESSMENTS, place_rosters.ASSESSMENTS)
        register_objection("selections", selection_roster.objection)
