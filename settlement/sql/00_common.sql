-- Installed before the other files of the room, which refer to it.

CREATE OR REPLACE FUNCTION settlement_refuse_change() RETURNS trigger LANGUAGE plpgsql
    SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
    RAISE EXCEPTION '% of % is refused: what is settled stays.', TG_OP, TG_TABLE_NAME
        USING ERRCODE = 'integrity_constraint_violation', CONSTRAINT = 'settled_rows_stay', TABLE = TG_TABLE_NAME;
END $$;
