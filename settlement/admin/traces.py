"""A computation as a table: each step with its article and what it leaves."""

from collections.abc import Iterable, Sequence

from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from bureau.rules.benefits.trace import Step, render
from bureau.rules.money import yuan
from bureau.site import Panel
from settlement.queries.explain import Line


def trace(title, lines: Sequence[Line]) -> Panel:
    return Panel(
        title,
        [_("step"), _("article"), _("amount")],
        [[line.text, line.article, line.amount] for line in lines],
        note="" if lines else _("The rules were not asked."),
    )


def trace_of_steps(title, steps: Iterable[Step]) -> Panel:
    return trace(
        title,
        [
            Line(step.article, render(step, gettext), None if step.amount is None else yuan(step.amount))
            for step in steps
        ],
    )
