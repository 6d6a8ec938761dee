"""Areas, uploads and jobs."""

import csv
import io
from urllib.parse import quote

from django import forms
from django.contrib import admin
from django.core.exceptions import ValidationError
from django.http import HttpResponse
from django.utils.translation import gettext, pgettext_lazy
from django.utils.translation import gettext_lazy as _

from bureau import queries
from bureau.admin.acts import Act, Report
from bureau.admin.forms import ActForm, form_of, pick
from bureau.admin.records import Records
from bureau.admin.sections import Panel, Section, link
from bureau.errors import DomainError
from bureau.models import Area, Chunk, County, Edition, Job, Staff, Upload
from bureau.services import jobs, uploads
from bureau.services.staff import register_area, register_county
from bureau.services.undo import undo_upload

JOB_KINDS = {
    "upload": _("loading of a roster"),
    "credit": _("monthly credit"),
    "check_books": _("check of the books"),
    "runs": _("payment runs of all agencies"),
    "visits": _("settlement of a file of visits"),
    "edition_replay": _("replay of visits under another edition"),
}


def attachment(content: bytes, name: str, kind: str = "application/octet-stream") -> HttpResponse:
    """A file to keep, whatever characters its name has."""
    response = HttpResponse(content, content_type=kind)
    response.headers["Content-Disposition"] = f"attachment; filename*=UTF-8''{quote(name)}"
    response.headers["X-Content-Type-Options"] = "nosniff"
    response.headers["Cache-Control"] = "no-store"
    return response


@admin.register(Area)
class AreaAdmin(Records):
    ordering = ("code",)
    list_display = ["code", "name"]
    search_fields = ["code", "name"]
    area_path = "code"
    list_acts = [
        Act(code="area.register", label=_("Register an area"), do=register_area, form=form_of(Area, "code", "name")),
    ]
    sections = [Section(County, "area"), Section(Edition, "area")]


@admin.register(County)
class CountyAdmin(Records):
    ordering = ("code",)
    list_display = ["code", "name", "area"]
    search_fields = ["code", "name"]
    area_path = "area"
    list_acts = [
        Act(
            code="county.register",
            label=_("Register a county agency"),
            do=register_county,
            form=form_of(County, "code", "area", "name"),
        ),
    ]


class UploadForm(ActForm):
    kind = forms.ChoiceField(
        label=_("roster"), choices=lambda: [(roster.kind, roster.label) for roster in uploads.rosters()]
    )
    area = pick(Upload._meta.get_field("area"))
    file = forms.FileField(
        label=_("file"), help_text=_("CSV or XLSX, with the headings in the first rows."), allow_empty_file=True
    )

    def clean_file(self):
        file = self.cleaned_data["file"]
        if file.size > uploads.LARGEST_FILE:
            limit = uploads.LARGEST_FILE >> 20
            raise ValidationError(_("The file has more than %(limit)d MB; split it.") % {"limit": limit})
        return file


def load_file(*, kind: str, area: Area, file, actor: Staff, now) -> Upload:
    upload = uploads.receive_upload(kind=kind, name=file.name, content=file.read(), area=area, actor=actor, now=now)
    return uploads.load_upload(upload, actor=actor, now=now)


class HeaderForm(ActForm):
    kind = forms.ChoiceField(
        label=_("roster"), choices=lambda: [(roster.kind, roster.label) for roster in uploads.rosters()]
    )


def columns_of(request, record, data) -> list[Panel]:
    roster = uploads.roster(data["kind"])
    return [
        Panel(
            roster.label,
            [_("Heading"), _("Must be filled in"), _("Other headings it goes by")],
            [
                [column.header, column.required, "、".join(column.synonyms)]
                for column in roster.sheet.columns
            ],
        )
    ]


def header_file(request, record, data) -> HttpResponse:
    roster = uploads.roster(data["kind"])
    written = io.StringIO()
    csv.writer(written).writerow(roster.sheet.headers)
    return attachment(written.getvalue().encode("utf-8-sig"), f"{roster.label}.csv", "text/csv; charset=utf-8")


def rejects_file(request, upload: Upload, data) -> HttpResponse:
    if not upload.rejects:
        raise DomainError(_("No row of this file was turned away."))
    name = upload.name.rpartition(".")[0] or upload.name
    content = bytes(upload.rejects)
    ending, kind = ("xlsx", XLSX) if content.startswith(b"PK") else ("csv", "text/csv; charset=utf-8")
    title = gettext("rejected rows")
    return attachment(content, f"{name}-{title}.{ending}", kind)


XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"


def upload_job(request, upload: Upload) -> Panel | None:
    job = Job.objects.filter(key=uploads.job_key(upload)).first()
    return job and Panel(_("Job"), [_("Job"), _("status")], [[link(job), job.get_status_display()]])


@admin.register(Upload)
class UploadAdmin(Records):
    list_display = [
        "name", "roster", "area", "status", "rows", "accepted", "unchanged", "rejected", "uploaded_by", "uploaded_at",
    ]  # fmt: skip
    list_filter = ["status", "kind"]
    search_fields = ["name"]
    list_select_related = ["area", "uploaded_by"]
    area_path = "area"
    fields = [
        "name", "roster", "area", "status", "problem", "rows", "accepted", "unchanged", "rejected", "uploaded_by",
        "uploaded_at", "undone_by", "undone_at", "sha256",
    ]  # fmt: skip
    list_acts = [
        Act(
            code="upload.load",
            label=_("Load a roster"),
            do=load_file,
            form=UploadForm,
            help=_("Good rows go in; bad rows come back in a file with the line, the column and the reason."),
        ),
        Report(
            code="upload.header",
            label=_("Headings of rosters"),
            form=HeaderForm,
            show=columns_of,
            file=header_file,
        ),
    ]
    acts = [
        Report(
            code="upload.rejects",
            label=_("Rejected rows"),
            file=rejects_file,
            offered=lambda upload: upload.rejected > 0,
        ),
        Act(
            code="upload.undo",
            label=_("Undo the upload"),
            do=undo_upload,
            record="upload",
            help=_("What the file created is removed and what it changed is put back, unless something rests on it."),
            offered=lambda upload: upload.status in (Upload.Status.LOADED, Upload.Status.FAILED),
        ),
    ]
    sections = [upload_job]

    @admin.display(description=_("roster"), ordering="kind")
    def roster(self, upload):
        labels = {roster.kind: roster.label for roster in uploads.rosters()}
        return labels.get(upload.kind, upload.kind)

    def changeform_view(self, request, object_id=None, form_url="", extra_context=None):
        response = super().changeform_view(request, object_id, form_url, extra_context)
        upload = getattr(response, "context_data", {}).get("original")
        return _again_soon(response, upload is not None and upload.status == Upload.Status.LOADING)


def _again_soon(response, is_open: bool):
    """Let the browser ask again while work goes on."""
    if is_open:
        response.headers["Refresh"] = "3"
    return response


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
    area_path = "area"
    area_may_be_empty = True
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
        return JOB_KINDS.get(job.kind, job.kind)

    def changeform_view(self, request, object_id=None, form_url="", extra_context=None):
        response = super().changeform_view(request, object_id, form_url, extra_context)
        job = getattr(response, "context_data", {}).get("original")
        return _again_soon(response, job is not None and job.status in jobs.OPEN)


@admin.register(Chunk)
class ChunkAdmin(Records):
    hidden = True
    ordering = ("job", "number")
    list_display = ["number", "job", "status", "attempts", "problem", "finished_at"]
    list_filter = ["status"]
    list_select_related = ["job"]
    area_path = "job__area"
    area_may_be_empty = True
