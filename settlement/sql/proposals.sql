-- A proposal is made open, by what was found, and decided once: confirmed, dropped, or closed as outdated.
CREATE OR REPLACE FUNCTION settlement_check_proposal() RETURNS trigger LANGUAGE plpgsql
    SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE same settlement_proposal;
BEGIN
    IF TG_OP = 'INSERT' THEN
        IF NEW.status <> 'open' THEN
            RAISE EXCEPTION 'A proposal begins as open, not as %.', NEW.status
                USING ERRCODE = 'integrity_constraint_violation', CONSTRAINT = 'proposal_begins_open';
        END IF;
        RETURN NEW;
    END IF;
    IF TG_OP = 'UPDATE' AND OLD.status = 'open' THEN
        same := NEW;
        same.status := OLD.status;
        same.decided_by_id := OLD.decided_by_id;
        same.decided_at := OLD.decided_at;
        same.note := OLD.note;
        IF same IS NOT DISTINCT FROM OLD THEN
            RETURN NEW;
        END IF;
    END IF;
    RAISE EXCEPTION '% of a proposal is refused: it is decided once, and says what it said.', TG_OP
        USING ERRCODE = 'integrity_constraint_violation', CONSTRAINT = 'proposal_stays';
END $$;

CREATE OR REPLACE TRIGGER proposals_are_decided_once BEFORE INSERT OR UPDATE OR DELETE ON settlement_proposal
    FOR EACH ROW EXECUTE FUNCTION settlement_check_proposal();
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
