"""What the database keeps of the life of an edition."""

from pathlib import Path

from django.db import migrations

GUARDS = Path(__file__).with_name("edition_guards.sql")


class Migration(migrations.Migration):
    dependencies = [("bureau", "0003_edition_life")]
    operations = [migrations.RunSQL(GUARDS.read_text(encoding="utf-8"), elidable=False)]
