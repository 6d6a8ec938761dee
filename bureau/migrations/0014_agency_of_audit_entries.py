import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("bureau", "0013_staging"),
    ]

    operations = [
        migrations.AddField(
            model_name="auditentry",
            name="county",
            field=models.ForeignKey(
                blank=True,
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                to="bureau.county",
                verbose_name="county agency",
            ),
        ),
    ]
