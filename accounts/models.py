"""One double-entry ledger, with books apart for each fund.

An entry's amount is positive on the credit side (贷) and negative on the debit side (借); a journal's entries add up
to zero within each fund. A member's personal account is a liability of its fund: its balance is the sum of its
entries, and each of them carries the account's running number and the balance after it. Control accounts (bank,
payables, advances …) have no row: a fund, a subject and a holder code name them, and their balance is the sum of
their entries. The guards in `accounts/sql` keep all of this, against raw SQL too.
"""

from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from accounts.steps import PAYOUT, PayoutStatus
from bureau.identifiers.fields import MoneyField, ends_after_start
from bureau.models import Area, Edition, Staff
from bureau.spans import OneAtATime
from members.models import Enrolment, Member, Relative


class Fund(models.TextChoices):
    EMPLOYEES_POOL = "employees_pool", _("employees' pooled fund")
    PERSONAL_ACCOUNTS = "personal_accounts", _("personal accounts fund")
    LARGE_CLAIMS = "large_claims", _("large-claims mutual fund")
    RESIDENTS = "residents", _("residents' fund")
    RESIDENTS_OUTPATIENT = "residents_outpatient", _("residents' outpatient account")


INHERITED = "bank_or_inherit"  # what the rules say of a payout that goes to the heirs
TAX_OFFICE = "tax_office"  # 税务机关: the holder under which premiums paid out of accounts are owed


class Subject(models.TextChoices):
    """会计科目. The holder says whose: an institution's code, another fund, an account's number."""

    BANK = "bank", pgettext_lazy("ledger", "bank")
    ADVANCES = "advances", _("advances to institutions")
    REMOTE_DEPOSIT = "remote_deposit", _("deposit for care out of the area")
    RECOVERIES = "recoveries", _("recoveries receivable")
    INTERFUND = "interfund", _("between funds")
    SUSPENSE = "suspense", _("suspense")
    MEMBER_ACCOUNTS = "member_accounts", _("members' personal accounts")
    PAYABLE_ITEMS = "payable_items", _("payable by item")
    PAYABLE_QUOTA = "payable_quota", _("recorded against a quota")
    PAYABLE_PAYOUT = "payable_payout", _("payable to members and heirs")
    RETENTION = "retention", _("retained until assessment")
    CONTRIBUTION_INCOME = "contribution_income", _("contribution income")
    SUBSIDY_INCOME = "subsidy_income", _("government subsidy")
    TRANSFER_INCOME = "transfer_income", _("transfers in")
    INTEREST_INCOME = "interest_income", _("interest income")
    BENEFIT_EXPENDITURE = "benefit_expenditure", _("outpatient benefits")
    ACCOUNT_CREDITS = "account_credits", _("credits to personal accounts")
    SURPLUS_AWARD = "surplus_award", _("surplus awards")
    OVERRUN_BORNE = "overrun_borne", _("overrun borne by institutions")
    RETENTION_FORFEITED = "retention_forfeited", _("retentions forfeited by assessment")
    TRANSFER_EXPENDITURE = "transfer_expenditure", _("transfers out")
    PRIOR_YEAR = "prior_year", _("adjustment of an earlier year")


class Account(models.Model):
    """个人账户: one for each member and area. Balance and running number move only together with an entry.

    It is frozen while any of its freezes is open; the database turns the status with them.
    """

    class Status(models.TextChoices):
        OPEN = "open", _("open")
        FROZEN = "frozen", _("frozen")
        CLOSED = "closed", _("closed")

    member = models.ForeignKey(Member, models.PROTECT, related_name="accounts", verbose_name=_("member"))
    area = models.ForeignKey(Area, models.PROTECT, verbose_name=_("area"))
    status = models.CharField(_("status"), max_length=10, choices=Status, default=Status.OPEN)
    status_reason = models.CharField(_("reason of the status"), max_length=200, blank=True)
    balance = MoneyField(_("balance"), default=0, editable=False)
    last_number = models.PositiveIntegerField(_("entries"), default=0, editable=False)
    opened_on = models.DateField(_("opened on"))

    class Meta:
        verbose_name = _("personal account")
        verbose_name_plural = _("personal accounts")
        ordering = ["id"]
        constraints = [
            models.UniqueConstraint(fields=["member", "area"], name="account_one_for_member_and_area"),
            models.CheckConstraint(name="account_not_overdrawn", condition=Q(balance__gte=0)),
            models.CheckConstraint(name="account_status_known", condition=Q(status__in=["open", "frozen", "closed"])),
            models.CheckConstraint(name="account_closed_is_empty", condition=~Q(status="closed") | Q(balance=0)),
        ]
        indexes = [models.Index(fields=["area", "id"], name="account_area")]

    def __str__(self):
        return str(self.member)


class ClosedMonth(models.Model):
    """An accounting month whose books are closed: no journal may be posted into it."""

    area = models.ForeignKey(Area, models.PROTECT, verbose_name=_("area"))
    month = models.DateField(_("month"))
    closed_by = models.ForeignKey(Staff, models.PROTECT, related_name="+", verbose_name=_("closed by"))
    closed_at = models.DateTimeField(_("closed at"))

    class Meta:
        verbose_name = _("closed accounting month")
        verbose_name_plural = _("closed accounting months")
        ordering = ["area", "-month"]
        constraints = [
            models.UniqueConstraint(fields=["area", "month"], name="month_closed_once"),
            models.CheckConstraint(name="closed_month_first_day", condition=Q(month__day=1)),
        ]

    def __str__(self):
        return f"{self.month:%Y-%m}"


class Journal(models.Model):
    """记账凭证. Its key makes a repeated posting harmless; the hash tells a repeat from another request."""

    class Kind(models.TextChoices):
        CREDIT = "credit", _("monthly credit")
        VISIT = "visit", _("visit")
        REVERSAL = "reversal", _("reversal")
        USE = "use", _("use of an account")
        PAYOUT = "payout", _("payout")
        OPENING = "opening", _("opening balance")
        RUN = "run", _("payment run")
        RECOVERY = "recovery", _("recovery")
        INTEREST = "interest", _("interest")
        OTHER = "other", _("other")

    area = models.ForeignKey(Area, models.PROTECT, verbose_name=_("area"))
    kind = models.CharField(_("kind"), max_length=10, choices=Kind)
    key = models.CharField(_("key"), max_length=120, unique=True)
    request_hash = models.CharField(_("request hash"), max_length=64)
    posted_on = models.DateField(_("posted on"))
    origin_year = models.PositiveSmallIntegerField(_("year of origin"), null=True, blank=True)
    source = models.CharField(_("source"), max_length=80, help_text=_("The record behind it, as type:number."))
    entry_count = models.PositiveIntegerField(_("entries"))
    actor = models.ForeignKey(Staff, models.PROTECT, related_name="+", verbose_name=_("posted by"))
    posted_at = models.DateTimeField(_("posted at"))

    class Meta:
        verbose_name = _("journal")
        verbose_name_plural = _("journals")
        ordering = ["-id"]
        constraints = [models.CheckConstraint(name="journal_not_empty", condition=Q(entry_count__gte=2))]
        indexes = [
            models.Index(fields=["source"], name="journal_source"),
            models.Index(fields=["area", "posted_on"], name="journal_day"),
        ]

    def __str__(self):
        return self.key


class Entry(models.Model):
    """分录. Positive is credit, negative is debit. Never changed, never deleted."""

    journal = models.ForeignKey(
        Journal, models.PROTECT, db_constraint=False, related_name="entries", verbose_name=_("journal")
    )
    fund = models.CharField(_("fund"), max_length=20, choices=Fund)
    subject = models.CharField(_("subject"), max_length=30, choices=Subject)
    holder = models.CharField(_("holder"), max_length=40, blank=True)
    account = models.ForeignKey(
        Account,
        models.PROTECT,
        null=True,
        blank=True,
        db_constraint=False,
        db_index=False,
        related_name="entries",
        verbose_name=_("personal account"),
    )
    amount = MoneyField(_("amount"))
    number = models.PositiveIntegerField(_("number in the account"), null=True, blank=True)
    balance_after = MoneyField(_("balance after"), null=True, blank=True)

    class Meta:
        verbose_name = _("entry")
        verbose_name_plural = _("entries")
        ordering = ["id"]
        constraints = [
            models.CheckConstraint(name="entry_not_zero", condition=~Q(amount=0)),
            models.CheckConstraint(
                name="entry_personal_or_control",
                condition=Q(account__isnull=True, number__isnull=True, balance_after__isnull=True)
                & ~Q(subject="member_accounts")
                | Q(
                    account__isnull=False,
                    number__isnull=False,
                    balance_after__isnull=False,
                    subject="member_accounts",
                    fund="personal_accounts",
                ),
            ),
            models.CheckConstraint(name="entry_not_overdrawn", condition=Q(balance_after__gte=0)),
            models.UniqueConstraint(
                fields=["account", "number"],
                name="entry_number_once_in_account",
                condition=Q(account__isnull=False),
            ),
        ]
        indexes = [
            models.Index(fields=["subject", "holder", "fund"], name="entry_control", condition=~Q(holder="")),
        ]

    def __str__(self):
        return f"{self.get_subject_display()} {self.amount}"


class Credit(models.Model):
    """What an account was credited with for one month, and why. Its key makes a second delivery do nothing.

    A month is credited once; what a larger base paid later adds is a row of its own, with the next number.
    """

    class Kind(models.TextChoices):
        NORMAL = "normal", _("of its month")
        BACK = "back", _("arrears paid later")
        DIFFERENCE = "difference", _("difference of base")

    # Written ten thousand at a time, beside the entries whose guards have just checked account and journal.
    account = models.ForeignKey(
        Account,
        models.PROTECT,
        db_constraint=False,
        db_index=False,
        related_name="credits",
        verbose_name=_("account"),
    )
    month = models.DateField(_("month"), help_text=_("First day of the month that the credit is for."))
    number = models.PositiveSmallIntegerField(_("number in the month"), default=1)
    kind = models.CharField(_("kind"), max_length=10, choices=Kind)
    amount = MoneyField(_("amount"))
    base = MoneyField(_("contribution base"), help_text=_("All that is paid for the month; 0 for a fixed sum."))
    person_class = models.CharField(_("person class"), max_length=30, choices=Enrolment.PersonClass)
    source = models.CharField(_("paid from"), max_length=20)
    article = models.CharField(_("article"), max_length=40)
    edition = models.ForeignKey(
        Edition,
        models.PROTECT,
        db_constraint=False,
        db_index=False,
        related_name="+",
        verbose_name=_("edition"),
    )
    journal = models.ForeignKey(
        Journal,
        models.PROTECT,
        db_constraint=False,
        db_index=False,
        related_name="credits",
        verbose_name=_("journal"),
    )

    class Meta:
        verbose_name = _("monthly credit")
        verbose_name_plural = _("monthly credits")
        ordering = ["-month", "account"]
        constraints = [
            models.UniqueConstraint(fields=["account", "month", "number"], name="credit_once_a_month"),
            models.CheckConstraint(name="credit_month_first_day", condition=Q(month__day=1)),
            models.CheckConstraint(name="credit_positive", condition=Q(amount__gt=0)),
        ]

    def __str__(self):
        return f"{self.month:%Y-%m} {self.amount}"


class CreditRecovery(models.Model):
    """Of which month's credit a recovery took how much back; negative, what was given back again.

    A recovery for another reason has no such row: it says nothing of any month.
    """

    account = models.ForeignKey(
        Account, models.PROTECT, related_name="credit_recoveries", verbose_name=_("personal account")
    )
    month = models.DateField(_("month"), help_text=_("First day of the month whose credit it is of."))
    source = models.CharField(_("paid from"), max_length=20)
    amount = MoneyField(_("amount"))
    after_death = models.BooleanField(_("because it came after the holder's death"))
    journal = models.ForeignKey(Journal, models.PROTECT, related_name="credit_recoveries", verbose_name=_("journal"))

    class Meta:
        verbose_name = _("credit taken back")
        verbose_name_plural = _("credits taken back")
        ordering = ["-id"]
        constraints = [
            models.UniqueConstraint(fields=["journal", "month", "source"], name="credit_recovery_once_a_journal"),
            models.CheckConstraint(name="credit_recovery_month_first_day", condition=Q(month__day=1)),
            models.CheckConstraint(name="credit_recovery_not_zero", condition=~Q(amount=0)),
        ]

    def __str__(self):
        return f"{self.month:%Y-%m} {self.amount}"


class FamilyGrant(models.Model):
    """家庭共济授权: the holder of an account lets a relative on the roster use it."""

    account = models.ForeignKey(Account, models.PROTECT, related_name="grants", verbose_name=_("account"))
    relative = models.ForeignKey(Relative, models.PROTECT, related_name="grants", verbose_name=_("relative"))
    beneficiary = models.ForeignKey(
        Member, models.PROTECT, related_name="granted_accounts", verbose_name=_("who may use it")
    )
    starts_on = models.DateField(_("first day"))
    ends_on = models.DateField(_("last day"), null=True, blank=True)
    granted_by = models.ForeignKey(Staff, models.PROTECT, related_name="+", verbose_name=_("recorded by"))

    class Meta:
        verbose_name = _("family grant")
        verbose_name_plural = _("family grants")
        ordering = ["id"]
        constraints = [
            ends_after_start("family_grant_ends_after_start"),
            OneAtATime(name="family_grant_one_a_day", keys=["account", "beneficiary"]),
        ]

    def __str__(self):
        return f"{self.starts_on} – {self.ends_on or ''}"


class AccountUse(models.Model):
    """A purchase or premium paid from an account outside a visit: own use or a relative's."""

    key = models.CharField(_("key"), max_length=80, unique=True)
    request_hash = models.CharField(_("request hash"), max_length=64)
    account = models.ForeignKey(Account, models.PROTECT, related_name="uses", verbose_name=_("account"))
    user = models.ForeignKey(Member, models.PROTECT, related_name="+", verbose_name=_("used for"))
    relation = models.CharField(_("relation"), max_length=20)
    purpose = models.CharField(_("purpose"), max_length=40)
    payee = models.CharField(_("payee"), max_length=40)
    used_on = models.DateField(_("used on"))
    asked = MoneyField(_("bill"))
    paid = MoneyField(_("paid from the account"))
    cash = MoneyField(_("paid in cash"))
    refusal = models.CharField(_("refusal"), max_length=40, blank=True)
    article = models.CharField(_("article"), max_length=40, blank=True)
    reverses = models.OneToOneField(
        "self", models.PROTECT, null=True, blank=True, related_name="reversal", verbose_name=_("reverses")
    )
    recorded_by = models.ForeignKey(Staff, models.PROTECT, related_name="+", verbose_name=_("recorded by"))
    recorded_at = models.DateTimeField(_("recorded at"))

    class Meta:
        verbose_name = _("use of an account")
        verbose_name_plural = _("uses of accounts")
        ordering = ["-id"]
        constraints = [
            models.CheckConstraint(name="account_use_adds_up", condition=Q(asked=F("paid") + F("cash"))),
        ]

    def __str__(self):
        return f"{self.used_on} {self.paid}"


class Payout(models.Model):
    """个人账户支取 or transfer: submitted by one person, approved by another, then paid; returned until it is."""

    Status = PayoutStatus
    steps = PAYOUT

    account = models.ForeignKey(Account, models.PROTECT, related_name="payouts", verbose_name=_("account"))
    event = models.CharField(_("event"), max_length=40)
    happened_on = models.DateField(_("happened on"))
    action = models.CharField(_("what the rules say"), max_length=20)
    article = models.CharField(_("article"), max_length=40)
    amount = MoneyField(_("amount"))
    payees = models.JSONField(_("payees"), help_text=_("Name, bank, account number and amount of each."))
    papers = models.CharField(_("papers"), max_length=300, blank=True)
    account_status = models.CharField(_("status of the account before"), max_length=10, choices=Account.Status)
    status = models.CharField(_("status"), max_length=10, choices=Status, default=Status.SUBMITTED)
    submitted_by = models.ForeignKey(Staff, models.PROTECT, related_name="+", verbose_name=_("submitted by"))
    submitted_at = models.DateTimeField(_("submitted at"))
    approved_by = models.ForeignKey(
        Staff, models.PROTECT, null=True, blank=True, related_name="+", verbose_name=_("approved by")
    )
    approved_at = models.DateTimeField(_("approved at"), null=True, blank=True)
    paid_by = models.ForeignKey(
        Staff, models.PROTECT, null=True, blank=True, related_name="+", verbose_name=_("paid by")
    )
    paid_at = models.DateTimeField(_("paid at"), null=True, blank=True)
    returned_by = models.ForeignKey(
        Staff, models.PROTECT, null=True, blank=True, related_name="+", verbose_name=_("returned by")
    )
    returned_at = models.DateTimeField(_("returned at"), null=True, blank=True)
    note = models.CharField(_("note"), max_length=300, blank=True)

    class Meta:
        verbose_name = _("payout")
        verbose_name_plural = _("payouts")
        ordering = ["-id"]
        constraints = [
            *PAYOUT.constraints(),
            models.CheckConstraint(name="payout_positive", condition=Q(amount__gt=0)),
            models.UniqueConstraint(
                fields=["account"],
                condition=Q(status__in=["submitted", "approved"]),
                name="payout_one_open",
                violation_error_message=_("The account already has a payout on its way."),
            ),
        ]

    def __str__(self):
        return f"{self.happened_on} {self.amount}"


class Freeze(models.Model):
    """冻结: one reason for which nothing leaves an account. Each ends for itself, by whoever may end it."""

    class Cause(models.TextChoices):
        STAFF = "staff", _("by hand")
        PAYOUT = "payout", _("a payout on its way")
        REFUND = "refund", _("money given back after the account was closed")

    account = models.ForeignKey(Account, models.PROTECT, related_name="freezes", verbose_name=_("account"))
    cause = models.CharField(_("cause"), max_length=10, choices=Cause)
    reason = models.CharField(_("reason"), max_length=200)
    payout = models.ForeignKey(
        Payout, models.PROTECT, null=True, blank=True, related_name="freezes", verbose_name=_("payout")
    )
    frozen_by = models.ForeignKey(
        Staff,
        models.PROTECT,
        null=True,
        blank=True,
        related_name="+",
        verbose_name=_("frozen by"),
        help_text=_("Empty where the account was frozen before its reasons were kept one by one."),
    )
    frozen_at = models.DateTimeField(_("frozen at"))
    ended_by = models.ForeignKey(
        Staff, models.PROTECT, null=True, blank=True, related_name="+", verbose_name=_("ended by")
    )
    ended_at = models.DateTimeField(_("ended at"), null=True, blank=True)
    end_reason = models.CharField(_("why it ended"), max_length=200, blank=True)

    class Meta:
        verbose_name = _("freeze")
        verbose_name_plural = _("freezes")
        ordering = ["-id"]
        constraints = [
            models.CheckConstraint(
                name="freeze_of_payout", condition=Q(cause="payout", payout__isnull=False) | ~Q(cause="payout")
            ),
            models.CheckConstraint(
                name="freeze_ended_by_somebody",
                condition=Q(ended_at__isnull=True, ended_by__isnull=True)
                | Q(ended_at__isnull=False, ended_by__isnull=False),
            ),
            models.UniqueConstraint(fields=["payout"], name="freeze_once_a_payout"),
        ]
        indexes = [models.Index(fields=["account"], condition=Q(ended_at__isnull=True), name="freeze_open")]

    def __str__(self):
        return self.reason
