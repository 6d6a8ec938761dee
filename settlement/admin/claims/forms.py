"""How a claim by hand is written down: the bill, the papers, who came and where the money goes."""

import datetime

from django import forms
from django.utils.translation import gettext_lazy as _

from bureau import clock
from bureau.models import Area, Staff
from bureau.site import ActForm, KeyField, pick, when
from members.admin import document_kind_field
from members.models import Relative
from settlement.admin.claims import notices
from settlement.admin.costs import CostForm
from settlement.admin.invoices import InvoicesField
from settlement.models import Claim, Visit
from settlement.services.claims.payment import change_claim_account
from settlement.services.claims.requests import BankAccount, ClaimRequest, Proxy
from settlement.services.claims.steps import correct_claim, enter_claim

PROXY = ["proxy_name", "proxy_relation", "proxy_document_kind", "proxy_document_number"]
ACCOUNT = ["pay_to", "bank_name", "bank_account"]


class AccountForm(ActForm):
    pay_to = forms.ChoiceField(label=_("paid to"), choices=Claim.PayTo.choices)
    bank_name = forms.CharField(label=_("bank"), max_length=100)
    bank_account = forms.CharField(label=_("bank account"), max_length=40)


class CorrectionForm(CostForm):
    institution = pick(Claim._meta.get_field("institution"), help_text=_("Who treated, in the area or out of it."))
    encounter = forms.CharField(
        label=_("encounter"), max_length=60, help_text=_("The institution's number of the visit, as on the receipt.")
    )
    care_on = when(_("date of care"))
    channel = forms.ChoiceField(label=_("channel"), choices=Visit.Channel.choices)
    prescriber = pick(
        Claim._meta.get_field("prescriber"),
        required=False,
        help_text=_("Only for a prescription filled outside: who wrote it."),
    )
    invoices = InvoicesField()
    received_on = when(_("received on"), initial=clock.today)
    papers = forms.MultipleChoiceField(
        label=_("papers handed in"),
        choices=Claim.Paper.choices,
        required=False,
        widget=forms.CheckboxSelectMultiple,
        help_text=_("Without all of them the claim waits; the last is needed where a proxy comes."),
    )
    credential = forms.ChoiceField(label=_("credential"), choices=Visit.Credential.choices, initial="03")
    proxy_name = forms.CharField(
        label=_("proxy"), max_length=60, required=False, help_text=_("Empty: the member came.")
    )
    proxy_relation = forms.ChoiceField(
        label=_("the proxy is the member's"), choices=[("", "–"), *Relative.Relation.choices], required=False
    )
    proxy_document_kind = document_kind_field()
    proxy_document_number = forms.CharField(
        label=_("proxy's document number"),
        max_length=60,
        required=False,
        help_text=_("Empty in a correction: stays as it is."),
    )
    pay_to, bank_name, bank_account = (AccountForm.base_fields[name] for name in ACCOUNT)
    field_order = ["institution", "encounter", "care_on", "channel", "prescriber", "invoices"]


class ClaimForm(CorrectionForm):
    key = KeyField()
    area = pick(Claim._meta.get_field("area"))
    member = pick(Claim._meta.get_field("member"), help_text=_("Document number, its last four, or a name."))
    field_order = ["area", "member", *CorrectionForm.field_order]


def asked_of(**data) -> ClaimRequest:
    """What the form says, as the services take it."""
    proxy = {name: data.pop(name) for name in PROXY}
    account = BankAccount(*(data.pop(name) for name in ACCOUNT))
    if any(proxy[name] for name in ("proxy_name", "proxy_relation", "proxy_document_number")):
        data["proxy"] = Proxy(*proxy.values())
    return ClaimRequest(account=account, **data)


def enter(*, key: str, area: Area, actor: Staff, now: datetime.datetime, **data) -> Claim:
    return enter_claim(key=key, area=area, asked=asked_of(**data), actor=actor, now=now)


def correct(*, claim: Claim, actor: Staff, now: datetime.datetime, **data) -> Claim:
    return correct_claim(claim=claim, asked=asked_of(member=claim.member, **data), actor=actor, now=now)


def written(request, claim: Claim) -> dict:
    """A claim as its form shows it."""
    names = [name for name in CorrectionForm.base_fields if name not in ("invoices", "proxy_document_number")]
    return {name: getattr(claim, name) for name in names} | {"invoices": "\n".join(notices.invoices_of(claim))}


def change_account(*, claim: Claim, actor: Staff, now: datetime.datetime, **data) -> Claim:
    account = BankAccount(*(data[name] for name in ACCOUNT))
    return change_claim_account(claim=claim, account=account, actor=actor, now=now)
