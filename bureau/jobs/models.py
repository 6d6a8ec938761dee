"""Long work in parts."""

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from bureau.areas.models import Area
from bureau.identifiers.fields import SealedJSONField
from bureau.staff.models import Staff


class Job(models.Model):
    """Long work. The row is the truth; the message queue only rings the bell.

    Parameters and results hold ids and counts. What names people is `sealed`, shown nowhere and dropped at the end.
    """

    class Status(models.TextChoices):
        WAITING = "waiting", _("waiting")
        RUNNING = "running", _("running")
        DONE = "done", _("done")
        FAILED = "failed", _("failed")

    kind = models.CharField(_("kind"), max_length=40)
    key = models.CharField(_("key"), max_length=120, unique=True)
    area = models.ForeignKey(Area, models.PROTECT, null=True, blank=True, verbose_name=_("area"))
    params = models.JSONField(_("parameters"), default=dict)
    status = models.CharField(_("status"), max_length=10, choices=Status, default=Status.WAITING)
    result = models.JSONField(_("result"), default=dict, blank=True)
    sealed = SealedJSONField(null=True, editable=False)
    actor = models.ForeignKey(Staff, models.PROTECT, verbose_name=_("started by"))
    created_at = models.DateTimeField(_("created at"))
    finished_at = models.DateTimeField(_("finished at"), null=True, blank=True)

    class Meta:
        verbose_name = _("job")
        verbose_name_plural = _("jobs")
        ordering = ["-id"]

    def __str__(self):
        return self.key


class Chunk(models.Model):
    """One part of a job: its effect and its done mark are one transaction."""

    class Status(models.TextChoices):
        WAITING = "waiting", _("waiting")
        DONE = "done", _("done")
        FAILED = "failed", _("failed")

    job = models.ForeignKey(Job, models.CASCADE, related_name="chunks", verbose_name=_("job"))
    number = models.PositiveIntegerField(_("number"))
    params = models.JSONField(_("parameters"), default=dict)
    status = models.CharField(_("status"), max_length=10, choices=Status, default=Status.WAITING)
    attempts = models.PositiveSmallIntegerField(_("attempts"), default=0)
    result = models.JSONField(_("result"), default=dict, blank=True)
    sealed = SealedJSONField(null=True, editable=False)
    problem = models.TextField(_("problem"), blank=True)
    finished_at = models.DateTimeField(_("finished at"), null=True, blank=True)

    class Meta:
        verbose_name = _("part of a job")
        verbose_name_plural = _("parts of jobs")
        ordering = ["job", "number"]
        constraints = [models.UniqueConstraint(fields=["job", "number"], name="chunk_once_in_a_job")]
        indexes = [
            models.Index(fields=["job", "number"], condition=~Q(status="done"), name="chunk_open"),
        ]

    def __str__(self):
        return str(self.number)
