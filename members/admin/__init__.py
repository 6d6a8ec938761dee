"""Members and what the rosters say of them."""

from django import forms
from django.contrib import admin
from django.db.models import Exists, OuterRef, Q
from django.utils.text import capfirst
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from bureau import clock
from bureau.identifiers.identity import DOCUMENT_KINDS, SAME_NUMBERS
from bureau.models import Scheme
from bureau.site import Act, ActForm, Answer, MonthField, Panel, Records, Section, form_of, pick, reason_field, when
from bureau.staff import reach
from members.admin.finding import SEARCH_HELP, OfMember, lead_to_member
from members.forms import PlanField
from members.models import (
    BenefitPeriod,
    Contribution,
    Employer,
    Enrolment,
    Member,
    Relative,
    Suspension,
)
from members.queries import find
from members.services.facts import add_relative, end_relative, record_contribution
from members.services.newborns import enrol_newborn
from members.services.people import correct_member, register_employer, register_member
from members.services.revealing import reveal_document
from members.services.spans import (
    add_benefit_period,
    change_class,
    change_plan,
    end_benefit_period,
    end_enrolment,
    end_suspension,
    enrol,
    suspend,
)


def document_kind_field() -> forms.ChoiceField:
    return forms.ChoiceField(label=_("document"), choices=list(DOCUMENT_KINDS.items()), initial="01")


class MemberForm(ActForm):
    name = forms.CharField(label=pgettext_lazy("person", "name"), max_length=60)
    document_kind = document_kind_field()
    document_number = forms.CharField(label=_("document number"), max_length=60)
    sex = forms.ChoiceField(label=_("sex"), choices=Member.Sex.choices, initial=Member.Sex.UNKNOWN)
    birth = when(_("date of birth"), required=False, help_text=_("An identity number states it."))
    phone = forms.CharField(label=_("telephone"), max_length=30, required=False)


class CorrectionForm(ActForm):
    number = forms.CharField(label=_("member number"), max_length=40)
    name = forms.CharField(label=pgettext_lazy("person", "name"), max_length=60)
    document_kind = document_kind_field()
    document_number = forms.CharField(
        label=_("document number"), max_length=60, required=False, help_text=_("Empty: stays as it is.")
    )
    sex = forms.ChoiceField(label=_("sex"), choices=Member.Sex.choices)
    birth = when(_("date of birth"), required=False)
    reached_age_on = when(
        _("reached the retirement age on"),
        required=False,
        help_text=Member._meta.get_field("reached_age_on").help_text,
    )
    phone = forms.CharField(label=_("telephone"), max_length=30, required=False)
    reason = reason_field(_("Reason of the correction"))

    def clean(self):
        """Say only what changed: a new number brings its own date of birth and sex."""
        data = super().clean()
        if not data.get("document_number"):
            data.pop("document_number", None)
        return {
            name: value
            for name, value in data.items()
            if name in ("reason", "document_number") or value != getattr(self.record, name)
        }


def reveal(*, member, reason, actor, now) -> Answer:
    number = reveal_document(member=member, reason=reason, actor=actor, now=now)
    kind = DOCUMENT_KINDS.get(member.document_kind, member.document_kind)
    return Answer([Panel(capfirst(member.name), [_("document"), _("document number")], [[kind, number]])])


def register(*, actor, **asked) -> Member | Answer:
    """Register a member; somebody whom another area keeps is not shown here."""
    member = register_member(actor=actor, **asked)
    if reach.reaches(actor.reach, member):
        return member
    return Answer(
        text=_("This person is recorded already, in another area. A roster of members enrols them here from a day on.")
    )


EnrolmentForm = form_of(
    Enrolment, "area", "scheme", "person_class", "person_type", "large_claims", "by_hand_elsewhere", "employer",
    "starts_on", "ends_on", plan=PlanField(_("As rosters write it: 单建统筹, 一档, 二档 … Empty: 统账结合.")),
    field_order=["area", "scheme", "person_class", "person_type", "plan"],
)  # fmt: skip
RelativeForm = form_of(Relative, "relative", "relation", "starts_on", "ends_on")


def end_form(label, name: str = "ends_on", **extra) -> type[ActForm]:
    """A form with a last day."""
    return type("EndForm", (ActForm,), {name: when(label), **extra})


LastDay = end_form(_("last day"))
SpanForm = form_of(BenefitPeriod, "area", "scheme", "starts_on", "ends_on")
SuspensionForm = form_of(Suspension, "area", "kind", "starts_on", "ends_on", "reason")


class ClassForm(ActForm):
    on = when(_("from the day"))
    person_class = forms.ChoiceField(label=_("person class"), choices=Enrolment.PersonClass.choices)
    person_type = forms.CharField(label=_("person type code"), max_length=6, required=False)


AS_IT_IS = [(None, _("as it is")), (True, _("yes")), (False, _("no"))]


def unless_said(name: str) -> forms.TypedChoiceField:
    """Yes, no, or as it is."""
    field = Enrolment._meta.get_field(name)
    return forms.TypedChoiceField(
        label=capfirst(field.verbose_name),
        help_text=field.help_text,
        choices=AS_IT_IS,
        coerce=lambda said: said == "True",
        empty_value=None,
        required=False,
    )


class PlanForm(ActForm):
    on = when(_("from the day"))
    plan = PlanField(_("As rosters write it: 单建统筹, 统账结合, 一档, 二档 … Empty: as it is."), empty_value=None)
    large_claims = unless_said("large_claims")
    by_hand_elsewhere = unless_said("by_hand_elsewhere")


class NewbornForm(ActForm):
    area = pick(Enrolment._meta.get_field("area"))
    paid_on = when(_("first premium paid on"))


def enrol_newborn_resident(**asked) -> None:
    enrol_newborn(scheme=Scheme.RESIDENTS, **asked)


class ContributionForm(
    form_of(Contribution, "area", "scheme", "kind", "base", "employer_amount", "own_amount", "paid_on")
):
    month = MonthField(label=_("month"))
    field_order = ["area", "scheme", "month"]


@admin.register(Employer)
class EmployerAdmin(Records):
    list_display = ["name", "code", "area"]
    search_fields = ["code", "name__startswith"]
    search_help_text = _("Employer number, or the beginning of the name")
    list_select_related = ["area"]
    list_acts = [
        Act(
            code="employer.register",
            label=_("Register an employer"),
            do=register_employer,
            form=form_of(Employer, "area", "code", "name"),
        ),
    ]
    sections = [Section(Enrolment, "employer")]


class RecordedTwiceFilter(admin.SimpleListFilter):
    """People whose number stands under two kinds of document, as records of before could have it."""

    title = _("document of two records")
    parameter_name = "twice"

    def lookups(self, request, model_admin):
        return [("yes", _("recorded twice"))]

    def queryset(self, request, queryset):
        if self.value() != "yes":
            return queryset
        twins = Member.objects.filter(document_hash=OuterRef("document_hash")).exclude(pk=OuterRef("pk"))
        found = Q()
        for kinds in SAME_NUMBERS:
            found |= Q(document_kind__in=kinds) & Exists(twins.filter(document_kind__in=kinds))
        return queryset.filter(found)


@admin.register(Member)
class MemberAdmin(Records):
    list_display = ["name", "document", "sex", "birth", "enrolled", "died_on"]
    list_filter = [RecordedTwiceFilter]
    search_fields = ["pk"]
    search_help_text = SEARCH_HELP
    fields = ["number", "name", "document", "sex", "birth", "reached_age_on", "phone", "died_on", "upload"]
    list_acts = [
        Act(code="member.register", label=_("Register a member"), do=register, form=MemberForm),
    ]
    acts = [
        Act(
            code="member.correct",
            label=_("Correct"),
            do=correct_member,
            record="member",
            form=CorrectionForm,
            initial=lambda request, member: {
                name: getattr(member, name)
                for name in ("number", "name", "document_kind", "sex", "birth", "reached_age_on", "phone")
            },
        ),
        Act(
            code="member.reveal",
            label=_("Reveal the document number"),
            do=reveal,
            record="member",
            form=type("ReasonForm", (ActForm,), {"reason": reason_field(_("What the number is needed for"))}),
            help=_("The number is shown once; who asked and why is kept in the audit trail."),
        ),
        Act(code="enrolment.start", label=_("Start an enrolment"), do=enrol, record="member", form=EnrolmentForm),
        Act(
            code="enrolment.change_class",
            label=_("Change the person class"),
            do=change_class,
            record="member",
            form=ClassForm,
            help=_("Retirement in mid-year, say: the enrolment of that day ends the day before, a new one follows."),
        ),
        Act(
            code="enrolment.change_plan",
            label=_("Change the plan"),
            do=change_plan,
            record="member",
            form=PlanForm,
            help=_("Or large-claims insurance, or whether care elsewhere is claimed by hand."),
        ),
        Act(
            code="enrolment.newborn",
            label=_("Enrol a newborn"),
            do=enrol_newborn_resident,
            record="member",
            form=NewbornForm,
            help=_("For the days that the first premium covers: from birth, where it was paid in time."),
        ),
        Act(
            code="benefit_period.start",
            label=_("Start a benefit period"),
            do=add_benefit_period,
            record="member",
            form=SpanForm,
        ),
        Act(code="suspension.start", label=_("Start a suspension"), do=suspend, record="member", form=SuspensionForm),
        Act(
            code="contribution.record",
            label=_("Record a contribution"),
            do=record_contribution,
            record="member",
            form=ContributionForm,
        ),
        Act(code="relative.add", label=_("Add a relative"), do=add_relative, record="member", form=RelativeForm),
    ]
    sections = [
        Section(Enrolment, "member"),
        Section(BenefitPeriod, "member"),
        Section(Suspension, "member"),
        Section(Relative, "member", title=_("Relatives whom the account may pay for")),
        Section(Contribution, "member"),
    ]

    def get_queryset(self, request):
        return super().get_queryset(request).prefetch_related("enrolments")

    def get_search_results(self, request, queryset, search_term):
        if not search_term.strip():
            return queryset, False
        return queryset.filter(pk__in=find(search_term).order_by().values("pk")), False

    def found_by_document(self, request, term, query):
        return lead_to_member(request, term)

    @admin.display(description=_("document"))
    def document(self, member):
        kind = DOCUMENT_KINDS.get(member.document_kind, member.document_kind)
        return f"{kind} ····{member.document_last4}"

    @admin.display(description=_("enrolled as"))
    def enrolled(self, member):
        today = clock.today()
        current = [e for e in member.enrolments.all() if e.starts_on <= today and (not e.ends_on or e.ends_on >= today)]
        return current[0].get_person_class_display() if current else None


@admin.register(Enrolment)
class EnrolmentAdmin(OfMember):
    list_display = ["member", "area", "scheme", "person_class", "plan_said", "employer", "starts_on", "ends_on"]
    list_filter = ["scheme", "person_class", "by_hand_elsewhere"]
    list_select_related = ["member", "area", "employer"]
    acts = [
        Act(
            code="enrolment.end",
            label=_("End the enrolment"),
            do=end_enrolment,
            record="enrolment",
            form=LastDay,
        ),
    ]

    @admin.display(description=_("plan"), ordering="plan")
    def plan_said(self, enrolment):
        return enrolment.plan_name


@admin.register(BenefitPeriod)
class BenefitPeriodAdmin(OfMember):
    list_display = ["member", "area", "scheme", "starts_on", "ends_on"]
    list_filter = ["scheme"]
    list_select_related = ["member", "area"]
    acts = [
        Act(
            code="benefit_period.end",
            label=_("End the benefit period"),
            do=end_benefit_period,
            record="period",
            form=LastDay,
        ),
    ]


@admin.register(Suspension)
class SuspensionAdmin(OfMember):
    list_display = ["member", "area", "kind", "starts_on", "ends_on", "reason"]
    list_filter = ["kind"]
    list_select_related = ["member", "area"]
    acts = [
        Act(
            code="suspension.end",
            label=_("End the suspension"),
            do=end_suspension,
            record="suspension",
            form=LastDay,
        ),
    ]


@admin.register(Contribution)
class ContributionAdmin(OfMember):
    list_display = ["member", "scheme", "month_paid", "kind", "base", "employer_amount", "own_amount", "paid_on"]
    list_filter = ["scheme", "kind"]
    list_select_related = ["member", "area"]

    @admin.display(description=_("month"), ordering="month")
    def month_paid(self, contribution):
        return f"{contribution.month:%Y-%m}"


@admin.register(Relative)
class RelativeAdmin(OfMember):
    list_display = ["member", "relation", "relative", "starts_on", "ends_on"]
    list_filter = ["relation"]
    list_select_related = ["member", "relative"]
    acts = [
        Act(
            code="relative.end",
            label=_("End the relation"),
            do=end_relative,
            record="bond",
            form=LastDay,
            help=_("A divorce, say. Grants that rest on it are ended apart."),
        ),
    ]
