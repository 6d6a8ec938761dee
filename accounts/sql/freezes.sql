-- An account is frozen while any of its freezes is open: the status follows the rows, and nobody turns it past them.

CREATE OR REPLACE FUNCTION accounts_check_freeze() RETURNS trigger LANGUAGE plpgsql
    SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
    IF (TG_OP = 'INSERT' AND NEW.ended_at IS NOT NULL) OR (TG_OP = 'UPDATE' AND (
        OLD.ended_at IS NOT NULL OR NEW.ended_at IS NULL
        OR (OLD.id, OLD.account_id, OLD.cause, OLD.reason, OLD.payout_id, OLD.frozen_by_id, OLD.frozen_at)
            IS DISTINCT FROM (NEW.id, NEW.account_id, NEW.cause, NEW.reason, NEW.payout_id, NEW.frozen_by_id,
                              NEW.frozen_at)))
    THEN
        RAISE EXCEPTION 'A freeze begins open and ends once; nothing else of it changes.'
            USING ERRCODE = 'integrity_constraint_violation', CONSTRAINT = 'freeze_step';
    END IF;
    IF TG_OP = 'UPDATE' AND EXISTS (
        SELECT FROM accounts_payout WHERE id = OLD.payout_id AND status IN ('submitted', 'approved'))
    THEN
        RAISE EXCEPTION 'The payout that froze the account is still on its way.'
            USING ERRCODE = 'integrity_constraint_violation', CONSTRAINT = 'freeze_of_payout_stays';
    END IF;
    RETURN NEW;
END $$;

CREATE OR REPLACE TRIGGER freezes_step_by_step BEFORE INSERT OR UPDATE ON accounts_freeze
    FOR EACH ROW EXECUTE FUNCTION accounts_check_freeze();
CREATE OR REPLACE TRIGGER freezes_stay BEFORE DELETE OR TRUNCATE ON accounts_freeze
    FOR EACH STATEMENT EXECUTE FUNCTION accounts_refuse_change();

-- A closed account stays closed: what takes it back into use says so itself.
CREATE OR REPLACE FUNCTION accounts_follow_freezes() RETURNS trigger LANGUAGE plpgsql
    SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE first_reason text;
BEGIN
    PERFORM FROM accounts_account WHERE id = NEW.account_id FOR NO KEY UPDATE;
    SELECT reason INTO first_reason FROM accounts_freeze
    WHERE account_id = NEW.account_id AND ended_at IS NULL ORDER BY id LIMIT 1;
    UPDATE accounts_account
    SET status = CASE WHEN first_reason IS NULL THEN 'open' ELSE 'frozen' END,
        status_reason = coalesce(first_reason, '')
    WHERE id = NEW.account_id AND status <> 'closed';
    RETURN NULL;
END $$;

CREATE OR REPLACE TRIGGER accounts_follow AFTER INSERT OR UPDATE ON accounts_freeze
    FOR EACH ROW EXECUTE FUNCTION accounts_follow_freezes();

CREATE OR REPLACE FUNCTION accounts_check_status() RETURNS trigger LANGUAGE plpgsql
    SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
    IF NEW.status = 'open' AND EXISTS (
        SELECT FROM accounts_freeze WHERE account_id = NEW.id AND ended_at IS NULL)
    THEN
        RAISE EXCEPTION 'Account % is frozen: end each freeze for itself.', NEW.id
            USING ERRCODE = 'integrity_constraint_violation', CONSTRAINT = 'account_frozen_while_a_freeze_is_open';
    END IF;
    RETURN NEW;
END $$;

CREATE OR REPLACE TRIGGER accounts_keep_frozen BEFORE UPDATE OF status ON accounts_account
    FOR EACH ROW EXECUTE FUNCTION accounts_check_status();
