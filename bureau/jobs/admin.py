"""Jobs and their parts, and how far they are."""

from django.contrib import admin
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from bureau.jobs import queries
from bureau.jobs import services as jobs
from bureau.jobs.models import Chunk, Job
from bureau.site import Act, Panel, Records, Section, start
from bureau.site.acts import call_acts
from bureau.site.answers import again_soon
from bureau.site.start import Task

call_acts({"job.create": _("Create a job")})
start.waits(
    Task("jobs_open", _("jobs under way"), Job, {"status__in": ["waiting", "running"]}),
    Task("jobs_failed", _("jobs that failed"), Job, {"status__exact": "failed"}, "job.retry"),
)


def job_progress(request, job: Job) -> Panel:
    progress = queries.progress(job)
    return Panel(
        _("Progress"),
        [_("Parts"), pgettext_lazy("parts of a job", "done"), pgettext_lazy("parts of a job", "failed"),
         pgettext_lazy("parts of a job", "waiting"), "%"],
        [[progress.total, progress.done, progress.failed, progress.waiting, progress.percent]],
    )  # fmt: skip


@admin.register(Job)
class JobAdmin(Records):
    list_display = ["key", "work", "area", "status", "actor", "created_at", "finished_at"]
    list_filter = ["status", "kind"]
    search_fields = ["=key"]
    list_select_related = ["area", "actor"]
    fields = ["work", "key", "area", "status", "result", "actor", "created_at", "finished_at", "params"]
    acts = [
        Act(
            code="job.retry",
            label=_("Retry"),
            do=jobs.retry_job,
            record="job",
            help=_("The parts that failed are opened once more; what is done stays done."),
            offered=lambda job: job.status == Job.Status.FAILED,
        ),
    ]
    sections = [job_progress, Section(Chunk, "job")]

    @admin.display(description=_("kind"), ordering="kind")
    def work(self, job):
        return jobs.label_of(job.kind)

    def changeform_view(self, request, object_id=None, form_url="", extra_context=None):
        response = super().changeform_view(request, object_id, form_url, extra_context)
        job = getattr(response, "context_data", {}).get("original")
        return again_soon(response, job is not None and job.status in jobs.OPEN)


@admin.register(Chunk)
class ChunkAdmin(Records):
    hidden = True
    ordering = ("job", "number")
    list_display = ["number", "job", "status", "attempts", "problem", "finished_at"]
    list_filter = ["status"]
    list_select_related = ["job"]
