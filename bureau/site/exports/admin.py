"""What the page of a job shows of an export: how far it is, and its file."""

from django.utils.translation import gettext_lazy as _

from bureau.jobs.models import Job
from bureau.site import Panel, Report, extend
from bureau.site.exports import services, store
from bureau.site.exports.acts import fetch_export


def exported(request, job: Job) -> Panel | None:
    if job.kind != services.JOB_KIND:
        return None
    return Panel(
        _("Export"),
        [_("List"), _("Rows written"), _("fetched until")],
        [[services.title_of(job), services.written_so_far(job), store.last_day(job.created_at)]],
    )


def is_written(job: Job) -> bool:
    return job.kind == services.JOB_KIND and job.status == Job.Status.DONE


extend(
    Job,
    acts=[Report(code="export.fetch", label=_("Fetch the file"), file=fetch_export, offered=is_written)],
    sections=[exported],
)
