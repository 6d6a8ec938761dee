"""The schema of staged rosters, whose tables bureau_stage (sql/staging.sql) creates and drops."""

from django.db import migrations


class Migration(migrations.Migration):
    dependencies = [("bureau", "0012_steps_declared")]
    operations = [migrations.RunSQL("CREATE SCHEMA staging", "DROP SCHEMA staging CASCADE", elidable=False)]
