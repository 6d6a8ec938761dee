"""月报: what an institution reports of a month, due on a day of the next, and its review by the bureau."""

from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _

from bureau.identifiers.fields import MoneyField
from bureau.models import Scheme, Staff
from institutions.models import Institution
from settlement.models.steps import RETURN, ReturnStatus


class MonthlyReturn(models.Model):
    """One a month and scheme: received, then accepted or sent back by someone other than who entered it."""

    Status = ReturnStatus
    steps = RETURN

    institution = models.ForeignKey(
        Institution, models.PROTECT, related_name="monthly_returns", verbose_name=_("institution")
    )
    scheme = models.CharField(_("scheme"), max_length=3, choices=Scheme)
    month = models.DateField(_("month"), help_text=_("First day of the month."))
    submitted_on = models.DateField(_("reported on"))
    visits = models.PositiveIntegerField(_("number of visits"))
    total = MoneyField(_("total cost"))
    fund = MoneyField(_("paid by the fund"))
    status = models.CharField(_("status"), max_length=10, choices=Status, default=Status.SUBMITTED)
    submitted_by = models.ForeignKey(Staff, models.PROTECT, related_name="+", verbose_name=_("entered by"))
    submitted_at = models.DateTimeField(_("entered at"))
    reviewed_by = models.ForeignKey(
        Staff, models.PROTECT, null=True, blank=True, related_name="+", verbose_name=_("reviewed by")
    )
    reviewed_at = models.DateTimeField(_("reviewed at"), null=True, blank=True)
    note = models.CharField(_("note"), max_length=300, blank=True)

    class Meta:
        verbose_name = _("monthly return")
        verbose_name_plural = _("monthly returns")
        ordering = ["-month", "institution__code"]
        constraints = [
            models.UniqueConstraint(
                fields=["institution", "scheme", "month"],
                name="monthly_return_once",
                violation_error_message=_("The institution's return of this month is there already."),
            ),
            models.CheckConstraint(name="monthly_return_of_a_month", condition=Q(month__day=1)),
            models.CheckConstraint(name="monthly_return_after_its_month", condition=Q(submitted_on__gt=F("month"))),
            *RETURN.constraints(),
        ]

    def __str__(self):
        return f"{self.institution} {self.month:%Y-%m}"
