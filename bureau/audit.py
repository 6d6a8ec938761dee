"""The only writer of AuditEntry."""

import datetime

from django.db import models

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
    """Write down one act, in the caller's transaction. `action` is dotted: visit.settle, run.approve."""
    return AuditEntry.objects.create(
        at=now,
        actor=actor,
        action=action,
        area_id=area_id or getattr(subject, "area_id", None),
        record_type=subject._meta.label_lower if subject is not None else "",
        record_id=str(subject.pk) if subject is not None else "",
        detail=detail,
    )
