"""The ledger: journals and their entries, the trial balance, months that are closed."""

import datetime
from collections import defaultdict
from decimal import Decimal

from django import forms
from django.contrib import admin
from django.db.models import Model
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from accounts.admin.extraction import EXTRACT, extraction_label
from accounts.admin.labels import payee_label
from accounts.models import Account, AccountUse, ClosedMonth, Entry, Fund, Journal, Payout, Subject
from accounts.queries import trial_balance
from accounts.services.months import close_month, reopen_month
from bureau import clock
from bureau.models import Job, Staff
from bureau.site import Act, ActForm, MonthField, Panel, ReasonForm, Records, Report, Section, link, pick, when


def journals_of(name: str) -> Section:
    """The journals that a record's acts have posted."""
    return Section(Journal, rows=lambda record: Journal.objects.filter(source=f"{name}:{record.pk}"))


# Which record stands behind a journal, whose source is type:number; a room above that posts adds its own.
SOURCES: dict[str, type[Model]] = {"use": AccountUse, "payout": Payout, "account": Account, "job": Job}


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
                    *([payee_label(line.holder)] if holder else []),
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
        return link(SOURCES[name](pk=number), journal.source)


@admin.register(Entry)
class EntryAdmin(Records):
    hidden = True
    list_display = [
        "id", "journal", "posted_on", "fund", "subject", "holder_shown", "account", "debit_amount", "credit_amount",
        "number", "balance_after",
    ]  # fmt: skip
    list_select_related = ["journal", "account__member"]
    list_filter = ["fund", "subject"]
    fields = [
        "journal", "fund", "subject", "holder_shown", "account", "debit_amount", "credit_amount", "number",
        "balance_after",
    ]  # fmt: skip

    @admin.display(description=_("holder"), ordering="holder")
    def holder_shown(self, entry):
        return payee_label(entry.holder)

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
