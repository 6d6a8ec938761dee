"""The ways of runs, manual claims, orders to the bank, returns and proposals: their steps, and who may take them."""

from django.db import models
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from bureau.steps import GONE, NEW, Another, Codes, Step, Steps


class RunStatus(models.TextChoices):
    COMPUTED = "computed", _("computed")
    SUBMITTED = "submitted", _("submitted")
    APPROVED = "approved", _("approved")
    PAID = "paid", _("paid")


class OrderStatus(models.TextChoices):
    ORDERED = "ordered", _("ordered")
    RETURNED = "returned", _("returned by the bank")
    REISSUED = "reissued", _("ordered again")


class ClaimStatus(models.TextChoices):
    RECEIVED = "received", pgettext_lazy("claim", "received")
    CHECKED = "checked", _("checked")
    APPROVED = "approved", _("approved")
    PAID = "paid", _("paid")
    RETURNED = "returned", _("returned")
    REFUSED = "refused", pgettext_lazy("claim", "refused")
    REVERSED = "reversed", _("taken back")


class ReturnStatus(models.TextChoices):
    SUBMITTED = "submitted", _("submitted")
    ACCEPTED = "accepted", pgettext_lazy("return", "accepted")
    RETURNED = "returned", _("sent back")


class ProposalStatus(models.TextChoices):
    OPEN = "open", pgettext_lazy("proposal", "open")
    CONFIRMED = "confirmed", _("confirmed")
    DROPPED = "dropped", _("dropped")
    OUTDATED = "outdated", pgettext_lazy("proposal", "outdated")


_OF_RUN = Another(
    "run_approved_by_another",
    ("submitted_by",),
    _("A run is approved by someone other than who submitted it."),
    who="approved_by",
)
RUN = Steps(
    called="A run",
    states=RunStatus,
    refusal=_("The run is %(status)s; this needs one that is %(needed)s."),
    codes=Codes(
        step="run_step",
        changed="run_stays",
        stays="run_stays",
        decided=(RunStatus.APPROVED, RunStatus.PAID),
        order="run_steps_in_order",
    ),
    steps=(
        Step(
            act="run.compute",
            before=(NEW, RunStatus.COMPUTED),
            to=RunStatus.COMPUTED,
            by="computed",
            writes=("total", "note"),
        ),
        Step(act="run.record_decision", before=(RunStatus.COMPUTED,), to=None, writes=("total",)),
        Step(act="run.discard", before=(RunStatus.COMPUTED,), to=GONE),
        # With the total of its lines, which a guard holds against them.
        Step(
            act="run.submit",
            before=(RunStatus.COMPUTED,),
            to=RunStatus.SUBMITTED,
            by="submitted",
            writes=("total",),
        ),
        Step(
            act="run.return",
            before=(RunStatus.SUBMITTED,),
            to=RunStatus.COMPUTED,
            clears=("submitted",),
            writes=("note",),
        ),
        Step(
            act="run.approve",
            before=(RunStatus.SUBMITTED,),
            to=RunStatus.APPROVED,
            by="approved",
            another=_OF_RUN,
        ),
        # The accounts of its lines, where one has changed since; the run itself stays.
        Step(act="run.approve_accounts", before=(RunStatus.APPROVED,), to=None, another=_OF_RUN),
        Step(act="run.pay", before=(RunStatus.APPROVED,), to=RunStatus.PAID, by="paid"),
    ),
)


def _orders(called: str, record: str, paying: str, *, begins: str) -> Steps:
    """An order to the bank is only ever returned; one that takes its place is a record of its own."""
    return Steps(
        called=called,
        states=OrderStatus,
        refusal=_("Only a payment that the bank returned is ordered again."),
        codes=Codes(step="payment_stays", begins=begins),
        steps=(
            Step(act=paying, before=(NEW,), to=OrderStatus.ORDERED),
            Step(
                act=f"{record}.return",
                before=(OrderStatus.ORDERED, OrderStatus.REISSUED),
                to=OrderStatus.RETURNED,
                writes=("note",),
            ),
            Step(act=f"{record}.reissue", before=(OrderStatus.RETURNED,), to=None),
            Step(act=f"{record}.reissue", before=(NEW,), to=OrderStatus.REISSUED),
        ),
    )


PAYMENT = _orders("A payment", "payment", "run.pay", begins="payment_to_approved_account")
CLAIM_PAYMENT = _orders("A payment", "claim_payment", "claim.pay", begins="claim_payment_of_approved")

_BEFORE_APPROVAL = (ClaimStatus.RECEIVED, ClaimStatus.RETURNED, ClaimStatus.CHECKED)
_APPROVED = (ClaimStatus.APPROVED, ClaimStatus.PAID)
_OF_PAYING = Another(
    "claim_paid_by_another",
    ("entered_by", "account_by"),
    _("A claim is paid by someone other than who entered it or its account."),
    who="paid_by",
)
CLAIM = Steps(
    called="A claim",
    states=ClaimStatus,
    refusal=_("The claim is %(status)s: this cannot be done now."),
    codes=Codes(step="claim_step", changed="claim_stays", order="claim_steps_in_order"),
    steps=(
        Step(act="claim.enter", before=(NEW,), to=ClaimStatus.RECEIVED, by="entered"),
        Step(
            act="claim.correct",
            before=(ClaimStatus.RECEIVED, ClaimStatus.RETURNED),
            to=ClaimStatus.RECEIVED,
            by="entered",
            clears=("checked", "closed"),
            keeps=("key", "request_hash", "area", "member"),
        ),
        Step(
            act="claim.check",
            before=(ClaimStatus.RECEIVED,),
            to=ClaimStatus.CHECKED,
            by="checked",
            another=Another(
                "claim_checked_by_another",
                ("entered_by",),
                _("A claim is checked by someone other than who entered it."),
            ),
        ),
        Step(
            act="claim.approve",
            before=(ClaimStatus.CHECKED,),
            to=ClaimStatus.APPROVED,
            by="approved",
            another=Another(
                "claim_approved_by_a_third",
                ("entered_by", "checked_by"),
                _("A claim is approved by someone who neither entered nor checked it."),
            ),
            sets=("visit", "account_confirmed_by"),
            writes=("account_name",),
        ),
        Step(
            act="claim.return",
            before=(ClaimStatus.RECEIVED, ClaimStatus.CHECKED),
            to=ClaimStatus.RETURNED,
            by="closed",
            clears=("checked",),
            writes=("reason",),
        ),
        Step(
            act="claim.refuse",
            before=_BEFORE_APPROVAL,
            to=ClaimStatus.REFUSED,
            by="closed",
            another=Another(
                "claim_refused_by_another",
                ("entered_by",),
                _("A claim is refused by someone other than who entered it."),
            ),
            writes=("reason",),
        ),
        Step(
            act="claim.pay",
            before=(ClaimStatus.APPROVED,),
            to=ClaimStatus.PAID,
            by="paid",
            another=_OF_PAYING,
        ),
        # Another order in the place of one that the bank returned; the claim itself stays.
        Step(act="claim_payment.reissue", before=(ClaimStatus.PAID,), to=None, another=_OF_PAYING),
        Step(
            act="claim.account",
            before=_APPROVED,
            to=None,
            another=Another(
                "",
                ("approved_by", "paid_by"),
                _("The account is changed by someone other than who approved or paid the claim."),
            ),
            clears=("account_confirmed_by",),
            writes=("pay_to", "account_name", "bank_name", "bank_account", "account_by"),
        ),
        Step(
            act="claim.account_confirm",
            before=_APPROVED,
            to=None,
            another=Another(
                "claim_account_by_two",
                ("account_by",),
                _("An account is confirmed by someone other than who entered it."),
                who="account_confirmed_by",
            ),
            sets=("account_confirmed_by",),
        ),
        Step(
            act="claim.take_back",
            before=_APPROVED,
            to=ClaimStatus.REVERSED,
            by="closed",
            writes=("reason",),
        ),
    ),
)

_OF_RETURN = Another(
    "monthly_return_reviewed_by_another",
    ("submitted_by",),
    _("A return is reviewed by someone other than who entered it."),
)
RETURN = Steps(
    called="A return",
    states=ReturnStatus,
    refusal=_("The return has been reviewed already."),
    owner="institution",
    codes=Codes(step="monthly_return_step", order="monthly_return_reviewed_whole"),
    steps=(
        # One that was sent back is received anew.
        Step(
            act="return.enter",
            before=(NEW, ReturnStatus.RETURNED),
            to=ReturnStatus.SUBMITTED,
            by="submitted",
            clears=("reviewed",),
            writes=("submitted_on", "visits", "total", "fund", "note"),
            refusal=_("The institution's return of this month is there already."),
        ),
        Step(
            act="return.accept",
            before=(ReturnStatus.SUBMITTED,),
            to=ReturnStatus.ACCEPTED,
            by="reviewed",
            another=_OF_RETURN,
            writes=("note",),
        ),
        Step(
            act="return.send_back",
            before=(ReturnStatus.SUBMITTED,),
            to=ReturnStatus.RETURNED,
            by="reviewed",
            another=_OF_RETURN,
            writes=("note",),
        ),
    ),
)

_OF_PROPOSAL = Another(
    "proposal_decided_by_another",
    ("proposed_by",),
    _("A proposal is decided by someone other than who made it."),
)
PROPOSAL = Steps(
    called="A proposal",
    states=ProposalStatus,
    refusal=_("The proposal has been decided already."),
    owner="visit",
    codes=Codes(step="proposal_stays", begins="proposal_begins_open", order="proposal_decided_by_somebody"),
    steps=(
        Step(act="proposal.make", before=(NEW,), to=ProposalStatus.OPEN, by="proposed"),
        Step(
            act="proposal.confirm",
            before=(ProposalStatus.OPEN,),
            to=ProposalStatus.CONFIRMED,
            by="decided",
            another=_OF_PROPOSAL,
            writes=("note",),
        ),
        Step(
            act="proposal.drop",
            before=(ProposalStatus.OPEN,),
            to=ProposalStatus.DROPPED,
            by="decided",
            another=_OF_PROPOSAL,
            writes=("note",),
        ),
        # By whatever shows that it holds no longer.
        Step(act="proposal.outdate", before=(ProposalStatus.OPEN,), to=ProposalStatus.OUTDATED),
    ),
)
