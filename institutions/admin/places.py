"""Institutions, their agreements and levels, and the heads that count at each."""

import datetime

from django import forms
from django.contrib import admin
from django.db.models import Count, Q
from django.utils.translation import gettext_lazy as _

from bureau import clock
from bureau.site import Act, ActForm, Panel, Records, Section, form_of, pick, reason_field, when
from bureau.staff import reach
from institutions.models import AccountChange, Agreement, Assessment, Institution, Level, Selection
from institutions.services.bank_accounts import ACCOUNT, change_account, confirm_account, drop_account
from institutions.services.places import (
    change_details,
    change_parent,
    designate,
    record_assessment,
    register_institution,
    set_level,
    undesignate,
)
from members.admin import end_form

LastDayReason = end_form(_("last day"), "last_day", reason=reason_field())
DETAILS = ("name", "county")


class NoteForm(ActForm):
    note = reason_field()


class LevelForm(ActForm):
    level = forms.TypedChoiceField(
        label=_("settlement level"), coerce=int, choices=Level._meta.get_field("level").choices
    )
    starts_on = when(_("from the day"))


class ParentForm(ActForm):
    parent = pick(Institution._meta.get_field("parent"), label=_("new centre"), required=True)
    on = when(_("from the day"))


def heads_of(request, institution: Institution) -> Panel | None:
    """How many heads count in each month of this year; a station's count with its centre."""
    if institution.kind == Institution.Kind.STATION:
        return None
    year = clock.today().year
    days = [datetime.date(year, month, 1) for month in range(1, 13)]
    mine = Q(institution=institution) | Q(institution__parent=institution, institution__kind=Institution.Kind.STATION)
    counted = (
        reach.visible(Selection, request.user.reach)
        .filter(mine, role=Selection.Role.PRIMARY, counts_to__gte=days[0])
        .aggregate(**{f"m{day.month}": Count("pk", filter=Q(counts_from__lte=day, counts_to__gte=day)) for day in days})
    )
    months = [counted[f"m{day.month}"] for day in days]
    if not any(months):
        return None
    return Panel(
        _("Heads that count at this institution in %(year)s, by month") % {"year": year},
        [str(month) for month in range(1, 13)],
        [months],
    )


@admin.register(Institution)
class InstitutionAdmin(Records):
    ordering = ("code",)
    list_display = ["name", "code", "kind", "level_now", "county", "parent"]
    list_filter = ["kind", "county"]
    search_fields = ["=code", "name__startswith"]
    search_help_text = _("Institution code, or the beginning of the name")
    list_select_related = ["county", "parent"]
    fields = [
        "name", "code", "kind", "area", "county", "parent", "bank_name", "bank_account", "account_name", "upload",
    ]  # fmt: skip
    list_acts = [
        Act(
            code="institution.register",
            label=_("Register an institution"),
            do=register_institution,
            form=form_of(
                Institution, "code", "name", "kind", "area", "county", "parent", "bank_name", "bank_account",
                "account_name",
            ),
        ),
    ]  # fmt: skip
    acts = [
        Act(
            code="institution.change",
            label=_("Change details"),
            do=change_details,
            record="institution",
            form=form_of(Institution, *DETAILS),
            initial=lambda request, institution: {
                name: institution.county_id if name == "county" else getattr(institution, name) for name in DETAILS
            },
        ),
        Act(
            code="institution.account",
            label=_("Change the bank account"),
            do=change_account,
            record="institution",
            form=form_of(AccountChange, *ACCOUNT),
            initial=lambda request, institution: {name: getattr(institution, name) for name in ACCOUNT},
            help=_("Another person confirms it; until then the account before it is paid."),
        ),
        Act(
            code="agreement.record",
            label=_("Record an agreement"),
            do=designate,
            record="institution",
            form=form_of(Agreement, "starts_on", "ends_on"),
        ),
        Act(
            code="agreement.end",
            label=_("End the agreement"),
            do=undesignate,
            record="institution",
            form=LastDayReason,
            help=_("The agreement that is in force on the last day ends with it."),
        ),
        Act(
            code="institution.level",
            label=_("Set the settlement level"),
            do=set_level,
            record="institution",
            form=LevelForm,
        ),
        Act(
            code="institution.parent",
            label=_("Change the parent"),
            do=change_parent,
            record="station",
            form=ParentForm,
            offered=lambda institution: institution.kind == Institution.Kind.STATION,
        ),
        Act(
            code="institution.assess",
            label=_("Record the assessment of a year"),
            do=record_assessment,
            record="institution",
            form=form_of(Assessment, "year", "score", "document"),
            help=_("Somebody else confirms the score; only then does it count."),
        ),
    ]
    sections = [
        Section(AccountChange, "institution"),
        Section(Agreement, "institution"),
        Section(Level, "institution"),
        Section(Institution, "parent", title=_("Stations")),
        heads_of,
        Section(Assessment, "institution"),
    ]

    def get_queryset(self, request):
        return super().get_queryset(request).prefetch_related("levels")

    @admin.display(description=_("settlement level"))
    def level_now(self, institution):
        today = clock.today()
        for level in institution.levels.all():
            if level.starts_on <= today and (level.ends_on is None or level.ends_on >= today):
                return level.get_level_display()
        return None


class OfInstitution(Records):
    """What is dated of an institution; found by its code."""

    list_select_related = ["institution"]
    search_fields = ["=institution__code", "institution__name__startswith"]
    search_help_text = _("Institution code, or the beginning of the name")


@admin.register(AccountChange)
class AccountChangeAdmin(OfInstitution):
    list_display = ["institution", "account_name", "bank_name", "bank_account", "status", "entered_by", "decided_by"]
    list_filter = ["status"]
    list_select_related = ["institution", "entered_by", "decided_by"]
    fields = [
        "institution", "now", "account_name", "bank_name", "bank_account", "status", "entered_by", "entered_at",
        "decided_by", "decided_at", "note", "upload",
    ]  # fmt: skip
    acts = [
        Act(
            code="institution.account_confirm",
            label=_("Confirm the bank account"),
            do=confirm_account,
            record="change",
            help=_("By someone other than who entered it. Approved runs that are not paid yet are approved anew."),
        ),
        Act(
            code="institution.account_drop",
            label=_("Drop the change of the account"),
            do=drop_account,
            record="change",
            form=NoteForm,
            help=_("The account before it stands."),
        ),
    ]

    @admin.display(description=_("account that counts now"))
    def now(self, change):
        where = change.institution
        return f"{where.account_name} {where.bank_name} {where.bank_account}".strip()


@admin.register(Agreement)
class AgreementAdmin(OfInstitution):
    list_display = ["institution", "starts_on", "ends_on"]


@admin.register(Level)
class LevelAdmin(OfInstitution):
    list_display = ["institution", "level", "starts_on", "ends_on"]
    list_filter = ["level"]
