-- A file stays the one that came; it can be dropped, and what rejected rows quote of it.
CREATE OR REPLACE FUNCTION bureau_keep_original() RETURNS trigger LANGUAGE plpgsql
    SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
    RAISE EXCEPTION '% of % is refused: what is recorded there stays.', TG_OP, TG_TABLE_NAME
        USING ERRCODE = 'integrity_constraint_violation', CONSTRAINT = TG_NAME, TABLE = TG_TABLE_NAME;
END $$;
CREATE OR REPLACE TRIGGER original_stays BEFORE UPDATE ON bureau_upload
    FOR EACH ROW WHEN (NEW.original <> OLD.original AND NEW.original <> '') EXECUTE FUNCTION bureau_keep_original();
CREATE OR REPLACE TRIGGER quotes_stay BEFORE UPDATE ON bureau_rejectedrow
    FOR EACH ROW WHEN (NEW.quoted IS NOT NULL) EXECUTE FUNCTION bureau_keep_original();
