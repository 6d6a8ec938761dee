"""Policy editions of an area, and the figures that it publishes each year."""

from django.db import models
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from bureau.areas.models import Area, Scheme
from bureau.editions.steps import EDITION, FIGURE, EditionStatus
from bureau.staff.models import Staff


class Edition(models.Model):
    """政策版本: the rules of an area and scheme for a span of days. Its texts, readings and days never change.

    Only an approved edition counts: submitted by one person, approved by another. `ended_on` is set by the database
    alone, when an edition that begins later is approved.
    """

    Status = EditionStatus
    steps = EDITION

    area = models.ForeignKey(Area, models.PROTECT, verbose_name=_("area"))
    scheme = models.CharField(_("scheme"), max_length=3, choices=Scheme)
    document = models.CharField(_("document number"), max_length=200)
    title = models.CharField(_("title"), max_length=200)
    starts_on = models.DateField(_("in force from"))
    ends_on = models.DateField(_("in force until"), null=True, blank=True)
    texts = models.JSONField(_("rulebook files"), help_text=_("File name and TOML text of each instrument."))
    choices = models.JSONField(_("other readings chosen"), default=dict, blank=True)
    content_hash = models.CharField(_("content hash"), max_length=64, unique=True)
    loaded_by = models.ForeignKey(Staff, models.PROTECT, verbose_name=_("loaded by"))
    loaded_at = models.DateTimeField(_("loaded at"))

    status = models.CharField(_("status"), max_length=10, choices=Status, default=Status.DRAFT)
    ended_on = models.DateField(_("ended by a later edition on"), null=True, blank=True)
    submitted_by = models.ForeignKey(
        Staff, models.PROTECT, null=True, blank=True, related_name="+", verbose_name=_("submitted by")
    )
    submitted_at = models.DateTimeField(_("submitted at"), null=True, blank=True)
    approved_by = models.ForeignKey(
        Staff, models.PROTECT, null=True, blank=True, related_name="+", verbose_name=_("approved by")
    )
    approved_at = models.DateTimeField(_("approved at"), null=True, blank=True)
    note = models.TextField(_("note"), blank=True)

    class Meta:
        verbose_name = _("policy edition")
        verbose_name_plural = _("policy editions")
        ordering = ["area", "scheme", "starts_on"]
        constraints = EDITION.constraints()

    def __str__(self):
        return f"{self.document} ({self.starts_on}–{self.last_day or ''})"

    @property
    def last_day(self):
        """The last day in force: the texts' own, or the day before a later edition; None while it is open."""
        return min((day for day in (self.ends_on, self.ended_on) if day), default=None)


class PublishedFigure(models.Model):
    """A figure the bureau publishes each year: the yearly cap, the average wage. Used once confirmed."""

    steps = FIGURE

    area = models.ForeignKey(Area, models.PROTECT, verbose_name=_("area"))
    code = models.CharField(_("figure"), max_length=60)
    year = models.PositiveSmallIntegerField(_("year"))
    value = models.DecimalField(_("value"), max_digits=18, decimal_places=2)
    document = models.CharField(pgettext_lazy("published", "document"), max_length=200)
    entered_by = models.ForeignKey(Staff, models.PROTECT, related_name="+", verbose_name=_("entered by"))
    entered_at = models.DateTimeField(_("entered at"))
    confirmed_by = models.ForeignKey(
        Staff, models.PROTECT, null=True, blank=True, related_name="+", verbose_name=_("confirmed by")
    )
    confirmed_at = models.DateTimeField(_("confirmed at"), null=True, blank=True)

    class Meta:
        verbose_name = _("published figure")
        verbose_name_plural = _("published figures")
        ordering = ["area", "code", "year"]
        constraints = [
            models.UniqueConstraint(fields=["area", "code", "year"], name="figure_once_a_year"),
            *FIGURE.constraints(),
        ]

    def __str__(self):
        return f"{self.code} {self.year}"
