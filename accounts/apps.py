from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _
from django.utils.translation import gettext_noop


class AccountsConfig(AppConfig):
    name = "accounts"
    verbose_name = _("Accounts")

    def ready(self):
        from accounts import tasks
        from accounts.queries import editions, objections
        from accounts.services import credits
        from bureau.editions.life import Settled, register_settled
        from bureau.jobs import schedule
        from bureau.jobs import services as jobs
        from bureau.jobs.schedule import Entry
        from bureau.rosters.uploads import register_objection

        jobs.register(credits.KIND, credits.credit_chunk, label=_("monthly credit"))
        schedule.register(
            Entry(tasks.credit_month.name, gettext_noop("Credit the personal accounts"), hour=2, day_of_month="1")
        )
        register_settled(
            Settled(_("monthly credits"), "credits", under=editions.credits_under, within=editions.credits_within)
        )
        for kind in objections.ROSTERS:
            register_objection(kind, objections.why_credited_rows_stay)
        register_objection("relatives", objections.why_used_relatives_stay)
