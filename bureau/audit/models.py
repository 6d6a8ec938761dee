"""The audit trail."""

from django.db import models
from django.utils.translation import gettext_lazy as _

from bureau.areas.models import Area, County
from bureau.staff.models import Staff


class AuditEntry(models.Model):
    """Who did what to which record, when. Written by bureau.audit alone; never changed."""

    at = models.DateTimeField(_("at"))
    actor = models.ForeignKey(Staff, models.PROTECT, verbose_name=_("actor"))
    action = models.CharField(_("action"), max_length=60)
    area = models.ForeignKey(Area, models.PROTECT, null=True, blank=True, verbose_name=_("area"))
    county = models.ForeignKey(County, models.PROTECT, null=True, blank=True, verbose_name=_("county agency"))
    record_type = models.CharField(_("record type"), max_length=60, blank=True)
    record_id = models.CharField(_("record"), max_length=60, blank=True)
    detail = models.JSONField(_("detail"), default=dict, blank=True)

    class Meta:
        verbose_name = _("audit entry")
        verbose_name_plural = _("audit entries")
        ordering = ["-id"]
        indexes = [models.Index(fields=["record_type", "record_id"], name="audit_record")]

    def __str__(self):
        return f"{self.action} {self.record_type} {self.record_id}"
