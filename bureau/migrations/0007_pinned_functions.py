"""Functions that no temporary table deceives, and guards that hold at any isolation level."""

from pathlib import Path

from django.db import migrations

PINNED = Path(__file__).with_name("pinned.sql")


class Migration(migrations.Migration):
    dependencies = [("bureau", "0006_passwords_to_change")]
    operations = [migrations.RunSQL(PINNED.read_text(encoding="utf-8"), elidable=False)]
