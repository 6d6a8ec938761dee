"""Uploads of rosters."""

from django import forms
from django.contrib import admin
from django.core.exceptions import ValidationError
from django.http import HttpResponse
from django.http.response import HttpResponseBase
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from bureau.areas.models import Area
from bureau.errors import DomainError
from bureau.files.tables import CSV
from bureau.jobs.models import Job
from bureau.rosters import originals, rejected, uploads
from bureau.rosters.models import Upload
from bureau.rosters.undo import undo_upload
from bureau.site import Act, ActForm, Panel, Records, Report, link, pick, start
from bureau.site.acts import call_acts
from bureau.site.answers import again_soon, attachment, table_file
from bureau.site.start import Task
from bureau.staff import reach
from bureau.staff.models import Staff

call_acts(
    {
        "upload.receive": _("Receive a file"),
        "upload.refuse": _("Refuse a file"),
        "upload.drop_original": _("Drop a file whose time is over"),
    }
)
start.waits(
    Task("refused", _("files refused in the last thirty days"), Upload, {"status__exact": "refused"},
         recent="uploaded_at"),
    Task("rejects", _("files with rejected rows in the last thirty days"), Upload,
         {"status__exact": "loaded", "rejected__gt": 0}, recent="uploaded_at"),
)  # fmt: skip


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
        if file.size > originals.LARGEST_FILE:
            limit = originals.LARGEST_FILE >> 20
            raise ValidationError(_("The file has more than %(limit)d MB; split it.") % {"limit": limit})
        return file


def load_file(*, kind: str, area: Area, file, actor: Staff, now) -> Upload:
    upload = uploads.receive_upload(kind=kind, name=file.name, content=file, area=area, actor=actor, now=now)
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
            [[column.header, column.required, "、".join(column.synonyms)] for column in roster.sheet.columns],
        )
    ]


def header_file(request, record, data) -> HttpResponse:
    roster = uploads.roster(data["kind"])
    return table_file([roster.sheet.headers], str(roster.label), CSV)


def rejects_file(request, upload: Upload, data) -> HttpResponseBase:
    if not upload.rejected:
        raise DomainError(_("No row of this file was turned away."))
    name = upload.name.rpartition(".")[0] or upload.name
    content = rejected.rejects_of(upload, uploads.roster(upload.kind).sheet)
    return attachment(content, f"{name}-{gettext('rejected rows')}.csv", "text/csv; charset=utf-8")


def upload_job(request, upload: Upload) -> Panel | None:
    job = reach.visible(Job, request.user.reach).filter(key=uploads.job_key(upload)).first()
    return job and Panel(_("Job"), [_("Job"), _("status")], [[link(job), job.get_status_display()]])


@admin.register(Upload)
class UploadAdmin(Records):
    list_display = [
        "name", "roster", "area", "status", "rows", "accepted", "unchanged", "rejected", "uploaded_by", "uploaded_at",
    ]  # fmt: skip
    list_filter = ["status", "kind"]
    search_fields = ["name"]
    list_select_related = ["area", "uploaded_by"]
    fields = [
        "name", "roster", "area", "status", "problem", "rows", "accepted", "unchanged", "rejected", "uploaded_by",
        "uploaded_at", "undone_by", "undone_at", "size", "sha256", "kept_until",
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

    @admin.display(description=_("original kept until"))
    def kept_until(self, upload):
        return originals.kept_until(upload) or _("dropped")

    def changeform_view(self, request, object_id=None, form_url="", extra_context=None):
        response = super().changeform_view(request, object_id, form_url, extra_context)
        upload = getattr(response, "context_data", {}).get("original")
        return again_soon(response, upload is not None and upload.status == Upload.Status.LOADING)
