-- The bank account of an institution changes only by a change that one person entered and another confirmed.

CREATE FUNCTION institutions_check_account_change() RETURNS trigger LANGUAGE plpgsql
    SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE same institutions_accountchange;
BEGIN
    IF TG_OP = 'INSERT' THEN
        IF NEW.status <> 'open' THEN
            RAISE EXCEPTION 'A change of an account begins as open, not as %.', NEW.status
                USING ERRCODE = 'integrity_constraint_violation', CONSTRAINT = 'account_change_step';
        END IF;
        RETURN NEW;
    END IF;
    IF OLD.status <> 'open' THEN
        RAISE EXCEPTION 'A change of an account that was decided stays.'
            USING ERRCODE = 'integrity_constraint_violation', CONSTRAINT = 'account_change_stays';
    END IF;
    IF TG_OP = 'DELETE' THEN
        RETURN OLD;
    END IF;
    -- Who decides takes what was entered; who enters anew does not decide.
    same := NEW;
    IF NEW.status <> 'open' THEN
        same.status := OLD.status;
        same.decided_by_id := OLD.decided_by_id;
        same.decided_at := OLD.decided_at;
        same.note := OLD.note;
        IF same IS DISTINCT FROM OLD THEN
            RAISE EXCEPTION 'What is confirmed is what was entered.'
                USING ERRCODE = 'integrity_constraint_violation', CONSTRAINT = 'account_change_step';
        END IF;
    ELSIF NEW.institution_id <> OLD.institution_id THEN
        RAISE EXCEPTION 'A change of an account stays its institution''s.'
            USING ERRCODE = 'integrity_constraint_violation', CONSTRAINT = 'account_change_stays';
    END IF;
    RETURN NEW;
END $$;

CREATE TRIGGER account_changes_step_by_step BEFORE INSERT OR UPDATE OR DELETE ON institutions_accountchange
    FOR EACH ROW EXECUTE FUNCTION institutions_check_account_change();

CREATE FUNCTION institutions_check_account() RETURNS trigger LANGUAGE plpgsql
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

CREATE TRIGGER accounts_change_by_two BEFORE UPDATE OF account_name, bank_name, bank_account
    ON institutions_institution FOR EACH ROW
    WHEN ((OLD.account_name, OLD.bank_name, OLD.bank_account)
          IS DISTINCT FROM (NEW.account_name, NEW.bank_name, NEW.bank_account))
    EXECUTE FUNCTION institutions_check_account();
