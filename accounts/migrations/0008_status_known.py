from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("accounts", "0007_family_grants_end")]
    operations = [
        migrations.AddConstraint(
            model_name="account",
            constraint=models.CheckConstraint(
                condition=models.Q(("status__in", ["open", "frozen", "closed"])), name="account_status_known"
            ),
        ),
    ]
