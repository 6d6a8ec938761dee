from pathlib import Path

from django.db import migrations

HERE = Path(__file__).parent


class Migration(migrations.Migration):
    dependencies = [("accounts", "0001_initial")]
    operations = [
        migrations.RunSQL((HERE / "guards.sql").read_text(encoding="utf-8"), elidable=False),
        migrations.RunSQL((HERE / "post.sql").read_text(encoding="utf-8"), elidable=False),
    ]
