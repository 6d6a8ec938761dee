"""A file whose job has failed says so, also where it failed before."""

from django.db import migrations, models

STUCK = """
UPDATE bureau_upload u SET status = 'failed', problem = COALESCE((
    SELECT c.problem FROM bureau_chunk c WHERE c.job_id = j.id AND c.status = 'failed' ORDER BY c.number LIMIT 1), '')
  FROM bureau_job j
 WHERE j.kind IN ('upload', 'visits') AND j.status = 'failed' AND (j.params ->> 'upload')::bigint = u.id
   AND u.status = 'loading'
"""


class Migration(migrations.Migration):
    dependencies = [("bureau", "0008_login_failures")]

    operations = [
        migrations.AlterField(
            "upload",
            "status",
            models.CharField(
                choices=[
                    ("received", "received"),
                    ("loading", "loading"),
                    ("loaded", "loaded"),
                    ("refused", "refused"),
                    ("failed", "failed"),
                    ("undone", "undone"),
                ],
                default="received",
                max_length=10,
                verbose_name="status",
            ),
        ),
        migrations.RunSQL(STUCK, migrations.RunSQL.noop),
    ]
