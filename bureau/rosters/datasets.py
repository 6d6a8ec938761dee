"""The library's ways in and out, for small files and pages: datasets instead of files."""

from __future__ import annotations

import datetime
from collections.abc import Iterable
from typing import Any

from django.core.exceptions import ValidationError
from django.db import models, transaction
from django.utils import timezone
from django.utils.translation import gettext
from import_export.resources import Resource
from import_export.results import InvalidRow, Result, RowResult
from tablib import Dataset

from bureau.files import read_rows
from bureau.rosters import rejected
from bureau.rosters.columns import Column
from bureau.rosters.models import Upload
from bureau.rosters.staging import Batch, Preview, Shown
from bureau.staff.models import Staff


class Datasets(Resource):
    """What a roster is for django-import-export, on top of what its columns generate."""

    def get_export_fields(self, selected_fields: Iterable[str] | None = None) -> list[Column]:
        """What is recorded; columns that are only checked have nothing to say."""
        return [column for column in super().get_export_fields(selected_fields) if column.path is not None]

    def import_data(
        self,
        dataset: Dataset,
        dry_run: bool = False,
        raise_errors: bool = False,
        *,
        upload: Upload,
        actor: Staff,
        now: datetime.datetime,
        **more: Any,
    ) -> Result:
        """Bring a dataset in as rows of an upload: its lines go the way of all files. `dry_run` leaves nothing.

        The result counts every line. It has the first hundred lines of each step that create or change something, the
        changed ones with their differences, and every line that was turned away, with the reasons.
        """
        result = self.get_result_class()()
        content = dataset.export("csv").encode("utf-8-sig")
        with transaction.atomic():
            batch = Batch(upload, self, actor=actor, now=now, preview=Preview())
            result.total_rows = batch.fill(read_rows("", content, self.sheet, today=timezone.localdate(now)))
            self.load(batch)
            batch.keep_refused()
            changed = batch.changed_rows()
            result.totals |= {
                RowResult.IMPORT_TYPE_NEW: batch.accepted_rows() - changed,
                RowResult.IMPORT_TYPE_UPDATE: changed,
                RowResult.IMPORT_TYPE_SKIP: batch.unchanged_rows,
                RowResult.IMPORT_TYPE_INVALID: batch.rejected_rows,
            }
            result.rows = self._results(batch.preview)
            for line, problems in rejected.problems_of(upload, self.sheet):
                reasons = ValidationError([problem.text(gettext) for problem in problems])
                result.invalid_rows.append(InvalidRow(line, reasons, []))
            batch.clear()
            transaction.set_rollback(dry_run)
        return result

    def _results(self, preview: Preview) -> list[RowResult]:
        lines: dict[int, RowResult] = {}
        for shown in (*preview.changed, *preview.new):
            if shown.line not in lines:
                lines[shown.line] = row = RowResult()
                row.import_type = RowResult.IMPORT_TYPE_UPDATE if shown.before else RowResult.IMPORT_TYPE_NEW
                row.diff = []
            lines[shown.line].diff += self.differences(shown)
        return [lines[line] for line in sorted(lines)]

    def differences(self, shown: Shown) -> list[tuple[str, str, str]]:
        """What a line changes of a record: heading, cell before, cell after; nothing where it creates one."""
        if shown.before is None:
            return []
        path = next((link for link, model in self.linked().items() if model is shown.model), None)
        if path is None and shown.model is not self._meta.model:
            return []
        terms = self.terms() if path is None else self.terms(shown.model, path)
        return [
            (column.header, *(_cell(column, shown.model, target, value) for value in (before, after)))
            for target, after in shown.after.items()
            if (column := terms.get(target)) is not None and (before := shown.before[target]) != after
        ]


def _cell(column: Column, model: type[models.Model], target: str, value: Any) -> str:
    """A value of a column of the database, as JSON has it, as the roster's cell."""
    field = next(field for field in model._meta.concrete_fields if field.column == target)
    if not field.is_relation:
        return column.widget.write(field.to_python(value))
    named = column.attribute.rpartition("__")[2]
    return column.widget.write(
        field.related_model._default_manager.filter(pk=value).values_list(named, flat=True).first()
    )
