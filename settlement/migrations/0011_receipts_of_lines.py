from django.db import migrations, models

# What was computed before names the editions that were approved then and whose days lie in its period: of a line its
# own, of a year all of them, each to the day before the next.
NAME_EDITIONS = """
ALTER TABLE settlement_line DISABLE TRIGGER USER;
ALTER TABLE settlement_adjustment DISABLE TRIGGER USER;
CREATE FUNCTION pg_temp.receipt(run settlement_run, at timestamptz) RETURNS jsonb LANGUAGE sql
    SET search_path = pg_catalog, public, pg_temp AS $$
    SELECT coalesce(jsonb_agg(jsonb_build_object('edition', content_hash, 'ends_on', last)), '[]') FROM (
        SELECT e.content_hash, e.starts_on,
               least(e.ends_on, lead(e.starts_on) OVER (ORDER BY e.starts_on) - 1) AS last
          FROM bureau_edition e
         WHERE e.area_id = run.area_id AND e.scheme = run.scheme AND e.approved_at <= at) AS known
     WHERE starts_on <= CASE run.kind WHEN 'year_end' THEN run.period + interval '1 year - 1 day' ELSE run.period END
       AND coalesce(last, 'infinity') >= run.period
$$;
UPDATE settlement_line l SET receipt = CASE WHEN r.kind <> 'year_end' AND e.id IS NOT NULL
       THEN jsonb_build_array(jsonb_build_object('edition', e.content_hash, 'ends_on', e.ends_on))
       ELSE pg_temp.receipt(r, r.computed_at) END
  FROM settlement_run r, settlement_line o LEFT JOIN bureau_edition e ON e.id = o.edition_id
 WHERE r.id = l.run_id AND o.id = l.id;
UPDATE settlement_adjustment a SET receipt = pg_temp.receipt(r, a.created_at)
  FROM settlement_run r WHERE r.id = a.origin_id AND r.kind <> 'items';
DROP FUNCTION pg_temp.receipt(settlement_run, timestamptz);
ALTER TABLE settlement_line ENABLE TRIGGER USER;
ALTER TABLE settlement_adjustment ENABLE TRIGGER USER;
"""


class Migration(migrations.Migration):
    dependencies = [("settlement", "0010_approved_accounts")]

    operations = [
        migrations.AddField(
            model_name="line",
            name="receipt",
            field=models.JSONField(default=list, verbose_name="receipt"),
        ),
        migrations.AddField(
            model_name="adjustment",
            name="receipt",
            field=models.JSONField(default=list, verbose_name="receipt"),
        ),
        migrations.RunSQL("SET CONSTRAINTS ALL IMMEDIATE", migrations.RunSQL.noop),
        migrations.RunSQL(NAME_EDITIONS, migrations.RunSQL.noop),
        migrations.RunSQL("SET CONSTRAINTS ALL DEFERRED", migrations.RunSQL.noop),
    ]
