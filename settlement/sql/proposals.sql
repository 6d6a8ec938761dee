CREATE OR REPLACE TRIGGER proposals_stay BEFORE TRUNCATE ON settlement_proposal
    FOR EACH STATEMENT EXECUTE FUNCTION settlement_refuse_change();
CREATE OR REPLACE TRIGGER written_at_read_committed BEFORE INSERT OR UPDATE OR DELETE ON settlement_proposal
    FOR EACH STATEMENT EXECUTE FUNCTION bureau_require_read_committed();

-- What accounts get back is part of what was found.
CREATE OR REPLACE FUNCTION settlement_check_recovery() RETURNS trigger LANGUAGE plpgsql
    SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
    IF (SELECT status FROM settlement_proposal WHERE id = NEW.proposal_id) <> 'open' THEN
        RAISE EXCEPTION 'The proposal was decided without it.'
            USING ERRCODE = 'integrity_constraint_violation', CONSTRAINT = 'recovery_before_decision';
    END IF;
    RETURN NEW;
END $$;

CREATE OR REPLACE TRIGGER recoveries_before_decision BEFORE INSERT ON settlement_accountrecovery
    FOR EACH ROW EXECUTE FUNCTION settlement_check_recovery();
CREATE OR REPLACE TRIGGER recoveries_stay BEFORE UPDATE OR DELETE OR TRUNCATE ON settlement_accountrecovery
    FOR EACH STATEMENT EXECUTE FUNCTION settlement_refuse_change();
CREATE OR REPLACE TRIGGER written_at_read_committed BEFORE INSERT OR UPDATE OR DELETE ON settlement_accountrecovery
    FOR EACH STATEMENT EXECUTE FUNCTION bureau_require_read_committed();
