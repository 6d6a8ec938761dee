"""Roster files as they came."""

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from bureau.areas.models import Area
from bureau.identifiers.fields import SealedJSONField
from bureau.staff.models import Staff


class Upload(models.Model):
    """A roster file, and what became of it.

    `original` is the name under which the file lies, encrypted, as it came (bureau.rosters.originals): the only place
    where document numbers stand as they were written. It is empty once the file is dropped.
    """

    class Status(models.TextChoices):
        RECEIVED = "received", _("received")
        LOADING = "loading", _("loading")
        LOADED = "loaded", _("loaded")
        REFUSED = "refused", _("refused")
        FAILED = "failed", _("failed")
        UNDONE = "undone", _("undone")

    area = models.ForeignKey(Area, models.PROTECT, verbose_name=_("area"))
    kind = models.CharField(_("roster"), max_length=40)
    name = models.CharField(_("file name"), max_length=255)
    original = models.CharField(_("name in the file store"), max_length=100, blank=True)
    size = models.PositiveBigIntegerField(_("size in bytes"))
    sha256 = models.CharField(_("SHA-256"), max_length=64)
    status = models.CharField(_("status"), max_length=10, choices=Status, default=Status.RECEIVED)
    rows = models.PositiveIntegerField(_("rows"), default=0)
    accepted = models.PositiveIntegerField(_("accepted"), default=0)
    unchanged = models.PositiveIntegerField(_("unchanged"), default=0)
    rejected = models.PositiveIntegerField(_("rejected"), default=0)
    problem = models.TextField(_("problem"), blank=True)
    uploaded_by = models.ForeignKey(Staff, models.PROTECT, related_name="+", verbose_name=_("uploaded by"))
    uploaded_at = models.DateTimeField(_("uploaded at"))
    undone_by = models.ForeignKey(
        Staff, models.PROTECT, null=True, blank=True, related_name="+", verbose_name=_("undone by")
    )
    undone_at = models.DateTimeField(_("undone at"), null=True, blank=True)

    class Meta:
        verbose_name = _("roster upload")
        verbose_name_plural = _("roster uploads")
        ordering = ["-id"]
        constraints = [
            models.UniqueConstraint(
                fields=["area", "kind", "sha256"],
                condition=~Q(status__in=["undone", "refused"]),
                name="upload_same_file_once",
            ),
        ]

    def __str__(self):
        return self.name


class RejectedRow(models.Model):
    """A line of a roster that was turned away, and why.

    `problems` names column and sentence of each reason; the texts that fill the sentences are `quoted` apart, since
    they may be a cell's or a person's, and are dropped with the original.
    """

    upload = models.ForeignKey(Upload, models.CASCADE, related_name="rejected_rows")
    line = models.PositiveIntegerField()
    problems = models.JSONField()
    quoted = SealedJSONField(null=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["upload", "line"], name="rejected_row_once")]
