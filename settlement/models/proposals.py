"""Differences put before a reviewer: what a settled visit would be now, by what is known now."""

from decimal import Decimal

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _

from accounts.models import Account, Fund
from bureau.identifiers.fields import MoneyField
from bureau.models import Scheme, Staff
from settlement.models.steps import PROPOSAL, ProposalStatus
from settlement.models.visits import Visit


class Proposal(models.Model):
    """A difference that a replay or a late fact shows: confirmed or dropped by a person, never silent (G-6, G-19).

    It holds only for the state that it was computed from: what stood settled for the visit, and what was known.
    """

    Status = ProposalStatus
    steps = PROPOSAL

    class Cause(models.TextChoices):
        REPLAY = "replay", _("after a reversal")
        LATE_FACT = "late_fact", _("fact learnt late")

    visit = models.ForeignKey(Visit, models.PROTECT, related_name="proposals", verbose_name=_("visit"))
    cause = models.CharField(_("cause"), max_length=10, choices=Cause)
    scheme = models.CharField(_("scheme"), max_length=3, choices=Scheme, blank=True)
    place = ArrayField(models.CharField(max_length=20), verbose_name=_("place of care"), default=list)
    pool = models.CharField(_("which pooled fund"), max_length=20, blank=True)
    former_pool = models.CharField(_("which pooled fund had paid"), max_length=20, blank=True)
    settled = MoneyField(_("settled fund amount"))
    proposed = MoneyField(_("fund amount by replay"))
    # What else a replay gives otherwise, as differences: once confirmed they count in the visit's windows.
    large_claims = MoneyField(_("of the difference, large-claims fund"), default=0)
    former_pooled = MoneyField(_("of the difference, pooled fund that had paid"), default=0)
    counted = MoneyField(_("difference of the cost counted"), default=0)
    deductible = MoneyField(_("difference of the deductible"), default=0)
    fixed = MoneyField(_("difference of the fixed fees"), default=0)
    accounts = MoneyField(_("difference of the account money"), default=0)
    accounts_again = MoneyField(_("of it, recovered before and paid after all"), default=0)
    receipt = models.JSONField(_("receipt"), default=dict)
    reason = models.CharField(_("reason"), max_length=200)
    status = models.CharField(_("status"), max_length=10, choices=Status, default=Status.OPEN)
    proposed_by = models.ForeignKey(Staff, models.PROTECT, related_name="+", verbose_name=_("proposed by"))
    proposed_at = models.DateTimeField(_("proposed at"))
    decided_by = models.ForeignKey(
        Staff, models.PROTECT, null=True, blank=True, related_name="+", verbose_name=_("decided by")
    )
    decided_at = models.DateTimeField(_("decided at"), null=True, blank=True)
    note = models.CharField(_("note"), max_length=200, blank=True)

    class Meta:
        verbose_name = _("proposed adjustment")
        verbose_name_plural = _("proposed adjustments")
        ordering = ["-id"]
        constraints = [
            models.UniqueConstraint(fields=["visit"], condition=Q(status="open"), name="proposal_one_open"),
            models.CheckConstraint(
                name="proposal_differs",
                condition=~Q(
                    settled=F("proposed"),
                    large_claims=0,
                    former_pooled=0,
                    counted=0,
                    deductible=0,
                    fixed=0,
                    accounts=0,
                    accounts_again=0,
                ),
            ),
            models.CheckConstraint(
                name="proposal_former_pool_gives_back",
                condition=Q(former_pool="", former_pooled=0)
                | (~Q(former_pool="") & ~Q(former_pool=F("pool")) & Q(former_pooled__lt=0)),
            ),
            models.CheckConstraint(
                name="proposal_takes_from_no_account",
                condition=Q(accounts_again__gte=0, accounts__lte=F("accounts_again")),
            ),
            *PROPOSAL.constraints(),
        ]

    def __str__(self):
        return f"{self.settled} → {self.proposed}"

    @property
    def parts(self) -> dict[str, Decimal]:
        """The difference by fund, in yuan; the funds that pay the same are left out."""
        rest = self.proposed - self.settled - self.large_claims - self.former_pooled
        by_fund = {self.former_pool: self.former_pooled, self.pool: rest, Fund.LARGE_CLAIMS.value: self.large_claims}
        return {fund: amount for fund, amount in by_fund.items() if amount}


class AccountRecovery(models.Model):
    """What one account should not have paid for a visit: it gets this back, and the patient owes it.

    Below nothing it is what was recovered and is right after all: the patient owes it no more, and the account pays it
    again as far as it can.
    """

    proposal = models.ForeignKey(
        Proposal, models.PROTECT, related_name="recoveries", verbose_name=_("proposed adjustment")
    )
    account = models.ForeignKey(Account, models.PROTECT, related_name="+", verbose_name=_("account"))
    amount = MoneyField(_("amount"))
    short = MoneyField(_("of it, no longer in the account and owed by its holder"), default=0)

    class Meta:
        verbose_name = _("account money recovered or paid again")
        verbose_name_plural = _("account money recovered or paid again")
        ordering = ["id"]
        constraints = [
            models.UniqueConstraint(fields=["proposal", "account"], name="account_recovery_once_an_account"),
            models.CheckConstraint(name="account_recovery_not_zero", condition=~Q(amount=0)),
            models.CheckConstraint(
                name="account_recovery_short_of_what_is_paid",
                condition=Q(short=0) | Q(short__gt=0, short__lte=-F("amount")),
            ),
        ]

    def __str__(self):
        return str(self.amount)
