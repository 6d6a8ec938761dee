-- A payment run is submitted with the total of its lines.

CREATE OR REPLACE FUNCTION settlement_check_run_total() RETURNS trigger LANGUAGE plpgsql
    SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
    IF NEW.total <> (SELECT coalesce(sum(to_pay), 0) FROM settlement_line WHERE run_id = NEW.id) THEN
        RAISE EXCEPTION 'The total of the run is not that of its lines.'
            USING ERRCODE = 'integrity_constraint_violation', CONSTRAINT = 'run_total';
    END IF;
    RETURN NEW;
END $$;

CREATE OR REPLACE TRIGGER runs_add_up BEFORE UPDATE ON settlement_run
    FOR EACH ROW WHEN (NEW.status = 'submitted') EXECUTE FUNCTION settlement_check_run_total();
CREATE OR REPLACE TRIGGER runs_not_truncated BEFORE TRUNCATE ON settlement_run
    FOR EACH STATEMENT EXECUTE FUNCTION settlement_refuse_change();
CREATE OR REPLACE TRIGGER written_at_read_committed BEFORE INSERT OR UPDATE OR DELETE ON settlement_run
    FOR EACH STATEMENT EXECUTE FUNCTION bureau_require_read_committed();

-- Approved and paid only where each line that pays names the account that counts.
CREATE OR REPLACE FUNCTION settlement_check_run_accounts() RETURNS trigger LANGUAGE plpgsql
    SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
    IF EXISTS (
        SELECT FROM settlement_line l JOIN institutions_institution i ON i.id = l.institution_id
         WHERE l.run_id = NEW.id AND l.to_pay > 0
           AND (l.account_name, l.bank_name, l.bank_account) <> (i.account_name, i.bank_name, i.bank_account)) THEN
        RAISE EXCEPTION 'An account of the run is not the one that counts: it is not %.', NEW.status
            USING ERRCODE = 'integrity_constraint_violation', CONSTRAINT = 'run_accounts';
    END IF;
    RETURN NEW;
END $$;

CREATE OR REPLACE TRIGGER runs_to_approved_accounts BEFORE UPDATE OF status ON settlement_run
    FOR EACH ROW WHEN (OLD.status <> NEW.status AND NEW.status IN ('approved', 'paid'))
    EXECUTE FUNCTION settlement_check_run_accounts();

-- Lines move only while their run is computed. The run's row is held, so that nobody submits it meanwhile. Of an
-- approved run, the account alone is approved anew, and only as the institution has it.
CREATE OR REPLACE FUNCTION settlement_check_line() RETURNS trigger LANGUAGE plpgsql
    SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE
    runs bigint[] := CASE TG_OP WHEN 'INSERT' THEN ARRAY[NEW.run_id] WHEN 'DELETE' THEN ARRAY[OLD.run_id]
                     ELSE ARRAY[OLD.run_id, NEW.run_id] END;
    same settlement_line;
BEGIN
    PERFORM FROM settlement_run WHERE id = ANY (runs) ORDER BY id FOR SHARE;
    IF TG_OP = 'UPDATE' THEN
        same := NEW;
        same.account_name := OLD.account_name;
        same.bank_name := OLD.bank_name;
        same.bank_account := OLD.bank_account;
        IF same IS NOT DISTINCT FROM OLD AND EXISTS (
            SELECT FROM settlement_run r, institutions_institution i
             WHERE r.id = NEW.run_id AND r.status = 'approved' AND i.id = NEW.institution_id
               AND (i.account_name, i.bank_name, i.bank_account)
                 = (NEW.account_name, NEW.bank_name, NEW.bank_account)) THEN
            RETURN NEW;
        END IF;
    END IF;
    IF EXISTS (SELECT FROM settlement_run WHERE id = ANY (runs) AND status <> 'computed') THEN
        RAISE EXCEPTION 'The lines of a submitted run do not change.'
            USING ERRCODE = 'integrity_constraint_violation', CONSTRAINT = 'lines_stay';
    END IF;
    RETURN CASE TG_OP WHEN 'DELETE' THEN OLD ELSE NEW END;
END $$;

CREATE OR REPLACE TRIGGER lines_stay BEFORE INSERT OR UPDATE OR DELETE ON settlement_line
    FOR EACH ROW EXECUTE FUNCTION settlement_check_line();
CREATE OR REPLACE TRIGGER lines_not_truncated BEFORE TRUNCATE ON settlement_line
    FOR EACH STATEMENT EXECUTE FUNCTION settlement_refuse_change();
CREATE OR REPLACE TRIGGER written_at_read_committed BEFORE INSERT OR UPDATE OR DELETE ON settlement_line
    FOR EACH STATEMENT EXECUTE FUNCTION bureau_require_read_committed();

-- Adjustments: what has been put before somebody on a submitted run stays as it is.
CREATE OR REPLACE FUNCTION settlement_check_adjustment() RETURNS trigger LANGUAGE plpgsql
    SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE same settlement_adjustment;
BEGIN
    IF EXISTS (SELECT FROM settlement_line l JOIN settlement_run r ON r.id = l.run_id
                WHERE l.id = OLD.carried_by_id AND r.status <> 'computed') THEN
        RAISE EXCEPTION 'A submitted run carries this adjustment.'
            USING ERRCODE = 'integrity_constraint_violation', CONSTRAINT = 'adjustment_stays';
    END IF;
    IF TG_OP = 'DELETE' THEN
        RETURN OLD;
    END IF;
    same := NEW;
    same.carried_by_id := OLD.carried_by_id;
    IF same IS DISTINCT FROM OLD THEN
        RAISE EXCEPTION 'An adjustment is carried or taken back, never rewritten.'
            USING ERRCODE = 'integrity_constraint_violation', CONSTRAINT = 'adjustment_stays';
    END IF;
    RETURN NEW;
END $$;

CREATE OR REPLACE TRIGGER adjustments_stay BEFORE UPDATE OR DELETE ON settlement_adjustment
    FOR EACH ROW EXECUTE FUNCTION settlement_check_adjustment();
CREATE OR REPLACE TRIGGER adjustments_not_truncated BEFORE TRUNCATE ON settlement_adjustment
    FOR EACH STATEMENT EXECUTE FUNCTION settlement_refuse_change();
CREATE OR REPLACE TRIGGER written_at_read_committed BEFORE INSERT OR UPDATE OR DELETE ON settlement_adjustment
    FOR EACH STATEMENT EXECUTE FUNCTION bureau_require_read_committed();

-- Orders to the bank: the first goes where the line says, one that takes a returned one's place where the institution
-- is paid now.
CREATE OR REPLACE FUNCTION settlement_check_payment() RETURNS trigger LANGUAGE plpgsql
    SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
    IF NOT EXISTS (SELECT FROM settlement_line l JOIN settlement_run r ON r.id = l.run_id
                    WHERE l.id = NEW.line_id AND r.status IN ('approved', 'paid')) THEN
        RAISE EXCEPTION 'Only an approved run is paid.'
            USING ERRCODE = 'integrity_constraint_violation', CONSTRAINT = 'payment_of_approved_run';
    END IF;
    IF NOT EXISTS (
        SELECT FROM settlement_line l JOIN institutions_institution i ON i.id = l.institution_id
         WHERE l.id = NEW.line_id AND (NEW.account_name, NEW.bank_name, NEW.bank_account) = CASE NEW.status
               WHEN 'ordered' THEN (l.account_name, l.bank_name, l.bank_account)
               ELSE (i.account_name, i.bank_name, i.bank_account) END) THEN
        RAISE EXCEPTION 'Money goes to the account that was approved.'
            USING ERRCODE = 'integrity_constraint_violation', CONSTRAINT = 'payment_to_approved_account';
    END IF;
    IF NEW.status = 'reissued' AND NOT EXISTS (
        SELECT FROM settlement_payment p WHERE p.line_id = NEW.line_id AND p.fund = NEW.fund
           AND p.amount = NEW.amount AND p.status = 'returned') THEN
        RAISE EXCEPTION 'Only what the bank returned is ordered again.'
            USING ERRCODE = 'integrity_constraint_violation', CONSTRAINT = 'payment_after_return';
    END IF;
    RETURN NEW;
END $$;

CREATE OR REPLACE TRIGGER payments_to_approved_accounts BEFORE INSERT ON settlement_payment
    FOR EACH ROW EXECUTE FUNCTION settlement_check_payment();
CREATE OR REPLACE TRIGGER payments_stay BEFORE DELETE OR TRUNCATE ON settlement_payment
    FOR EACH STATEMENT EXECUTE FUNCTION settlement_refuse_change();
CREATE OR REPLACE TRIGGER written_at_read_committed BEFORE INSERT OR UPDATE OR DELETE ON settlement_payment
    FOR EACH STATEMENT EXECUTE FUNCTION bureau_require_read_committed();
