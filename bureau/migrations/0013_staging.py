"""Staged rosters stand in unlogged tables that only functions of the house create."""

from pathlib import Path

from django.db import migrations

STAGING = Path(__file__).with_name("staging.sql")


class Migration(migrations.Migration):
    dependencies = [("bureau", "0012_steps_declared")]
    operations = [
        migrations.RunSQL(
            STAGING.read_text(encoding="utf-8"),
            "DROP FUNCTION bureau_stage(bigint, jsonb); DROP FUNCTION bureau_unstage(bigint); DROP SCHEMA staging CASCADE",
            elidable=False,
        )
    ]
