"""What the database keeps of the policy editions, the published figures and the audit trail."""

from pathlib import Path

from django.db import migrations

GUARDS = Path(__file__).with_name("guards.sql")


class Migration(migrations.Migration):
    dependencies = [("bureau", "0001_initial")]
    operations = [migrations.RunSQL(GUARDS.read_text(encoding="utf-8"), elidable=False)]
