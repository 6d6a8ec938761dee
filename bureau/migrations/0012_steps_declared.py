"""The steps of editions and figures come from their declaration; bureau.guards installs what refuses all others."""

from django.db import migrations, models

WRITTEN_BY_HAND = """
DROP TRIGGER editions_step_by_step ON bureau_edition;
DROP FUNCTION bureau_step_edition();
DROP TRIGGER figures_step_by_step ON bureau_publishedfigure;
DROP TRIGGER confirmed_figures_stay ON bureau_publishedfigure;
DROP FUNCTION bureau_step_figure();
"""


class Migration(migrations.Migration):
    dependencies = [
        ("bureau", "0011_no_files_in_the_database"),
    ]

    operations = [
        migrations.RunSQL(WRITTEN_BY_HAND, elidable=False),
        migrations.RemoveConstraint(
            model_name="edition",
            name="edition_approved_by_another",
        ),
        migrations.RemoveConstraint(
            model_name="edition",
            name="edition_steps_in_order",
        ),
        migrations.RemoveConstraint(
            model_name="publishedfigure",
            name="figure_confirmed_by_another",
        ),
        migrations.AddConstraint(
            model_name="edition",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(
                        ("approved_at__isnull", True),
                        ("approved_by__isnull", True),
                        ("status__in", ["draft"]),
                        ("submitted_at__isnull", True),
                        ("submitted_by__isnull", True),
                    ),
                    models.Q(
                        ("approved_at__isnull", True),
                        ("approved_by__isnull", True),
                        ("status__in", ["submitted", "returned"]),
                        ("submitted_at__isnull", False),
                        ("submitted_by__isnull", False),
                    ),
                    models.Q(
                        ("approved_at__isnull", False),
                        ("approved_by__isnull", False),
                        ("status__in", ["approved"]),
                        ("submitted_at__isnull", False),
                        ("submitted_by__isnull", False),
                    ),
                    ("status__in", ["withdrawn"]),
                    _connector="OR",
                ),
                name="edition_steps_in_order",
            ),
        ),
        migrations.AddConstraint(
            model_name="edition",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    ("approved_by__isnull", True),
                    models.Q(
                        ("submitted_by__isnull", False),
                        models.Q(("approved_by", models.F("submitted_by")), _negated=True),
                    ),
                    _connector="OR",
                ),
                name="edition_approved_by_another",
                violation_error_message="An edition is approved by someone other than who submitted it.",
            ),
        ),
        migrations.AddConstraint(
            model_name="publishedfigure",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    ("confirmed_by__isnull", True),
                    models.Q(
                        ("entered_by__isnull", False), models.Q(("confirmed_by", models.F("entered_by")), _negated=True)
                    ),
                    _connector="OR",
                ),
                name="figure_confirmed_by_another",
                violation_error_message="A figure is confirmed by someone other than who entered it.",
            ),
        ),
    ]
