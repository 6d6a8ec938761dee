"""批次: what institutions are paid, computed, submitted, approved by someone else, and paid."""

from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _

from bureau.identifiers.fields import MoneyField
from bureau.models import Area, County, Edition, Scheme, Staff
from institutions.models import Institution
from settlement.models.steps import PAYMENT, RUN, OrderStatus, RunStatus
from settlement.models.visits import Visit


class Run(models.Model):
    """One payment run: unique by area, paying agency, scheme, kind and period. An approved run never changes."""

    class Kind(models.TextChoices):
        ADVANCE = "advance", _("monthly advance")
        ITEMS = "items", _("monthly payments by item")
        MONTH = "month", _("monthly settlement")
        YEAR_END = "year_end", _("year-end settlement")

    Status = RunStatus
    steps = RUN

    area = models.ForeignKey(Area, models.PROTECT, verbose_name=_("area"))
    county = models.ForeignKey(County, models.PROTECT, verbose_name=_("paying agency"))
    scheme = models.CharField(_("scheme"), max_length=3, choices=Scheme)
    kind = models.CharField(_("kind"), max_length=10, choices=Kind)
    period = models.DateField(_("period"), help_text=_("First day of the month, or of the year."))
    status = models.CharField(_("status"), max_length=10, choices=Status, default=Status.COMPUTED)
    total = MoneyField(_("total to pay"), default=0)
    computed_by = models.ForeignKey(Staff, models.PROTECT, related_name="+", verbose_name=_("computed by"))
    computed_at = models.DateTimeField(_("computed at"))
    submitted_by = models.ForeignKey(
        Staff, models.PROTECT, null=True, blank=True, related_name="+", verbose_name=_("submitted by")
    )
    submitted_at = models.DateTimeField(_("submitted at"), null=True, blank=True)
    approved_by = models.ForeignKey(
        Staff, models.PROTECT, null=True, blank=True, related_name="+", verbose_name=_("approved by")
    )
    approved_at = models.DateTimeField(_("approved at"), null=True, blank=True)
    paid_by = models.ForeignKey(
        Staff, models.PROTECT, null=True, blank=True, related_name="+", verbose_name=_("paid by")
    )
    paid_at = models.DateTimeField(_("paid at"), null=True, blank=True)
    note = models.CharField(_("note"), max_length=300, blank=True)

    class Meta:
        verbose_name = _("payment run")
        verbose_name_plural = _("payment runs")
        ordering = ["-period", "kind", "county"]
        constraints = [
            models.UniqueConstraint(
                fields=["area", "county", "scheme", "kind", "period"],
                name="run_once_a_period",
                violation_error_message=_("This run already exists for the period."),
            ),
            *RUN.constraints(),
            models.CheckConstraint(name="run_period_first_day", condition=Q(period__day=1)),
        ]

    def __str__(self):
        return f"{self.get_kind_display()} {self.period:%Y-%m} {self.county}"


class Line(models.Model):
    """One institution in a run: the facts the rules were told, what they said, and what is paid."""

    run = models.ForeignKey(Run, models.CASCADE, related_name="lines", verbose_name=_("run"))
    institution = models.ForeignKey(
        Institution, models.PROTECT, related_name="lines", verbose_name=_("institution")
    )
    edition = models.ForeignKey(Edition, models.PROTECT, null=True, blank=True, verbose_name=_("edition"))
    # By which editions: content hash and last day of each. Of a year those of its months, of anything else one.
    receipt = models.JSONField(_("receipt"), default=list)
    facts = models.JSONField(_("facts"), default=dict, help_text=_("Amounts in fen."))
    results = models.JSONField(_("results"), default=dict, help_text=_("Amounts in fen."))
    amount = MoneyField(_("by the rules"), help_text=_("Negative: the institution owes it."))
    adjustment = MoneyField(_("by adjustments"), default=0)
    to_pay = MoneyField(_("to pay"))
    # Where it is paid: the institution's account when the run was submitted, what its approval is an approval of.
    account_name = models.CharField(_("account name"), max_length=120, blank=True)
    bank_name = models.CharField(_("bank"), max_length=100, blank=True)
    bank_account = models.CharField(_("bank account"), max_length=40, blank=True)

    class Meta:
        verbose_name = _("run line")
        verbose_name_plural = _("run lines")
        ordering = ["run", "institution__code"]
        constraints = [
            models.UniqueConstraint(fields=["run", "institution"], name="line_once_an_institution"),
            models.CheckConstraint(name="line_adds_up", condition=Q(to_pay=F("amount") + F("adjustment"))),
        ]

    def __str__(self):
        return f"{self.institution} {self.to_pay}"


class Adjustment(models.Model):
    """A late fact's difference of an approved run, in one fund, carried by the next payments by item.

    An amount of zero is a difference that moves between subjects of the books and changes no payment. `facts` and
    `results` are the institution's as they were then: what the next search compares with. `receipt` names the editions
    that gave the results; payments by item are compared as they are owed, and have neither.
    """

    institution = models.ForeignKey(
        Institution, models.PROTECT, related_name="adjustments", verbose_name=_("institution")
    )
    origin = models.ForeignKey(Run, models.PROTECT, related_name="late", verbose_name=_("run it corrects"))
    carried_by = models.ForeignKey(
        Line,
        models.SET_NULL,
        null=True,
        blank=True,
        related_name="adjustments",
        verbose_name=_("line that carries it"),
    )
    fund = models.CharField(_("fund"), max_length=20)
    amount = MoneyField(_("amount"))
    reason = models.CharField(_("reason"), max_length=300)
    receipt = models.JSONField(_("receipt"), default=list)
    facts = models.JSONField(_("facts as they are now"), default=dict)
    results = models.JSONField(_("results as they are now"), default=dict)
    visits = models.ManyToManyField(Visit, related_name="adjustments", verbose_name=_("visits"))
    created_by = models.ForeignKey(Staff, models.PROTECT, related_name="+", verbose_name=_("created by"))
    created_at = models.DateTimeField(_("created at"))

    class Meta:
        verbose_name = _("adjustment")
        verbose_name_plural = _("adjustments")
        ordering = ["-id"]

    def __str__(self):
        return f"{self.origin} {self.institution} {self.amount}"


class BankOrder(models.Model):
    """An order to the bank: out of which fund, how much, to which account."""

    Status = OrderStatus

    fund = models.CharField(_("fund"), max_length=20)
    amount = MoneyField(_("amount"))
    account_name = models.CharField(_("account name"), max_length=120)
    bank_name = models.CharField(_("bank"), max_length=100)
    bank_account = models.CharField(_("bank account"), max_length=40)
    status = models.CharField(_("status"), max_length=10, choices=Status, default=Status.ORDERED)
    ordered_on = models.DateField(_("ordered on"))
    note = models.CharField(_("note"), max_length=200, blank=True)

    class Meta:
        abstract = True


class Payment(BankOrder):
    """支付: one order to the bank for a paid line."""

    steps = PAYMENT

    line = models.ForeignKey(Line, models.PROTECT, related_name="payments", verbose_name=_("run line"))

    class Meta:
        verbose_name = _("payment")
        verbose_name_plural = _("payments")
        ordering = ["id"]
        constraints = [
            models.CheckConstraint(name="payment_positive", condition=Q(amount__gt=0)),
            models.UniqueConstraint(
                fields=["line", "fund"], condition=~Q(status="returned"), name="payment_once_a_line_and_fund"
            ),
        ]

    def __str__(self):
        return f"{self.ordered_on} {self.amount}"
