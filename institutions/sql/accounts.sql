-- The bank account of an institution is the one that was entered by one person and confirmed by another.

CREATE OR REPLACE FUNCTION institutions_check_account() RETURNS trigger LANGUAGE plpgsql
    SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
    IF (NEW.account_name, NEW.bank_name, NEW.bank_account) IS DISTINCT FROM (
        SELECT (c.account_name, c.bank_name, c.bank_account) FROM institutions_accountchange c
         WHERE c.institution_id = NEW.id AND c.status = 'confirmed' ORDER BY c.decided_at DESC, c.id DESC LIMIT 1) THEN
        RAISE EXCEPTION 'The account of institution % is not the one that was confirmed last.', NEW.code
            USING ERRCODE = 'integrity_constraint_violation', CONSTRAINT = 'account_by_two';
    END IF;
    RETURN NEW;
END $$;

CREATE OR REPLACE TRIGGER accounts_change_by_two BEFORE UPDATE OF account_name, bank_name, bank_account
    ON institutions_institution FOR EACH ROW
    WHEN ((OLD.account_name, OLD.bank_name, OLD.bank_account)
          IS DISTINCT FROM (NEW.account_name, NEW.bank_name, NEW.bank_account))
    EXECUTE FUNCTION institutions_check_account();
