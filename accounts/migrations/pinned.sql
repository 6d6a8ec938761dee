-- As in bureau: names are looked up in the house's schema before any temporary table, and guards that look at other
-- rows see what others have committed.

ALTER FUNCTION accounts_refuse_change() SET search_path = pg_catalog, public, pg_temp;
ALTER FUNCTION accounts_check_entries() SET search_path = pg_catalog, public, pg_temp;
ALTER FUNCTION accounts_check_journals() SET search_path = pg_catalog, public, pg_temp;
ALTER FUNCTION accounts_wait_for_postings() SET search_path = pg_catalog, public, pg_temp;
ALTER FUNCTION accounts_check_accounts() SET search_path = pg_catalog, public, pg_temp;
ALTER FUNCTION accounts_check_payout() SET search_path = pg_catalog, public, pg_temp;
ALTER FUNCTION accounts_post(
    text[], text[], text[], text[], date[], int[], text[], bigint, timestamptz,
    int[], text[], text[], text[], bigint[], numeric[]) SET search_path = pg_catalog, public, pg_temp;

DO $$
DECLARE guarded text;
BEGIN
    FOREACH guarded IN ARRAY ARRAY['accounts_account', 'accounts_accountuse', 'accounts_closedmonth',
        'accounts_credit', 'accounts_entry', 'accounts_journal', 'accounts_payout'] LOOP
        EXECUTE format('CREATE TRIGGER written_at_read_committed BEFORE INSERT OR UPDATE OR DELETE ON %I '
            'FOR EACH STATEMENT EXECUTE FUNCTION bureau_require_read_committed()', guarded);
    END LOOP;
END $$;

-- A closed month is opened again by this function alone, which writes down who did it and why: the application has
-- no right to delete the row itself.
CREATE FUNCTION accounts_reopen_month(area text, first_day date, reason text, actor bigint, at timestamptz)
    RETURNS boolean LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
    DELETE FROM accounts_closedmonth WHERE area_id = area AND month = first_day;
    IF FOUND THEN
        PERFORM bureau_record_act(at, actor, 'month.reopen', area,
            jsonb_build_object('month', to_char(first_day, 'YYYY-MM'), 'reason', reason));
    END IF;
    RETURN FOUND;
END $$;
