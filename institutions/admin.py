"""Institutions, what members chose, and where they may be treated besides."""

import datetime

from django import forms
from django.contrib import admin
from django.db.models import Count, Q
from django.utils.translation import gettext, pgettext_lazy
from django.utils.translation import gettext_lazy as _

from bureau import clock
from bureau.admin import (
    Act,
    ActForm,
    Answer,
    Panel,
    Records,
    Section,
    YearFilter,
    extend,
    form_of,
    pick,
    reason_field,
    when,
    year_field,
)
from bureau.models import Area, Scheme, Staff
from institutions.models import (
    Agreement,
    Assessment,
    HospitalStay,
    Institution,
    Level,
    OutOfAreaRegistration,
    Referral,
    Selection,
    SelectionWindow,
)
from institutions.services.care import (
    cancel_referral,
    discharge,
    end_out_of_area,
    end_referral,
    record_stay,
    refer,
    register_out_of_area,
)
from institutions.services.places import (
    change_details,
    change_parent,
    confirm_assessment,
    confirm_assessments,
    designate,
    record_assessment,
    register_institution,
    set_level,
    undesignate,
    waiting_assessments,
)
from institutions.services.selection import choose, end_selections, end_selections_of_departed, withdraw
from institutions.services.windows import close_window, open_window
from members.admin import OfMember, end_form
from members.models import Member

LastDay = end_form(_("last day"), "last_day")
LastDayReason = end_form(_("last day"), "last_day", reason=reason_field())
DETAILS = ("name", "county", "bank_name", "bank_account", "account_name")


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
    counted = Selection.objects.filter(mine, role=Selection.Role.PRIMARY, counts_to__gte=days[0]).aggregate(
        **{f"m{day.month}": Count("pk", filter=Q(counts_from__lte=day, counts_to__gte=day)) for day in days}
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
    area_path = "area"
    area_may_be_empty = True
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
            code="institution.designate",
            label=_("Record an agreement"),
            do=designate,
            record="institution",
            form=form_of(Agreement, "starts_on", "ends_on"),
        ),
        Act(
            code="institution.undesignate",
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
            label=_("Put under another centre"),
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
        Section(Agreement, "institution"),
        Section(Level, "institution"),
        Section(Institution, "parent", title=_("Stations")),
        heads_of,
        Section(Assessment, "institution"),
    ]

    def is_near(self, request, record):
        return not request.user.county_id or record.county_id in (None, request.user.county_id)

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
    area_path = "institution__area"
    area_may_be_empty = True
    county_path = "institution__county"
    search_fields = ["=institution__code", "institution__name__startswith"]
    search_help_text = _("Institution code, or the beginning of the name")


@admin.register(Agreement)
class AgreementAdmin(OfInstitution):
    list_display = ["institution", "starts_on", "ends_on"]


@admin.register(Level)
class LevelAdmin(OfInstitution):
    list_display = ["institution", "level", "starts_on", "ends_on"]
    list_filter = ["level"]


class ScoresForm(ActForm):
    area = pick(SelectionWindow._meta.get_field("area"))
    year = year_field(_("year"), initial=lambda: clock.today().year - 1)


def scores_waiting(request, record, data) -> list[Panel]:
    return [
        Panel(
            _("Scores to confirm"),
            [_("institution"), _("score"), pgettext_lazy("published", "document"), _("entered by")],
            [[one.institution, one.score, one.document, str(one.entered_by)] for one in waiting_assessments(**data)],
        )
    ]


def confirm_scores(**asked) -> Answer:
    return Answer(text=gettext("%(count)d scores were confirmed.") % {"count": len(confirm_assessments(**asked))})


@admin.register(Assessment)
class AssessmentAdmin(OfInstitution):
    list_display = ["institution", "year", "score", "document", "entered_by", "confirmed_by", "confirmed_at"]
    list_filter = [YearFilter, ("confirmed_at", admin.EmptyFieldListFilter)]
    list_select_related = ["institution", "entered_by", "confirmed_by"]
    list_acts = [
        Act(
            code="assessment.confirm",
            label=_("Confirm the scores of a year"),
            do=confirm_scores,
            form=ScoresForm,
            preview=scores_waiting,
            help=_("Every score that waits, as a roster brought it. By someone other than who entered them."),
        ),
    ]
    acts = [
        Act(
            code="assessment.confirm",
            label=_("Confirm the score"),
            do=confirm_assessment,
            record="assessment",
            offered=lambda assessment: assessment.confirmed_at is None,
            help=_("By someone other than who entered it. From then on it decides what is released."),
        ),
    ]


class WindowForm(ActForm):
    area = pick(SelectionWindow._meta.get_field("area"))
    scheme = forms.ChoiceField(label=_("scheme"), choices=Scheme.choices)
    year = year_field(_("for the year"))


def open_today(*, actor, now, **asked) -> SelectionWindow:
    return open_window(**asked, on=clock.today(), actor=actor, now=now)


def close_today(*, window, actor, now) -> SelectionWindow:
    return close_window(window=window, on=clock.today(), actor=actor, now=now)


@admin.register(SelectionWindow)
class SelectionWindowAdmin(Records):
    ordering = ("-year", "area", "scheme")
    list_display = ["year", "area", "scheme", "opens_on", "closes_on", "opened_at", "closed_at"]
    list_filter = ["scheme", "year"]
    list_select_related = ["area"]
    area_path = "area"
    list_acts = [
        Act(
            code="window.open",
            label=_("Open the selection window"),
            do=open_today,
            form=WindowForm,
            help=_("Its days come from the edition. The schedule opens and closes it by itself, too."),
        ),
    ]
    acts = [
        Act(
            code="window.close",
            label=_("Close the window"),
            do=close_today,
            record="window",
            offered=lambda window: window.closed_at is None,
        ),
    ]


class DepartedForm(ActForm):
    area = pick(Selection._meta.get_field("area"))


def end_departed(*, area: Area, actor: Staff, now) -> None:
    end_selections_of_departed(area_id=area.pk, on=clock.today(), actor=actor, now=now)


@admin.register(Selection)
class SelectionAdmin(OfMember):
    list_display = [
        "member", "year", "role", "institution", "route", "requested_on", "starts_on", "ends_on", "counted_months",
    ]  # fmt: skip
    list_filter = [YearFilter, "role", "route", "scheme"]
    list_select_related = ["member", "institution"]
    area_path = "area"
    institution_path = "institution"
    list_acts = [
        Act(
            code="selection.end_departed",
            label=_("End the selections of who died or left"),
            do=end_departed,
            form=DepartedForm,
            help=_("As the rosters of members say by today. It may be done as often as one likes."),
        ),
    ]
    acts = [
        Act(
            code="selection.withdraw",
            label=_("Take back"),
            do=lambda **asked: withdraw(**asked, on=clock.today()),
            record="selection",
            form=type("WithdrawForm", (ActForm,), {"reason": reason_field()}),
            help=_("A mistaken choice, before its first day."),
            offered=lambda selection: selection.starts_on > clock.today(),
        ),
    ]

    @admin.display(description=_("counted months"), ordering="counts_from")
    def counted_months(self, selection):
        if selection.counts_from is None:
            return None
        return f"{selection.counts_from:%Y-%m} – {selection.counts_to:%Y-%m}"


class ChoiceForm(ActForm):
    year = year_field(_("for the year"))
    institution = pick(Selection._meta.get_field("institution"))
    station = pick(
        Selection._meta.get_field("institution"),
        label=_("and a station of it"),
        required=False,
        help_text=_("Only where the edition lets members choose a station as well."),
    )
    requested_on = when(_("requested on"))
    reason = reason_field(_("reason for the change"), required=False)


def choose_for(*, member, institution, station, actor, now, **asked) -> None:
    chosen = [institution, station] if station is not None else [institution]
    choose(member=member, institutions=chosen, **asked, actor=actor, now=now)


class ExitForm(ActForm):
    area = pick(Selection._meta.get_field("area"))
    scheme = forms.ChoiceField(label=_("scheme"), choices=Scheme.choices)
    last_day = when(_("last day"))
    reason = reason_field()


def end_on_exit(*, member, area, actor, now, **asked) -> None:
    end_selections(member=member, area_id=area.pk, event="exit", **asked, actor=actor, now=now)


extend(
    Member,
    acts=[
        Act(
            code="selection.choose",
            label=_("Choose or change the institution"),
            do=choose_for,
            record="member",
            form=ChoiceForm,
            initial=lambda request, member: {"year": clock.today().year, "requested_on": clock.today()},
            help=_("In the window for next year, for the first time in the year, or, with a reason, another one."),
        ),
        Act(
            code="selection.end",
            label=_("End the selection"),
            do=end_on_exit,
            record="member",
            form=ExitForm,
            help=_("The member left the area or the scheme. A death ends it by itself."),
        ),
        Act(
            code="referral.record",
            label=_("Record a referral"),
            do=refer,
            record="member",
            form=form_of(Referral, "from_institution", "to_institution", "starts_on", "ends_on", "reason"),
        ),
        Act(
            code="out_of_area.register",
            label=_("Register care out of the area"),
            do=register_out_of_area,
            record="member",
            form=form_of(OutOfAreaRegistration, "kind", "destination", "starts_on", "ends_on"),
        ),
        Act(
            code="hospital_stay.record",
            label=_("Record a hospital stay"),
            do=record_stay,
            record="member",
            form=form_of(HospitalStay, "institution", "admitted_on", "discharged_on"),
        ),
    ],
    sections=[
        Section(Selection, "member"),
        Section(Referral, "member"),
        Section(OutOfAreaRegistration, "member"),
        Section(HospitalStay, "member"),
    ],
)


@admin.register(Referral)
class ReferralAdmin(OfMember):
    list_display = ["member", "from_institution", "to_institution", "starts_on", "ends_on", "reason"]
    list_select_related = ["member", "from_institution", "to_institution"]
    institution_path = "to_institution"
    only_seen = True
    acts = [
        Act(
            code="referral.end",
            label=_("End the referral"),
            do=end_referral,
            record="referral",
            form=LastDayReason,
        ),
        Act(
            code="referral.cancel",
            label=_("Take back"),
            do=lambda **asked: cancel_referral(**asked, on=clock.today()),
            record="referral",
            form=type("CancelForm", (ActForm,), {"reason": reason_field()}),
            help=_("Before its first day only."),
            offered=lambda referral: referral.starts_on > clock.today(),
        ),
    ]


@admin.register(OutOfAreaRegistration)
class OutOfAreaRegistrationAdmin(OfMember):
    list_display = ["member", "kind", "destination", "starts_on", "ends_on"]
    list_filter = ["kind"]
    list_select_related = ["member"]
    only_seen = True
    acts = [
        Act(
            code="out_of_area.end",
            label=_("End the registration"),
            do=end_out_of_area,
            record="registration",
            form=LastDay,
        ),
    ]


@admin.register(HospitalStay)
class HospitalStayAdmin(OfMember):
    list_display = ["member", "institution", "admitted_on", "discharged_on"]
    list_filter = [("discharged_on", admin.EmptyFieldListFilter)]
    list_select_related = ["member", "institution"]
    institution_path = "institution"
    only_seen = True
    acts = [
        Act(
            code="hospital_stay.discharge",
            label=_("Discharge"),
            do=discharge,
            record="stay",
            form=end_form(_("discharged on"), "discharged_on"),
        ),
    ]
