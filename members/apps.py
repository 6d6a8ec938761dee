from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class MembersConfig(AppConfig):
    name = "members"
    verbose_name = _("Members")

    def ready(self):
        from bureau.rosters.uploads import register_roster
        from members import files
        from members.services import changes, people_rosters, rosters

        register_roster("employers", _("Employers"), files.EMPLOYERS, rosters.EMPLOYERS)
        register_roster("members", _("Members and enrolments"), files.MEMBERS, people_rosters.MEMBERS)
        register_roster("changes", _("Changes of enrolment"), files.CHANGES, changes.CHANGES)
        register_roster("contributions", _("Contributions"), files.CONTRIBUTIONS, rosters.CONTRIBUTIONS)
        register_roster("benefit_periods", _("Benefit periods"), files.BENEFIT_PERIODS, rosters.BENEFIT_PERIODS)
        register_roster("suspensions", _("Suspensions"), files.SUSPENSIONS, rosters.SUSPENSIONS)
        register_roster("relatives", _("Relatives"), files.RELATIVES, people_rosters.RELATIVES)
