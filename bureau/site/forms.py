"""Forms of acts: fields named like the service's arguments, choices cut to what the member of staff may see."""

import datetime
import secrets

from django import forms
from django.contrib import admin
from django.contrib.admin.widgets import AutocompleteSelect
from django.core.exceptions import ValidationError
from django.db import models
from django.utils.text import capfirst
from django.utils.translation import gettext_lazy as _

from bureau.areas.models import Area, County
from bureau.identifiers.identity import numbers_in
from bureau.staff import reach

FEW = ("bureau.area", "bureau.county")  # chosen from a plain list


class DayInput(forms.DateInput):
    input_type = "date"

    def __init__(self, attrs=None):
        super().__init__(attrs, format="%Y-%m-%d")


class MonthInput(forms.DateInput):
    input_type = "month"

    def __init__(self, attrs=None):
        super().__init__(attrs, format="%Y-%m")


FIRST_YEAR, LAST_YEAR = 1900, 2100


def within_reason(day: datetime.date) -> None:
    """Refuse years that no record of ours can have."""
    if not FIRST_YEAR <= day.year <= LAST_YEAR:
        raise ValidationError(
            _("The day lies outside the years %(first)d to %(last)d."), params={"first": FIRST_YEAR, "last": LAST_YEAR}
        )


class MonthField(forms.DateField):
    """A month, as its first day."""

    widget = MonthInput

    def __init__(self, **options):
        super().__init__(input_formats=["%Y-%m", "%Y-%m-%d"], **options)

    def clean(self, value):
        day = super().clean(value)
        return day and day.replace(day=1)


class Picker(AutocompleteSelect):
    """Choosing by typing. What is typed, a document number perhaps, is sent by POST and stands in no address."""

    def build_attrs(self, base_attrs, extra_attrs=None):
        attrs = super().build_attrs(base_attrs, extra_attrs)
        return attrs | {"data-ajax--type": "POST", "data-ajax--cache": "false"}

    def optgroups(self, name, value, attr=None):
        """Show what was chosen; what can be no key of the record is left out."""
        key = self.choices.queryset.model._meta.pk
        return super().optgroups(name, [one for one in value if _may_be(key, one)], attr)

    @property
    def media(self):
        return super().media + forms.Media(js=["office/picker.js"])


def _may_be(key: models.Field, value) -> bool:
    try:
        key.to_python(value)
    except ValidationError:
        return False
    return "\0" not in str(value)


# Fields that take a document's number, or a code that may look like one; all other texts are free ones.
CODES = ("bank_account", "code", "document_number", "encounter", "password", "proxy_document_number")

NO_NUMBER_HERE = _("Leave the identity number out of this text; it is kept encrypted on the record.")


def no_identity_number(text: str) -> None:
    """Refuse to keep in clear what is kept encrypted elsewhere."""
    if numbers_in(text):
        raise ValidationError(NO_NUMBER_HERE)


class ActForm(forms.Form):
    """Cleaned data are the keyword arguments of a service. Knows who fills it in, and on which record."""

    def __init__(self, *args, request, record=None, **kwargs):
        self.request, self.record = request, record
        super().__init__(*args, **kwargs)
        for name, field in self.fields.items():
            if name not in CODES and isinstance(field, forms.CharField):
                field.validators.append(no_identity_number)
            if isinstance(field, forms.ModelChoiceField):
                self._limit(field)
            elif isinstance(field, forms.DateField):
                field.validators.append(within_reason)

    def _limit(self, field: forms.ModelChoiceField) -> None:
        """Offer what is within reach; of places and of what `pick` calls one's own, only those to act on."""
        model, who = field.queryset.model, self.request.user.reach
        own = model in (Area, County) or getattr(field, "own", False)
        field.queryset = field.queryset.filter(reach.limits(model, who, own=own))
        if model is County and who.county:
            field.initial = who.county
        if model is Area and field.initial is None:
            field.initial = who.area or (field.queryset.first() if field.queryset.count() == 1 else None)


class KeyField(forms.CharField):
    """The key of a request, made with the form: the same form sent twice is one request."""

    def __init__(self):
        super().__init__(
            widget=forms.HiddenInput, max_length=40, initial=lambda: f"desk-{secrets.token_hex(8)}", label=_("number")
        )


def form_of(model: type[models.Model], *names: str, optional: tuple[str, ...] = (), **extra) -> type[ActForm]:
    """A form with some of a model's fields, in this order, and extra ones. `optional`: may stay empty here."""
    fields: dict[str, forms.Field] = {}
    for name in names:
        field = _form_field(model._meta.get_field(name))
        if name in optional:
            field.required = False
        fields[name] = field
    return type(f"{model.__name__}Form", (ActForm,), fields | extra)


def _form_field(field: models.Field) -> forms.Field:
    if isinstance(field, models.ForeignKey):
        return pick(field)
    if isinstance(field, models.DateField):
        return field.formfield(widget=DayInput)
    return field.formfield()


def pick(
    field: models.ForeignKey, *, label=None, required: bool | None = None, help_text="", own: bool = False
) -> forms.ModelChoiceField:
    """Choose a record to which a model field points: by typing part of it, or from a list where there are few.

    own: a record that is acted on, and so of one's own agency.
    """
    target = field.remote_field.model
    options = {
        "label": label or capfirst(field.verbose_name),
        "required": not field.blank if required is None else required,
        "help_text": help_text or field.help_text,
    }
    if target._meta.label_lower not in FEW:
        options["widget"] = Picker(field, admin.site)
    chosen = forms.ModelChoiceField(target._default_manager.all(), **options)
    chosen.own = own
    return chosen


def when(label, *, required: bool = True, help_text="", initial=None) -> forms.DateField:
    """A day."""
    return forms.DateField(label=label, required=required, help_text=help_text, widget=DayInput, initial=initial)


def money_field(label, *, required: bool = True, help_text="", initial=None) -> forms.DecimalField:
    """An amount in yuan."""
    return forms.DecimalField(
        label=label, required=required, help_text=help_text, max_digits=12, decimal_places=2, initial=initial
    )


def year_field(label, **options) -> forms.IntegerField:
    return forms.IntegerField(label=label, min_value=2000, max_value=2100, **options)


def reason_field(label=None, *, required: bool = True) -> forms.CharField:
    return forms.CharField(label=label or _("Reason"), max_length=200, required=required)


class ReasonForm(ActForm):
    reason = reason_field()


class WhyReturnedForm(ActForm):
    note = reason_field(_("Why it is returned"))


def in_order(said: dict[str, datetime.date | None], first: str, last: str) -> None:
    """Refuse a period that runs backwards, at the field of its last day."""
    if said.get(first) and said.get(last) and said[last] < said[first]:
        raise ValidationError({last: _("The last day lies before the first.")})
