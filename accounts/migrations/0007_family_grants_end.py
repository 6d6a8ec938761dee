"""What the database keeps of family grants."""

from pathlib import Path

from django.db import migrations

GUARDS = Path(__file__).with_name("grants_end.sql")


class Migration(migrations.Migration):
    dependencies = [("accounts", "0006_freezes")]
    operations = [migrations.RunSQL(GUARDS.read_text(encoding="utf-8"), elidable=False)]
