from pathlib import Path

import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models

HERE = Path(__file__).parent


class Migration(migrations.Migration):
    dependencies = [
        ("bureau", "0004_edition_guards"),
        ("institutions", "0002_assessments_confirmed"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name='AccountChange',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('bank_name', models.CharField(blank=True, max_length=100, verbose_name='bank')),
                ('bank_account', models.CharField(blank=True, max_length=40, verbose_name='bank account')),
                ('account_name', models.CharField(blank=True, max_length=120, verbose_name='account name')),
                ('status', models.CharField(choices=[('open', 'waits for confirmation'), ('confirmed', 'confirmed'), ('dropped', 'dropped')], default='open', max_length=10, verbose_name='status')),
                ('entered_at', models.DateTimeField(verbose_name='entered at')),
                ('decided_at', models.DateTimeField(blank=True, null=True, verbose_name='decided at')),
                ('note', models.CharField(blank=True, max_length=200, verbose_name='note')),
                ('decided_by', models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL, verbose_name='decided by')),
                ('entered_by', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL, verbose_name='entered by')),
                ('institution', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='account_changes', to='institutions.institution', verbose_name='institution')),
                ('upload', models.ForeignKey(blank=True, editable=False, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='bureau.upload', verbose_name='upload')),
            ],
            options={
                'verbose_name': 'change of a bank account',
                'verbose_name_plural': 'changes of bank accounts',
                'ordering': ['-id'],
                'constraints': [models.UniqueConstraint(condition=models.Q(('status', 'open')), fields=('institution',), name='account_change_open_once'), models.CheckConstraint(condition=models.Q(models.Q(('decided_at__isnull', True), ('decided_by__isnull', True), ('status', 'open')), models.Q(('decided_at__isnull', False), ('decided_by__isnull', False), ('status', 'dropped')), models.Q(('decided_at__isnull', False), ('decided_by__isnull', False), ('status', 'confirmed'), models.Q(('decided_by', models.F('entered_by')), _negated=True)), _connector='OR'), name='account_change_by_two', violation_error_message='A bank account is confirmed by someone other than who entered it.')],
            },
        ),
        migrations.RunSQL((HERE / "account_guards.sql").read_text(encoding="utf-8"), elidable=False),
    ]
