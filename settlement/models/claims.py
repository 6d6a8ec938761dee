"""零星报销: a paid bill that a member brings to the bureau, and the register in which every invoice stands once."""

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import F, Func, Q, Value
from django.utils.translation import gettext_lazy as _

from bureau.identifiers.fields import MoneyField
from bureau.models import Area, Staff
from institutions.models import Institution
from members.models import Member, Relative
from settlement.models.runs import BankOrder
from settlement.models.steps import CLAIM, CLAIM_PAYMENT, ClaimStatus
from settlement.models.visits import Visit


class Claim(models.Model):
    """One bill claimed by hand: entered, checked and approved by three people, then paid to a bank account.

    Approving it makes a visit without a payee: what the fund pays is owed to the member. Amounts as in a visit:
    total = own_expense + over_limit + first_self + in_policy
    """

    Status = ClaimStatus
    steps = CLAIM

    class Paper(models.TextChoices):
        IDENTITY = "identity", _("certificate, identity card or social security card")
        RECEIPT = "receipt", _("receipt of the institution")
        ITEMS = "items", _("list of charges")
        RECORD = "record", _("medical record with prescriptions")
        BANK = "bank", _("bank account")
        PROXY = "proxy", _("identity card of the proxy")

    class PayTo(models.TextChoices):
        MEMBER = "member", _("the member's account")
        PROXY = "proxy", _("the proxy's account")

    NEEDED = (Paper.IDENTITY, Paper.RECEIPT, Paper.ITEMS, Paper.RECORD, Paper.BANK)

    key = models.CharField(_("number of the request"), max_length=40, unique=True)
    request_hash = models.CharField(_("request hash"), max_length=64)
    area = models.ForeignKey(Area, models.PROTECT, verbose_name=_("area"))
    member = models.ForeignKey(Member, models.PROTECT, related_name="claims", verbose_name=_("member"))
    status = models.CharField(_("status"), max_length=10, choices=Status, default=Status.RECEIVED)
    # The bill
    institution = models.ForeignKey(Institution, models.PROTECT, related_name="claims", verbose_name=_("institution"))
    encounter = models.CharField(_("encounter"), max_length=60)
    care_on = models.DateField(_("date of care"))
    channel = models.CharField(_("channel"), max_length=20, choices=Visit.Channel, default=Visit.Channel.ORDINARY)
    prescriber = models.ForeignKey(
        Institution, models.PROTECT, null=True, blank=True, related_name="+", verbose_name=_("prescriber")
    )
    credential = models.CharField(_("credential"), max_length=2, choices=Visit.Credential)
    total = MoneyField(_("total cost"))
    own_expense = MoneyField(_("outside the catalogue"), default=0)
    over_limit = MoneyField(_("above the price limit"), default=0)
    first_self = MoneyField(_("paid first by oneself"), default=0)
    in_policy = MoneyField(_("within policy"))
    general_fee = MoneyField(_("general consultation fee"), default=0)
    consultation_fee = MoneyField(_("consultation fee paid by a fixed amount"), default=0)
    other_funds = MoneyField(_("paid first by other funds"), default=0)
    other_remainder = MoneyField(_("left over by other funds"), default=0)
    # The papers
    received_on = models.DateField(_("received on"))
    papers = ArrayField(models.CharField(max_length=10, choices=Paper), verbose_name=_("papers"), default=list)
    proxy_name = models.CharField(_("proxy"), max_length=60, blank=True)
    proxy_relation = models.CharField(
        _("the proxy is the member's"), max_length=20, choices=Relative.Relation, blank=True
    )
    proxy_document_kind = models.CharField(_("proxy's document"), max_length=6, blank=True)
    proxy_document_cipher = models.BinaryField(
        _("proxy's document number, encrypted"), null=True, blank=True, editable=False
    )
    proxy_document_last4 = models.CharField(_("last four of the proxy's document"), max_length=4, blank=True)
    # Who is paid. The account stands as it was approved; another one is confirmed anew.
    pay_to = models.CharField(_("paid to"), max_length=10, choices=PayTo, default=PayTo.MEMBER)
    account_name = models.CharField(_("account name"), max_length=120, blank=True)
    bank_name = models.CharField(_("bank"), max_length=100)
    bank_account = models.CharField(_("bank account"), max_length=40)
    account_by = models.ForeignKey(Staff, models.PROTECT, related_name="+", verbose_name=_("account entered by"))
    account_confirmed_by = models.ForeignKey(
        Staff, models.PROTECT, null=True, blank=True, related_name="+", verbose_name=_("account confirmed by")
    )
    # Who did what
    entered_by = models.ForeignKey(Staff, models.PROTECT, related_name="+", verbose_name=_("entered by"))
    entered_at = models.DateTimeField(_("entered at"))
    checked_by = models.ForeignKey(
        Staff, models.PROTECT, null=True, blank=True, related_name="+", verbose_name=_("checked by")
    )
    checked_at = models.DateTimeField(_("checked at"), null=True, blank=True)
    approved_by = models.ForeignKey(
        Staff, models.PROTECT, null=True, blank=True, related_name="+", verbose_name=_("approved by")
    )
    approved_at = models.DateTimeField(_("approved at"), null=True, blank=True)
    visit = models.OneToOneField(
        Visit, models.PROTECT, null=True, blank=True, related_name="claim", verbose_name=_("visit")
    )
    paid_by = models.ForeignKey(
        Staff, models.PROTECT, null=True, blank=True, related_name="+", verbose_name=_("paid by")
    )
    paid_at = models.DateTimeField(_("paid at"), null=True, blank=True)
    closed_by = models.ForeignKey(
        Staff,
        models.PROTECT,
        null=True,
        blank=True,
        related_name="+",
        verbose_name=_("returned, refused or taken back by"),
    )
    closed_at = models.DateTimeField(_("returned, refused or taken back at"), null=True, blank=True)
    reason = models.CharField(_("reason"), max_length=300, blank=True)

    class Meta:
        verbose_name = _("claim by hand")
        verbose_name_plural = _("claims by hand")
        ordering = ["-id"]
        constraints = [
            models.CheckConstraint(
                name="claim_cost_adds_up",
                condition=Q(total=F("own_expense") + F("over_limit") + F("first_self") + F("in_policy"))
                & Q(
                    own_expense__gte=0,
                    over_limit__gte=0,
                    first_self__gte=0,
                    in_policy__gte=F("general_fee") + F("consultation_fee") + F("other_funds") + F("other_remainder"),
                    general_fee__gte=0,
                    consultation_fee__gte=0,
                    other_funds__gte=0,
                    other_remainder__gte=0,
                ),
            ),
            models.CheckConstraint(name="claim_after_care", condition=Q(received_on__gte=F("care_on"))),
            *CLAIM.constraints(),
            models.CheckConstraint(
                name="claim_closed_with_a_reason",
                condition=~Q(status__in=["returned", "refused", "reversed"])
                | (Q(closed_by__isnull=False) & ~Q(reason="")),
            ),
            models.CheckConstraint(
                name="claim_papers_complete",
                condition=Q(status__in=["received", "returned", "refused"])
                | Q(papers__contains=["identity", "receipt", "items", "record", "bank"])
                & (Q(proxy_name="") | Q(papers__contains=["proxy"])),
            ),
            models.CheckConstraint(
                name="claim_proxy_whole",
                condition=Q(
                    proxy_name="",
                    proxy_relation="",
                    proxy_document_kind="",
                    proxy_document_last4="",
                    proxy_document_cipher__isnull=True,
                )
                & ~Q(pay_to="proxy")
                | ~Q(proxy_name="")
                & ~Q(proxy_relation="")
                & ~Q(proxy_document_kind="")
                & Q(proxy_document_cipher__isnull=False),
            ),
            models.CheckConstraint(name="claim_names_an_account", condition=~Q(bank_name="") & ~Q(bank_account="")),
        ]
        indexes = [
            models.Index(fields=["area", "received_on"], name="claim_area_day"),
            models.Index(fields=["institution", "encounter"], name="claim_encounter"),
        ]

    def __str__(self):
        return f"{self.pk:06d}"

    @property
    def account_holder(self) -> str:
        """In whose name a bank account may be: the member or the proxy, nobody else."""
        return self.proxy_name if self.pay_to == self.PayTo.PROXY else self.member.name

    @property
    def papers_missing(self) -> list[str]:
        """What the leaflet asks for and was not handed in."""
        needed = [*self.NEEDED, self.Paper.PROXY] if self.proxy_name else self.NEEDED
        return [paper for paper in needed if paper not in self.papers]


class ClaimPayment(BankOrder):
    """支付: one order to the bank for an approved claim."""

    steps = CLAIM_PAYMENT

    claim = models.ForeignKey(Claim, models.PROTECT, related_name="payments", verbose_name=_("claim by hand"))
    ordered_by = models.ForeignKey(Staff, models.PROTECT, related_name="+", verbose_name=_("ordered by"))

    class Meta:
        verbose_name = _("payment of a claim")
        verbose_name_plural = _("payments of claims")
        ordering = ["id"]
        constraints = [
            models.CheckConstraint(name="claim_payment_positive", condition=Q(amount__gt=0)),
            models.UniqueConstraint(
                fields=["claim", "fund"], condition=~Q(status="returned"), name="claim_payment_once_a_fund"
            ),
        ]

    def __str__(self):
        return f"{self.claim_id:06d} {self.amount}"


class Invoice(models.Model):
    """票据: which settlement has used an invoice, by card or by hand. Unique over all areas while it stands.

    A reversed visit, a refused claim and one that is taken back free theirs. Leading zeros of a number do not count:
    spreadsheets lose them.
    """

    code = models.CharField(_("invoice code"), max_length=20, blank=True)
    number = models.CharField(_("invoice number"), max_length=30)
    visit = models.ForeignKey(
        Visit, models.PROTECT, null=True, blank=True, related_name="invoices", verbose_name=_("visit")
    )
    claim = models.ForeignKey(
        Claim, models.PROTECT, null=True, blank=True, related_name="invoices", verbose_name=_("claim by hand")
    )
    freed_at = models.DateTimeField(_("freed at"), null=True, blank=True)

    class Meta:
        verbose_name = _("invoice")
        verbose_name_plural = _("invoices")
        ordering = ["id"]
        constraints = [
            models.UniqueConstraint(
                F("code"),
                Func(F("number"), Value("0"), function="ltrim"),
                condition=Q(freed_at__isnull=True),
                name="invoice_once",
            ),
            models.CheckConstraint(
                name="invoice_of_visit_or_claim",
                condition=Q(visit__isnull=False, claim__isnull=True) | Q(visit__isnull=True, claim__isnull=False),
            ),
            models.CheckConstraint(name="invoice_has_number", condition=~Q(number="")),
            # As settlement.invoice_numbers reads it: a blank or a small letter would make one invoice two.
            models.CheckConstraint(
                name="invoice_written_one_way",
                condition=Q(code__regex="^[0-9A-Z]*$", number__regex="^[0-9A-Z]*$"),
            ),
        ]

    def __str__(self):
        return f"{self.code} {self.number}".strip()
