import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("settlement", "0013_pinned_functions")]

    operations = [
        migrations.AddField(
            model_name="visit",
            name="same_as",
            field=models.ForeignKey(
                blank=True,
                db_index=False,
                help_text="Settled under another number before: same member, institution, day, encounter and total.",
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="same_bills",
                to="settlement.visit",
                verbose_name="the same bill as",
            ),
        ),
        migrations.AddIndex(
            model_name="visit",
            index=models.Index(
                condition=models.Q(("same_as__isnull", False)), fields=["same_as"], name="visit_same_bill"
            ),
        ),
    ]
