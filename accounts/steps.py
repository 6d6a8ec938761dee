"""The way of a payout: which steps there are, and who may take them."""

from django.db import models
from django.utils.translation import gettext_lazy as _

from bureau.steps import NEW, Another, Codes, Step, Steps


class PayoutStatus(models.TextChoices):
    SUBMITTED = "submitted", _("submitted")
    RETURNED = "returned", _("returned")
    APPROVED = "approved", _("approved")
    PAID = "paid", _("paid")


PAYOUT = Steps(
    called="A payout",
    states=PayoutStatus,
    refusal=_("The payout is %(status)s."),
    field="status",
    owner="account",
    codes=Codes(
        step="payout_step",
        changed="payout_as_submitted",
        stays="payout_as_submitted",
        order="payout_steps_in_order",
    ),
    steps=(
        Step(act="payout.submit", before=(NEW,), to=PayoutStatus.SUBMITTED, by="submitted"),
        Step(
            act="payout.approve",
            before=(PayoutStatus.SUBMITTED,),
            to=PayoutStatus.APPROVED,
            by="approved",
            another=Another(
                "payout_approved_by_another",
                ("submitted_by",),
                _("A payout is approved by someone other than who submitted it."),
                field="approved_by",
            ),
        ),
        Step(
            act="payout.return",
            before=(PayoutStatus.SUBMITTED, PayoutStatus.APPROVED),
            to=PayoutStatus.RETURNED,
            by="returned",
            writes=("note",),
        ),
        Step(act="payout.pay", before=(PayoutStatus.APPROVED,), to=PayoutStatus.PAID, by="paid"),
    ),
)
