"""The columns whose content lies in the file store and in the table of rejected rows."""

from django.db import migrations


class Migration(migrations.Migration):
    dependencies = [("bureau", "0010_files_in_a_store")]

    operations = [
        migrations.RemoveField("upload", "content"),
        migrations.RemoveField("upload", "rejects"),
    ]
