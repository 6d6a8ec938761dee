"""What is printed of claims by hand: notices to the member."""

from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from bureau.site import Panel
from settlement.admin.costs import parts_of
from settlement.admin.traces import trace
from settlement.models import Claim
from settlement.queries.explain import explain
from settlement.services.claims.payment import owed_on
from settlement.statements import fund_name

TITLES = {
    Claim.Status.RECEIVED: _("Receipt of a claim by hand"),
    Claim.Status.CHECKED: _("Receipt of a claim by hand"),
    Claim.Status.RETURNED: _("Claim by hand returned: papers or corrections are needed"),
    Claim.Status.REFUSED: _("Decision: the claim by hand is refused"),
    Claim.Status.APPROVED: _("Decision: payment of a claim by hand"),
    Claim.Status.PAID: _("Payment notice of a claim by hand"),
    Claim.Status.REVERSED: _("Decision: the claim by hand is taken back"),
}
COST = ["total", "own_expense", "over_limit", "first_self", "in_policy"]


def notice(request, claim: Claim, data) -> list[Panel]:
    """受理单, 支付通知 or the decision, by how the claim stands."""
    rows = [
        [_("number"), str(claim)],
        [_("member"), claim.member.name],
        [_("last four of the document"), claim.member.document_last4],
        [_("institution"), claim.institution.name],
        [_("date of care"), claim.care_on],
        [_("received on"), claim.received_on],
        [_("invoices"), "; ".join(invoices_of(claim))],
    ]
    if claim.proxy_name:
        rows.append([_("proxy"), f"{claim.proxy_name} ({claim.get_proxy_relation_display()})"])
    rows.append([_("account"), f"{claim.account_name}, {claim.bank_name} …{claim.bank_account[-4:]}"])
    if claim.reason:
        rows.append([_("reason"), claim.reason])
    cost = [*COST, *parts_of(claim)]
    panels = [
        Panel(TITLES[claim.status], [_("what"), _("entry")], rows),
        Panel(
            _("Cost"),
            [Claim._meta.get_field(name).verbose_name for name in cost],
            [[getattr(claim, name) for name in cost]],
        ),
        papers(request, claim),
    ]
    if claim.status in (Claim.Status.APPROVED, Claim.Status.PAID):
        panels += decision(request, claim)
    return panels


def papers(request, claim: Claim) -> Panel:
    needed = [*Claim.NEEDED, Claim.Paper.PROXY] if claim.proxy_name else Claim.NEEDED
    return Panel(_("Papers"), [_("paper"), _("handed in")], [[paper.label, paper in claim.papers] for paper in needed])


def decision(request, claim: Claim) -> list[Panel]:
    visit = claim.visit
    rows = [[fund_name(fund), amount] for fund, amount in owed_on(visit).items()]
    rows.append([gettext("borne by the member"), visit.cash])
    return [
        Panel(_("What is paid"), [_("fund"), _("amount")], rows),
        trace(_("How it was computed"), explain(visit)),
    ]


def invoices_of(claim: Claim) -> list[str]:
    """The invoices that stand with a claim; those it gave up where it was refused or taken back."""
    found = list(claim.invoices.all())
    standing = [invoice for invoice in found if invoice.freed_at is None]
    return [str(invoice) for invoice in standing or found]
