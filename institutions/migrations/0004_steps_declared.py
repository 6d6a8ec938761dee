"""The steps of account changes and scores come from their declaration; bureau.guards installs what refuses all others."""

from django.conf import settings
from django.db import migrations, models

WRITTEN_BY_HAND = """
DROP TRIGGER account_changes_step_by_step ON institutions_accountchange;
DROP FUNCTION institutions_check_account_change();
"""


class Migration(migrations.Migration):
    dependencies = [
        ("bureau", "0012_steps_declared"),
        ("institutions", "0003_bank_accounts_by_two"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.RunSQL(WRITTEN_BY_HAND, elidable=False),
        migrations.RemoveConstraint(
            model_name="accountchange",
            name="account_change_by_two",
        ),
        migrations.RemoveConstraint(
            model_name="assessment",
            name="assessment_confirmed_by_another",
        ),
        migrations.AddConstraint(
            model_name="accountchange",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("decided_at__isnull", True), ("decided_by__isnull", True), ("status__in", ["open"])),
                    models.Q(
                        ("decided_at__isnull", False),
                        ("decided_by__isnull", False),
                        ("status__in", ["confirmed", "dropped"]),
                    ),
                    _connector="OR",
                ),
                name="account_change_steps_in_order",
            ),
        ),
        migrations.AddConstraint(
            model_name="accountchange",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    ("decided_by__isnull", True),
                    models.Q(("status__in", ["confirmed"]), _negated=True),
                    models.Q(
                        ("entered_by__isnull", False), models.Q(("decided_by", models.F("entered_by")), _negated=True)
                    ),
                    _connector="OR",
                ),
                name="account_change_by_two",
                violation_error_message="A bank account is confirmed by someone other than who entered it.",
            ),
        ),
        migrations.AddConstraint(
            model_name="assessment",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("confirmed_at__isnull", True), ("confirmed_by__isnull", True)),
                    models.Q(("confirmed_at__isnull", False), ("confirmed_by__isnull", False)),
                    _connector="OR",
                ),
                name="assessment_confirmed_whole",
            ),
        ),
        migrations.AddConstraint(
            model_name="assessment",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    ("confirmed_by__isnull", True),
                    models.Q(
                        ("entered_by__isnull", False), models.Q(("confirmed_by", models.F("entered_by")), _negated=True)
                    ),
                    _connector="OR",
                ),
                name="assessment_confirmed_by_another",
                violation_error_message="A score is confirmed by someone other than who entered it.",
            ),
        ),
    ]
