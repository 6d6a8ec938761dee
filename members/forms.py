"""Form fields of what rosters say of members, in the words of rosters."""

from django import forms
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from bureau.files import Refused
from members.insured import plan


class PlanField(forms.CharField):
    """A plan by its own name or by the words of rosters."""

    def __init__(self, help_text, **options):
        super().__init__(label=_("plan"), max_length=20, required=False, help_text=help_text, **options)

    def to_python(self, value):
        said = super().to_python(value)
        try:
            return plan(said) if said else said
        except Refused as refused:
            raise forms.ValidationError(gettext(refused.message) % refused.params) from None
