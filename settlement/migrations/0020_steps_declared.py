"""Steps of runs, claims, orders, returns and proposals come from their declaration; bureau.guards installs the rest."""

from django.conf import settings
from django.db import migrations, models

WRITTEN_BY_HAND = """
DROP TRIGGER runs_step_by_step ON settlement_run;
DROP FUNCTION settlement_check_run();
DROP TRIGGER payments_step_by_step ON settlement_payment;
DROP TRIGGER claims_step_by_step ON settlement_claim;
DROP TRIGGER claim_payments_step_by_step ON settlement_claimpayment;
DROP TRIGGER returns_step_by_step ON settlement_monthlyreturn;
DROP FUNCTION settlement_check_return();
DROP TRIGGER proposals_are_decided_once ON settlement_proposal;
DROP FUNCTION settlement_check_proposal();
"""


class Migration(migrations.Migration):
    dependencies = [
        ("bureau", "0013_staging"),
        ("institutions", "0004_steps_declared"),
        ("members", "0009_spellings_of_a_name"),
        ("settlement", "0019_proposals_between_funds"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.RunSQL(WRITTEN_BY_HAND, elidable=False),
        migrations.RemoveConstraint(
            model_name="claim",
            name="claim_checked_by_another",
        ),
        migrations.RemoveConstraint(
            model_name="claim",
            name="claim_approved_by_a_third",
        ),
        migrations.RemoveConstraint(
            model_name="claim",
            name="claim_paid_by_another",
        ),
        migrations.RemoveConstraint(
            model_name="claim",
            name="claim_steps_in_order",
        ),
        migrations.RemoveConstraint(
            model_name="claim",
            name="claim_account_by_two",
        ),
        migrations.RemoveConstraint(
            model_name="monthlyreturn",
            name="monthly_return_reviewed_by_another",
        ),
        migrations.RemoveConstraint(
            model_name="monthlyreturn",
            name="monthly_return_reviewed_whole",
        ),
        migrations.RemoveConstraint(
            model_name="proposal",
            name="proposal_decided_by_another",
        ),
        migrations.RemoveConstraint(
            model_name="proposal",
            name="proposal_decided_by_somebody",
        ),
        migrations.RemoveConstraint(
            model_name="run",
            name="run_approved_by_another",
        ),
        migrations.RemoveConstraint(
            model_name="run",
            name="run_steps_in_order",
        ),
        migrations.AddConstraint(
            model_name="claim",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(
                        ("account_confirmed_by__isnull", True),
                        ("approved_at__isnull", True),
                        ("approved_by__isnull", True),
                        ("checked_at__isnull", True),
                        ("checked_by__isnull", True),
                        ("closed_at__isnull", True),
                        ("closed_by__isnull", True),
                        ("paid_at__isnull", True),
                        ("paid_by__isnull", True),
                        ("status__in", ["received"]),
                        ("visit__isnull", True),
                    ),
                    models.Q(
                        ("account_confirmed_by__isnull", True),
                        ("approved_at__isnull", True),
                        ("approved_by__isnull", True),
                        ("checked_at__isnull", False),
                        ("checked_by__isnull", False),
                        ("closed_at__isnull", True),
                        ("closed_by__isnull", True),
                        ("paid_at__isnull", True),
                        ("paid_by__isnull", True),
                        ("status__in", ["checked"]),
                        ("visit__isnull", True),
                    ),
                    models.Q(
                        ("approved_at__isnull", False),
                        ("approved_by__isnull", False),
                        ("checked_at__isnull", False),
                        ("checked_by__isnull", False),
                        ("closed_at__isnull", True),
                        ("closed_by__isnull", True),
                        ("paid_at__isnull", True),
                        ("paid_by__isnull", True),
                        ("status__in", ["approved"]),
                        ("visit__isnull", False),
                    ),
                    models.Q(
                        ("approved_at__isnull", False),
                        ("approved_by__isnull", False),
                        ("checked_at__isnull", False),
                        ("checked_by__isnull", False),
                        ("closed_at__isnull", True),
                        ("closed_by__isnull", True),
                        ("paid_at__isnull", False),
                        ("paid_by__isnull", False),
                        ("status__in", ["paid"]),
                        ("visit__isnull", False),
                    ),
                    models.Q(
                        ("account_confirmed_by__isnull", True),
                        ("approved_at__isnull", True),
                        ("approved_by__isnull", True),
                        ("checked_at__isnull", True),
                        ("checked_by__isnull", True),
                        ("closed_at__isnull", False),
                        ("closed_by__isnull", False),
                        ("paid_at__isnull", True),
                        ("paid_by__isnull", True),
                        ("status__in", ["returned"]),
                        ("visit__isnull", True),
                    ),
                    models.Q(
                        ("account_confirmed_by__isnull", True),
                        ("approved_at__isnull", True),
                        ("approved_by__isnull", True),
                        ("closed_at__isnull", False),
                        ("closed_by__isnull", False),
                        ("paid_at__isnull", True),
                        ("paid_by__isnull", True),
                        ("status__in", ["refused"]),
                        ("visit__isnull", True),
                    ),
                    models.Q(
                        ("approved_at__isnull", False),
                        ("approved_by__isnull", False),
                        ("checked_at__isnull", False),
                        ("checked_by__isnull", False),
                        ("closed_at__isnull", False),
                        ("closed_by__isnull", False),
                        ("status__in", ["reversed"]),
                        ("visit__isnull", False),
                    ),
                    _connector="OR",
                ),
                name="claim_steps_in_order",
            ),
        ),
        migrations.AddConstraint(
            model_name="claim",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    ("checked_by__isnull", True),
                    models.Q(
                        ("entered_by__isnull", False), models.Q(("checked_by", models.F("entered_by")), _negated=True)
                    ),
                    _connector="OR",
                ),
                name="claim_checked_by_another",
                violation_error_message="A claim is checked by someone other than who entered it.",
            ),
        ),
        migrations.AddConstraint(
            model_name="claim",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    ("approved_by__isnull", True),
                    models.Q(
                        ("checked_by__isnull", False),
                        ("entered_by__isnull", False),
                        models.Q(("approved_by", models.F("entered_by")), _negated=True),
                        models.Q(("approved_by", models.F("checked_by")), _negated=True),
                    ),
                    _connector="OR",
                ),
                name="claim_approved_by_a_third",
                violation_error_message="A claim is approved by someone who neither entered nor checked it.",
            ),
        ),
        migrations.AddConstraint(
            model_name="claim",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    ("closed_by__isnull", True),
                    models.Q(("status__in", ["refused"]), _negated=True),
                    models.Q(
                        ("entered_by__isnull", False), models.Q(("closed_by", models.F("entered_by")), _negated=True)
                    ),
                    _connector="OR",
                ),
                name="claim_refused_by_another",
                violation_error_message="A claim is refused by someone other than who entered it.",
            ),
        ),
        migrations.AddConstraint(
            model_name="claim",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    ("paid_by__isnull", True),
                    models.Q(
                        ("account_by__isnull", False),
                        ("entered_by__isnull", False),
                        models.Q(("paid_by", models.F("entered_by")), _negated=True),
                        models.Q(("paid_by", models.F("account_by")), _negated=True),
                    ),
                    _connector="OR",
                ),
                name="claim_paid_by_another",
                violation_error_message="A claim is paid by someone other than who entered it or its account.",
            ),
        ),
        migrations.AddConstraint(
            model_name="claim",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    ("account_confirmed_by__isnull", True),
                    models.Q(
                        ("account_by__isnull", False),
                        models.Q(("account_confirmed_by", models.F("account_by")), _negated=True),
                    ),
                    _connector="OR",
                ),
                name="claim_account_by_two",
                violation_error_message="An account is confirmed by someone other than who entered it.",
            ),
        ),
        migrations.AddConstraint(
            model_name="monthlyreturn",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(
                        ("reviewed_at__isnull", True), ("reviewed_by__isnull", True), ("status__in", ["submitted"])
                    ),
                    models.Q(
                        ("reviewed_at__isnull", False),
                        ("reviewed_by__isnull", False),
                        ("status__in", ["accepted", "returned"]),
                    ),
                    _connector="OR",
                ),
                name="monthly_return_reviewed_whole",
            ),
        ),
        migrations.AddConstraint(
            model_name="monthlyreturn",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    ("reviewed_by__isnull", True),
                    models.Q(
                        ("submitted_by__isnull", False),
                        models.Q(("reviewed_by", models.F("submitted_by")), _negated=True),
                    ),
                    _connector="OR",
                ),
                name="monthly_return_reviewed_by_another",
                violation_error_message="A return is reviewed by someone other than who entered it.",
            ),
        ),
        migrations.AddConstraint(
            model_name="proposal",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(
                        ("decided_at__isnull", True), ("decided_by__isnull", True), ("status__in", ["open", "outdated"])
                    ),
                    models.Q(
                        ("decided_at__isnull", False),
                        ("decided_by__isnull", False),
                        ("status__in", ["confirmed", "dropped"]),
                    ),
                    _connector="OR",
                ),
                name="proposal_decided_by_somebody",
            ),
        ),
        migrations.AddConstraint(
            model_name="proposal",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    ("decided_by__isnull", True),
                    models.Q(
                        ("proposed_by__isnull", False), models.Q(("decided_by", models.F("proposed_by")), _negated=True)
                    ),
                    _connector="OR",
                ),
                name="proposal_decided_by_another",
                violation_error_message="A proposal is decided by someone other than who made it.",
            ),
        ),
        migrations.AddConstraint(
            model_name="run",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(
                        ("approved_at__isnull", True),
                        ("approved_by__isnull", True),
                        ("paid_at__isnull", True),
                        ("paid_by__isnull", True),
                        ("status__in", ["computed"]),
                        ("submitted_at__isnull", True),
                        ("submitted_by__isnull", True),
                    ),
                    models.Q(
                        ("approved_at__isnull", True),
                        ("approved_by__isnull", True),
                        ("paid_at__isnull", True),
                        ("paid_by__isnull", True),
                        ("status__in", ["submitted"]),
                        ("submitted_at__isnull", False),
                        ("submitted_by__isnull", False),
                    ),
                    models.Q(
                        ("approved_at__isnull", False),
                        ("approved_by__isnull", False),
                        ("paid_at__isnull", True),
                        ("paid_by__isnull", True),
                        ("status__in", ["approved"]),
                        ("submitted_at__isnull", False),
                        ("submitted_by__isnull", False),
                    ),
                    models.Q(
                        ("approved_at__isnull", False),
                        ("approved_by__isnull", False),
                        ("paid_at__isnull", False),
                        ("paid_by__isnull", False),
                        ("status__in", ["paid"]),
                        ("submitted_at__isnull", False),
                        ("submitted_by__isnull", False),
                    ),
                    _connector="OR",
                ),
                name="run_steps_in_order",
            ),
        ),
        migrations.AddConstraint(
            model_name="run",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    ("approved_by__isnull", True),
                    models.Q(
                        ("submitted_by__isnull", False),
                        models.Q(("approved_by", models.F("submitted_by")), _negated=True),
                    ),
                    _connector="OR",
                ),
                name="run_approved_by_another",
                violation_error_message="A run is approved by someone other than who submitted it.",
            ),
        ),
    ]
