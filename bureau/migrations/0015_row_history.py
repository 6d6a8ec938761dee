"""Every change of what is edited or loaded, and the transaction that it shares with its audit entry."""

from pathlib import Path

from django.db import migrations, models

HISTORY = Path(__file__).with_name("history.sql")


class Migration(migrations.Migration):
    dependencies = [("bureau", "0014_agency_of_audit_entries")]

    operations = [
        migrations.CreateModel(
            name="Change",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("transaction", models.BigIntegerField(verbose_name="transaction")),
                ("at", models.DateTimeField(verbose_name="at")),
                ("table_name", models.CharField(max_length=63, verbose_name="table")),
                ("first_row", models.BigIntegerField(verbose_name="row")),
                ("last_row", models.BigIntegerField(verbose_name="last row")),
                ("before", models.JSONField(null=True, verbose_name="before")),
                ("after", models.JSONField(null=True, verbose_name="after")),
                ("connected_as", models.CharField(max_length=63, verbose_name="connected as")),
            ],
            options={
                "verbose_name": "change of a row",
                "verbose_name_plural": "changes of rows",
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(last_row__gte=models.F("first_row")), name="change_of_rows"
                    ),
                ],
                "indexes": [
                    models.Index(
                        fields=["table_name", "first_row"], condition=models.Q(before__isnull=True), name="change_made"
                    ),
                    models.Index(
                        fields=["table_name", "first_row"], condition=models.Q(before__isnull=False), name="change_row"
                    ),
                    models.Index(fields=["transaction"], name="change_transaction"),
                ],
            },
        ),
        migrations.AddField(
            "auditentry", "transaction", models.BigIntegerField(editable=False, null=True, verbose_name="transaction")
        ),
        migrations.AddField(
            "auditentry",
            "began_at",
            models.DateTimeField(editable=False, null=True, verbose_name="transaction began at"),
        ),
        migrations.AddField(
            "auditentry",
            "last_change",
            models.BigIntegerField(editable=False, null=True, verbose_name="last change before it"),
        ),
        migrations.AddIndex("auditentry", models.Index(fields=["transaction"], name="audit_transaction")),
        migrations.RunSQL(HISTORY.read_text(encoding="utf-8"), elidable=False),
        migrations.DeleteModel("UploadEffect"),
    ]
