-- As in bureau: names are looked up in the house's schema before any temporary table, and guards that look at other
-- rows see what others have committed.

ALTER FUNCTION settlement_refuse_change() SET search_path = pg_catalog, public, pg_temp;
ALTER FUNCTION settlement_check_run() SET search_path = pg_catalog, public, pg_temp;
ALTER FUNCTION settlement_check_line() SET search_path = pg_catalog, public, pg_temp;
ALTER FUNCTION settlement_check_adjustment() SET search_path = pg_catalog, public, pg_temp;
ALTER FUNCTION settlement_check_payment() SET search_path = pg_catalog, public, pg_temp;
ALTER FUNCTION settlement_check_claim() SET search_path = pg_catalog, public, pg_temp;
ALTER FUNCTION settlement_check_claim_payment() SET search_path = pg_catalog, public, pg_temp;
ALTER FUNCTION settlement_check_invoice() SET search_path = pg_catalog, public, pg_temp;

DO $$
DECLARE guarded text;
BEGIN
    FOREACH guarded IN ARRAY ARRAY['settlement_adjustment', 'settlement_claim', 'settlement_claimpayment',
        'settlement_invoice', 'settlement_line', 'settlement_payment', 'settlement_proposal', 'settlement_run',
        'settlement_visit', 'settlement_visitpayment'] LOOP
        EXECUTE format('CREATE TRIGGER written_at_read_committed BEFORE INSERT OR UPDATE OR DELETE ON %I '
            'FOR EACH STATEMENT EXECUTE FUNCTION bureau_require_read_committed()', guarded);
    END LOOP;
END $$;
