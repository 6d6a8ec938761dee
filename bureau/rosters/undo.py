"""Taking an upload back, as long as nothing has built on it."""

import datetime
from collections.abc import Sequence

from django.apps import apps
from django.db import IntegrityError, connection, models, transaction
from django.utils.translation import gettext_lazy as _

from bureau import audit
from bureau.errors import DomainError
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
    touched = _touched(created)
    later = _rows(
        f"""
        {touched}
        SELECT u.name FROM touched w JOIN bureau_uploadeffect f ON (f."table", f."row") = (w.tab, w.id)
        JOIN bureau_upload u ON u.id = f.upload_id
        WHERE f.upload_id <> %(upload)s AND f.id > w.effect AND u.status = 'loaded' LIMIT 1
        """,
        mine,
    )
    if later:
        raise DomainError(_("“%(name)s” has changed the same records since; undo that upload first."), name=later[0][0])
    by_hand = _rows(
        f"""
        {touched}
        SELECT a.action, a.at FROM touched w
        JOIN bureau_auditentry a ON (a.record_type, a.record_id) = (w.label, w.id::text)
        WHERE a.id > (SELECT max(id) FROM bureau_auditentry WHERE action = 'upload.load'
                      AND record_type = 'bureau.upload' AND record_id = %(upload)s::text) LIMIT 1
        """,
        mine,
    )
    if by_hand:
        raise DomainError(
            _("One of its records has been changed since (%(action)s), so it cannot be undone any more."),
            action=by_hand[0][0],
        )


def _touched(created: Sequence[type[models.Model]]) -> str:
    """SQL: the records that the upload created (effect 0) or changed, as table, audit label, id and effect."""
    labels = ", ".join(f"('{model._meta.db_table}', '{model._meta.label_lower}')" for model in _models_of_effects())
    rows = [
        f"SELECT '{model._meta.db_table}'::text, '{model._meta.label_lower}'::text, id, 0::bigint"
        f" FROM {model._meta.db_table} WHERE upload_id = %(upload)s"
        for model in created
    ]
    changed = f"""
        SELECT f."table"::text, l.label, f."row", f.id FROM bureau_uploadeffect f
        JOIN (VALUES {labels}) AS l (tab, label) ON l.tab = f."table" WHERE f.upload_id = %(upload)s"""
    return f"WITH touched (tab, label, id, effect) AS ({' UNION ALL '.join([*rows, changed])})"


def _models_of_effects() -> list[type[models.Model]]:
    """Models whose rows may come from an upload."""
    return [
        model
        for model in apps.get_models()
        if any(
            field.remote_field is not None and field.remote_field.model is Upload and field.name == "upload"
            for field in model._meta.concrete_fields
        )
    ]


def _remove(upload: Upload, model: type[models.Model]) -> int:
    with connection.cursor() as cursor:
        cursor.execute(f"DELETE FROM {model._meta.db_table} WHERE upload_id = %s", [upload.pk])
        return cursor.rowcount


_EFFECTS = """
    WITH effect AS (
        SELECT *, array(SELECT jsonb_object_keys(after) ORDER BY 1) AS columns,
               row_number() OVER (PARTITION BY "table", "row" ORDER BY id DESC) AS turn
        FROM bureau_uploadeffect WHERE upload_id = %(upload)s)"""


def _restore(upload: Upload) -> int:
    """Put back what stood in changed records, the last change first; returns how many changes there were."""
    restored = 0
    groups = _rows(
        f'{_EFFECTS} SELECT DISTINCT turn, "table", columns FROM effect ORDER BY turn', {"upload": upload.pk}
    )
    for turn, table, columns in groups:
        params = {"upload": upload.pk, "turn": turn, "table": table, "columns": columns}
        mine = 'f.turn = %(turn)s AND f."table" = %(table)s AND f.columns = %(columns)s AND t.id = f."row"'
        current = ", ".join(f"'{column}', t.{column}" for column in columns)
        [(changed_since,)] = _rows(
            f"""
            {_EFFECTS} SELECT count(*) FROM effect f, {table} t
            WHERE {mine} AND jsonb_build_object({current}) IS DISTINCT FROM f.after
            """,
            params,
        )
        if changed_since:
            raise DomainError(
                _("%(count)d of its records have been changed since, so it cannot be undone any more."),
                count=changed_since,
            )
        changes = ", ".join(f"{column} = was.{column}" for column in columns)
        with connection.cursor() as cursor:
            cursor.execute(
                f"""
                {_EFFECTS} UPDATE {table} t SET {changes}
                FROM effect f, jsonb_populate_record(NULL::{table}, f.before) was WHERE {mine}
                """,
                params,
            )
            restored += cursor.rowcount
    return restored
