"""Short forms for tests of payment runs."""

from datetime import UTC, date, datetime
from decimal import Decimal

from django.db.models import Sum

from accounts.models import Entry
from settlement.models import Run
from settlement.queries.proofs.runs import runs_agree
from settlement.services.runs.approval import approve_run, submit_run
from settlement.services.runs.compute import compute_run
from settlement.services.runs.payment import pay_run

NOW = datetime(2026, 8, 20, 2, 0, tzinfo=UTC)


def compute(city, kind: str, period: date, *, county=None, now: datetime = NOW) -> Run:
    return compute_run(
        area=city.area,
        county=county or city.county,
        scheme=city.scheme,
        kind=kind,
        period=period,
        actor=city.clerk,
        now=now,
    )


def approve(city, run: Run, *, now: datetime = NOW) -> Run:
    run = submit_run(run=run, actor=city.clerk, now=now)
    return approve_run(run=run, actor=city.reviewer, now=now)


def pay(city, run: Run, *, now: datetime = NOW) -> Run:
    return pay_run(run=approve(city, run, now=now), actor=city.finance, now=now)


def disagreements(city) -> list[str]:
    """Everything that the proof of the runs finds wrong."""
    return [found for proof in runs_agree(city.area.pk) for found in proof.shown]


def trial_balance(subject: str | None = None) -> dict[str, Decimal]:
    """By fund, what its books do not balance by; with a subject, its balance by holder. Zeros are left out."""
    entries = Entry.objects.filter(subject=subject) if subject else Entry.objects.all()
    by = "holder" if subject else "fund"
    totals = entries.values_list(by).annotate(total=Sum("amount")).order_by(by)
    return {name: total for name, total in totals if total}
