"""Which month's credit a recovery took back, so that recoveries for other reasons do not count as such."""

from pathlib import Path

import django.db.models.deletion
from django.db import migrations, models

import bureau.identifiers.fields

GUARDS = Path(__file__).with_name("credit_recoveries.sql")


class Migration(migrations.Migration):
    dependencies = [("accounts", "0009_payouts_returned")]
    operations = [
        migrations.CreateModel(
            name="CreditRecovery",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                (
                    "month",
                    models.DateField(help_text="First day of the month whose credit it is of.", verbose_name="month"),
                ),
                ("source", models.CharField(max_length=20, verbose_name="paid from")),
                (
                    "amount",
                    bureau.identifiers.fields.MoneyField(decimal_places=2, max_digits=16, verbose_name="amount"),
                ),
                ("after_death", models.BooleanField(verbose_name="because it came after the holder's death")),
                (
                    "account",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="credit_recoveries",
                        to="accounts.account",
                        verbose_name="personal account",
                    ),
                ),
                (
                    "journal",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="credit_recoveries",
                        to="accounts.journal",
                        verbose_name="journal",
                    ),
                ),
            ],
            options={
                "verbose_name": "credit taken back",
                "verbose_name_plural": "credits taken back",
                "ordering": ["-id"],
                "constraints": [
                    models.UniqueConstraint(
                        fields=("journal", "month", "source"), name="credit_recovery_once_a_journal"
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("month__day", 1)), name="credit_recovery_month_first_day"
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("amount", 0), _negated=True), name="credit_recovery_not_zero"
                    ),
                ],
            },
        ),
        migrations.RunSQL(GUARDS.read_text(encoding="utf-8"), elidable=False),
    ]
