"""Functions that no temporary table deceives, and guards that hold at any isolation level."""

from pathlib import Path

from django.db import migrations

PINNED = Path(__file__).with_name("pinned.sql")


class Migration(migrations.Migration):
    dependencies = [("settlement", "0012_account_payments_of_other_areas"), ("bureau", "0007_pinned_functions")]
    operations = [migrations.RunSQL(PINNED.read_text(encoding="utf-8"), elidable=False)]
