"""The insured: one person once, with dated facts from rosters."""

from django.db import models
from django.db.models import Q
from django.db.models.expressions import RawSQL
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from bureau.identifiers.fields import MoneyField, ends_after_start
from bureau.models import Area, Scheme, Upload
from bureau.rules.enrolment import POOLED_ONLY
from bureau.spans import OneAtATime


class FromRoster(models.Model):
    """Where a row came from, so that an import can be undone. Empty for what staff typed themselves."""

    upload = models.ForeignKey(
        Upload, models.PROTECT, null=True, blank=True, editable=False, related_name="+", verbose_name=_("upload")
    )

    class Meta:
        abstract = True


class Employer(FromRoster):
    area = models.ForeignKey(Area, models.PROTECT, verbose_name=_("area"))
    code = models.CharField(_("employer number"), max_length=40)
    name = models.CharField(_("name"), max_length=200)

    class Meta:
        verbose_name = _("employer")
        verbose_name_plural = _("employers")
        constraints = [models.UniqueConstraint(fields=["area", "code"], name="employer_number_once")]

    def __str__(self):
        return self.name


class Member(FromRoster):
    """参保人, or a relative of one. The document's number is kept encrypted (members.identity)."""

    class Sex(models.TextChoices):
        UNKNOWN = "0", _("unknown")
        MALE = "1", _("male")
        FEMALE = "2", _("female")
        UNSTATED = "9", _("not stated")

    number = models.CharField(
        _("member number"),
        max_length=40,
        db_default=RawSQL("'GJ' || lpad(nextval('members_member_number_seq')::text, 10, '0')", []),
        help_text=_("人员编号: as the roster of members gives it; made here for who comes without one."),
    )
    name = models.CharField(pgettext_lazy("person", "name"), max_length=60)
    document_kind = models.CharField(_("document"), max_length=6, default="01")
    document_cipher = models.BinaryField(_("document number, encrypted"), editable=False)
    document_hash = models.BinaryField(_("document number, keyed hash"), max_length=32, editable=False)
    document_last4 = models.CharField(_("last four of the document"), max_length=4)
    sex = models.CharField(_("sex"), max_length=1, choices=Sex, default=Sex.UNKNOWN)
    birth = models.DateField(_("date of birth"), null=True, blank=True)
    reached_age_on = models.DateField(
        _("reached the retirement age on"),
        null=True,
        blank=True,
        help_text=_("The statutory age. Asked for where date of birth and sex leave it open."),
    )
    phone = models.CharField(_("telephone"), max_length=30, blank=True)
    died_on = models.DateField(_("date of death"), null=True, blank=True)

    class Meta:
        verbose_name = _("member")
        verbose_name_plural = _("members")
        ordering = ["id"]
        constraints = [
            models.UniqueConstraint(
                fields=["document_hash", "document_kind"],
                name="member_document_once",
                violation_error_message=_("A person with this document is already recorded."),
            ),
            models.UniqueConstraint(
                fields=["number"],
                name="member_number_once",
                violation_error_message=_("A person with this member number is already recorded."),
            ),
        ]
        indexes = [
            models.Index(fields=["name"], name="member_name", opclasses=["varchar_pattern_ops"]),
            models.Index(fields=["document_last4"], name="member_last4"),
        ]

    def __str__(self):
        return f"{self.name} ·{self.document_last4}"


PLAN_NAMES = {
    POOLED_ONLY: _("pooled fund only"),
    "unit": _("by an employer"),
    "personal_1": _("personal, first level"),
    "personal_2": _("personal, second level"),
}


class Enrolment(FromRoster):
    """参保: which scheme, area, person class and plan on which days. One a day over all schemes and areas.

    The plan is the way of being insured, apart from the class: a level of contribution where a city has several,
    or 单建统筹 (`POOLED_ONLY`): ratios and caps of the class, and no personal account.
    """

    class PersonClass(models.TextChoices):
        ACTIVE = "active", _("in service")
        RETIRED = "retired", _("retired")
        RETIRED_PAYING_MONTHLY = "retired_paying_monthly", _("of age, paying by month")
        FLEXIBLE = "flexible", _("flexible employment")
        LUMP_SUM = "lump_sum", _("paid up by lump sum")
        RESIDENT = "resident", _("resident")

    member = models.ForeignKey(Member, models.CASCADE, related_name="enrolments", verbose_name=_("member"))
    area = models.ForeignKey(Area, models.PROTECT, verbose_name=_("area"))
    scheme = models.CharField(_("scheme"), max_length=3, choices=Scheme)
    person_class = models.CharField(_("person class"), max_length=30, choices=PersonClass)
    person_type = models.CharField(_("person type code"), max_length=6, blank=True)
    plan = models.CharField(_("plan"), max_length=20, blank=True)
    employer = models.ForeignKey(
        Employer, models.PROTECT, null=True, blank=True, verbose_name=_("employer")
    )
    large_claims = models.BooleanField(_("in large-claims insurance"), default=False)
    by_hand_elsewhere = models.BooleanField(
        _("claims care elsewhere by hand"),
        default=False,
        help_text=_("Has cover for a chronic disease that is not settled over the network between provinces."),
    )
    paid_on = models.DateField(
        _("first premium paid on"), null=True, blank=True, help_text=_("Of a newborn: what the first days rest on.")
    )
    listed_on = models.DateField(
        _("recorded on"),
        null=True,
        blank=True,
        editable=False,
        help_text=_("Of a newborn: nothing is selected before."),
    )
    starts_on = models.DateField(_("first day"))
    ends_on = models.DateField(_("last day"), null=True, blank=True)

    class Meta:
        verbose_name = _("enrolment")
        verbose_name_plural = _("enrolments")
        ordering = ["member", "starts_on"]
        constraints = [
            ends_after_start("enrolment_ends_after_start"),
            OneAtATime(
                name="enrolment_one_a_day",
                keys=["member"],
                violation_error_message=_("The person is already enrolled on some of these days."),
            ),
        ]
        indexes = [models.Index(fields=["area", "scheme", "starts_on"], name="enrolment_area")]

    def __str__(self):
        return f"{self.member_id} {self.get_person_class_display()} {self.starts_on}"

    @property
    def plan_name(self):
        """The plan as the screens show it; a city's own names are shown as they are."""
        return PLAN_NAMES.get(self.plan, self.plan)


class BenefitPeriod(FromRoster):
    """待遇享受期: the days on which a member may draw on an area's fund, as its roster says."""

    member = models.ForeignKey(Member, models.CASCADE, related_name="benefit_periods", verbose_name=_("member"))
    area = models.ForeignKey(Area, models.PROTECT, verbose_name=_("area"))
    scheme = models.CharField(_("scheme"), max_length=3, choices=Scheme)
    starts_on = models.DateField(_("first day"))
    ends_on = models.DateField(_("last day"), null=True, blank=True)

    class Meta:
        verbose_name = _("benefit period")
        verbose_name_plural = _("benefit periods")
        ordering = ["member", "starts_on"]
        constraints = [
            ends_after_start("benefit_period_ends_after_start"),
            OneAtATime(name="benefit_period_one_a_day", keys=["member", "area"]),
        ]

    def __str__(self):
        return f"{self.starts_on} – {self.ends_on or ''}"


class Suspension(FromRoster):
    """暂停享受 or 欠费: days on which an area's fund does not pay, as its roster says; no other area's."""

    class Kind(models.TextChoices):
        SUSPENDED = "suspended", _("suspended")
        ARREARS = "arrears", _("in arrears")

    member = models.ForeignKey(Member, models.CASCADE, related_name="suspensions", verbose_name=_("member"))
    area = models.ForeignKey(Area, models.PROTECT, verbose_name=_("area"))
    kind = models.CharField(_("kind"), max_length=10, choices=Kind)
    starts_on = models.DateField(_("first day"))
    ends_on = models.DateField(_("last day"), null=True, blank=True)
    reason = models.CharField(_("reason"), max_length=200, blank=True)

    class Meta:
        verbose_name = _("suspension")
        verbose_name_plural = _("suspensions")
        ordering = ["member", "starts_on"]
        constraints = [
            ends_after_start("suspension_ends_after_start"),
            OneAtATime(name="suspension_one_a_day", keys=["member", "area"]),
        ]

    def __str__(self):
        return f"{self.get_kind_display()} {self.starts_on} – {self.ends_on or ''}"


class Contribution(FromRoster):
    """缴费到账: what was paid for a member for a month. Late payments of a month are rows of their own."""

    class Kind(models.TextChoices):
        NORMAL = "normal", _("on time")
        BACK = "back", _("paid later")
        DIFFERENCE = "difference", _("difference")

    member = models.ForeignKey(Member, models.CASCADE, related_name="contributions", verbose_name=_("member"))
    area = models.ForeignKey(Area, models.PROTECT, verbose_name=_("area"))
    scheme = models.CharField(_("scheme"), max_length=3, choices=Scheme)
    month = models.DateField(_("month"), help_text=_("First day of the month that the premium is for."))
    kind = models.CharField(_("kind"), max_length=10, choices=Kind, default=Kind.NORMAL)
    base = MoneyField(_("contribution base"))
    employer_amount = MoneyField(_("employer's share"))
    own_amount = MoneyField(_("own share"))
    paid_on = models.DateField(_("received on"))

    class Meta:
        verbose_name = _("contribution")
        verbose_name_plural = _("contributions")
        ordering = ["member", "month"]
        constraints = [
            models.UniqueConstraint(
                fields=["member", "month", "scheme", "kind", "paid_on"], name="contribution_once"
            ),
            models.CheckConstraint(
                name="contribution_month_first_day", condition=Q(month__day=1)
            ),
            models.CheckConstraint(
                name="contribution_not_negative",
                condition=Q(base__gte=0, employer_amount__gte=0, own_amount__gte=0),
            ),
        ]
        indexes = [models.Index(fields=["area", "month"], name="contribution_month")]

    def __str__(self):
        return f"{self.month:%Y-%m} {self.get_kind_display()}"


class Relative(FromRoster):
    """近亲属备案: who may be paid for out of a member's account, as the relatives roster says."""

    class Relation(models.TextChoices):
        SPOUSE = "spouse", _("spouse")
        PARENT = "parent", _("parent")
        CHILD = "child", _("child")
        SIBLING = "sibling", _("brother or sister")
        GRANDPARENT = "grandparent", _("grandparent")
        GRANDCHILD = "grandchild", _("grandchild")
        OTHER = "other", _("other")

    member = models.ForeignKey(
        Member, models.CASCADE, related_name="relatives", verbose_name=_("account holder")
    )
    relative = models.ForeignKey(Member, models.CASCADE, related_name="relative_of", verbose_name=_("relative"))
    relation = models.CharField(_("relation"), max_length=20, choices=Relation)
    starts_on = models.DateField(_("first day"))
    ends_on = models.DateField(_("last day"), null=True, blank=True)

    class Meta:
        verbose_name = _("relative")
        verbose_name_plural = _("relatives")
        constraints = [
            ends_after_start("relative_ends_after_start"),
            OneAtATime(name="relative_one_a_day", keys=["member", "relative"]),
            models.CheckConstraint(
                name="relative_is_another",
                condition=~Q(member=models.F("relative")),
                violation_error_message=_("A person is not a relative of their own."),
            ),
        ]

    def __str__(self):
        return f"{self.get_relation_display()} {self.starts_on} – {self.ends_on or ''}"
