"""docs/steps.md: what is done step by step, and by whom, as the models declare it."""

from collections.abc import Iterator
from pathlib import Path

from django.conf import settings
from django.core.management.base import BaseCommand
from django.db import models
from django.utils import translation

from bureau.guards import stepping
from bureau.steps import GONE, ITSELF, NEW, Step

PAGE = Path(settings.BASE_DIR, "docs", "steps.md")
INTRODUCTION = """\
# Steps

What is done step by step, often by several people. This page is written by `manage.py write_steps` from the
declarations beside the models (`bureau.steps`); the services' checks, the constraints and the triggers are made of the
same. Whoever takes a step is none of those in the last column, and the database refuses any other change of state and
any other column. What a step asks of other rows stands in the rooms' `sql` folders.
"""


class Command(BaseCommand):
    help = __doc__

    def handle(self, *args, **options):
        PAGE.write_text(page(), encoding="utf-8")


def page() -> str:
    with translation.override(None):
        return "\n".join([INTRODUCTION, *(line for model in stepping() for line in _process(model))])


def _process(model: type[models.Model]) -> Iterator[str]:
    yield f"## {str(model._meta.verbose_name).capitalize()}\n"
    yield f"`{model._meta.label}`, refused in raw SQL as `{model.steps.codes.step}`\n"
    yield "| act | from | to | writes | taken by none of |\n|---|---|---|---|---|"
    for step in model.steps.steps:
        yield f"| {' | '.join(_cells(step))} |"
    yield ""


def _cells(step: Step) -> Iterator[str]:
    yield f"`{step.act}`" if step.act != ITSELF else "(the database)"
    yield ", ".join("(new)" if before == NEW else before for before in step.before)
    yield "the same" if step.to is None else "(gone)" if step.to == GONE else step.to
    names = [*step.marks, *step.writes, *(f"{name} (emptied)" for name in step.clears)]
    yield f"all but {', '.join(step.keeps)}" if step.keeps else ", ".join(names)
    yield ", ".join(step.another.than) if step.another else ""
