"""Taking an upload back, as long as nothing has built on it."""

import datetime
from collections.abc import Sequence

from django.db import IntegrityError, connection, models, transaction
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from bureau import audit
from bureau.errors import DomainError
from bureau.history.acts import OF_CHANGE, OF_UPLOAD
from bureau.models import AuditEntry
from bureau.rosters.models import Upload
from bureau.rosters.uploads import lock_rosters, objections, roster
from bureau.staff import reach
from bureau.staff.models import Staff


def undo_upload(upload: Upload, *, actor: Staff, now: datetime.datetime) -> Upload:
    """Remove the records that an upload created and put back what it changed.

    Refused, with the reason, once something rests on it: a later upload or a person changed one of its records,
    records from elsewhere refer to them, or a room that builds on such records objects. Then nothing moves.
    Staff of an agency undo what the agency has loaded.
    """
    reach.require(actor.reach, upload)
    upload.refresh_from_db()
    if upload.status == Upload.Status.LOADING:  # by a worker, whose row is not waited for
        raise DomainError(_("Only a loaded roster can be undone."))
    with transaction.atomic():
        upload = Upload.objects.select_for_update(no_key=True).get(pk=upload.pk)
        if upload.status == Upload.Status.UNDONE:
            return upload
        if upload.status not in (Upload.Status.LOADED, Upload.Status.FAILED):
            raise DomainError(_("Only a loaded roster can be undone."))
        if not lock_rosters(upload.area_id):
            raise DomainError(_("Another roster of this area is being loaded; try again when it is done."))
        if _is_older_than_history(upload):
            raise DomainError(_("It was loaded before changes of records were kept, so it cannot be undone any more."))
        created = roster(upload.kind).models
        _refuse_if_built_on(upload, created)
        for objection in objections(upload.kind):
            if (reason := objection(upload)) is not None:
                raise DomainError(reason)
        try:
            with transaction.atomic():
                removed = sum(_remove(upload, model) for model in created)
                restored = _restore(upload)
                connection.check_constraints()
        except IntegrityError as error:
            raise DomainError(_("Other records rest on this upload, so it cannot be undone any more.")) from error
        upload.status, upload.undone_by, upload.undone_at = Upload.Status.UNDONE, actor, now
        upload.save(update_fields=["status", "undone_by", "undone_at"])
        audit.record("upload.undo", actor=actor, now=now, subject=upload, removed=removed, restored=restored)
    return upload


def _is_older_than_history(upload: Upload) -> bool:
    entries = AuditEntry.objects.filter(action="upload.load", record_type="bureau.upload", record_id=str(upload.pk))
    return entries.filter(Q(transaction=None) | Q(transaction__lt=0)).exists()


def _rows(sql: str, params: dict) -> list[tuple]:
    with connection.cursor() as cursor:
        cursor.execute(sql, params)
        return cursor.fetchall()


def _refuse_if_built_on(upload: Upload, created: Sequence[type[models.Model]]) -> None:
    mine = {"upload": upload.pk}
    for model in created:
        for link in model._meta.related_objects:
            table, column = link.related_model._meta.db_table, link.field.column
            own = any(field.column == "upload_id" for field in link.related_model._meta.concrete_fields)
            [(count,)] = _rows(
                f"""
                SELECT count(*) FROM {table} d JOIN {model._meta.db_table} t ON t.id = d.{column}
                WHERE t.upload_id = %(upload)s {"AND d.upload_id IS DISTINCT FROM %(upload)s" if own else ""}
                """,
                mine,
            )
            if count:
                raise DomainError(
                    _("%(count)d records (%(kind)s) refer to people or things that this upload made known."),
                    count=count,
                    kind=link.related_model._meta.verbose_name,
                )
    for action, name in _rows(CHANGED_SINCE, mine):
        if name is not None:
            raise DomainError(
                _("“%(name)s” has changed the same records since; undo that upload first."), name=name
            )
        raise DomainError(
            _("One of its records has been changed since (%(action)s), so it cannot be undone any more."),
            action=action,
        )


# Uploads that came later first: they can be undone before this one.
CHANGED_SINCE = f"""
WITH mine AS MATERIALIZED ({OF_UPLOAD})
SELECT COALESCE(e.action, '?'), CASE WHEN u.id <> %(upload)s THEN u.name END
  FROM mine m
  JOIN bureau_change c ON c.table_name = m.table_name AND c.first_row BETWEEN m.first_row AND m.last_row
   AND c.before IS NOT NULL AND c.id > m.id AND c.id NOT IN (SELECT id FROM mine)
  {OF_CHANGE}
  LEFT JOIN bureau_upload u ON e.record_type = 'bureau.upload' AND u.id::text = e.record_id
 WHERE u.status IS DISTINCT FROM 'undone'
 ORDER BY u.id LIMIT 1
"""


def _remove(upload: Upload, model: type[models.Model]) -> int:
    with connection.cursor() as cursor:
        cursor.execute(f"DELETE FROM {model._meta.db_table} WHERE upload_id = %s", [upload.pk])
        return cursor.rowcount


# Changes of the same columns of a table are put back together, those of one row in turn.
_CHANGES = f"""
    WITH change AS (
        SELECT c.table_name, c.first_row, c.before, c.after,
               CASE WHEN c.after IS NOT NULL THEN array(SELECT jsonb_object_keys(c.after) ORDER BY 1) END AS columns,
               row_number() OVER (PARTITION BY c.table_name, c.first_row ORDER BY c.id DESC) AS turn
          FROM ({OF_UPLOAD}) c WHERE c.before IS NOT NULL)"""


def _restore(upload: Upload) -> int:
    """Put back what stood in changed and removed records, the last change first; returns how many there were."""
    restored = 0
    groups = _rows(
        f"{_CHANGES} SELECT DISTINCT turn, table_name, columns FROM change ORDER BY turn", {"upload": upload.pk}
    )
    for turn, table, columns in groups:
        params = {"upload": upload.pk, "turn": turn, "table": table, "columns": columns}
        mine = "f.turn = %(turn)s AND f.table_name = %(table)s AND f.columns IS NOT DISTINCT FROM %(columns)s::text[]"
        if columns is None:
            restored += _run(
                f"""
                {_CHANGES} INSERT INTO {table}
                SELECT was.* FROM change f, jsonb_populate_record(NULL::{table}, f.before) was WHERE {mine}
                """,
                params,
            )
            continue
        current = ", ".join(f"'{column}', t.{column}" for column in columns)
        [(changed_since,)] = _rows(
            f"""
            {_CHANGES} SELECT count(*) FROM change f, {table} t
            WHERE {mine} AND t.id = f.first_row AND jsonb_build_object({current}) IS DISTINCT FROM f.after
            """,
            params,
        )
        if changed_since:
            raise DomainError(
                _("%(count)d of its records have been changed since, so it cannot be undone any more."),
                count=changed_since,
            )
        changes = ", ".join(f"{column} = was.{column}" for column in columns)
        restored += _run(
            f"""
            {_CHANGES} UPDATE {table} t SET {changes}
            FROM change f, jsonb_populate_record(NULL::{table}, f.before) was WHERE {mine} AND t.id = f.first_row
            """,
            params,
        )
    return restored


def _run(sql: str, params: dict) -> int:
    with connection.cursor() as cursor:
        cursor.execute(sql, params)
        return cursor.rowcount
