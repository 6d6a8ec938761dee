"""Claims by hand: entered with a quote and the papers, checked, approved by a third person, paid, or sent back."""

from decimal import Decimal

from django.contrib import admin
from django.utils.translation import gettext_lazy as _

from accounts.admin.ledger import journals_of
from bureau import clock
from bureau.errors import DomainError, wording
from bureau.models import Area
from bureau.site import Act, Panel, ReasonForm, Report, Section, WhyReturnedForm
from members.admin import OfMember
from settlement.admin import same_bills
from settlement.admin.claims import notices
from settlement.admin.claims.forms import (
    ACCOUNT,
    AccountForm,
    ClaimForm,
    CorrectionForm,
    asked_of,
    change_account,
    correct,
    enter,
    written,
)
from settlement.admin.claims.lists import ListForm, OrdersForm, list_file, orders_file, totals
from settlement.admin.costs import COST_CLASSES, parts_left_out
from settlement.admin.runs import BankNoteForm, fund_label
from settlement.admin.traces import trace
from settlement.models import Claim, ClaimPayment, Invoice, Visit
from settlement.queries.explain import explain
from settlement.services.claims.payment import (
    confirm_claim_account,
    pay_claim,
    reissue_claim_payment,
    return_claim_payment,
    waiting,
)
from settlement.services.claims.requests import bill_of
from settlement.services.claims.steps import (
    approve_claim,
    check_claim,
    quote_bill,
    quote_claim,
    refuse_claim,
    return_claim,
    reverse_claim,
)
from settlement.services.visits.desk import Quote

SHARES = ["total", "pooled", "large_claims", "cash"]


def quote_of_form(request, claim: Claim | None, data) -> list[Panel]:
    """What the claim would be paid, and why. Nothing moves."""
    data = dict(data)
    data.pop("key", None)
    if claim is not None:
        data |= {"area": claim.area, "member": claim.member}
    area: Area = data.pop("area")
    answer = quote_claim(
        asked_of(**data), area_id=area.pk, claim_id=None if claim is None else claim.pk, now=clock.now()
    )
    return quoted(answer)


def quote_of_claim(request, claim: Claim, data) -> list[Panel]:
    return [*quoted(quote_bill(bill_of(claim), area_id=claim.area_id, now=clock.now())), notices.papers(request, claim)]


def quoted(answer: Quote) -> list[Panel]:
    refusal = answer.decision.outcome.refusal
    return [
        Panel(
            _("What would be paid"),
            [Visit._meta.get_field(name).verbose_name for name in SHARES],
            [[Decimal(answer.row[name]) for name in SHARES]],
            note=" ".join(filter(None, [refusal and wording(refusal), same_bills.warning(answer)])),
        ),
        trace(_("How it is computed"), explain(Visit(receipt=answer.decision.receipt))),
    ]


def standing(request, claim: Claim) -> Panel | None:
    """What the fund would pay now, while a claim is open; why not, where the rules refuse."""
    if not Claim.steps.leads(claim, "claim.refuse"):
        return None
    try:
        return quoted(quote_bill(bill_of(claim), area_id=claim.area_id, now=clock.now()))[0]
    except DomainError as error:
        return Panel(_("What would be paid"), note=str(error))


def computed(request, claim: Claim) -> Panel | None:
    return trace(_("How it was computed"), explain(claim.visit)) if claim.visit else None


def reason_of_rules(request, claim: Claim) -> dict:
    """The refusal by the rules, where there is one, to start the sentence with."""
    try:
        refusal = quote_bill(bill_of(claim), area_id=claim.area_id, now=clock.now()).decision.outcome.refusal
    except DomainError as error:
        return {"reason": str(error)}
    return {"reason": wording(refusal)} if refusal is not None else {}


@admin.register(Claim)
class ClaimAdmin(OfMember):
    list_display = [
        "number", "member", "institution", "care_on", "received_on", "total", "fund_amount", "status", "entered_by",
        "checked_by", "approved_by",
    ]  # fmt: skip
    list_filter = ["status", "channel"]
    list_select_related = ["member", "institution", "visit", "entered_by", "checked_by", "approved_by"]
    search_help_text = _("Document number, its last four, a name, an institution's code, or #invoice number")
    institution_path = "institution"
    fieldsets = [
        (None, {"fields": ["number", "status", "reason", "member", "area", "visit", "fund_amount"]}),
        (_("Bill"), {
            "fields": [
                "institution", "encounter", "care_on", "channel", "prescriber", "total", "own_expense", "over_limit",
                "first_self", "in_policy", "general_fee", *COST_CLASSES,
            ],
        }),
        (_("Papers"), {
            "fields": [
                "received_on", "papers_shown", "credential", "proxy_name", "proxy_relation", "proxy_document_last4",
            ],
        }),
        (_("Account"), {
            "fields": ["pay_to", "account_name", "bank_name", "bank_account", "account_by", "account_confirmed_by"],
        }),
        (_("Who did what"), {
            "fields": [
                "entered_by", "entered_at", "checked_by", "checked_at", "approved_by", "approved_at", "paid_by",
                "paid_at", "closed_by", "closed_at",
            ],
        }),
    ]  # fmt: skip
    list_acts = [
        Act(
            code="claim.enter",
            label=_("Enter a claim"),
            do=enter,
            form=ClaimForm,
            preview=quote_of_form,
            follow=True,
            help=_("A bill that the member has paid. First see what would be paid and why."),
        ),
        Report(
            code="claim.list",
            label=_("List of claims"),
            form=ListForm,
            show=totals,
            file=list_file,
            initial=lambda request, record: {},
        ),
        Report(code="claim.file", label=_("Payment file"), form=OrdersForm, file=orders_file),
    ]
    acts = [
        Act(
            code="claim.correct",
            label=_("Correct"),
            do=correct,
            record="claim",
            form=CorrectionForm,
            initial=written,
            preview=quote_of_form,
            help=_("Also for papers that are handed in later. The claim is received again."),
        ),
        Act(
            code="claim.check",
            label=_("Check"),
            do=check_claim,
            record="claim",
            preview=quote_of_claim,
            help=_("The claim agrees with its papers. By someone other than who entered it."),
        ),
        Act(
            code="claim.approve",
            label=_("Approve"),
            do=approve_claim,
            record="claim",
            preview=quote_of_claim,
            help=_(
                "Settles the claim by the rules of the date of care. By someone who neither entered nor checked it."
            ),
        ),
        Act(
            code="claim.return",
            label=_("Return"),
            do=return_claim,
            record="claim",
            form=WhyReturnedForm,
            help=_("For a paper or a correction. Its invoices stay with it."),
        ),
        Act(
            code="claim.refuse",
            label=_("Refuse"),
            do=refuse_claim,
            record="claim",
            form=ReasonForm,
            initial=reason_of_rules,
            help=_("Also for a claim that is withdrawn. Its invoices can be settled elsewhere."),
        ),
        Act(
            code="claim.pay",
            label=_("Pay"),
            do=pay_claim,
            record="claim",
            offered=lambda claim: bool(claim.visit.pooled + claim.visit.large_claims),
            help=_("Orders the payment to the account of the claim. Then download the payment file for the bank."),
        ),
        Act(
            code="claim.account",
            label=_("Change the bank account"),
            do=change_account,
            record="claim",
            form=AccountForm,
            initial=lambda request, claim: {name: getattr(claim, name) for name in ACCOUNT},
            offered=lambda claim: claim.status == Claim.Status.APPROVED or waiting(claim),
            help=_("Of the member or of the proxy. Another person confirms it before anything is paid to it."),
        ),
        Act(
            code="claim.account_confirm",
            label=_("Confirm the bank account"),
            do=confirm_claim_account,
            record="claim",
            offered=lambda claim: claim.account_confirmed_by_id is None,
            help=_("By someone other than who entered it."),
        ),
        Act(
            code="claim.take_back",
            label=_("Take back"),
            do=reverse_claim,
            record="claim",
            form=ReasonForm,
            help=_("Fund and counters get back what they gave; what was paid becomes a recovery from the member."),
        ),
        Report(code="claim.notice", label=_("Notice to the member"), show=notices.notice),
    ]
    sections = [
        standing,
        Section(Invoice, "claim", without=["visit"]),
        computed,
        Section(ClaimPayment, "claim"),
        journals_of("claim"),
    ]

    def left_out(self, record):
        return parts_left_out(record)

    def get_search_results(self, request, queryset, search_term):
        term = search_term.strip()
        if term.startswith("#"):
            return queryset.filter(invoices__number=term[1:].strip()).distinct(), False
        return super().get_search_results(request, queryset, search_term)

    def lookup_allowed(self, lookup, value, request):
        """The start page asks for claims that have something to pay."""
        return lookup == "visit__pooled__gt" or super().lookup_allowed(lookup, value, request)

    @admin.display(description=_("number"), ordering="pk")
    def number(self, claim):
        return str(claim)

    @admin.display(description=_("paid by the fund"))
    def fund_amount(self, claim):
        return f"{claim.visit.pooled + claim.visit.large_claims:,.2f}" if claim.visit else ""

    @admin.display(description=_("papers"))
    def papers_shown(self, claim):
        return "; ".join(str(Claim.Paper(paper).label) for paper in claim.papers)


@admin.register(ClaimPayment)
class ClaimPaymentAdmin(OfMember):
    hidden = True
    list_display = [
        "claim", "fund_name", "amount", "account_name", "bank_account", "status", "ordered_on", "ordered_by",
    ]  # fmt: skip
    list_filter = ["status"]
    list_select_related = ["claim", "ordered_by"]
    member_path = "claim__member"
    fields = [
        "claim", "fund_name", "amount", "account_name", "bank_name", "bank_account", "status", "ordered_on",
        "ordered_by", "note",
    ]  # fmt: skip
    acts = [
        Act(
            code="claim_payment.return",
            label=_("Returned by the bank"),
            do=return_claim_payment,
            record="payment",
            form=BankNoteForm,
        ),
        Act(
            code="claim_payment.reissue",
            label=_("Reissue"),
            do=reissue_claim_payment,
            record="payment",
            follow=True,
            help=_("To the account that the claim names now."),
        ),
    ]

    @admin.display(description=_("fund"), ordering="fund")
    def fund_name(self, payment):
        return fund_label(payment.fund)
