from pathlib import Path

import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models

# What was approved before names the accounts that it was, or would have been, paid to.
NAME_ACCOUNTS = """
ALTER TABLE settlement_line DISABLE TRIGGER USER;
ALTER TABLE settlement_claim DISABLE TRIGGER USER;
UPDATE settlement_line l SET account_name = i.account_name, bank_name = i.bank_name, bank_account = i.bank_account
  FROM institutions_institution i, settlement_run r
 WHERE i.id = l.institution_id AND r.id = l.run_id AND r.status <> 'computed';
UPDATE settlement_line l SET account_name = p.account_name, bank_name = p.bank_name, bank_account = p.bank_account
  FROM settlement_payment p WHERE p.line_id = l.id AND p.status <> 'reissued';
UPDATE settlement_claim c SET account_name = CASE c.pay_to WHEN 'proxy' THEN c.proxy_name ELSE m.name END,
       account_confirmed_by_id = CASE WHEN c.approved_by_id <> c.account_by_id THEN c.approved_by_id END
  FROM members_member m WHERE m.id = c.member_id;
ALTER TABLE settlement_line ENABLE TRIGGER USER;
ALTER TABLE settlement_claim ENABLE TRIGGER USER;
"""
HERE = Path(__file__).parent


class Migration(migrations.Migration):
    dependencies = [
        ("institutions", "0003_bank_accounts_by_two"),
        ("settlement", "0009_differences_of_proposals"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.AddField(
            model_name='claim',
            name='account_confirmed_by',
            field=models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL, verbose_name='account confirmed by'),
        ),
        migrations.AddField(
            model_name='claim',
            name='account_name',
            field=models.CharField(blank=True, max_length=120, verbose_name='account name'),
        ),
        migrations.AddField(
            model_name='line',
            name='account_name',
            field=models.CharField(blank=True, max_length=120, verbose_name='account name'),
        ),
        migrations.AddField(
            model_name='line',
            name='bank_account',
            field=models.CharField(blank=True, max_length=40, verbose_name='bank account'),
        ),
        migrations.AddField(
            model_name='line',
            name='bank_name',
            field=models.CharField(blank=True, max_length=100, verbose_name='bank'),
        ),
        # Deferred foreign keys are checked first: a table with checks that wait takes no ALTER.
        migrations.RunSQL("SET CONSTRAINTS ALL IMMEDIATE", migrations.RunSQL.noop),
        migrations.RunSQL(NAME_ACCOUNTS, migrations.RunSQL.noop),
        migrations.RunSQL("SET CONSTRAINTS ALL DEFERRED", migrations.RunSQL.noop),
        migrations.AddConstraint(
            model_name='claim',
            constraint=models.CheckConstraint(condition=models.Q(('account_confirmed_by__isnull', True), models.Q(models.Q(('account_confirmed_by', models.F('account_by')), _negated=True), ('approved_by__isnull', False)), _connector='OR'), name='claim_account_by_two', violation_error_message='An account is confirmed by someone other than who entered it.'),
        ),
        migrations.RunSQL((HERE / "approved_accounts.sql").read_text(encoding="utf-8"), elidable=False),
    ]
