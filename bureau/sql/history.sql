-- The history of rows: written by the triggers of bureau.history.triggers, and by nobody else.

CREATE OR REPLACE TRIGGER changes_stay BEFORE UPDATE OR DELETE OR TRUNCATE ON bureau_change
    FOR EACH STATEMENT EXECUTE FUNCTION bureau_refuse_change();

-- Whatever whoever writes an entry says: it stands in the transaction that it was written in. With the owner's rights,
-- since the numbers of changes are nobody else's to read.
CREATE OR REPLACE FUNCTION bureau_place_entry() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
    SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
    NEW.transaction := pg_current_xact_id()::text::bigint;
    NEW.began_at := transaction_timestamp();
    NEW.last_change := coalesce(pg_sequence_last_value('public.bureau_change_id_seq'), 0);
    RETURN NEW;
END $$;
CREATE OR REPLACE TRIGGER entries_in_their_transaction BEFORE INSERT ON bureau_auditentry
    FOR EACH ROW EXECUTE FUNCTION bureau_place_entry();
