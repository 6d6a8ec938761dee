from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _
from django.utils.translation import gettext_noop


class SettlementConfig(AppConfig):
    name = "settlement"
    verbose_name = _("Settlement")

    def ready(self):
        from bureau.editions.life import Settled, register_settled
        from bureau.jobs import schedule
        from bureau.jobs import services as jobs
        from bureau.jobs.schedule import Entry
        from bureau.rosters import uploads
        from bureau.rosters.uploads import register, register_objection
        from settlement import tasks
        from settlement.queries import roster_days
        from settlement.rosters import ROSTERS
        from settlement.services import proofs
        from settlement.services.replays import edition_change, late_facts
        from settlement.services.rosters import objections
        from settlement.services.rosters import visits as rosters
        from settlement.services.runs import compute

        register(*ROSTERS)
        register_objection("visits", objections.why_visits_stay)
        register_objection("opening", objections.why_opening_stays)
        register_objection("other_uses", objections.why_other_uses_stay)
        for kind in roster_days.ROSTERS:
            register_objection(kind, objections.why_facts_stay)
        register_objection("selections", objections.why_heads_stay)
        register_objection("assessments", objections.why_scores_stay)
        jobs.register(
            rosters.VISITS_JOB,
            rosters.settle_part,
            label=_("settlement of a file of visits"),
            finish=rosters.finish_visits,
            failed=uploads.failed,
            again=uploads.loading_again,
        )
        jobs.register(compute.JOB_KIND, compute.compute_as_job, label=_("payment runs of all agencies"))
        jobs.register(proofs.KIND, proofs.prove_area, label=_("check of the books"), of_one_moment=True)
        jobs.register(late_facts.KIND, late_facts.search_members, label=_("search for facts learnt late"))
        jobs.register(
            edition_change.KIND, edition_change.replay_members, label=_("replay of visits under another edition")
        )
        schedule.register(
            Entry(tasks.check_books.name, gettext_noop("Check the books"), hour=1),
            Entry(tasks.look_for_late_facts.name, gettext_noop("Look for facts learnt late"), hour=3),
            Entry(tasks.compute_runs.name, gettext_noop("Compute the month's runs"), hour=4, day_of_month="1"),
        )
        register_settled(
            Settled(
                _("Visits"),
                "benefits",
                under=edition_change.visits_under,
                within=edition_change.visits_within,
                replay=edition_change.replay_visits,
            )
        )
        register_settled(
            Settled(
                _("payment runs"),
                "provider",
                under=edition_change.lines_under,
                within=edition_change.runs_within,
            )
        )
