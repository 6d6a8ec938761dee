"""What an institution, a bank and an auditor are given of a run: statements with their steps, and files.

Numbers of accounts are what they are and nothing else, since a bank reads them: as texts in a workbook, plain in CSV.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal

from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from accounts.models import Fund
from bureau.files.tables import Cell
from bureau.rules.benefits.trace import Step, render
from bureau.rules.money import yuan
from settlement.models import Adjustment, Line, Payment, Run
from settlement.queries.lines import replay_line

Table = list[list[Cell]]

LABELS = {
    "advance": _("advance"),
    "adjustments": _("adjustments of earlier runs"),
    "advanced": _("advances paid"),
    "award": _("surplus award"),
    "bonus": _("surplus award"),
    "borne_by_institution": _("borne by the institution"),
    "carried": _("carried on from earlier months"),
    "claims": _("claims by hand"),
    "clearing": _("settlement"),
    "cut_off": _("settled until"),
    "decided": _("decided amount"),
    "decision": _("decision"),
    "deferred": _("waits for the end of the year"),
    "deposit": _("retained"),
    "deposit_forfeited": _("forfeited by the assessment"),
    "deposit_paid": _("released by the assessment"),
    "due": _("due"),
    "forfeited": _("forfeited by the assessment"),
    "from": _("from"),
    "headcount": _("heads of the month"),
    "headcount_prev": _("heads of the month before"),
    "january_headcount": _("heads of January"),
    "kept_by_fund": _("stays in the fund"),
    "month": _("month"),
    "net": _("use of the month"),
    "on": _("rules of"),
    "others": _("paid to others on the quota"),
    "own": _("own care on the quota"),
    "owed": _("owed for the month"),
    "paid": _("paid"),
    "person_months": _("person-months"),
    "pool": _("pool of the month"),
    "presettle": _("settled before the bound"),
    "prepay": _("prepayment"),
    "prev_actual": _("use of the last month"),
    "quota": _("quota of the year"),
    "released": _("released by the assessment"),
    "retained": _("retained"),
    "returned_to_fund": _("returns to the fund"),
    "score": _("score of the assessment"),
    "settled": _("settled"),
    "to": _("to"),
    "total_settled": _("settled in the whole area"),
    "used": _("recorded in the last month"),
}
COUNTS = ("headcount", "headcount_prev", "january_headcount", "person_months")
# What other institutions of the area used belongs to their own statements.
UNSAID = ("actual", "book", "code", "fund")


@dataclass(frozen=True, slots=True)
class Explained:
    """One step of the computation, with its article."""

    article: str
    text: str
    amount: Decimal | None


@dataclass(frozen=True, slots=True)
class Statement:
    """One institution's line of a run, ready to be shown: amounts in yuan, texts in the reader's language."""

    line: Line
    facts: list[tuple[str, Cell]]
    results: list[tuple[str, Cell]]
    steps: list[Explained]
    adjustments: list[Adjustment]
    payments: list[Payment]


def statement(line: Line) -> Statement:
    """The line with its facts, results, trace by replay, adjustments with their visits, and orders to the bank."""
    steps: list[Step] = []
    replay_line(line, steps)
    return Statement(
        line=line,
        facts=list(said(line.facts)),
        results=list(said(line.results)),
        steps=[
            Explained(step.article, render(step, gettext), None if step.amount is None else yuan(step.amount))
            for step in steps
        ],
        adjustments=list(line.adjustments.select_related("origin").prefetch_related("visits").order_by("id")),
        payments=list(line.payments.order_by("id")),
    )


def said(values: dict, prefix: str = "") -> Iterable[tuple[str, Cell]]:
    """Stored facts or results as label and value; fen become yuan, nested parts get the label of what they are in."""
    for name, value in values.items():
        if name in UNSAID or value is None:
            continue
        label = prefix + str(LABELS.get(name, name))
        if name == "spans":
            for span in value:
                yield from said(span, prefix)
        elif name == "person_months":
            yield label, sum(value.values())
        elif isinstance(value, dict):
            for key, part in value.items():
                inner = f"{label} {LABELS.get(key) or fund_name(key)}"
                if isinstance(part, dict):
                    yield from ((f"{inner} {charge}", yuan(amount)) for charge, amount in part.items())
                else:
                    yield inner, yuan(part)
        elif isinstance(value, int) and name not in COUNTS:
            yield label, yuan(value)
        else:
            yield label, value


def fund_name(fund: str) -> str:
    return str(Fund(fund).label) if fund in Fund.values else fund


# Files --------------------------------------------------------------------------------------------------------------


def payment_table(run: Run) -> Table:
    """The payment file: one row for every standing order to the bank of a paid run."""
    head: list[Cell] = [
        gettext("Institution code"),
        gettext("Account name"),
        gettext("Bank"),
        gettext("Account"),
        gettext("Fund"),
        gettext("Amount"),
        gettext("Purpose"),
    ]
    orders = (
        Payment.objects.filter(line__run=run)
        .exclude(status=Payment.Status.RETURNED)
        .select_related("line__institution")
        .order_by("line__institution__code", "fund", "id")
    )
    return [
        head,
        *(
            [
                order.line.institution.code,
                order.account_name,
                order.bank_name,
                order.bank_account,
                fund_name(order.fund),
                order.amount,
                purpose(run),
            ]
            for order in orders
        ),
    ]


def purpose(run: Run) -> str:
    period = f"{run.period:%Y}" if run.kind == Run.Kind.YEAR_END else f"{run.period:%Y-%m}"
    return f"{run.get_kind_display()} {period}"


def run_table(run: Run) -> Table:
    """Every line of a run: amount by the rules, by adjustments, to pay."""
    head: list[Cell] = [
        gettext("Institution code"),
        gettext("Institution"),
        gettext("By the rules"),
        gettext("By adjustments"),
        gettext("To pay"),
    ]
    lines = run.lines.select_related("institution").order_by("institution__code")
    rows = [[line.institution.code, line.institution.name, line.amount, line.adjustment, line.to_pay] for line in lines]
    return [head, *rows, [gettext("Total"), "", *(sum(row[n] for row in rows) for n in (2, 3, 4))]]


def statement_table(line: Line) -> Table:
    """One institution's statement as rows: facts, steps with their articles, adjustments with their visits."""
    shown = statement(line)
    rows: Table = [[purpose(line.run), line.institution.code, line.institution.name]]
    rows += [[label, value] for label, value in shown.facts]
    rows += [[gettext("Step"), gettext("Article"), gettext("Amount")]]
    rows += [[step.text, step.article, "" if step.amount is None else step.amount] for step in shown.steps]
    rows += [[label, value] for label, value in shown.results]
    for late in shown.adjustments:
        visits = ", ".join(str(visit.key) for visit in late.visits.all())
        rows.append([gettext("Adjustment"), late.reason, late.amount, visits])
    rows.append([gettext("To pay"), "", line.to_pay])
    return rows
