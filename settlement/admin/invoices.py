"""The field in which invoices are written, and the register of them."""

import re

from django import forms
from django.contrib import admin
from django.core.exceptions import ValidationError
from django.utils.translation import gettext_lazy as _

from bureau.errors import DomainError
from bureau.site import Records
from settlement.models import Invoice
from settlement.services.visits.invoices import InvoiceNumber


class InvoicesField(forms.CharField):
    """One invoice a line: the code of the issuing body and the number; a fully electronic one has its number alone."""

    widget = forms.Textarea(attrs={"rows": 3, "cols": 40})

    def __init__(self, **options):
        help_text = _(
            "One a line: code of the issuing body and number, with a blank between; a fully electronic invoice: its 20"
            " digits alone."
        )
        super().__init__(label=_("invoices"), help_text=help_text, **options)

    def clean(self, value):
        invoices = []
        for line in super().clean(value).splitlines():
            parts = re.split(r"[\s,，:：]+", line.strip())
            if parts == [""]:
                continue
            if len(parts) > 2:
                raise ValidationError(
                    _("“%(line)s”: write one invoice a line, code and number."), params={"line": line}
                )
            code, number = parts if len(parts) == 2 else ("", parts[0])
            try:
                invoices.append(InvoiceNumber.stated(code, number))
            except DomainError as error:
                raise ValidationError(str(error)) from None
        return tuple(invoices)


@admin.register(Invoice)
class InvoiceAdmin(Records):
    hidden = True
    list_display = ["number_shown", "visit", "claim", "freed_at"]
    list_select_related = ["visit", "claim"]
    search_fields = ["=number"]
    search_help_text = _("Invoice number")
    fields = ["code", "number", "visit", "claim", "freed_at"]

    @admin.display(description=_("invoice"), ordering="number")
    def number_shown(self, invoice):
        return str(invoice)
