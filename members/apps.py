from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class MembersConfig(AppConfig):
    name = "members"
    verbose_name = _("Members")

    def ready(self):
        from bureau.rosters.uploads import register
        from members.rosters import ROSTERS

        register(*ROSTERS)
