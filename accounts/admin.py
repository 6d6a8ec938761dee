"""Personal accounts and the ledger."""

import datetime
from collections import defaultdict
from decimal import Decimal, InvalidOperation

from django import forms
from django.contrib import admin
from django.core.exceptions import ValidationError
from django.urls import reverse
from django.utils.html import format_html
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from accounts import statements
from accounts.admin_extraction import EXTRACT, extraction_label
from accounts.models import (
    Account,
    AccountUse,
    ClosedMonth,
    Credit,
    Entry,
    FamilyGrant,
    Fund,
    Journal,
    Payout,
    Subject,
)
from accounts.queries import statement, trial_balance
from accounts.services import standing
from accounts.services.credits import credit_month
from accounts.services.family import grant, revoke
from accounts.services.months import close_month, reopen_month
from accounts.services.payouts import Payee, approve_payout, pay_payout, return_payout, submit_payout
from accounts.services.recoveries import collect_recovery, outstanding, recover
from accounts.services.uses import reverse_use, use_account
from bureau import clock
from bureau.admin import (
    Act,
    ActForm,
    Answer,
    KeyField,
    MonthField,
    Panel,
    Records,
    Report,
    Section,
    extend,
    form_of,
    money_field,
    pick,
    reason_field,
    when,
)
from bureau.admin.business import XLSX, attachment
from bureau.models import Area, Staff
from bureau.rules import account_use
from bureau.rules.errors import REASONS
from members.admin import OfMember, end_form
from members.models import Member, Relative

SELF = "self"
ReasonForm = type("ReasonForm", (ActForm,), {"reason": reason_field()})
NoteForm = type("NoteForm", (ActForm,), {"note": reason_field(_("Why it is returned"))})


def relation_label(code: str) -> str:
    if code == SELF:
        return gettext("the holder")
    return str(dict(Relative.Relation.choices).get(code, code))


def words(labels: dict[str, str]) -> list[tuple[str, str]]:
    """Choices out of a table of the rules, in the reader's language."""
    return [(code, gettext(label)) for code, label in labels.items()]


def refusal_label(code: str, article: str) -> str:
    """Why something was refused, in the reader's language."""
    if not code:
        return ""
    reason = gettext(REASONS.get(code, code)).partition(":")[0].partition("{")[0]
    return gettext("%(reason)s (article %(article)s)") % {"reason": reason, "article": article} if article else reason


class OpenForm(ActForm):
    area = pick(Account._meta.get_field("area"))
    on = when(_("for members enrolled up to"), initial=clock.today)


def open_accounts(*, area: Area, on: datetime.date, actor: Staff, now: datetime.datetime) -> Answer:
    opened = standing.open_accounts(area_id=area.pk, on=on, actor=actor, now=now)
    return Answer(text=gettext("%(count)d accounts were opened.") % {"count": opened})


class CreditForm(ActForm):
    area = pick(Account._meta.get_field("area"))
    month = MonthField(label=_("month"), initial=clock.today)
    run = forms.IntegerField(
        label=_("number of the run"),
        initial=1,
        min_value=1,
        max_value=99,
        help_text=_("A second run of the same month credits only what has come in since the first."),
    )


class UseForm(ActForm):
    key = KeyField()
    user = pick(
        AccountUse._meta.get_field("user"), required=False, help_text=_("Empty: the holder of the account.")
    )
    purpose = forms.ChoiceField(label=_("purpose"), choices=lambda: words(account_use.PURPOSES))
    payee = forms.CharField(label=_("payee"), max_length=40, help_text=_("The institution's code, or who is paid."))
    amount = money_field(_("bill"))
    on = when(_("used on"), initial=clock.today)


def use(*, account: Account, user: Member | None, **asked) -> AccountUse:
    return use_account(account=account, user=user or account.member, **asked)


GrantForm = form_of(FamilyGrant, "beneficiary", "starts_on", "ends_on")


class PayeesField(forms.CharField):
    """One payee a line: name, bank, account number, and the share in percent where there are several."""

    widget = forms.Textarea(attrs={"rows": 3, "cols": 60})

    def clean(self, value):
        payees = []
        for number, line in enumerate(super().clean(value).splitlines(), start=1):
            parts = [part.strip() for part in line.replace("，", ",").replace("\t", ",").split(",")]
            if not any(parts):
                continue
            if len(parts) not in (3, 4):
                raise ValidationError(
                    _("Line %(number)d: write name, bank, account number and share, with commas between."),
                    params={"number": number},
                )
            try:
                share = Decimal(parts[3].rstrip("%％")) if len(parts) == 4 else Decimal(100)
            except InvalidOperation:
                raise ValidationError(
                    _("Line %(number)d: the share is a number of percent."), params={"number": number}
                ) from None
            payees.append(Payee(parts[0], parts[1], parts[2], share))
        return payees


class PayoutForm(ActForm):
    event = forms.ChoiceField(label=_("event"), choices=lambda: words(account_use.EVENTS))
    happened_on = when(_("happened on"))
    payees = PayeesField(
        label=_("payees"),
        help_text=_("One a line: name, bank, account number. Several heirs: also the share in percent, such as 50."),
    )
    papers = forms.CharField(label=_("papers"), max_length=300, required=False)
    applied = forms.BooleanField(label=_("applied for in writing"), required=False, initial=True)


class RecoverForm(ActForm):
    key = KeyField()
    amount = money_field(_("amount"))
    source = forms.ChoiceField(
        label=_("the credit was paid from"), choices=[("contribution", _("contributions")), ("pool", _("the pool"))]
    )
    reason = reason_field()


class CollectForm(ActForm):
    key = KeyField()
    amount = money_field(_("amount"))
    from_account = forms.BooleanField(label=_("out of the account's balance"), required=False)
    reason = reason_field()


class PeriodForm(ActForm):
    starts_on = when(_("first day"), initial=lambda: clock.today().replace(month=1, day=1))
    ends_on = when(_("last day"), initial=clock.today)

    def clean(self):
        data = super().clean()
        first, last = data.get("starts_on"), data.get("ends_on")
        if first and last and last < first:
            self.add_error("ends_on", _("The last day lies before the first."))
        return data


def account_statement(request, account: Account, data) -> list[Panel]:
    shown = statement(account_id=account.pk, **data)
    into, out = statements.totals(shown)
    first = ["", "", gettext("brought forward"), "", None, None, shown.opening]
    return [
        Panel(
            f"{account.member} · {account.area} · {shown.starts_on} – {shown.ends_on}",
            statements.headers(),
            [first, *statements.rows(shown)],
            foot=["", "", gettext("total"), "", into, out, shown.closing],
        )
    ]


def account_statement_file(request, account: Account, data):
    shown = statement(account_id=account.pk, **data)
    title = gettext("statement")
    name = f"{title}-{account.member.name}-{shown.starts_on}-{shown.ends_on}.xlsx"
    return attachment(statements.as_xlsx(account, shown), name, XLSX)


def standing_of(request, account: Account) -> Panel | None:
    owed = outstanding(account.pk)
    if not owed:
        return None
    return Panel(_("Recoveries"), [_("still owed by the holder")], [[owed]])


def is_status(*statuses: str):
    return lambda record: record.status in statuses


@admin.register(Account)
class AccountAdmin(OfMember):
    list_display = ["member", "area", "status", "balance", "last_number", "opened_on"]
    list_filter = ["status"]
    list_select_related = ["member", "area"]
    area_path = "area"
    list_acts = [
        Act(
            code="account.open",
            label=_("Open missing accounts"),
            do=open_accounts,
            form=OpenForm,
            help=_("For every member whose class has an account by the edition and who has none."),
        ),
        Act(
            code="account.credit",
            label=_("Credit a month"),
            do=credit_month,
            form=CreditForm,
            help=_("All accounts of the area, as a job; missing accounts are opened first. It takes effect once."),
        ),
    ]
    acts = [
        Report(
            code="account.statement",
            label=_("Statement"),
            form=PeriodForm,
            show=account_statement,
            file=account_statement_file,
        ),
        Act(
            code="account.use",
            label=_("Use the account"),
            do=use,
            record="account",
            form=UseForm,
            follow=True,
            offered=is_status(Account.Status.OPEN),
            help=_("A purchase or a premium outside visits. What the rules refuse is recorded and moves nothing."),
        ),
        Act(
            code="family.grant",
            label=_("Let a relative use it"),
            do=grant,
            record="account",
            form=GrantForm,
            offered=is_status(Account.Status.OPEN),
        ),
        Act(
            code="payout.submit",
            label=_("Pay the balance out"),
            do=submit_payout,
            record="account",
            form=PayoutForm,
            follow=True,
            offered=is_status(Account.Status.OPEN, Account.Status.FROZEN),
            help=_("Submitted by one person, approved by another; the account is frozen meanwhile."),
        ),
        Act(
            code="account.freeze",
            label=_("Freeze"),
            do=standing.freeze,
            record="account",
            form=ReasonForm,
            offered=is_status(Account.Status.OPEN),
        ),
        Act(
            code="account.unfreeze",
            label=_("Unfreeze"),
            do=standing.unfreeze,
            record="account",
            form=ReasonForm,
            offered=is_status(Account.Status.FROZEN),
        ),
        Act(
            code="account.close",
            label=_("Close the account"),
            do=standing.close,
            record="account",
            form=ReasonForm,
            offered=lambda account: account.status == Account.Status.OPEN and not account.balance,
        ),
        Act(
            code="account.reopen",
            label=_("Reopen"),
            do=standing.reopen,
            record="account",
            form=ReasonForm,
            offered=is_status(Account.Status.CLOSED),
        ),
        Act(
            code="account.recover",
            label=_("Take back a credit"),
            do=recover,
            record="account",
            form=RecoverForm,
            help=_("What was credited by mistake. What the balance does not cover becomes a receivable."),
        ),
        Act(
            code="account.recovery_collect",
            label=_("Collect a receivable"),
            do=collect_recovery,
            record="account",
            form=CollectForm,
            offered=lambda account: outstanding(account.pk) > 0,
        ),
    ]
    sections = [
        standing_of,
        Section(Entry, "account", without=["fund", "subject", "holder"]),
        Section(Credit, "account"),
        Section(FamilyGrant, "account"),
        Section(AccountUse, "account"),
        Section(Payout, "account"),
    ]


@admin.register(Credit)
class CreditAdmin(OfMember):
    list_display = ["account", "for_month", "kind", "amount", "base", "person_class", "paid_from", "article"]
    list_filter = ["kind", "person_class"]
    list_select_related = ["account__member"]
    member_path = "account__member"
    area_path = "account__area"
    fields = [
        "account", "for_month", "number", "kind", "amount", "base", "person_class", "paid_from", "article", "edition",
        "journal",
    ]  # fmt: skip

    @admin.display(description=_("month"), ordering="month")
    def for_month(self, credit):
        return f"{credit.month:%Y-%m}"

    @admin.display(description=_("paid from"), ordering="source")
    def paid_from(self, credit):
        return {"contribution": gettext("contributions"), "pool": gettext("the pool")}.get(credit.source, credit.source)


@admin.register(FamilyGrant)
class FamilyGrantAdmin(OfMember):
    list_display = ["account", "beneficiary", "relation", "starts_on", "ends_on", "granted_by"]
    list_select_related = ["account__member", "beneficiary", "relative", "granted_by"]
    member_path = "account__member"
    area_path = "account__area"
    acts = [
        Act(
            code="family.revoke",
            label=_("End the grant"),
            do=revoke,
            record="grant",
            form=end_form(_("last day"), "last_day"),
        ),
    ]

    @admin.display(description=_("relation"))
    def relation(self, made):
        return made.relative.get_relation_display()


def journals_of(name: str) -> Section:
    """The journals that a record's acts have posted."""
    return Section(Journal, rows=lambda record: Journal.objects.filter(source=f"{name}:{record.pk}"))


@admin.register(AccountUse)
class AccountUseAdmin(OfMember):
    list_display = ["account", "used_on", "user", "relation_shown", "what_for", "payee", "asked", "paid", "cash", "why"]
    list_filter = [("refusal", admin.EmptyFieldListFilter), ("reverses", admin.EmptyFieldListFilter)]
    list_select_related = ["account__member", "user"]
    member_path = "account__member"
    area_path = "account__area"
    fields = [
        "account", "used_on", "user", "relation_shown", "what_for", "payee", "asked", "paid", "cash", "why", "article",
        "reverses", "key", "recorded_by", "recorded_at",
    ]  # fmt: skip
    acts = [
        Act(
            code="account.use_reverse",
            label=_("Reverse"),
            do=reverse_use,
            record="use",
            follow=True,
            help=_("The account gets back exactly what was taken."),
            offered=lambda use: use.reverses_id is None and not use.refusal,
        ),
    ]
    sections = [journals_of("use")]

    @admin.display(description=_("relation"), ordering="relation")
    def relation_shown(self, use):
        return relation_label(use.relation)

    @admin.display(description=_("purpose"), ordering="purpose")
    def what_for(self, use):
        return gettext(account_use.PURPOSES.get(use.purpose, use.purpose))

    @admin.display(description=_("refusal"), ordering="refusal")
    def why(self, use):
        return refusal_label(use.refusal, use.article)


@admin.register(Payout)
class PayoutAdmin(OfMember):
    list_display = ["account", "happening", "happened_on", "amount", "status", "submitted_by", "approved_by", "paid_by"]
    list_filter = ["status"]
    list_select_related = ["account__member", "submitted_by", "approved_by", "paid_by"]
    member_path = "account__member"
    area_path = "account__area"
    fields = [
        "account", "happening", "happened_on", "ruling", "article", "amount", "payees", "papers", "status", "note",
        "submitted_by", "submitted_at", "approved_by", "approved_at", "paid_by", "paid_at",
    ]  # fmt: skip
    acts = [
        Act(
            code="payout.approve",
            label=_("Approve"),
            do=approve_payout,
            record="payout",
            offered=is_status(Payout.Status.SUBMITTED),
            help=_("By someone other than who submitted it."),
        ),
        Act(
            code="payout.return",
            label=_("Return"),
            do=return_payout,
            record="payout",
            form=NoteForm,
            offered=is_status(Payout.Status.SUBMITTED),
        ),
        Act(
            code="payout.pay",
            label=_("Record the payment"),
            do=pay_payout,
            record="payout",
            offered=is_status(Payout.Status.APPROVED),
            help=_("The bank has paid."),
        ),
    ]
    sections = [journals_of("payout")]

    @admin.display(description=_("event"), ordering="event")
    def happening(self, payout):
        return gettext(account_use.EVENTS.get(payout.event, payout.event))

    @admin.display(description=_("what the rules say"))
    def ruling(self, payout):
        return gettext(account_use.ACTIONS.get(payout.action, payout.action))


# Which record stands behind a journal: its source is type:number.
SOURCES = {
    "visit": "settlement_visit",
    "line": "settlement_line",
    "payment": "settlement_payment",
    "claim": "settlement_claim",
    "proposal": "settlement_proposal",
    "adjustment": "settlement_adjustment",
    "use": "accounts_accountuse",
    "payout": "accounts_payout",
    "account": "accounts_account",
    "job": "bureau_job",
}


class BalanceForm(ActForm):
    area = pick(Journal._meta.get_field("area"))
    on = when(_("up to and including"), initial=clock.today)
    by_holder = forms.BooleanField(label=_("each holder apart"), required=False)


def balance(request, record, data) -> list[Panel]:
    by_fund = defaultdict(list)
    for line in trial_balance(area_id=data["area"].pk, on=data["on"], by_holder=data["by_holder"]):
        by_fund[line.fund].append(line)
    holder = [_("holder")] if data["by_holder"] else []
    return [
        Panel(
            Fund(fund).label,
            [_("subject"), *holder, _("debit"), _("credit"), _("debit balance"), _("credit balance")],
            [
                [
                    Subject(line.subject).label,
                    *([line.holder] if holder else []),
                    line.debit,
                    line.credit,
                    max(-line.balance, Decimal("0.00")),
                    max(line.balance, Decimal("0.00")),
                ]
                for line in lines
            ],
            foot=[
                gettext("total"),
                *([""] if holder else []),
                sum(line.debit for line in lines),
                sum(line.credit for line in lines),
                sum(-line.balance for line in lines if line.balance < 0) or Decimal("0.00"),
                sum(line.balance for line in lines if line.balance > 0) or Decimal("0.00"),
            ],
        )
        for fund, lines in by_fund.items()
    ] or [Panel(_("Trial balance"), note=_("Nothing has been posted up to this day."))]


@admin.register(Journal)
class JournalAdmin(Records):
    list_display = ["key", "kind", "posted_on", "behind", "entry_count", "actor", "posted_at"]
    list_filter = ["kind"]
    search_fields = ["=key", "=source"]
    search_help_text = _("Key of the journal, or the record behind it, such as visit:12")
    list_select_related = ["actor"]
    area_path = "area"
    fields = [
        "key", "area", "kind", "posted_on", "origin_year", "behind", "entry_count", "actor", "posted_at",
        "request_hash",
    ]  # fmt: skip
    list_acts = [
        Report(code="ledger.balance", label=_("Trial balance"), form=BalanceForm, show=balance),
        EXTRACT,
    ]
    sections = [Section(Entry, "journal")]

    def get_search_results(self, request, queryset, search_term):
        term = search_term.strip()
        if not term:
            return queryset, False
        return queryset.filter(key=term) | queryset.filter(source=term), False

    @admin.display(description=_("source"), ordering="source")
    def behind(self, journal):
        name, _sep, number = journal.source.partition(":")
        if name not in SOURCES or not number.isdigit():
            return extraction_label(journal.source) or journal.source
        url = reverse(f"admin:{SOURCES[name]}_change", args=[number])
        return format_html('<a href="{}">{}</a>', url, journal.source)


@admin.register(Entry)
class EntryAdmin(Records):
    hidden = True
    list_display = [
        "id", "journal", "posted_on", "fund", "subject", "holder", "account", "debit_amount", "credit_amount", "number",
        "balance_after",
    ]  # fmt: skip
    list_select_related = ["journal", "account__member"]
    list_filter = ["fund", "subject"]
    area_path = "journal__area"
    fields = [
        "journal", "fund", "subject", "holder", "account", "debit_amount", "credit_amount", "number", "balance_after",
    ]  # fmt: skip

    @admin.display(description=_("posted on"))
    def posted_on(self, entry):
        return entry.journal.posted_on

    @admin.display(description=_("debit"))
    def debit_amount(self, entry):
        return f"{-entry.amount:,.2f}" if entry.amount < 0 else ""

    @admin.display(description=_("credit"))
    def credit_amount(self, entry):
        return f"{entry.amount:,.2f}" if entry.amount > 0 else ""


class MonthForm(ActForm):
    area = pick(ClosedMonth._meta.get_field("area"))
    month = MonthField(label=_("month"))


def reopen(*, closed: ClosedMonth, reason: str, actor: Staff, now: datetime.datetime) -> None:
    reopen_month(area=closed.area, month=closed.month, reason=reason, actor=actor, now=now)


@admin.register(ClosedMonth)
class ClosedMonthAdmin(Records):
    ordering = ("-month",)
    list_display = ["closed_month", "area", "closed_by", "closed_at"]
    list_select_related = ["area", "closed_by"]
    area_path = "area"
    fields = ["closed_month", "area", "closed_by", "closed_at"]
    list_acts = [
        Act(
            code="month.close",
            label=_("Close a month"),
            do=close_month,
            form=MonthForm,
            help=_("No journal is posted into a closed month."),
        ),
    ]
    acts = [
        Act(code="month.reopen", label=_("Reopen"), do=reopen, record="closed", form=ReasonForm),
    ]

    @admin.display(description=_("month"), ordering="month")
    def closed_month(self, closed):
        return f"{closed.month:%Y-%m}"


extend(
    Member,
    sections=[
        Section(Account, "member"),
        Section(FamilyGrant, "beneficiary", title=_("Accounts of relatives that the member may use")),
    ],
)
