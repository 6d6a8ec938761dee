"""What every room shares: places, staff, rule editions, uploads, jobs and the audit trail."""

from django.contrib.auth.models import AbstractUser
from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from bureau.fields import SealedField, SealedJSONField


class Scheme(models.TextChoices):
    """险种类型, codes of the national dictionary."""

    EMPLOYEES = "310", _("Employees' basic medical insurance")
    RESIDENTS = "390", _("Residents' basic medical insurance")


class Area(models.Model):
    """统筹区: one set of funds and rules. Its key is the GB/T 2260 code."""

    code = models.CharField(_("area code"), max_length=6, primary_key=True)
    name = models.CharField(_("name"), max_length=60)

    class Meta:
        verbose_name = _("area")
        verbose_name_plural = _("areas")

    def __str__(self):
        return self.name


class County(models.Model):
    """A county's agency (经办机构), which pays its own institutions."""

    code = models.CharField(_("county code"), max_length=6, primary_key=True)
    area = models.ForeignKey(Area, models.PROTECT, verbose_name=_("area"))
    name = models.CharField(_("name"), max_length=60)

    class Meta:
        verbose_name = _("county agency")
        verbose_name_plural = _("county agencies")

    def __str__(self):
        return self.name


class Staff(AbstractUser):
    area = models.ForeignKey(Area, models.PROTECT, null=True, blank=True, verbose_name=_("area"))
    county = models.ForeignKey(County, models.PROTECT, null=True, blank=True, verbose_name=_("county agency"))
    must_change_password = models.BooleanField(_("must change the password"), default=False, editable=False)

    class Meta:
        verbose_name = _("member of staff")
        verbose_name_plural = _("staff")

    def __str__(self):
        return self.get_full_name() or self.username


class Edition(models.Model):
    """政策版本: the rules of an area and scheme for a span of days. Its texts, readings and days never change.

    Only an approved edition counts: submitted by one person, approved by another. `ended_on` is set by the database
    alone, when an edition that begins later is approved.
    """

    class Status(models.TextChoices):
        DRAFT = "draft", _("draft")
        SUBMITTED = "submitted", _("submitted")
        APPROVED = "approved", _("approved")
        RETURNED = "returned", _("returned")
        WITHDRAWN = "withdrawn", _("withdrawn")

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
        constraints = [
            models.CheckConstraint(
                name="edition_approved_by_another",
                condition=Q(approved_by__isnull=True) | ~Q(approved_by=F("submitted_by")),
                violation_error_message=_("An edition is approved by someone other than who submitted it."),
            ),
            models.CheckConstraint(
                name="edition_steps_in_order",
                condition=Q(status="draft", submitted_by__isnull=True, approved_by__isnull=True)
                | Q(status__in=["submitted", "returned"], submitted_by__isnull=False, approved_by__isnull=True)
                | Q(status="approved", submitted_by__isnull=False, approved_by__isnull=False)
                | Q(status="withdrawn"),
            ),
        ]

    def __str__(self):
        return f"{self.document} ({self.starts_on}–{self.last_day or ''})"

    @property
    def last_day(self):
        """The last day in force: the texts' own, or the day before a later edition; None while it is open."""
        return min((day for day in (self.ends_on, self.ended_on) if day), default=None)


class PublishedFigure(models.Model):
    """A figure the bureau publishes each year: the yearly cap, the average wage. Used once confirmed."""

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
            models.CheckConstraint(
                name="figure_confirmed_by_another",
                condition=Q(confirmed_by__isnull=True) | ~Q(confirmed_by=F("entered_by")),
                violation_error_message=_("A figure is confirmed by someone other than who entered it."),
            ),
            models.CheckConstraint(
                name="figure_confirmed_whole",
                condition=Q(confirmed_by__isnull=True, confirmed_at__isnull=True)
                | Q(confirmed_by__isnull=False, confirmed_at__isnull=False),
            ),
        ]

    def __str__(self):
        return f"{self.code} {self.year}"


class Upload(models.Model):
    """A roster file as it came, what became of it, and the rows that were turned away.

    The file and its rejected rows are the only place where document numbers stand as they were written: sealed.
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
    content = SealedField(_("content"))
    sha256 = models.CharField(_("SHA-256"), max_length=64)
    status = models.CharField(_("status"), max_length=10, choices=Status, default=Status.RECEIVED)
    rows = models.PositiveIntegerField(_("rows"), default=0)
    accepted = models.PositiveIntegerField(_("accepted"), default=0)
    unchanged = models.PositiveIntegerField(_("unchanged"), default=0)
    rejected = models.PositiveIntegerField(_("rejected"), default=0)
    rejects = SealedField(_("rejected rows"), null=True)
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


class UploadEffect(models.Model):
    """A row that an upload changed rather than created, with what stood there before, so it can be undone."""

    upload = models.ForeignKey(Upload, models.CASCADE, related_name="effects")
    table = models.CharField(max_length=63)
    row = models.BigIntegerField()
    before = models.JSONField()
    after = models.JSONField()

    class Meta:
        indexes = [models.Index(fields=["table", "row"], name="upload_effect_row")]


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


class AuditEntry(models.Model):
    """Who did what to which record, when. Written by bureau.audit alone; never changed."""

    at = models.DateTimeField(_("at"))
    actor = models.ForeignKey(Staff, models.PROTECT, verbose_name=_("actor"))
    action = models.CharField(_("action"), max_length=60)
    area = models.ForeignKey(Area, models.PROTECT, null=True, blank=True, verbose_name=_("area"))
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
