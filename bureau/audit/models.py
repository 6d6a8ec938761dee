"""The audit trail."""

from django.db import models
from django.utils.translation import gettext_lazy as _

from bureau.areas.models import Area, County
from bureau.staff.models import Staff


class AuditEntry(models.Model):
    """Who did what to which record, when. Written by bureau.audit alone; never changed.

    The database fills in the transaction, when it began, and the last change of a row before the entry
    (`bureau.history.acts`). An entry from before rows had a history has none, or a number below zero.
    """

    at = models.DateTimeField(_("at"))
    actor = models.ForeignKey(Staff, models.PROTECT, verbose_name=_("actor"))
    action = models.CharField(_("action"), max_length=60)
    area = models.ForeignKey(Area, models.PROTECT, null=True, blank=True, verbose_name=_("area"))
    county = models.ForeignKey(County, models.PROTECT, null=True, blank=True, verbose_name=_("county agency"))
    record_type = models.CharField(_("record type"), max_length=60, blank=True)
    record_id = models.CharField(_("record"), max_length=60, blank=True)
    detail = models.JSONField(_("detail"), default=dict, blank=True)
    transaction = models.BigIntegerField(_("transaction"), null=True, editable=False)
    began_at = models.DateTimeField(_("transaction began at"), null=True, editable=False)
    last_change = models.BigIntegerField(_("last change before it"), null=True, editable=False)

    class Meta:
        verbose_name = _("audit entry")
        verbose_name_plural = _("audit entries")
        ordering = ["-id"]
        indexes = [
            models.Index(fields=["record_type", "record_id"], name="audit_record"),
            models.Index(fields=["transaction"], name="audit_transaction"),
        ]

    def __str__(self):
        return f"{self.action} {self.record_type} {self.record_id}"
