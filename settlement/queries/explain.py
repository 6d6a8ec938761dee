"""The trace of a visit: its receipt replayed, each step with its article and its amount."""

from dataclasses import dataclass
from decimal import Decimal

from django.utils.translation import gettext

from bureau.editions.rulebook import edition_by_hash
from bureau.rules.benefits import receipts
from bureau.rules.benefits.trace import Step, render
from bureau.rules.money import yuan
from settlement.models import Visit


@dataclass(frozen=True, slots=True)
class Line:
    """One line as people read it."""

    article: str
    text: str
    amount: Decimal | None


def explain(visit: Visit) -> list[Line]:
    """Each step of the computation. A reversal is explained by the visit that it takes back."""
    if visit.reverses is not None:
        visit = visit.reverses
    if not visit.receipt:
        return []
    steps: list[Step] = []
    receipts.replay(edition_by_hash(visit.receipt["edition"]), visit.receipt, steps)
    return [
        Line(step.article, render(step, gettext), None if step.amount is None else yuan(step.amount))
        for step in steps
    ]
