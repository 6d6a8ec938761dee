"""A balance paid out: asked for, approved by another, paid."""

from decimal import Decimal, InvalidOperation

from django import forms
from django.contrib import admin
from django.core.exceptions import ValidationError
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from accounts.admin.labels import words
from accounts.admin.ledger import journals_of
from accounts.models import Payout
from accounts.services.payouts import Payee, approve_payout, pay_payout, return_payout
from bureau.rules.accounts import use as account_use
from bureau.site import Act, ActForm, WhyReturnedForm, when
from members.admin import OfMember


class PayeesField(forms.CharField):
    """One payee a line: name, bank, account number, and the share in percent where there are several."""

    widget = forms.Textarea(attrs={"rows": 3, "cols": 60})

    def clean(self, value):
        payees = []
        for number, line in enumerate(super().clean(value).splitlines(), start=1):
            parts = [part.strip() for part in line.replace("，", ",").replace("\t", ",").split(",")]
            if not any(parts):
                continue
            if len(parts) not in (3, 4):
                raise ValidationError(
                    _("Line %(number)d: write name, bank, account number and share, with commas between."),
                    params={"number": number},
                )
            try:
                share = Decimal(parts[3].rstrip("%％")) if len(parts) == 4 else Decimal(100)
            except InvalidOperation:
                raise ValidationError(
                    _("Line %(number)d: the share is a number of percent."), params={"number": number}
                ) from None
            payees.append(Payee(parts[0], parts[1], parts[2], share))
        return payees


class PayoutForm(ActForm):
    event = forms.ChoiceField(label=_("event"), choices=lambda: words(account_use.EVENTS))
    happened_on = when(_("happened on"))
    payees = PayeesField(
        label=_("payees"),
        help_text=_("One a line: name, bank, account number. Several heirs: also the share in percent, such as 50."),
    )
    papers = forms.CharField(label=_("papers"), max_length=300, required=False)
    applied = forms.BooleanField(label=_("applied for in writing"), required=False, initial=True)


@admin.register(Payout)
class PayoutAdmin(OfMember):
    list_display = ["account", "happening", "happened_on", "amount", "status", "submitted_by", "approved_by", "paid_by"]
    list_filter = ["status"]
    list_select_related = ["account__member", "submitted_by", "approved_by", "paid_by"]
    member_path = "account__member"
    fields = [
        "account", "happening", "happened_on", "ruling", "article", "amount", "payees", "papers", "status", "note",
        "submitted_by", "submitted_at", "approved_by", "approved_at", "paid_by", "paid_at",
        "returned_by", "returned_at",
    ]  # fmt: skip
    acts = [
        Act(
            code="payout.approve",
            label=_("Approve"),
            do=approve_payout,
            record="payout",
            help=_("By someone other than who submitted it."),
        ),
        Act(
            code="payout.return",
            label=_("Return"),
            do=return_payout,
            record="payout",
            form=WhyReturnedForm,
            help=_("Until it is paid. What was approved goes back into the account."),
        ),
        Act(
            code="payout.pay",
            label=_("Record the payment"),
            do=pay_payout,
            record="payout",
            help=_("The bank has paid."),
        ),
    ]
    sections = [journals_of("payout")]

    @admin.display(description=_("event"), ordering="event")
    def happening(self, payout):
        return gettext(account_use.EVENTS.get(payout.event, payout.event))

    @admin.display(description=_("what the rules say"))
    def ruling(self, payout):
        return gettext(account_use.ACTIONS.get(payout.action, payout.action))
