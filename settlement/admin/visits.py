"""Visits: settled at the desk with a quote first, explained, reversed; and the differences put before a reviewer."""

import datetime
from decimal import Decimal

from django import forms
from django.contrib import admin
from django.db.models import Exists, OuterRef
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from accounts.admin.labels import refusal_label, relation_label
from accounts.admin.ledger import journals_of
from accounts.models import Fund
from bureau import clock
from bureau.errors import wording
from bureau.models import Staff
from bureau.rules.benefits.places import CHARGE_LABELS, FLAGS
from bureau.site import (
    Act,
    ActForm,
    KeyField,
    Panel,
    Section,
    YearFilter,
    link,
    pick,
    reason_field,
    when,
)
from bureau.site.sections import EMPTY
from institutions.models import Institution
from members.admin import OfMember
from members.models import Member
from settlement.admin import same_bills
from settlement.admin.costs import COST_CLASSES, CostForm, parts_left_out
from settlement.admin.invoices import InvoicesField
from settlement.admin.same_bills import SameBillFilter
from settlement.admin.traces import trace
from settlement.models import OpeningUse, OtherUse, Proposal, Visit, VisitPayment
from settlement.queries.explain import explain
from settlement.services.visits.requests import VisitRequest
from settlement.services.visits.reversals import reverse_visit
from settlement.services.visits.settling import quote_visit, settle_visit

PAY_FROM = [
    ("own", _("the patient's own account")),
    ("family", _("own account first, then relatives'")),
    ("none", _("no account")),
]
COST = [
    ("total", "in_policy", "counted", "general_fee"), ("own_expense", "over_limit", "first_self"), tuple(COST_CLASSES),
]  # fmt: skip
PAID = ["pooled", "large_claims", "account", "family", "cash"]


class VisitForm(CostForm):
    member = pick(Visit._meta.get_field("member"), help_text=_("Document number, its last four, or a name."))
    institution = pick(Visit._meta.get_field("institution"))
    key = KeyField()
    encounter = forms.CharField(
        label=_("encounter"), max_length=60, help_text=_("The institution's number of the encounter.")
    )
    care_on = when(_("date of care"), initial=clock.today)
    channel = forms.ChoiceField(label=_("channel"), choices=Visit.Channel.choices)
    prescriber = pick(
        Visit._meta.get_field("prescriber"),
        required=False,
        help_text=_("Only for a prescription filled outside: who wrote it."),
    )
    credential = forms.ChoiceField(label=_("credential"), choices=Visit.Credential.choices, initial="03")
    pay_from = forms.ChoiceField(label=_("rest paid from"), choices=PAY_FROM)
    invoices = InvoicesField(required=False)
    field_order = ["member", "institution", "key", "encounter", "care_on", "channel", "prescriber", "credential"]


def request_of(*, member: Member, institution: Institution, prescriber: Institution | None, **asked) -> VisitRequest:
    return VisitRequest(
        member_id=member.pk,
        institution_id=institution.pk,
        prescriber_id=prescriber and prescriber.pk,
        **asked,
    )


def settle(*, actor: Staff, now: datetime.datetime, **asked) -> Visit:
    return settle_visit(request_of(**asked), actor=actor, now=now)


def quote(request, record, data) -> list[Panel]:
    """What settling would give, and why. Nothing moves."""
    answer = quote_visit(request_of(**data), now=clock.now(), area_id=request.user.area_id)
    row, refusal = answer.row, answer.decision.outcome.refusal
    labels = [Visit._meta.get_field(name).verbose_name for name in ["total", *PAID]]
    again = same_bills.warning(answer)
    panels = [
        *([Panel(_("The same bill under another number"), note=again)] if again else ()),
        Panel(
            _("What each would pay"),
            labels,
            [[Decimal(row[name]) for name in ["total", *PAID]]],
            note=wording(refusal) if refusal is not None else "",
        ),
    ]
    panels.append(trace(_("How it is computed"), explain(Visit(receipt=answer.decision.receipt))))
    return panels


def trace_of(request, visit: Visit) -> Panel:
    return trace(_("How it was computed"), explain(visit))


def reversed_by(request, visit: Visit) -> Panel | None:
    reversal = Visit.objects.filter(reverses=visit).first()
    if reversal is None:
        return None
    return Panel(
        _("Reversed by"),
        [_("visit"), _("settled on"), _("reason"), _("total cost")],
        [[link(reversal), reversal.settled_on, reversal.reason, reversal.total]],
    )


class ReversalForm(ActForm):
    key = KeyField()
    reason = reason_field(_("Reason of the reversal"))


def reverse(*, visit: Visit, **asked) -> Visit:
    return reverse_visit(visit.pk, **asked)


class SplitCareFilter(admin.SimpleListFilter):
    """Care that may have been split (分解就诊): two encounters of a member in one day at one institution (G-9)."""

    title = _("encounters of a day")
    parameter_name = "split"

    def lookups(self, request, model_admin):
        return [("yes", _("several at one institution"))]

    def queryset(self, request, queryset):
        if self.value() != "yes":
            return queryset
        standing = {"reverses": None, "reversal": None, "prescriber": None}
        same = {name: OuterRef(name) for name in ("member", "institution", "care_on")}
        others = Visit.objects.filter(**standing, **same).exclude(encounter=OuterRef("encounter"))
        return queryset.filter(Exists(others), **standing)


@admin.register(Visit)
class VisitAdmin(OfMember):
    list_display = [
        "number", "member", "institution", "care_on", "channel", "total", "fund_amount", "account", "family", "cash",
        "why",
    ]  # fmt: skip
    list_filter = [
        "channel",
        "scheme",
        ("refusal", admin.EmptyFieldListFilter),
        ("reverses", admin.EmptyFieldListFilter),
        SplitCareFilter,
        SameBillFilter,
    ]
    list_select_related = ["member", "institution"]
    search_help_text = _("Document number, its last four, a name, an institution's code, or institution:number")
    institution_path = "institution"
    fieldsets = [
        (None, {
            "fields": [
                ("member", "institution"), ("key", "encounter"), ("care_on", "settled_on"), ("channel", "credential"),
                "prescriber", ("reverses", "reason"), "same_as", ("settled_at", "settled_by", "upload"),
            ],
        }),
        (_("What decided it"), {
            "fields": [
                "edition", ("scheme", "area"), "circumstances", "why", ("payee", "charged", "charged_institution"),
            ],
        }),
        (_("Cost"), {"fields": COST}),
        (_("Payment"), {"fields": [tuple(PAID), ("pool_name", "deductible", "fixed")]}),
    ]  # fmt: skip
    list_acts = [
        Act(
            code="visit.settle",
            label=_("Settle a visit"),
            do=settle,
            form=VisitForm,
            preview=quote,
            help=_("First see what each would pay and why; nothing moves before you settle."),
        ),
    ]
    acts = [
        Act(
            code="visit.reverse",
            label=_("Reverse"),
            do=reverse,
            record="visit",
            form=ReversalForm,
            follow=True,
            help=_(
                "Every fund, account and counter gets back exactly what it gave. Later visits stay as they are;"
                " a replay shows what they would be now."
            ),
            offered=lambda visit: (
                visit.reverses_id is None
                and visit.payee_id is not None
                and not Visit.objects.filter(reverses=visit).exists()
            ),
        ),
    ]

    def left_out(self, record):
        return {*parts_left_out(record), *(() if record.same_as_id else ("same_as",))}

    def get_search_results(self, request, queryset, search_term):
        institution, colon, key = search_term.strip().partition(":")
        if colon:
            return queryset.filter(institution__code=institution.upper(), key=key), False
        return super().get_search_results(request, queryset, search_term)

    @admin.display(description=_("number"), ordering="pk")
    def number(self, visit):
        return str(visit.pk)

    @admin.display(description=_("pooled fund"))
    def fund_amount(self, visit):
        return f"{visit.pooled + visit.large_claims:,.2f}"

    @admin.display(description=_("refusal"), ordering="refusal")
    def why(self, visit):
        return refusal_label(visit.refusal, visit.refusal_article)

    @admin.display(description=_("place of care"))
    def circumstances(self, visit):
        return "、".join(gettext(FLAGS.get(flag, flag)) for flag in visit.place) or EMPTY

    @admin.display(description=_("charged to"))
    def charged(self, visit):
        return gettext(CHARGE_LABELS[visit.charge]) if visit.charge in CHARGE_LABELS else visit.charge

    @admin.display(description=_("which pooled fund"))
    def pool_name(self, visit):
        return Fund(visit.pool).label if visit.pool in Fund.values else visit.pool


@admin.register(VisitPayment)
class VisitPaymentAdmin(OfMember):
    hidden = True
    list_display = ["account", "visit", "relation_shown", "amount", "payee"]
    list_select_related = ["account__member", "visit", "payee"]
    member_path = "visit__member"
    fields = ["visit", "account", "relation_shown", "amount", "payee"]

    @admin.display(description=_("relation"), ordering="relation")
    def relation_shown(self, payment):
        return relation_label(payment.relation)


@admin.register(OpeningUse)
class OpeningUseAdmin(OfMember):
    list_display = ["member", "area", "scheme", "year", "fund", "deductible"]
    list_filter = [YearFilter, "scheme"]
    list_select_related = ["member", "area"]


@admin.register(OtherUse)
class OtherUseAdmin(OfMember):
    list_display = ["member", "area", "scheme", "fund", "number", "paid_on", "amount"]
    list_filter = ["fund", "scheme"]
    list_select_related = ["member", "area"]


VisitAdmin.sections = [
    trace_of,
    Section(VisitPayment, "visit"),
    reversed_by,
    Section(Proposal, "visit"),
    journals_of("visit"),
]
