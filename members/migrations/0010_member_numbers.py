"""人员编号: everybody has one, so that who is known can be named without a document."""

from django.db import migrations, models
from django.db.models.expressions import RawSQL


class Migration(migrations.Migration):
    dependencies = [("members", "0009_spellings_of_a_name")]
    operations = [
        migrations.RunSQL(
            "CREATE SEQUENCE members_member_number_seq AS bigint",
            "DROP SEQUENCE members_member_number_seq",
            elidable=False,
        ),
        migrations.AddField(
            model_name="member",
            name="number",
            field=models.CharField(
                db_default=RawSQL("'GJ' || lpad(nextval('members_member_number_seq')::text, 10, '0')", []),
                help_text="人员编号: as the roster of members gives it; made here for who comes without one.",
                max_length=40,
                verbose_name="member number",
            ),
        ),
        migrations.AddConstraint(
            model_name="member",
            constraint=models.UniqueConstraint(
                fields=("number",),
                name="member_number_once",
                violation_error_message="A person with this member number is already recorded.",
            ),
        ),
    ]
