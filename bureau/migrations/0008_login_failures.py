"""Where attempts to log in are counted (bureau.staff.door)."""

from django.db import migrations


class Migration(migrations.Migration):
    dependencies = [("bureau", "0007_pinned_functions")]

    operations = [
        migrations.RunSQL(
            """
            CREATE TABLE bureau_loginfailure (
                name_hash bytea PRIMARY KEY,
                failures integer NOT NULL,
                until timestamp with time zone NOT NULL
            );
            CREATE INDEX login_failure_until ON bureau_loginfailure (until)
            """,
            "DROP TABLE bureau_loginfailure",
        )
    ]
