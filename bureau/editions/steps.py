"""The life of an edition, and of a published figure: which steps there are, and who may take them."""

from django.db import models
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from bureau.steps import ITSELF, NEW, Another, Codes, Step, Steps


class EditionStatus(models.TextChoices):
    DRAFT = "draft", _("draft")
    SUBMITTED = "submitted", _("submitted")
    APPROVED = "approved", _("approved")
    RETURNED = "returned", _("returned")
    WITHDRAWN = "withdrawn", _("withdrawn")


class FigureState(models.TextChoices):
    ENTERED = "entered", pgettext_lazy("account change", "waits for confirmation")
    CONFIRMED = "confirmed", _("confirmed")


EDITION = Steps(
    called="An edition",
    states=EditionStatus,
    refusal=_("The edition is %(status)s."),
    codes=Codes(
        step="edition_step",
        changed="editions_step_by_step",
        stays="editions_step_by_step",
        order="edition_steps_in_order",
    ),
    steps=(
        Step(act="edition.draft", before=(NEW,), to=EditionStatus.DRAFT, by="loaded", audited=False),
        Step(
            act="edition.submit",
            before=(EditionStatus.DRAFT, EditionStatus.RETURNED, EditionStatus.WITHDRAWN),
            to=EditionStatus.SUBMITTED,
            by="submitted",
            clears=("approved",),
            writes=("note",),
            audited=False,
        ),
        Step(
            act="edition.approve",
            before=(EditionStatus.SUBMITTED,),
            to=EditionStatus.APPROVED,
            by="approved",
            another=Another(
                "edition_approved_by_another",
                ("submitted_by",),
                _("An edition is approved by someone other than who submitted it."),
            ),
            writes=("note",),
        ),
        Step(act="edition.return", before=(EditionStatus.SUBMITTED,), to=EditionStatus.RETURNED, writes=("note",)),
        Step(
            act="edition.withdraw",
            before=(EditionStatus.DRAFT, EditionStatus.SUBMITTED, EditionStatus.RETURNED, EditionStatus.APPROVED),
            to=EditionStatus.WITHDRAWN,
            writes=("note",),
        ),
        # The database alone, when another edition begins or does not begin after all.
        Step(act=ITSELF, before=(EditionStatus.APPROVED,), to=None, writes=("ended_on",)),
    ),
)

FIGURE = Steps(
    called="A figure",
    states=FigureState,
    once="confirmed_at",
    refusal=_("The figure of %(year)d is confirmed and stays as it is."),
    field="value",
    codes=Codes(
        step="figure_step",
        order="figure_confirmed_whole",
        stays="confirmed_figures_stay",
        decided=(FigureState.CONFIRMED,),
    ),
    steps=(
        Step(
            act="figure.enter",
            before=(NEW, FigureState.ENTERED),
            to=FigureState.ENTERED,
            by="entered",
            writes=("value", "document"),
        ),
        Step(
            act="figure.confirm",
            before=(FigureState.ENTERED,),
            to=FigureState.CONFIRMED,
            by="confirmed",
            another=Another(
                "figure_confirmed_by_another",
                ("entered_by",),
                _("A figure is confirmed by someone other than who entered it."),
            ),
        ),
    ),
)
