"""The same bill under another number (G-9): settled, since it may be right, but told and listed for review."""

from django.contrib import admin
from django.db.models import Exists, OuterRef, QuerySet
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from bureau.models import Upload
from bureau.site import Panel, Section
from settlement.models import Visit
from settlement.services.visits.desk import Quote

BILL = ("member", "institution", "care_on", "encounter", "total")


def standing_twice(visits: QuerySet[Visit]) -> QuerySet[Visit]:
    """Of these, the visits whose bill had been settled before, where neither has been reversed."""
    others = Visit.objects.filter(**{name: OuterRef(name) for name in BILL}, reverses=None, reversal=None)
    return visits.filter(Exists(others.exclude(pk=OuterRef("pk"))), same_as__isnull=False, reversal=None)


class SameBillFilter(admin.SimpleListFilter):
    title = _("bills settled twice")
    parameter_name = "same_bill"

    def lookups(self, request, model_admin):
        return [("yes", _("the same bill under another number"))]

    def queryset(self, request, queryset):
        return standing_twice(queryset) if self.value() == "yes" else queryset


def warning(answer: Quote) -> str:
    """What the desk is told before it settles a bill that was settled under another number; else nothing."""
    first = Visit.objects.filter(pk=answer.row["same_as_id"]).first()
    if first is None:
        return ""
    return gettext(
        "The same bill was settled on %(day)s under the number %(key)s: same member, institution, day, encounter and "
        "total. Settle it only if it is another one; it is listed for review."
    ) % {"day": first.settled_on, "key": first.key}


def same_bills_of(request, upload: Upload) -> Panel | None:
    """The bills of a visits file that had been settled under another number."""
    if upload.kind != "visits" or not Visit.objects.filter(upload=upload, same_as__isnull=False).exists():
        return None
    section = Section(
        Visit,
        rows=lambda one: standing_twice(Visit.objects.filter(upload=one)),
        title=_("The same bill under another number"),
    )
    return section.panel(request, upload)
