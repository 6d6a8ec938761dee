-- A return that was accepted stays; one that was sent back is entered anew. Nobody changes and reviews it in one step.
CREATE OR REPLACE FUNCTION settlement_check_return() RETURNS trigger LANGUAGE plpgsql
    SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
    IF TG_OP = 'INSERT' AND NEW.status <> 'submitted'
    OR TG_OP = 'UPDATE' AND (OLD.status = 'accepted' OR (NEW.status <> 'submitted' AND (
        OLD.status, OLD.institution_id, OLD.scheme, OLD.month, OLD.submitted_on, OLD.visits, OLD.total, OLD.fund,
        OLD.submitted_by_id, OLD.submitted_at) IS DISTINCT FROM (
        'submitted', NEW.institution_id, NEW.scheme, NEW.month, NEW.submitted_on, NEW.visits, NEW.total, NEW.fund,
        NEW.submitted_by_id, NEW.submitted_at)))
    THEN
        RAISE EXCEPTION 'A return is reviewed as it was entered, and stays once it is accepted.'
            USING ERRCODE = 'integrity_constraint_violation', CONSTRAINT = 'monthly_return_step';
    END IF;
    RETURN NEW;
END $$;

CREATE OR REPLACE TRIGGER returns_step_by_step BEFORE INSERT OR UPDATE ON settlement_monthlyreturn
    FOR EACH ROW EXECUTE FUNCTION settlement_check_return();
