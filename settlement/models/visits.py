"""门诊结算: one settled outpatient visit, what paid for it, and what the rules were told."""

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _

from accounts.models import Account, Fund
from bureau.identifiers.fields import MoneyField
from bureau.models import Area, Edition, Scheme, Staff, Upload
from institutions.models import Institution
from members.models import Member


class Visit(models.Model):
    """One settlement. Never changed; a reversal is a visit of its own, the exact negative of the first.

    Amounts follow the national identities (yuan):
    total = own_expense + over_limit + first_self + in_policy
    total = pooled + large_claims + other_funds + account + family + cash

    What other funds (for chronic or special diseases, negotiated drugs) have paid first is within in_policy and is
    theirs to pay: it stands in no book here.
    """

    class Channel(models.TextChoices):
        ORDINARY = "ordinary", _("ordinary")
        EMERGENCY = "emergency", _("emergency")
        PRESCRIPTION = "prescription", _("prescription filled outside")

    class Credential(models.TextChoices):
        ELECTRONIC = "01", _("electronic certificate")
        IDENTITY_CARD = "02", _("identity card")
        SOCIAL_CARD = "03", _("social security card")

    area = models.ForeignKey(Area, models.PROTECT, verbose_name=_("area"))
    scheme = models.CharField(_("scheme"), max_length=3, choices=Scheme, blank=True)
    institution = models.ForeignKey(
        Institution, models.PROTECT, related_name="visits", verbose_name=_("institution")
    )
    key = models.CharField(_("institution's number"), max_length=60)
    request_hash = models.CharField(_("request hash"), max_length=64)
    member = models.ForeignKey(Member, models.PROTECT, related_name="visits", verbose_name=_("member"))
    encounter = models.CharField(_("encounter"), max_length=60)
    care_on = models.DateField(_("date of care"))
    settled_on = models.DateField(_("settled on"))
    settled_at = models.DateTimeField(_("settled at"))
    settled_by = models.ForeignKey(Staff, models.PROTECT, related_name="+", verbose_name=_("settled by"))
    channel = models.CharField(_("channel"), max_length=20, choices=Channel, default=Channel.ORDINARY)
    credential = models.CharField(_("credential"), max_length=2, choices=Credential)
    prescriber = models.ForeignKey(
        Institution, models.PROTECT, null=True, blank=True, related_name="+", verbose_name=_("prescriber")
    )
    # What decided it
    place = ArrayField(models.CharField(max_length=20), verbose_name=_("place of care"), default=list)
    refusal = models.CharField(_("refusal"), max_length=40, blank=True)
    refusal_article = models.CharField(_("article of the refusal"), max_length=40, blank=True)
    payee = models.ForeignKey(
        Institution,
        models.PROTECT,
        null=True,
        blank=True,
        related_name="+",
        db_constraint=False,
        verbose_name=_("payee"),
        help_text=_("Empty for a claim by hand: the member is owed."),
    )
    charge = models.CharField(_("charged to"), max_length=30, blank=True)
    charged_institution = models.ForeignKey(
        Institution, models.PROTECT, null=True, blank=True, related_name="+", verbose_name=_("whose quota")
    )
    # Cost
    total = MoneyField(_("total cost"))
    own_expense = MoneyField(_("outside the catalogue"), default=0)
    over_limit = MoneyField(_("above the price limit"), default=0)
    first_self = MoneyField(_("paid first by oneself"), default=0)
    in_policy = MoneyField(_("within policy"))
    general_fee = MoneyField(_("general consultation fee"), default=0)
    consultation_fee = MoneyField(_("consultation fee paid by a fixed amount"), default=0)
    other_remainder = MoneyField(_("left over by other funds"), default=0)
    out_of_policy = MoneyField(_("outside the policy by the rules"), default=0)
    counted = MoneyField(_("cost counted by the rules"), default=0)
    # Payment
    pool = models.CharField(_("which pooled fund"), max_length=20, blank=True)
    fixed = MoneyField(_("of it, fixed fees outside the caps"), default=0)
    deductible = MoneyField(_("deductible used"), default=0)
    pooled = MoneyField(_("pooled fund"), default=0)
    large_claims = MoneyField(_("large-claims fund"), default=0)
    other_funds = MoneyField(_("paid first by other funds"), default=0)
    account = MoneyField(_("personal account"), default=0)
    family = MoneyField(_("family accounts"), default=0)
    cash = MoneyField(_("cash"), default=0)

    edition = models.ForeignKey(Edition, models.PROTECT, null=True, blank=True, verbose_name=_("edition"))
    receipt = models.JSONField(_("receipt"), default=dict)
    reverses = models.OneToOneField(
        "self", models.PROTECT, null=True, blank=True, related_name="reversal", verbose_name=_("reverses")
    )
    reason = models.CharField(_("reason of the reversal"), max_length=200, blank=True)
    same_as = models.ForeignKey(
        "self",
        models.PROTECT,
        null=True,
        blank=True,
        related_name="same_bills",
        db_index=False,
        verbose_name=_("the same bill as"),
        help_text=_("Settled under another number before: same member, institution, day, encounter and total."),
    )
    upload = models.ForeignKey(Upload, models.PROTECT, null=True, blank=True, verbose_name=_("upload"))

    class Meta:
        verbose_name = _("visit")
        verbose_name_plural = _("visits")
        ordering = ["-id"]
        constraints = [
            models.UniqueConstraint(fields=["institution", "key"], name="visit_key_once"),
            models.CheckConstraint(
                name="visit_cost_adds_up",
                condition=Q(total=F("own_expense") + F("over_limit") + F("first_self") + F("in_policy")),
            ),
            models.CheckConstraint(
                name="visit_payment_adds_up",
                condition=Q(
                    total=F("pooled")
                    + F("large_claims")
                    + F("other_funds")
                    + F("account")
                    + F("family")
                    + F("cash")
                ),
            ),
            models.CheckConstraint(
                name="visit_sign",
                condition=Q(
                    reverses__isnull=True,
                    own_expense__gte=0,
                    over_limit__gte=0,
                    first_self__gte=0,
                    in_policy__gte=0,
                    general_fee__gte=0,
                    consultation_fee__gte=0,
                    other_remainder__gte=0,
                    out_of_policy__gte=0,
                    counted__gte=0,
                    fixed__gte=0,
                    deductible__gte=0,
                    pooled__gte=0,
                    large_claims__gte=0,
                    other_funds__gte=0,
                    account__gte=0,
                    family__gte=0,
                    cash__gte=0,
                )
                | Q(
                    reverses__isnull=False,
                    own_expense__lte=0,
                    over_limit__lte=0,
                    first_self__lte=0,
                    in_policy__lte=0,
                    general_fee__lte=0,
                    consultation_fee__lte=0,
                    other_remainder__lte=0,
                    out_of_policy__lte=0,
                    counted__lte=0,
                    fixed__lte=0,
                    deductible__lte=0,
                    pooled__lte=0,
                    large_claims__lte=0,
                    other_funds__lte=0,
                    account__lte=0,
                    family__lte=0,
                    cash__lte=0,
                ),
            ),
            models.CheckConstraint(
                name="visit_refused_pays_nothing",
                condition=Q(refusal="") | Q(pooled=0, large_claims=0),
            ),
            models.CheckConstraint(name="visit_names_its_pool", condition=Q(pooled=0) | ~Q(pool="")),
            models.CheckConstraint(
                name="visit_by_hand_uses_no_account",
                condition=Q(payee__isnull=False) | Q(account=0, family=0, place__contains=["hand_claim"]),
            ),
        ]
        indexes = [
            models.Index(fields=["member", "care_on"], name="visit_member_day"),
            models.Index(fields=["area", "settled_on"], name="visit_area_day"),
            models.Index(fields=["institution", "settled_on"], name="visit_institution_day"),
            models.Index(fields=["same_as"], name="visit_same_bill", condition=Q(same_as__isnull=False)),
        ]

    def __str__(self):
        return f"{self.key} {self.care_on}"


class VisitPayment(models.Model):
    """One line for each personal account that paid for a visit: the patient's own or a relative's."""

    visit = models.ForeignKey(Visit, models.PROTECT, related_name="payments", verbose_name=_("visit"))
    account = models.ForeignKey(Account, models.PROTECT, related_name="+", verbose_name=_("account"))
    relation = models.CharField(_("relation"), max_length=20, help_text=_("Of the patient to the holder."))
    amount = MoneyField(_("amount"))
    payee = models.ForeignKey(
        Institution,
        models.PROTECT,
        null=True,
        blank=True,
        related_name="+",
        verbose_name=_("owed by the account's area to"),
        help_text=_("Only where the account is another area's, which pays out of its own books."),
    )

    class Meta:
        verbose_name = _("account payment")
        verbose_name_plural = _("account payments")
        ordering = ["id"]
        constraints = [
            models.UniqueConstraint(fields=["visit", "account"], name="visit_payment_once_an_account"),
            models.CheckConstraint(name="visit_payment_not_zero", condition=~Q(amount=0)),
        ]

    def __str__(self):
        return str(self.amount)


class OpeningUse(models.Model):
    """期初累计: what the old system had counted for a member in a year, before the first visit here.

    Rows of a year add up: one of a month (its first day) counts in that month and in the year, one without a month in
    the year alone.
    """

    member = models.ForeignKey(Member, models.CASCADE, related_name="opening_uses", verbose_name=_("member"))
    area = models.ForeignKey(Area, models.PROTECT, verbose_name=_("area"))
    scheme = models.CharField(_("scheme"), max_length=3, choices=Scheme)
    year = models.PositiveSmallIntegerField(_("year"))
    month = models.DateField(_("month"), null=True, blank=True)
    fund = MoneyField(_("paid by the fund"), default=0)
    fixed = MoneyField(_("of it, fixed fees outside the caps"), default=0)
    deductible = MoneyField(_("deductible used"), default=0)
    upload = models.ForeignKey(Upload, models.PROTECT, null=True, blank=True, verbose_name=_("upload"))

    class Meta:
        verbose_name = _("opening use")
        verbose_name_plural = _("opening uses")
        constraints = [
            models.UniqueConstraint(
                fields=["member", "scheme", "area", "year", "month"], name="opening_use_once", nulls_distinct=False
            ),
            models.CheckConstraint(
                name="opening_use_month_of_its_year",
                condition=Q(month__isnull=True) | Q(month__day=1, month__year=F("year")),
            ),
            models.CheckConstraint(
                name="opening_use_not_negative",
                condition=Q(fund__gte=F("fixed"), fixed__gte=0, deductible__gte=0),
            ),
        ]

    def __str__(self):
        return str(self.year)


class OtherUse(models.Model):
    """What a fund has paid for a member outside ordinary outpatient care, in hospital say.

    It counts against the fund's own limit of the year and against nothing else. A payment taken back is a row of its
    own with a negative amount.
    """

    member = models.ForeignKey(Member, models.CASCADE, related_name="other_uses", verbose_name=_("member"))
    area = models.ForeignKey(Area, models.PROTECT, verbose_name=_("area"))
    scheme = models.CharField(_("scheme"), max_length=3, choices=Scheme)
    fund = models.CharField(_("fund"), max_length=20, choices=Fund)
    number = models.CharField(_("number of the settlement"), max_length=60)
    paid_on = models.DateField(_("date of care"))
    amount = MoneyField(_("amount"))
    upload = models.ForeignKey(Upload, models.PROTECT, null=True, blank=True, verbose_name=_("upload"))

    class Meta:
        verbose_name = _("use outside outpatient care")
        verbose_name_plural = _("uses outside outpatient care")
        ordering = ["member", "paid_on"]
        constraints = [
            models.UniqueConstraint(fields=["member", "area", "fund", "number"], name="other_use_once"),
            models.CheckConstraint(name="other_use_not_zero", condition=~Q(amount=0)),
        ]

    def __str__(self):
        return f"{self.number} {self.amount}"
