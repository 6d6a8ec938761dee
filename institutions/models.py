"""Who treats, who was chosen, and where a member is: institutions, agreements, selections, stays, filings."""

from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from bureau.identifiers.fields import ends_after_start
from bureau.models import Area, County, Scheme, Staff
from bureau.spans import OneAtATime
from institutions.steps import ACCOUNT_CHANGE, ASSESSMENT, AccountChangeStatus
from members.models import FromRoster, Member


class Institution(FromRoster):
    class Kind(models.TextChoices):
        HOSPITAL = "hospital", _("hospital")
        CENTRE = "centre", _("primary-care centre")
        STATION = "station", _("village station")
        SCHOOL_CLINIC = "school_clinic", _("school clinic")
        PHARMACY = "pharmacy", _("pharmacy")
        CLEARING = "clearing", _("clearing body for care out of the area")

    code = models.CharField(_("institution code"), max_length=12, unique=True)
    name = models.CharField(_("name"), max_length=120)
    kind = models.CharField(_("kind"), max_length=20, choices=Kind)
    area = models.ForeignKey(
        Area,
        models.PROTECT,
        null=True,
        blank=True,
        verbose_name=_("area"),
        help_text=_("Empty for an institution outside every area kept here."),
    )
    county = models.ForeignKey(
        County, models.PROTECT, null=True, blank=True, verbose_name=_("paying county agency")
    )
    parent = models.ForeignKey(
        "self",
        models.PROTECT,
        null=True,
        blank=True,
        related_name="stations",
        verbose_name=pgettext_lazy("institution", "parent"),
    )
    bank_name = models.CharField(_("bank"), max_length=100, blank=True)
    bank_account = models.CharField(_("bank account"), max_length=40, blank=True)
    account_name = models.CharField(_("account name"), max_length=120, blank=True)

    class Meta:
        verbose_name = _("institution")
        verbose_name_plural = _("institutions")
        ordering = ["code"]
        constraints = [
            models.CheckConstraint(
                name="institution_station_has_parent",
                condition=~Q(kind="station") | Q(parent__isnull=False),
                violation_error_message=_("A village station belongs to a primary-care centre: name its parent."),
            ),
            models.CheckConstraint(
                name="institution_of_area_has_county",
                condition=Q(area__isnull=True) | Q(county__isnull=False),
                violation_error_message=_("Name the county agency that pays this institution."),
            ),
        ]

    def __str__(self):
        return self.name


class AccountChange(FromRoster):
    """账户变更: a bank account that an institution is to be paid to, once another person has confirmed it."""

    Status = AccountChangeStatus
    steps = ACCOUNT_CHANGE

    institution = models.ForeignKey(
        Institution, models.CASCADE, related_name="account_changes", verbose_name=_("institution")
    )
    bank_name = models.CharField(_("bank"), max_length=100, blank=True)
    bank_account = models.CharField(_("bank account"), max_length=40, blank=True)
    account_name = models.CharField(_("account name"), max_length=120, blank=True)
    status = models.CharField(_("status"), max_length=10, choices=Status, default=Status.OPEN)
    entered_by = models.ForeignKey(Staff, models.PROTECT, related_name="+", verbose_name=_("entered by"))
    entered_at = models.DateTimeField(_("entered at"))
    decided_by = models.ForeignKey(
        Staff, models.PROTECT, null=True, blank=True, related_name="+", verbose_name=_("decided by")
    )
    decided_at = models.DateTimeField(_("decided at"), null=True, blank=True)
    note = models.CharField(_("note"), max_length=200, blank=True)

    class Meta:
        verbose_name = _("change of a bank account")
        verbose_name_plural = _("changes of bank accounts")
        ordering = ["-id"]
        constraints = [
            models.UniqueConstraint(
                fields=["institution"], condition=Q(status="open"), name="account_change_open_once"
            ),
            *ACCOUNT_CHANGE.constraints(),
        ]

    def __str__(self):
        return f"{self.account_name} {self.bank_name} {self.bank_account}".strip()


class Agreement(FromRoster):
    """定点协议: the days on which an institution is designated."""

    institution = models.ForeignKey(
        Institution, models.CASCADE, related_name="agreements", verbose_name=_("institution")
    )
    starts_on = models.DateField(_("first day"))
    ends_on = models.DateField(_("last day"), null=True, blank=True)

    class Meta:
        verbose_name = _("agreement")
        verbose_name_plural = _("agreements")
        ordering = ["institution", "starts_on"]
        constraints = [
            ends_after_start("agreement_ends_after_start"),
            OneAtATime(name="agreement_one_a_day", keys=["institution"]),
        ]

    def __str__(self):
        return f"{self.starts_on} – {self.ends_on or ''}"


class Level(FromRoster):
    """协议结算等级 by date (G-10): 0 unrated and village stations, 1 first level and primary care, 2, 3."""

    institution = models.ForeignKey(
        Institution, models.CASCADE, related_name="levels", verbose_name=_("institution")
    )
    level = models.PositiveSmallIntegerField(
        _("settlement level"),
        choices=[(0, _("unrated")), (1, _("first level")), (2, _("second level")), (3, _("third level"))],
    )
    starts_on = models.DateField(_("first day"))
    ends_on = models.DateField(_("last day"), null=True, blank=True)

    class Meta:
        verbose_name = _("settlement level")
        verbose_name_plural = _("settlement levels")
        ordering = ["institution", "starts_on"]
        constraints = [
            models.CheckConstraint(name="level_known", condition=Q(level__lte=3)),
            ends_after_start("level_ends_after_start"),
            OneAtATime(name="level_one_a_day", keys=["institution"]),
        ]

    def __str__(self):
        return f"{self.get_level_display()} {self.starts_on} – {self.ends_on or ''}"


class SelectionWindow(models.Model):
    """选点期: the days on which members choose for a year. Days come from the edition; staff or a job open it."""

    area = models.ForeignKey(Area, models.PROTECT, verbose_name=_("area"))
    scheme = models.CharField(_("scheme"), max_length=3, choices=Scheme)
    year = models.PositiveSmallIntegerField(_("for the year"))
    opens_on = models.DateField(_("opens on"))
    closes_on = models.DateField(_("closes on"))
    opened_at = models.DateTimeField(_("opened at"), null=True, blank=True)
    closed_at = models.DateTimeField(_("closed at"), null=True, blank=True)

    class Meta:
        verbose_name = _("selection window")
        verbose_name_plural = _("selection windows")
        ordering = ["area", "scheme", "year"]
        constraints = [
            models.UniqueConstraint(fields=["area", "scheme", "year"], name="selection_window_once"),
            ends_after_start("selection_window_ends_after_start", "opens_on", "closes_on"),
        ]

    def __str__(self):
        return f"{self.year} {self.get_scheme_display()} {self.opens_on} – {self.closes_on}"


class Selection(FromRoster):
    """选点: where a member is treated, and for which months the institution counts the head.

    `counts_from` and `counts_to` are the first days of the first and the last counted month, worked out by the
    rules when the selection is made, changed or ended; both empty where no month counts.
    """

    class Role(models.TextChoices):
        PRIMARY = "primary", _("selected institution")
        STATION = "station", _("selected station")
        REMOTE = "remote", _("selected hospital out of the area")

    class Route(models.TextChoices):
        WINDOW = "window", _("in the window")
        IN_YEAR = "in_year", _("first choice in the year")
        CHANGE = "change", _("change")

    member = models.ForeignKey(Member, models.CASCADE, related_name="selections", verbose_name=_("member"))
    area = models.ForeignKey(Area, models.PROTECT, verbose_name=_("area"))
    scheme = models.CharField(_("scheme"), max_length=3, choices=Scheme)
    year = models.PositiveSmallIntegerField(_("year"))
    role = models.CharField(pgettext_lazy("selection", "role"), max_length=10, choices=Role, default=Role.PRIMARY)
    institution = models.ForeignKey(
        Institution, models.PROTECT, related_name="selections", verbose_name=_("institution")
    )
    route = models.CharField(_("route"), max_length=10, choices=Route)
    reason = models.CharField(_("reason for the change"), max_length=200, blank=True)
    requested_on = models.DateField(_("requested on"))
    starts_on = models.DateField(_("first day"))
    ends_on = models.DateField(_("last day"))
    counts_from = models.DateField(_("first counted month"), null=True, blank=True)
    counts_to = models.DateField(_("last counted month"), null=True, blank=True)
    recorded_by = models.ForeignKey(Staff, models.PROTECT, related_name="+", verbose_name=_("recorded by"))

    class Meta:
        verbose_name = _("selection")
        verbose_name_plural = _("selections")
        ordering = ["member", "starts_on"]
        constraints = [
            ends_after_start("selection_ends_after_start"),
            OneAtATime(
                name="selection_primary_one_a_day",
                keys=["member"],
                condition=Q(role="primary"),
                violation_error_message=_("The member has already chosen an institution for some of these days."),
            ),
            OneAtATime(name="selection_station_one_a_day", keys=["member"], condition=Q(role="station")),
            OneAtATime(name="selection_remote_one_a_day", keys=["member"], condition=Q(role="remote")),
            OneAtATime(
                name="selection_head_counts_once",
                keys=["member"],
                first="counts_from",
                last="counts_to",
                condition=Q(role="primary", counts_from__isnull=False),
            ),
            models.CheckConstraint(
                name="selection_counts_whole_months",
                condition=Q(counts_from__isnull=True, counts_to__isnull=True)
                | Q(
                    counts_from__day=1,
                    counts_to__day=1,
                    counts_to__gte=F("counts_from"),
                ),
            ),
            models.CheckConstraint(
                name="selection_within_its_year",
                condition=Q(starts_on__year=F("year"), ends_on__year=F("year")),
            ),
        ]
        indexes = [
            models.Index(fields=["institution", "counts_from", "counts_to"], name="selection_heads"),
        ]

    def __str__(self):
        return f"{self.year} {self.get_role_display()} {self.starts_on} – {self.ends_on}"


class Referral(FromRoster):
    """转诊: the selected institution sends the member to another, for some days."""

    member = models.ForeignKey(Member, models.CASCADE, related_name="referrals", verbose_name=_("member"))
    from_institution = models.ForeignKey(
        Institution, models.PROTECT, related_name="+", verbose_name=_("referring institution")
    )
    to_institution = models.ForeignKey(
        Institution, models.PROTECT, related_name="+", verbose_name=_("receiving institution")
    )
    starts_on = models.DateField(_("first day"))
    ends_on = models.DateField(_("last day"))
    reason = models.CharField(_("reason"), max_length=200, blank=True)

    class Meta:
        verbose_name = _("referral")
        verbose_name_plural = _("referrals")
        ordering = ["member", "starts_on"]
        constraints = [
            ends_after_start("referral_ends_after_start"),
            OneAtATime(name="referral_one_a_day", keys=["member", "to_institution"]),
            models.CheckConstraint(
                name="referral_to_another", condition=~Q(from_institution=F("to_institution"))
            ),
        ]

    def __str__(self):
        return f"{self.starts_on} – {self.ends_on}"


class HospitalStay(FromRoster):
    """住院: the day of admission counts, the day of discharge does not (G-8)."""

    member = models.ForeignKey(Member, models.CASCADE, related_name="hospital_stays", verbose_name=_("member"))
    institution = models.ForeignKey(
        Institution, models.PROTECT, null=True, blank=True, related_name="+", verbose_name=_("institution")
    )
    admitted_on = models.DateField(_("admitted on"))
    discharged_on = models.DateField(_("discharged on"), null=True, blank=True)

    class Meta:
        verbose_name = _("hospital stay")
        verbose_name_plural = _("hospital stays")
        ordering = ["member", "admitted_on"]
        constraints = [
            ends_after_start("hospital_stay_ends_after_start", "admitted_on", "discharged_on"),
            models.UniqueConstraint(fields=["member", "admitted_on"], name="hospital_stay_once"),
        ]

    def __str__(self):
        return f"{self.admitted_on} – {self.discharged_on or ''}"


class OutOfAreaRegistration(FromRoster):
    """异地就医备案: the days on which care outside the area is paid as at home."""

    class Kind(models.TextChoices):
        RETIRED_RESETTLED = "retired_resettled", _("retired and settled elsewhere")
        LONG_TERM_RESIDENT = "long_term_resident", _("living elsewhere")
        POSTED_WORKER = "posted_worker", _("posted elsewhere")
        TEMPORARY = "temporary", _("temporarily elsewhere")

    member = models.ForeignKey(
        Member, models.CASCADE, related_name="out_of_area_registrations", verbose_name=_("member")
    )
    kind = models.CharField(_("kind"), max_length=20, choices=Kind)
    destination = models.CharField(_("place of care"), max_length=6, help_text=_("GB/T 2260 code."))
    starts_on = models.DateField(_("first day"))
    ends_on = models.DateField(_("last day"), null=True, blank=True)

    class Meta:
        verbose_name = _("out-of-area registration")
        verbose_name_plural = _("out-of-area registrations")
        ordering = ["member", "starts_on"]
        constraints = [
            ends_after_start("out_of_area_ends_after_start"),
            OneAtATime(name="out_of_area_one_a_day", keys=["member"]),
        ]

    def __str__(self):
        return f"{self.get_kind_display()} {self.starts_on} – {self.ends_on or ''}"


class Assessment(FromRoster):
    """年度考核: an institution's score of a year, 0 to 100; it counts once another person has confirmed it."""

    steps = ASSESSMENT

    institution = models.ForeignKey(
        Institution, models.CASCADE, related_name="assessments", verbose_name=_("institution")
    )
    year = models.PositiveSmallIntegerField(_("year"))
    score = models.DecimalField(_("score"), max_digits=5, decimal_places=2)
    document = models.CharField(pgettext_lazy("published", "document"), max_length=200, blank=True)
    entered_by = models.ForeignKey(
        Staff, models.PROTECT, null=True, blank=True, related_name="+", verbose_name=_("entered by")
    )
    entered_at = models.DateTimeField(_("entered at"), null=True, blank=True)
    confirmed_by = models.ForeignKey(
        Staff, models.PROTECT, null=True, blank=True, related_name="+", verbose_name=_("confirmed by")
    )
    confirmed_at = models.DateTimeField(_("confirmed at"), null=True, blank=True)

    class Meta:
        verbose_name = _("assessment")
        verbose_name_plural = _("assessments")
        constraints = [
            models.UniqueConstraint(fields=["institution", "year"], name="assessment_once_a_year"),
            models.CheckConstraint(name="assessment_score_range", condition=Q(score__gte=0, score__lte=100)),
            *ASSESSMENT.constraints(),
        ]

    def __str__(self):
        return f"{self.year} {self.score}"
