from pathlib import Path

from django.db import migrations

HERE = Path(__file__).parent


class Migration(migrations.Migration):
    dependencies = [("settlement", "0001_initial")]
    operations = [migrations.RunSQL((HERE / "run_guards.sql").read_text(encoding="utf-8"), elidable=False)]
