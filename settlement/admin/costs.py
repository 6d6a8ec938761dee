"""What a bill consists of. Some parts are asked for and shown only where an edition of the area pays by them."""

from collections.abc import Iterable
from decimal import Decimal

from django.utils.translation import gettext_lazy as _

from bureau.editions.rulebook import rulebook
from bureau.models import Area
from bureau.site import ActForm, money_field
from bureau.site.forms import NO_NUMBER_HERE
from bureau.staff import reach
from members.identity import keyed_hash
from settlement.models import Visit

ZERO = Decimal("0.00")
# The cost class of an edition's benefits without which a part of the cost means nothing.
COST_CLASSES = {
    "consultation_fee": "consultation_fee",
    "other_funds": "chronic_remainder",
    "other_remainder": "chronic_remainder",
}


def parts_paid_by(areas: Iterable[str]) -> list[str]:
    """Of COST_CLASSES those parts by which some approved edition of the areas pays."""
    classes = {
        cost_class
        for area in areas
        for edition in rulebook(area).editions
        if edition.has("benefits")
        for day in edition.days_of_change()
        for cost_class in edition.at(day)["benefits"]["costs"]
    }
    return [part for part, cost_class in COST_CLASSES.items() if cost_class in classes]


def parts_of(bill) -> list[str]:
    """Those of COST_CLASSES that a recorded visit or claim shows."""
    paid_by = parts_paid_by([bill.area_id])
    return [part for part in COST_CLASSES if part in paid_by or getattr(bill, part)]


def parts_left_out(bill) -> set[str]:
    return COST_CLASSES.keys() - set(parts_of(bill))


def label(part: str):
    return Visit._meta.get_field(part).verbose_name


class CostForm(ActForm):
    total = money_field(_("total cost"))
    own_expense = money_field(_("outside the catalogue"), initial=ZERO)
    over_limit = money_field(_("above the price limit"), initial=ZERO)
    first_self = money_field(_("paid first by oneself"), initial=ZERO)
    general_fee = money_field(
        _("general consultation fee"), initial=ZERO, help_text=_("A part of the cost within policy.")
    )
    consultation_fee = money_field(
        label("consultation_fee"), initial=ZERO, required=False, help_text=_("A part of the cost within policy.")
    )
    other_funds = money_field(
        label("other_funds"),
        initial=ZERO,
        required=False,
        help_text=_("For chronic diseases, negotiated drugs and the like. A part of the cost within policy."),
    )
    other_remainder = money_field(
        label("other_remainder"),
        initial=ZERO,
        required=False,
        help_text=_("What those funds did not pay of their part."),
    )

    def __init__(self, *args, request, record=None, **kwargs):
        super().__init__(*args, request=request, record=record, **kwargs)
        if record is not None:
            left_out = parts_left_out(record)
        else:
            areas = reach.visible(Area, request.user.reach).values_list("pk", flat=True)
            left_out = COST_CLASSES.keys() - set(parts_paid_by(areas))
        for part in left_out:
            del self.fields[part]

    def clean(self):
        data = super().clean()
        member = data.get("member") or getattr(self.record, "member", None)
        if member is not None and keyed_hash(data.get("encounter", "").strip()) == bytes(member.document_hash):
            self.add_error("encounter", NO_NUMBER_HERE)
        return data | {part: data[part] or ZERO for part in COST_CLASSES if part in data}
