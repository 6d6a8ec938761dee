"""A payout that was approved can be returned, and says by whom; its steps and its journals go together."""

from pathlib import Path

import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models

GUARDS = Path(__file__).with_name("payout_returned.sql")


class Migration(migrations.Migration):
    dependencies = [
        ("accounts", "0008_status_known"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]
    operations = [
        migrations.AddField(
            model_name="payout",
            name="returned_by",
            field=models.ForeignKey(
                blank=True,
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="+",
                to=settings.AUTH_USER_MODEL,
                verbose_name="returned by",
            ),
        ),
        migrations.AddField(
            model_name="payout",
            name="returned_at",
            field=models.DateTimeField(blank=True, null=True, verbose_name="returned at"),
        ),
        migrations.RunSQL(GUARDS.read_text(encoding="utf-8"), elidable=False),
        migrations.AddConstraint(
            model_name="payout",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("returned_at__isnull", False), ("returned_by__isnull", False), ("status", "returned")),
                    models.Q(
                        models.Q(("status", "returned"), _negated=True),
                        ("returned_at__isnull", True),
                        ("returned_by__isnull", True),
                    ),
                    _connector="OR",
                ),
                name="payout_returned_by_somebody",
            ),
        ),
    ]
