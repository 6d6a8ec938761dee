"""Where an institution is paid, and what it scored: entered by one person, and let count by another."""

from django.db import models
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from bureau.steps import GONE, NEW, Another, Codes, Step, Steps


class AccountChangeStatus(models.TextChoices):
    OPEN = "open", pgettext_lazy("account change", "waits for confirmation")
    CONFIRMED = "confirmed", _("confirmed")
    DROPPED = "dropped", _("dropped")


class AssessmentState(models.TextChoices):
    ENTERED = "entered", pgettext_lazy("account change", "waits for confirmation")
    CONFIRMED = "confirmed", _("confirmed")


_ACCOUNT = ("account_name", "bank_name", "bank_account")
_SCORE = ("score", "document")

_OF_SCORE = Another(
    "assessment_confirmed_by_another",
    ("entered_by",),
    _("A score is confirmed by someone other than who entered it."),
    who="confirmed_by",
)

ACCOUNT_CHANGE = Steps(
    called="A change of an account",
    states=AccountChangeStatus,
    refusal=_("The change of the account is %(status)s."),
    field="status",
    owner="institution",
    codes=Codes(
        step="account_change_step",
        order="account_change_steps_in_order",
        stays="account_change_stays",
        decided=(AccountChangeStatus.CONFIRMED, AccountChangeStatus.DROPPED),
    ),
    steps=(
        # A second entry takes the place of the first; undoing a roster puts the first back.
        Step(
            act="institution.account",
            before=(NEW, AccountChangeStatus.OPEN),
            to=AccountChangeStatus.OPEN,
            by="entered",
            writes=_ACCOUNT,
            audited=False,
        ),
        Step(
            act="institution.account_confirm",
            before=(AccountChangeStatus.OPEN,),
            to=AccountChangeStatus.CONFIRMED,
            by="decided",
            another=Another(
                "account_change_by_two",
                ("entered_by",),
                _("A bank account is confirmed by someone other than who entered it."),
            ),
        ),
        Step(
            act="institution.account_drop",
            before=(AccountChangeStatus.OPEN,),
            to=AccountChangeStatus.DROPPED,
            by="decided",
            writes=("note",),
        ),
        Step(act="upload.undo", before=(AccountChangeStatus.OPEN,), to=GONE),
    ),
)

ASSESSMENT = Steps(
    called="A score",
    states=AssessmentState,
    once="confirmed_at",
    refusal=_("The score is %(status)s."),
    owner="institution",
    codes=Codes(step="assessment_step", order="assessment_confirmed_whole"),
    steps=(
        Step(
            act="institution.assess",
            before=(NEW, AssessmentState.ENTERED, AssessmentState.CONFIRMED),
            to=AssessmentState.ENTERED,
            by="entered",
            clears=("confirmed",),
            writes=_SCORE,
            audited=False,
        ),
        Step(
            act="assessment.confirm",
            before=(AssessmentState.ENTERED,),
            to=AssessmentState.CONFIRMED,
            by="confirmed",
            another=_OF_SCORE,
        ),
        # Undoing a roster takes its scores away, and puts back what it had replaced, with its confirmation.
        Step(act="upload.undo", before=(AssessmentState.ENTERED,), to=GONE),
        Step(
            act="upload.undo",
            before=(AssessmentState.ENTERED,),
            to=AssessmentState.CONFIRMED,
            another=_OF_SCORE,
            sets=("confirmed_by", "confirmed_at"),
            writes=(*_SCORE, "entered_by", "entered_at"),
        ),
    ),
)
