from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class MembersConfig(AppConfig):
    name = "members"
    verbose_name = _("Members")

    def ready(self):
        from bureau.rosters.uploads import register, register_roster
        from members import files
        from members.rosters import BenefitPeriods, Employers, Suspensions
        from members.services import changes, people_rosters, rosters

        register(Employers, BenefitPeriods, Suspensions)
        register_roster("members", _("Members and enrolments"), files.MEMBERS, people_rosters.MEMBERS)
        register_roster("changes", _("Changes of enrolment"), files.CHANGES, changes.CHANGES)
        register_roster("contributions", _("Contributions"), files.CONTRIBUTIONS, rosters.CONTRIBUTIONS)
        register_roster("relatives", _("Relatives"), files.RELATIVES, people_rosters.RELATIVES)
