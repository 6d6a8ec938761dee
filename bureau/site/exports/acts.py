"""The button that every list has: its rows as a file, as search and filters leave them."""

from collections.abc import Iterator
from typing import Any, BinaryIO

from django import forms
from django.contrib.admin import ModelAdmin
from django.http.response import HttpResponseBase
from django.utils.text import format_lazy
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from bureau import clock
from bureau.errors import DomainError
from bureau.files import tables
from bureau.jobs.models import Job
from bureau.site.acts import Act, call_acts
from bureau.site.answers import attachment, content_type, file_name
from bureau.site.exports import services
from bureau.site.exports.lists import Listed
from bureau.site.forms import ActForm, KeyField, reason_field
from bureau.staff import roles

call_acts({services.IN_FULL: _("Export document numbers in full"), "export.fetch": _("Fetch an exported file")})

KINDS = [
    (tables.XLSX, _("XLSX (workbook)")),
    (tables.CSV, _("CSV (UTF-8)")),
    (tables.GB18030, _("CSV (GB18030, for old programs)")),
]
_PIECE = 256 * 1024


class ExportForm(ActForm):
    """`desk` is the list's; its filters stand in the address of the form."""

    desk: ModelAdmin
    kind = forms.ChoiceField(label=_("format"), choices=KINDS)
    in_full = forms.BooleanField(
        label=_("document numbers in full"), required=False, help_text=_("Otherwise their last four alone are written.")
    )
    reason = reason_field(_("What the numbers are needed for"), required=False)
    key = KeyField()

    def __init__(self, *args, request, **kwargs):
        super().__init__(*args, request=request, **kwargs)
        self.listed: Listed | None = None
        try:
            self.listed = Listed(self.desk, request.GET.urlencode(), request.user)
        except DomainError as error:
            self.said = str(error)
        else:
            self.said = _told(self.listed)
        if not (self.listed and self.listed.names_documents and roles.may(request.user, services.IN_FULL)):
            del self.fields["in_full"], self.fields["reason"]

    def clean(self) -> dict[str, Any]:
        data = super().clean()
        if self.listed is None:
            raise forms.ValidationError(self.said)
        if data.get("in_full") and not data.get("reason"):
            self.add_error("reason", forms.Field.default_error_messages["required"])
        return data | {"listed": self.listed}


def _told(listed: Listed) -> str:
    """What would be exported, in a sentence or three."""
    most = services.MOST_COUNTED
    many = gettext("%(count)d rows or more") if listed.count >= most else gettext("%(count)d rows")
    said = [gettext("The list has %(rows)s.") % {"rows": many % {"count": listed.count}}]
    if words := listed.words():
        said.append(gettext("Only what is looked for: %(filter)s.") % {"filter": words})
    if listed.roster is not None:
        said.append(
            gettext("The file is a roster “%(roster)s”: changed, it can be imported again.")
            % {"roster": listed.roster.label}
        )
    return " ".join(said)


def export_list(*, listed: Listed, kind: str, key: str, in_full: bool = False, reason: str = "", actor, now) -> Any:
    asked = {"kind": kind, "in_full": in_full, "reason": reason, "actor": actor, "now": now}
    if listed.count > services.ROWS_AT_ONCE:
        return services.export_later(listed, key=key, **asked)
    name = file_name(f"{listed.title}-{now:%Y-%m-%d}", kind)
    return attachment(services.export_now(listed, **asked), name, content_type(kind))


def fetch_export(request, job: Job, data) -> HttpResponseBase:
    now = clock.now()
    file = services.fetch(job, actor=request.user, now=now)
    kind = job.params["format"]
    name = file_name(f"{services.title_of(job)}-{job.created_at:%Y-%m-%d}", kind)
    return attachment(_pieces(file), name, content_type(kind))


def _pieces(file: BinaryIO) -> Iterator[bytes]:
    with file:
        while piece := file.read(_PIECE):
            yield piece


class Export(Act):
    """The act by which a list is exported."""

    @classmethod
    def of(cls, desk: ModelAdmin) -> "Export":
        code, names = services.act_of(desk.model), desk.opts.verbose_name_plural
        call_acts({code: format_lazy("{}: {}", _("Export"), names)})
        form = type("ExportForm", (ExportForm,), {"desk": desk})
        return cls(code=code, label=_("Export"), do=export_list, form=form, follow=True)
