"""Payment runs: computed, submitted, approved by another, paid; their lines, late facts and payments."""

import datetime

from django import forms
from django.contrib import admin
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from accounts.admin.ledger import journals_of
from accounts.models import Fund
from bureau.models import Area, County, Scheme, Staff
from bureau.site import (
    Act,
    ActForm,
    Answer,
    MonthField,
    Panel,
    ReasonForm,
    Records,
    Report,
    Section,
    WhyReturnedForm,
    is_status,
    link,
    money_field,
    pick,
    reason_field,
)
from bureau.site.answers import table_file
from institutions.models import AccountChange
from settlement import statements
from settlement.admin.budgets import YEAR
from settlement.admin.traces import trace_of_steps
from settlement.models import Adjustment, Line, Payment, Run, Visit
from settlement.queries.lines import replay_line
from settlement.services.runs.approval import (
    account_of,
    approve_accounts,
    approve_run,
    discard_run,
    return_run,
    submit_run,
)
from settlement.services.runs.compute import compute_run, compute_runs, decide_advance
from settlement.services.runs.late import search_run
from settlement.services.runs.payment import pay_run, reissue_payment, return_payment

SETTLED = is_status(Run.Status.APPROVED, Run.Status.PAID)


def fund_label(code: str) -> str:
    return str(Fund(code).label) if code in Fund.values else code


class ComputeForm(ActForm):
    area = pick(Run._meta.get_field("area"))
    county = pick(Run._meta.get_field("county"), required=False, help_text=_("Empty: every agency, as a job."))
    scheme = forms.ChoiceField(label=_("scheme"), choices=Scheme.choices)
    kind = forms.ChoiceField(label=_("kind"), choices=Run.Kind.choices)
    period = MonthField(label=_("period"), help_text=_("The month; for the year-end settlement January of the year."))


def compute(*, area: Area, county: County | None, scheme: str, kind: str, period: datetime.date, actor: Staff, now):
    asked = {"area": area, "scheme": scheme, "kind": kind, "period": period, "actor": actor, "now": now}
    return compute_runs(**asked) if county is None else compute_run(county=county, **asked)


class AdvanceForm(ActForm):
    institution = pick(Line._meta.get_field("institution"), own=True)
    amount = money_field(_("decided amount"))
    note = reason_field(_("Decision and reason"))


def late_facts(*, run: Run, actor: Staff, now: datetime.datetime) -> Answer:
    found = search_run(run=run, actor=actor, now=now)
    return Answer(
        [
            Panel(
                _("New adjustments"),
                [_("institution"), _("reason"), _("fund"), _("amount")],
                [[link(one, one.institution.name), one.reason, fund_label(one.fund), one.amount] for one in found],
            )
        ],
        _("Differences are carried by the next payments by item; the approved run stays as it is."),
    )


def line_facts(request, line: Line) -> Panel:
    shown = statements.statement(line)
    return Panel(
        _("Facts and results"),
        [_("what"), _("amount")],
        [[label, _plain(value)] for label, value in shown.facts + shown.results],
    )


def _plain(value):
    return str(value) if isinstance(value, int) else value


def statement_file(request, line: Line, data):
    title = gettext("statement")
    name = f"{title}-{statements.purpose(line.run)}-{line.institution.name}"
    return table_file(statements.statement_table(line), name, title=line.institution.name)


def lines_file(request, run: Run, data):
    purpose = statements.purpose(run)
    return table_file(statements.run_table(run), f"{purpose}-{run.county.name}", title=purpose)


class FormatForm(ActForm):
    format = forms.ChoiceField(
        label=_("format"),
        choices=[("xlsx", "XLSX"), ("csv", "CSV")],
        help_text=_("XLSX keeps long numbers as they are. CSV is for the bank's program: a spreadsheet rounds them."),
    )


def payment_file(request, run: Run, data):
    table, purpose = statements.payment_table(run), statements.purpose(run)
    return table_file(table, f"{gettext('payment file')}-{purpose}-{run.county.name}", data["format"], title=purpose)


def accounts_that_moved(request, run: Run) -> Panel | None:
    """Of a run that is not paid: whose account is another now than the one it names, or waits for its confirmation."""
    if run.status in (Run.Status.COMPUTED, Run.Status.PAID):
        return None
    lines = run.lines.filter(to_pay__gt=0).select_related("institution").order_by("institution__code")
    open_changes = AccountChange.objects.filter(status=AccountChange.Status.OPEN, institution__lines__run=run)
    waiting = {change.institution_id: change for change in open_changes}
    rows = [
        [line.institution, line.bank_account, line.institution.bank_account, waiting.get(line.institution_id)]
        for line in lines
        if line.institution_id in waiting or account_of(line) != account_of(line.institution)
    ]
    headers = [_("institution"), _("account in the run"), _("account that counts now"), _("change that waits")]
    return Panel(_("Changed bank accounts"), headers, rows) if rows else None


class BankNoteForm(ActForm):
    note = forms.CharField(label=_("what the bank says"), max_length=200)


@admin.register(Run)
class RunAdmin(Records):
    ordering = ("-period", "-pk")
    list_display = [
        "title", "period_shown", "county", "status", "total", "note", "scheme", "computed_at", "submitted_by",
        "approved_by", "paid_at",
    ]  # fmt: skip
    list_filter = ["status", "kind", "county", "scheme"]
    search_fields = ["county__name"]
    list_select_related = ["county", "submitted_by", "approved_by"]
    fields = [
        "title", "period_shown", "area", "county", "scheme", "status", "total", "note", "computed_by", "computed_at",
        "submitted_by", "submitted_at", "approved_by", "approved_at", "paid_by", "paid_at",
    ]  # fmt: skip
    list_acts = [
        Act(
            code="run.compute",
            label=_("Compute a run"),
            do=compute,
            form=ComputeForm,
            help=_("A run that is only computed is computed anew; one that was submitted stays as it is."),
        ),
        YEAR,
    ]
    acts = [
        Act(
            code="run.submit",
            label=_("Submit"),
            do=submit_run,
            record="run",
            help=_("Puts the run before a reviewer."),
        ),
        Act(
            code="run.record_decision",
            label=_("Record a decision on a lower advance"),
            do=decide_advance,
            record="run",
            form=AdvanceForm,
            help=_("January only, where the edition lets the agency decide on less than the rule gives."),
            offered=lambda run: run.kind == Run.Kind.ADVANCE and run.period.month == 1,
        ),
        Act(
            code="run.discard",
            label=_("Discard"),
            do=discard_run,
            record="run",
            form=ReasonForm,
        ),
        Act(
            code="run.approve",
            label=_("Approve"),
            do=approve_run,
            record="run",
            help=_("By someone other than who submitted it. An approved run never changes."),
        ),
        Act(
            code="run.return",
            label=_("Return"),
            do=return_run,
            record="run",
            form=WhyReturnedForm,
        ),
        Act(
            code="run.approve_accounts",
            label=_("Approve the accounts anew"),
            do=approve_accounts,
            record="run",
            help=_("Where an institution's account has changed since the approval. Amounts stay as they are."),
        ),
        Act(
            code="run.pay",
            label=_("Pay"),
            do=pay_run,
            record="run",
            help=_("Orders every payment and posts its journals. Then download the payment file for the bank."),
        ),
        Act(
            code="run.late",
            label=_("Look for late facts"),
            do=late_facts,
            record="run",
            offered=lambda run: SETTLED(run) and run.kind != Run.Kind.ADVANCE,
        ),
        Report(
            code="run.file",
            label=_("Payment file"),
            form=FormatForm,
            file=payment_file,
            offered=is_status(Run.Status.PAID),
        ),
        Report(code="run.statement", label=_("Download the lines"), file=lines_file),
    ]
    sections = [
        accounts_that_moved,
        Section(Line, "run"),
        Section(Adjustment, "origin", title=_("Differences found later")),
        Section(Payment, rows=lambda run: Payment.objects.filter(line__run=run)),
    ]

    @admin.display(description=_("kind"), ordering="kind")
    def title(self, run):
        return run.get_kind_display()

    @admin.display(description=_("period"), ordering="period")
    def period_shown(self, run):
        return f"{run.period:%Y}" if run.kind == Run.Kind.YEAR_END else f"{run.period:%Y-%m}"


def line_trace(request, line: Line) -> Panel:
    steps: list = []
    replay_line(line, steps)
    return trace_of_steps(_("How it was computed"), steps)


@admin.register(Line)
class LineAdmin(Records):
    hidden = True
    list_display = ["institution", "run", "amount", "adjustment", "to_pay", "account_name", "bank_name", "bank_account"]
    list_filter = ["run__kind", "run__status"]
    list_select_related = ["run__county", "institution"]
    search_fields = ["=institution__code", "institution__name__startswith"]
    search_help_text = _("Institution code, or the beginning of the name")
    fields = [
        "run", "institution", "edition", "amount", "adjustment", "to_pay", "account_name", "bank_name", "bank_account",
    ]  # fmt: skip
    acts = [Report(code="run.statement", label=_("Download the statement"), file=statement_file)]
    sections = [
        line_trace,
        line_facts,
        Section(Adjustment, "carried_by"),
        Section(Payment, "line"),
        journals_of("line"),
    ]


def adjusted_visits(request, adjustment: Adjustment) -> Panel | None:
    section = Section(Visit, rows=lambda one: Visit.objects.filter(adjustments=one))
    return section.panel(request, adjustment)


@admin.register(Adjustment)
class AdjustmentAdmin(Records):
    list_display = ["institution", "origin", "carried_by", "fund_name", "amount", "reason", "created_at"]
    list_filter = ["origin__kind", ("carried_by", admin.EmptyFieldListFilter)]
    list_select_related = ["institution", "origin__county", "carried_by__institution"]
    search_fields = ["=institution__code", "institution__name__startswith"]
    search_help_text = _("Institution code, or the beginning of the name")
    fields = ["institution", "origin", "carried_by", "fund_name", "amount", "reason", "created_by", "created_at"]
    sections = [adjusted_visits, journals_of("adjustment")]

    @admin.display(description=_("fund"), ordering="fund")
    def fund_name(self, adjustment):
        return fund_label(adjustment.fund)


@admin.register(Payment)
class PaymentAdmin(Records):
    list_display = ["payee", "line", "fund_name", "amount", "account_name", "bank_account", "status", "ordered_on"]
    list_filter = ["status", "line__run__kind"]
    list_select_related = ["line__institution", "line__run__county"]
    search_fields = ["=line__institution__code", "account_name__startswith", "=bank_account"]
    search_help_text = _("Institution code, account name or bank account")
    fields = [
        "payee", "line", "fund_name", "amount", "account_name", "bank_name", "bank_account", "status", "ordered_on",
        "note",
    ]  # fmt: skip
    acts = [
        Act(
            code="payment.return",
            label=_("Returned by the bank"),
            do=return_payment,
            record="payment",
            form=BankNoteForm,
        ),
        Act(
            code="payment.reissue",
            label=_("Reissue"),
            do=reissue_payment,
            record="payment",
            follow=True,
            help=_("To the account that counts for the institution now."),
        ),
    ]
    sections = [journals_of("payment")]

    @admin.display(description=_("institution"))
    def payee(self, payment):
        return payment.line.institution.name

    @admin.display(description=_("fund"), ordering="fund")
    def fund_name(self, payment):
        return fund_label(payment.fund)
