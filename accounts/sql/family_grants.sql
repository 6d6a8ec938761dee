-- A family grant ends, and never goes on for longer than it said.
CREATE OR REPLACE FUNCTION accounts_check_family_grant() RETURNS trigger LANGUAGE plpgsql
    SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE same accounts_familygrant := NEW;
BEGIN
    same.ends_on := OLD.ends_on;
    IF same IS DISTINCT FROM OLD OR coalesce(NEW.ends_on, 'infinity') > coalesce(OLD.ends_on, 'infinity') THEN
        RAISE EXCEPTION 'A family grant only ends earlier.'
            USING ERRCODE = 'integrity_constraint_violation', CONSTRAINT = 'family_grant_only_ends';
    END IF;
    RETURN NEW;
END $$;

CREATE OR REPLACE TRIGGER family_grants_only_end BEFORE UPDATE ON accounts_familygrant
    FOR EACH ROW EXECUTE FUNCTION accounts_check_family_grant();
