"""Files, rejected rows and the rows that jobs work on are encrypted; what lay there in clear is sealed or dropped."""

from django.db import migrations

import bureau.identifiers.fields
from bureau.identifiers.identity import without_numbers


def seal_files(apps, schema_editor):
    """The columns are bytes before and after: each row is read as it lies and written through the field."""
    Upload = apps.get_model("bureau", "Upload")
    for pk in Upload.objects.order_by("pk").values_list("pk", flat=True).iterator():
        with schema_editor.connection.cursor() as cursor:
            cursor.execute("SELECT content, rejects, name, problem FROM bureau_upload WHERE id = %s", [pk])
            content, rejects, name, problem = cursor.fetchone()
        Upload.objects.filter(pk=pk).update(
            content=bytes(content),
            rejects=None if rejects is None else bytes(rejects),
            name=without_numbers(name),
            problem=without_numbers(problem),
        )


def seal_jobs(apps, schema_editor):
    """Rows of visits files: a job that may still work on them keeps them sealed, one that is done drops them."""
    Job, Chunk = apps.get_model("bureau", "Job"), apps.get_model("bureau", "Chunk")
    for job in Job.objects.filter(kind="visits"):
        done = job.status == "done"
        refused = job.params.pop("refused", None)
        job.sealed = None if done or refused is None else {"refused": refused}
        job.save()
        for chunk in Chunk.objects.filter(job=job).iterator(chunk_size=10):
            bills, refused = chunk.params.pop("bills", None), chunk.result.pop("refused", None)
            if bills is not None:
                chunk.params["rows"] = len(bills)
            if done:
                chunk.sealed = None
            elif chunk.status == "done":
                chunk.sealed = {"refused": refused} if refused else None
            else:
                chunk.sealed = {"bills": bills}
            chunk.save()


class Migration(migrations.Migration):
    dependencies = [("bureau", "0004_edition_guards")]

    operations = [
        migrations.AddField("chunk", "sealed", bureau.identifiers.fields.SealedJSONField(null=True, editable=False)),
        migrations.AddField("job", "sealed", bureau.identifiers.fields.SealedJSONField(null=True, editable=False)),
        migrations.AlterField("upload", "content", bureau.identifiers.fields.SealedField(verbose_name="content")),
        migrations.AlterField("upload", "rejects", bureau.identifiers.fields.SealedField(null=True, verbose_name="rejected rows")),
        migrations.RunPython(seal_files),
        migrations.RunPython(seal_jobs),
    ]
