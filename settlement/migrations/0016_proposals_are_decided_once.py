"""What was proposed is what is decided, and once."""

from pathlib import Path

from django.db import migrations

GUARDS = Path(__file__).with_name("proposal_guards.sql")


class Migration(migrations.Migration):
    dependencies = [("settlement", "0015_proposals_hold_for_their_state")]
    operations = [migrations.RunSQL(GUARDS.read_text(encoding="utf-8"), elidable=False)]
