"""The steps of a payout come from their declaration; bureau.guards installs what refuses all others."""

from django.conf import settings
from django.db import migrations, models

WRITTEN_BY_HAND = """
DROP TRIGGER payouts_step_by_step ON accounts_payout;
DROP FUNCTION accounts_check_payout();
"""


class Migration(migrations.Migration):
    dependencies = [
        ("accounts", "0010_credit_recoveries"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.RunSQL(WRITTEN_BY_HAND, elidable=False),
        migrations.RemoveConstraint(
            model_name="payout",
            name="payout_approved_by_another",
        ),
        migrations.RemoveConstraint(
            model_name="payout",
            name="payout_approved_before_paid",
        ),
        migrations.RemoveConstraint(
            model_name="payout",
            name="payout_returned_by_somebody",
        ),
        migrations.AddConstraint(
            model_name="payout",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(
                        ("approved_at__isnull", True),
                        ("approved_by__isnull", True),
                        ("paid_at__isnull", True),
                        ("paid_by__isnull", True),
                        ("returned_at__isnull", True),
                        ("returned_by__isnull", True),
                        ("status__in", ["submitted"]),
                    ),
                    models.Q(
                        ("paid_at__isnull", True),
                        ("paid_by__isnull", True),
                        ("returned_at__isnull", False),
                        ("returned_by__isnull", False),
                        ("status__in", ["returned"]),
                    ),
                    models.Q(
                        ("approved_at__isnull", False),
                        ("approved_by__isnull", False),
                        ("paid_at__isnull", True),
                        ("paid_by__isnull", True),
                        ("returned_at__isnull", True),
                        ("returned_by__isnull", True),
                        ("status__in", ["approved"]),
                    ),
                    models.Q(
                        ("approved_at__isnull", False),
                        ("approved_by__isnull", False),
                        ("paid_at__isnull", False),
                        ("paid_by__isnull", False),
                        ("returned_at__isnull", True),
                        ("returned_by__isnull", True),
                        ("status__in", ["paid"]),
                    ),
                    _connector="OR",
                ),
                name="payout_steps_in_order",
            ),
        ),
        migrations.AddConstraint(
            model_name="payout",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    ("approved_by__isnull", True),
                    models.Q(
                        ("submitted_by__isnull", False),
                        models.Q(("approved_by", models.F("submitted_by")), _negated=True),
                    ),
                    _connector="OR",
                ),
                name="payout_approved_by_another",
                violation_error_message="A payout is approved by someone other than who submitted it.",
            ),
        ),
    ]
