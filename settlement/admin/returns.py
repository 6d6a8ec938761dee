"""Monthly returns: received, accepted or sent back by another, who is late, and the workload of a centre's stations."""

import datetime
from itertools import groupby

from django import forms
from django.contrib import admin
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from bureau import clock
from bureau.files.tables import CSV
from bureau.models import Area, Scheme
from bureau.rules.periods import add_months, month_of
from bureau.site import (
    Act,
    ActForm,
    MonthField,
    Panel,
    Report,
    Section,
    extend,
    link,
    money_field,
    pick,
    reason_field,
    when,
)
from bureau.site.answers import table_file
from bureau.staff import reach
from institutions.admin.places import OfInstitution
from institutions.models import Institution
from settlement.models import MonthlyReturn, Run
from settlement.queries.returns import due_in, late_returns, schemes_reporting, workload
from settlement.services.returns import difference_of, review_return, submit_return
from settlement.statements import Table

FIGURES = ["visits", "total", "fund"]
MONTHS = 12


def last_month() -> datetime.date:
    return add_months(clock.today().replace(day=1), -1)


def asked(request, record) -> dict:
    """Last month, and the scheme whose institutions report it."""
    areas = reach.visible(Area, request.user.reach).order_by("pk").values_list("pk", flat=True)
    schemes = [scheme for area in areas for scheme in schemes_reporting(area, last_month())]
    return {"month": last_month(), "scheme": schemes[0] if schemes else Scheme.values[0]}


def scheme_field() -> forms.ChoiceField:
    return forms.ChoiceField(label=_("scheme"), choices=Scheme.choices)


class FiguresForm(ActForm):
    visits = forms.IntegerField(label=_("number of visits"), min_value=0)
    total = money_field(_("total cost"))
    fund = money_field(_("paid by the fund"))
    submitted_on = when(_("reported on"), initial=clock.today)


class ReturnForm(FiguresForm):
    institution = pick(
        MonthlyReturn._meta.get_field("institution"),
        own=True,
        help_text=_("A centre reports for its stations as well."),
    )
    scheme = scheme_field()
    month = MonthField(label=_("month"))
    field_order = ["institution", "scheme", "month", *FIGURES, "submitted_on"]


def submit_again(*, monthly_return: MonthlyReturn, **said) -> MonthlyReturn:
    row = monthly_return
    return submit_return(institution=row.institution, scheme=row.scheme, month=row.month, **said)


def compared(request, row: MonthlyReturn) -> Panel:
    """What the institution says beside what is settled."""
    settled = workload(row.institution, row.scheme, row.month).total
    return Panel(
        _("Reported and settled"),
        [_("what"), _("reported"), _("settled in the month")],
        [
            [MonthlyReturn._meta.get_field(name).verbose_name, getattr(row, name), getattr(settled, name)]
            for name in FIGURES
        ],
        note=difference_of(row) or _("The return agrees with what is settled in the month."),
    )


# Workload


class WorkloadForm(ActForm):
    scheme = scheme_field()
    month = MonthField(label=_("month"))


def reported(record: Institution | MonthlyReturn, data) -> tuple[Institution, str, datetime.date]:
    if isinstance(record, MonthlyReturn):
        return record.institution, record.scheme, record.month
    return record, data["scheme"], data["month"]


def sheet_heads() -> list[str]:
    return [
        gettext("Institution code"), gettext("Institution"), gettext("kind"), gettext("number of visits"),
        gettext("number of members"), gettext("total cost"), gettext("Within policy"), gettext("Fund"),
    ]  # fmt: skip


def sheet_rows(centre: Institution, scheme: str, month: datetime.date) -> Table:
    """The centre, each of its stations, and all of them."""
    done = workload(centre, scheme, month)
    places = [([place.code, place.name, str(place.get_kind_display())], work) for place, work in done.places]
    return [
        [*names, work.visits, work.members, work.total, work.in_policy, work.fund]
        for names, work in [*places, ([gettext("Total"), "", ""], done.total)]
    ]


def sheet(request, record, data) -> list[Panel]:
    centre, scheme, month = reported(record, data)
    *rows, foot = sheet_rows(centre, scheme, month)
    title = f"{centre.name} · {Scheme(scheme).label} · {month_of(month)}"
    note = _("By day of settlement, less reversals. In the total, a member who went to several places is one.")
    return [Panel(title, sheet_heads(), rows, note=note, foot=foot)]


def sheet_file(request, record, data):
    centre, scheme, month = reported(record, data)
    name = f"{gettext('Workload sheet')}-{centre.name}-{month_of(month)}"
    return table_file([sheet_heads(), *sheet_rows(centre, scheme, month)], name, CSV)


# Who is late


class LateForm(ActForm):
    area = pick(Run._meta.get_field("area"))
    scheme = scheme_field()
    month = MonthField(label=_("month"))


def late(request, record, data) -> list[Panel]:
    """One table for each agency; a sentence where none is due or nobody is late."""
    area, scheme, month = data["area"], data["scheme"], data["month"]
    title = f"{area.name} · {Scheme(scheme).label} · {month_of(month)}"
    due, today = due_in(area.pk, scheme, month), clock.today()
    if due is None:
        return [Panel(title, note=_("No edition in force asks for monthly returns of this scheme: none is due."))]
    if today <= due:
        return [Panel(title, note=_("Due on %(day)s; nobody is late before that day is over.") % {"day": due})]
    found = late_returns(area=area, scheme=scheme, month=month, today=today, county=request.user.county)
    if not found:
        return [Panel(title, note=_("Due on %(day)s; every return was received in time.") % {"day": due})]
    missing = sum(one.submitted_on is None for one in found)
    said = _("Due on %(day)s. Not received: %(missing)d; received late: %(late)d.") % {
        "day": due, "missing": missing, "late": len(found) - missing,
    }  # fmt: skip
    by_county = groupby(sorted(found, key=lambda one: one.institution.county_id), lambda one: one.institution.county)
    return [
        Panel(title, note=said),
        *(
            Panel(
                county.name,
                [_("institution"), _("institution code"), _("reported on"), _("days late")],
                [
                    [
                        link(one.institution),
                        one.institution.code,
                        one.submitted_on or _("not received"),
                        ((one.submitted_on or today) - due).days,
                    ]
                    for one in ones
                ],
            )
            for county, ones in by_county
        ),
    ]


class MonthFilter(admin.SimpleListFilter):
    """The last twelve months, without asking the table which there are."""

    title = _("month")
    parameter_name = "month"

    def lookups(self, request, model_admin):
        months = [add_months(last_month(), -number) for number in range(MONTHS)]
        return [(month_of(month), month_of(month)) for month in months]

    def queryset(self, request, queryset):
        chosen = [month for month, _label in self.lookup_choices if month == self.value()]
        return queryset.filter(month=f"{chosen[0]}-01") if chosen else queryset


@admin.register(MonthlyReturn)
class MonthlyReturnAdmin(OfInstitution):
    ordering = ("-month", "-pk")
    list_display = [
        "institution", "month_shown", "status", "submitted_on", "visits", "total", "fund", "reviewed_by", "scheme",
    ]  # fmt: skip
    list_filter = ["status", MonthFilter, "institution__county"]
    list_select_related = ["institution__county", "submitted_by", "reviewed_by"]
    fields = [
        "institution", "month_shown", "scheme", "status", "submitted_on", "submitted_by", "submitted_at", "reviewed_by",
        "reviewed_at", "note",
    ]  # fmt: skip
    list_acts = [
        Act(
            code="return.enter",
            label=_("Enter a monthly return"),
            do=submit_return,
            form=ReturnForm,
            initial=asked,
            help=_("As the institution reports it; someone else reviews it."),
        ),
        Report(
            code="return.late",
            label=_("Who is late"),
            form=LateForm,
            initial=asked,
            show=late,
            help=_("Who was chosen or worked in the month and has not reported it in time."),
        ),
    ]
    acts = [
        Act(
            code="return.accept",
            label=_("Accept"),
            do=lambda **said: review_return(accept=True, **said),
            record="monthly_return",
            form=type("AcceptForm", (ActForm,), {"note": reason_field(_("note"), required=False)}),
            help=_("By someone other than who entered it. Where the return differs from what is settled, say why."),
        ),
        Act(
            code="return.send_back",
            label=_("Send back"),
            do=lambda **said: review_return(accept=False, **said),
            record="monthly_return",
            form=type("SendBackForm", (ActForm,), {"note": reason_field(_("Why it is sent back"))}),
        ),
        Act(
            code="return.enter",
            label=_("Enter it anew"),
            do=submit_again,
            record="monthly_return",
            form=FiguresForm,
            initial=lambda request, row: {name: getattr(row, name) for name in FIGURES},
        ),
        Report(code="return.workload", label=_("Workload sheet"), show=sheet, file=sheet_file),
    ]
    sections = [compared]

    @admin.display(description=_("month"), ordering="month")
    def month_shown(self, row):
        return month_of(row.month)


extend(
    Institution,
    acts=[
        Report(
            code="return.workload",
            label=_("Workload sheet"),
            form=WorkloadForm,
            initial=asked,
            show=sheet,
            file=sheet_file,
            help=_("What a centre and each of its stations did in a month, by which they settle among themselves."),
            offered=lambda institution: institution.parent_id is None and institution.area_id is not None,
        ),
    ],
    sections=[Section(MonthlyReturn, "institution")],
)
