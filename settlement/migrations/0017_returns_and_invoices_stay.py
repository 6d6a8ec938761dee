"""Returns stay as they were reviewed, and an invoice is written one way."""

from pathlib import Path

from django.db import migrations, models

GUARDS = Path(__file__).with_name("return_guards.sql")


class Migration(migrations.Migration):
    dependencies = [("settlement", "0016_proposals_are_decided_once")]

    operations = [
        migrations.AddConstraint(
            model_name="invoice",
            constraint=models.CheckConstraint(
                condition=models.Q(("code__regex", "^[0-9A-Z]*$"), ("number__regex", "^[0-9A-Z]*$")),
                name="invoice_written_one_way",
            ),
        ),
        migrations.RunSQL(GUARDS.read_text(encoding="utf-8"), elidable=False),
    ]
