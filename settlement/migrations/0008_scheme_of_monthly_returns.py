from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ("settlement", "0007_claims_of_other_funds"),
    ]

    operations = [
        migrations.RemoveConstraint(model_name="monthlyreturn", name="monthly_return_once"),
        migrations.AddField(
            model_name="monthlyreturn",
            name="scheme",
            # Only the residents' scheme of an area has asked for returns so far.
            field=models.CharField(
                choices=[
                    ("310", "Employees' basic medical insurance"),
                    ("390", "Residents' basic medical insurance"),
                ],
                default="390",
                max_length=3,
                verbose_name="scheme",
            ),
            preserve_default=False,
        ),
        migrations.AlterField(
            model_name="monthlyreturn",
            name="status",
            field=models.CharField(
                choices=[("submitted", "submitted"), ("accepted", "accepted"), ("returned", "sent back")],
                default="submitted",
                max_length=10,
                verbose_name="status",
            ),
        ),
        migrations.AlterField(
            model_name="monthlyreturn",
            name="submitted_on",
            field=models.DateField(verbose_name="reported on"),
        ),
        migrations.AlterField(
            model_name="monthlyreturn",
            name="visits",
            field=models.PositiveIntegerField(verbose_name="number of visits"),
        ),
        migrations.AddConstraint(
            model_name="monthlyreturn",
            constraint=models.UniqueConstraint(
                fields=("institution", "scheme", "month"),
                name="monthly_return_once",
                violation_error_message="The institution's return of this month is there already.",
            ),
        ),
    ]
