"""Lists of claims by hand, and the payment file for the bank."""

from decimal import Decimal

from django import forms
from django.utils import timezone
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from bureau import clock
from bureau.site import ActForm, Panel, pick, when
from bureau.site.answers import table_file
from bureau.site.forms import in_order
from settlement.admin.claims.notices import invoices_of
from settlement.admin.runs import FormatForm
from settlement.models import Claim, ClaimPayment
from settlement.statements import Table, fund_name

ZERO = Decimal("0.00")


class ListForm(ActForm):
    area = pick(Claim._meta.get_field("area"))
    first = when(_("received from"), initial=lambda: clock.today().replace(month=1, day=1))
    last = when(_("received until"), initial=clock.today)
    status = forms.ChoiceField(label=_("status"), choices=[("", _("all")), *Claim.Status.choices], required=False)

    def clean(self):
        data = super().clean()
        in_order(data, "first", "last")
        return data


def listed(data):
    claims = Claim.objects.filter(area=data["area"], received_on__range=(data["first"], data["last"]))
    if data["status"]:
        claims = claims.filter(status=data["status"])
    who = ["entered_by", "checked_by", "approved_by", "paid_by"]
    return claims.select_related("member", "institution", "visit", *who).prefetch_related("invoices").order_by("id")


def totals(request, record, data) -> list[Panel]:
    """How many claims stand where, and what they come to."""
    rows: dict[str, list] = {}
    for claim in listed(data).prefetch_related(None).iterator(1000):
        row = rows.setdefault(claim.status, [claim.get_status_display(), 0, ZERO, ZERO])
        row[1] += 1
        row[2] += claim.total
        row[3] += claim.visit.pooled + claim.visit.large_claims if claim.visit else ZERO
    found = [rows[status] for status in Claim.Status.values if status in rows]
    foot = ["", *(sum((row[n] for row in found), ZERO if n > 1 else 0) for n in (1, 2, 3))]
    heads = [_("status"), _("claims"), _("total cost"), _("paid by the fund")]
    return [Panel(_("Claims by hand"), heads, found, foot=foot if found else ())]


def list_file(request, record, data):
    name = gettext("Claims by hand")
    return table_file(claim_table(listed(data)), f"{name}-{data['first']}-{data['last']}", title=name)


class OrdersForm(FormatForm):
    area = pick(Claim._meta.get_field("area"))
    on = when(_("ordered on"), initial=clock.today)
    field_order = ["area", "on", "format"]


def orders_file(request, record, data):
    orders = ClaimPayment.objects.filter(claim__area=data["area"], ordered_on=data["on"]).select_related("claim")
    title = gettext("Claims by hand")
    name = f"{gettext('payment file')}-{title}-{data['on']}"
    return table_file(order_table(orders), name, data["format"], title=title)


def claim_table(claims) -> Table:
    """One row for each claim, with who did what."""
    head = [
        gettext("Number"), gettext("Received on"), gettext("Member"), gettext("Last four of the document"),
        gettext("Institution"), gettext("Date of care"), gettext("Invoices"), gettext("Total"),
        gettext("Within policy"), gettext("Fund"), gettext("Borne by the member"), gettext("Status"), gettext("Reason"),
        gettext("Entered by"),
        gettext("Checked by"), gettext("Approved by"), gettext("Paid by"), gettext("Paid on"),
    ]  # fmt: skip
    rows = []
    for claim in claims.iterator(1000):
        visit = claim.visit
        rows.append([
            str(claim), claim.received_on.isoformat(), claim.member.name, claim.member.document_last4,
            claim.institution.name, claim.care_on.isoformat(), "; ".join(invoices_of(claim)), claim.total,
            claim.in_policy, visit.pooled + visit.large_claims if visit else "", visit.cash if visit else "",
            str(claim.get_status_display()), claim.reason,
            *("" if who is None else str(who) for who in
              (claim.entered_by, claim.checked_by, claim.approved_by, claim.paid_by)),
            timezone.localdate(claim.paid_at).isoformat() if claim.paid_at else "",
        ])  # fmt: skip
    return [head, *rows]


def order_table(orders) -> Table:
    """The payment file: one row for every standing order to the bank."""
    head = [
        gettext("Claim"), gettext("Account name"), gettext("Bank"), gettext("Account"), gettext("Fund"),
        gettext("Amount"), gettext("Ordered on"),
    ]  # fmt: skip
    return [
        head,
        *(
            [
                f"{order.claim_id:06d}",
                order.account_name,
                order.bank_name,
                order.bank_account,
                fund_name(order.fund),
                order.amount,
                order.ordered_on.isoformat(),
            ]
            for order in orders.exclude(status=ClaimPayment.Status.RETURNED).order_by("fund", "id")
        ),
    ]
