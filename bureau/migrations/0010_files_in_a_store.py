"""Files leave the database for the file store; rows that were turned away become rows of a table.

Needs the file store and GONGJI_DATA_KEY as the processes have them. The columns that are moved go with the next one.
"""

import csv
import io

import django.db.models.deletion
from django.core.files.base import ContentFile
from django.db import migrations, models

import bureau.identifiers.fields
from bureau.rosters import originals

GUARDS = """
-- A file stays the one that came; it can be dropped, and what rejected rows quote of it.
CREATE FUNCTION bureau_keep_original() RETURNS trigger LANGUAGE plpgsql
    SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
    RAISE EXCEPTION '% of % is refused: what is recorded there stays.', TG_OP, TG_TABLE_NAME
        USING ERRCODE = 'integrity_constraint_violation', CONSTRAINT = TG_NAME, TABLE = TG_TABLE_NAME;
END $$;
CREATE TRIGGER original_stays BEFORE UPDATE ON bureau_upload
    FOR EACH ROW WHEN (NEW.original <> OLD.original AND NEW.original <> '') EXECUTE FUNCTION bureau_keep_original();
CREATE TRIGGER quotes_stay BEFORE UPDATE ON bureau_rejectedrow
    FOR EACH ROW WHEN (NEW.quoted IS NOT NULL) EXECUTE FUNCTION bureau_keep_original();
"""


def move_files(apps, schema_editor):
    Upload, RejectedRow = apps.get_model("bureau", "Upload"), apps.get_model("bureau", "RejectedRow")
    for pk in Upload.objects.order_by("pk").values_list("pk", flat=True).iterator():
        upload = Upload.objects.get(pk=pk)
        kept = originals.keep(ContentFile(bytes(upload.content)), now=upload.uploaded_at)
        Upload.objects.filter(pk=pk).update(original=kept.name, size=kept.size)
        turned = list(csv.reader(io.StringIO(bytes(upload.rejects or b"").decode("utf-8-sig"), newline="")))[1:]
        _write_down(RejectedRow, pk, ((int(row[-3]), "：".join(filter(None, row[-2:]))) for row in turned))


def move_rows_of_jobs(apps, schema_editor):
    """What open jobs on visits files hold: rows without their cells, and those turned away in the table."""
    Job, Chunk, RejectedRow = (apps.get_model("bureau", name) for name in ("Job", "Chunk", "RejectedRow"))
    for job in Job.objects.filter(kind="visits").exclude(status="done"):
        turned = (job.sealed or {}).get("refused", [])
        for chunk in Chunk.objects.filter(job=job).exclude(sealed=None).iterator(chunk_size=10):
            turned += chunk.sealed.get("refused", [])
            bills = chunk.sealed.get("bills")
            chunk.sealed = None if bills is None else {"bills": [bill[:-1] for bill in bills]}
            chunk.save()
        Job.objects.filter(pk=job.pk).update(sealed=None)
        _write_down(RejectedRow, job.params["upload"], ((line, sentence) for line, _cells, _field, sentence in turned))


def _write_down(RejectedRow, upload, turned):
    """The reason of a row as it was shown, sealed since it may quote a cell; a line that is there already stays."""
    rows = [
        RejectedRow(
            upload_id=upload,
            line=line,
            problems=[{"field": "", "message": "%(reason)s", "params": {}}],
            quoted=[{"reason": reason}],
        )
        for line, reason in turned
    ]
    RejectedRow.objects.bulk_create(rows, batch_size=1000, ignore_conflicts=True)


class Migration(migrations.Migration):
    dependencies = [("bureau", "0009_failed_uploads")]

    operations = [
        migrations.AddField(
            "upload",
            "original",
            models.CharField(blank=True, default="", max_length=100, verbose_name="name in the file store"),
            preserve_default=False,
        ),
        migrations.AddField(
            "upload",
            "size",
            models.PositiveBigIntegerField(default=0, verbose_name="size in bytes"),
            preserve_default=False,
        ),
        migrations.CreateModel(
            "RejectedRow",
            [
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("line", models.PositiveIntegerField()),
                ("problems", models.JSONField()),
                ("quoted", bureau.identifiers.fields.SealedJSONField(null=True)),
                (
                    "upload",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE, related_name="rejected_rows", to="bureau.upload"
                    ),
                ),
            ],
            options={
                "constraints": [models.UniqueConstraint(fields=("upload", "line"), name="rejected_row_once")],
            },
        ),
        migrations.RunPython(move_files),
        migrations.RunPython(move_rows_of_jobs),
        migrations.RunSQL("SET CONSTRAINTS ALL IMMEDIATE"),
        migrations.RunSQL(GUARDS),
    ]
