-- Whoever closes a month waits for the postings under way, and later ones wait for the close.
CREATE OR REPLACE FUNCTION accounts_wait_for_postings() RETURNS trigger LANGUAGE plpgsql
    SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
    LOCK TABLE accounts_journal IN SHARE MODE;
    RETURN NULL;
END $$;

CREATE OR REPLACE TRIGGER month_waits_for_postings BEFORE INSERT OR UPDATE ON accounts_closedmonth
    FOR EACH STATEMENT EXECUTE FUNCTION accounts_wait_for_postings();
CREATE OR REPLACE TRIGGER written_at_read_committed BEFORE INSERT OR UPDATE OR DELETE ON accounts_closedmonth
    FOR EACH STATEMENT EXECUTE FUNCTION bureau_require_read_committed();

-- A closed month is opened again by this function alone, which writes down who did it and why: the application has
-- no right to delete the row itself.
CREATE OR REPLACE FUNCTION accounts_reopen_month(area text, first_day date, reason text, actor bigint, at timestamptz)
    RETURNS boolean LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
    DELETE FROM accounts_closedmonth WHERE area_id = area AND month = first_day;
    IF FOUND THEN
        PERFORM bureau_record_act(at, actor, 'month.reopen', area,
            jsonb_build_object('month', to_char(first_day, 'YYYY-MM'), 'reason', reason));
    END IF;
    RETURN FOUND;
END $$;
