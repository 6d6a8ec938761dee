"""The only writer of AuditEntry."""

import datetime
from typing import Any

from django.db import models

from bureau.identity import without_numbers
from bureau.models import AuditEntry, Staff


def record(
    action: str,
    *,
    actor: Staff,
    now: datetime.datetime,
    subject: models.Model | None = None,
    area_id: str | None = None,
    **detail,
) -> AuditEntry:
    """Write down one act, in the caller's transaction. `action` is dotted: visit.settle, run.approve.

    Identity numbers in the detail are cut to their last four, but for keys of requests, which only look like one.
    """
    return AuditEntry.objects.create(
        at=now,
        actor=actor,
        action=action,
        area_id=area_id or getattr(subject, "area_id", None),
        record_type=subject._meta.label_lower if subject is not None else "",
        record_id=str(subject.pk) if subject is not None else "",
        detail={name: value if name == "key" else _cut(value) for name, value in detail.items()},
    )


def _cut(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _cut(one) for name, one in value.items()}
    if isinstance(value, list | tuple):
        return [_cut(one) for one in value]
    return without_numbers(value) if isinstance(value, str) else value
