from pathlib import Path

from django.db import migrations

HERE = Path(__file__).parent


class Migration(migrations.Migration):
    dependencies = [("settlement", "0003_claims")]
    operations = [migrations.RunSQL((HERE / "claim_guards.sql").read_text(encoding="utf-8"), elidable=False)]
