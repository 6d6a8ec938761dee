-- What is settled stays, and a payment run goes computed -> submitted -> approved -> paid.

CREATE FUNCTION settlement_refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION '% of % is refused: what is settled stays.', TG_OP, TG_TABLE_NAME
        USING ERRCODE = 'integrity_constraint_violation', CONSTRAINT = 'settled_rows_stay', TABLE = TG_TABLE_NAME;
END $$;

-- Visits: a reversal is a visit of its own ---------------------------------------------------------------------

CREATE TRIGGER visits_stay BEFORE UPDATE OR DELETE OR TRUNCATE ON settlement_visit
    FOR EACH STATEMENT EXECUTE FUNCTION settlement_refuse_change();
CREATE TRIGGER visit_payments_stay BEFORE UPDATE OR DELETE OR TRUNCATE ON settlement_visitpayment
    FOR EACH STATEMENT EXECUTE FUNCTION settlement_refuse_change();

-- Runs ---------------------------------------------------------------------------------------------------------

CREATE FUNCTION settlement_check_run() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE same settlement_run;
BEGIN
    IF TG_OP = 'INSERT' THEN
        IF NEW.status <> 'computed' THEN
            RAISE EXCEPTION 'A run begins as computed, not as %.', NEW.status
                USING ERRCODE = 'integrity_constraint_violation', CONSTRAINT = 'run_step';
        END IF;
        RETURN NEW;
    END IF;
    IF TG_OP = 'DELETE' THEN
        IF OLD.status IN ('approved', 'paid') THEN
            RAISE EXCEPTION 'An approved run stays.'
                USING ERRCODE = 'integrity_constraint_violation', CONSTRAINT = 'run_stays';
        END IF;
        RETURN OLD;
    END IF;
    IF OLD.status IN ('approved', 'paid') THEN
        same := NEW;
        IF OLD.status = 'approved' AND NEW.status = 'paid' THEN
            same.status := OLD.status;
            same.paid_by_id := OLD.paid_by_id;
            same.paid_at := OLD.paid_at;
        END IF;
        IF same IS DISTINCT FROM OLD THEN
            RAISE EXCEPTION 'An approved run never changes; it is only paid.'
                USING ERRCODE = 'integrity_constraint_violation', CONSTRAINT = 'run_stays';
        END IF;
        RETURN NEW;
    END IF;
    IF (OLD.status, NEW.status) NOT IN (('computed', 'computed'), ('computed', 'submitted'),
                                        ('submitted', 'approved'), ('submitted', 'computed'))
    OR (OLD.area_id, OLD.county_id, OLD.scheme, OLD.kind, OLD.period)
       IS DISTINCT FROM (NEW.area_id, NEW.county_id, NEW.scheme, NEW.kind, NEW.period)
    OR (NEW.status = 'approved' AND (OLD.submitted_by_id, OLD.total) IS DISTINCT FROM (NEW.submitted_by_id, NEW.total))
    THEN
        RAISE EXCEPTION 'A run cannot go from % to % like this.', OLD.status, NEW.status
            USING ERRCODE = 'integrity_constraint_violation', CONSTRAINT = 'run_step';
    END IF;
    IF NEW.status = 'submitted'
    AND NEW.total <> (SELECT coalesce(sum(to_pay), 0) FROM settlement_line WHERE run_id = NEW.id) THEN
        RAISE EXCEPTION 'The total of the run is not that of its lines.'
            USING ERRCODE = 'integrity_constraint_violation', CONSTRAINT = 'run_total';
    END IF;
    RETURN NEW;
END $$;

CREATE TRIGGER runs_step_by_step BEFORE INSERT OR UPDATE OR DELETE ON settlement_run
    FOR EACH ROW EXECUTE FUNCTION settlement_check_run();

-- Lines move only while their run is computed. The run's row is held, so that nobody submits it meanwhile.
CREATE FUNCTION settlement_check_line() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    runs bigint[] := CASE TG_OP WHEN 'INSERT' THEN ARRAY[NEW.run_id] WHEN 'DELETE' THEN ARRAY[OLD.run_id]
                     ELSE ARRAY[OLD.run_id, NEW.run_id] END;
BEGIN
    PERFORM FROM settlement_run WHERE id = ANY (runs) ORDER BY id FOR SHARE;
    IF EXISTS (SELECT FROM settlement_run WHERE id = ANY (runs) AND status <> 'computed') THEN
        RAISE EXCEPTION 'The lines of a submitted run do not change.'
            USING ERRCODE = 'integrity_constraint_violation', CONSTRAINT = 'lines_stay';
    END IF;
    RETURN CASE TG_OP WHEN 'DELETE' THEN OLD ELSE NEW END;
END $$;

CREATE TRIGGER lines_stay BEFORE INSERT OR UPDATE OR DELETE ON settlement_line
    FOR EACH ROW EXECUTE FUNCTION settlement_check_line();

-- Adjustments: what has been put before somebody on a submitted run stays as it is.
CREATE FUNCTION settlement_check_adjustment() RETURNS trigger LANGUAGE plpgsql AS $$
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

CREATE TRIGGER adjustments_stay BEFORE UPDATE OR DELETE ON settlement_adjustment
    FOR EACH ROW EXECUTE FUNCTION settlement_check_adjustment();

-- Payments: an order to the bank is only ever returned.
CREATE FUNCTION settlement_check_payment() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE same settlement_payment;
BEGIN
    IF TG_OP = 'INSERT' THEN
        IF NOT EXISTS (SELECT FROM settlement_line l JOIN settlement_run r ON r.id = l.run_id
                        WHERE l.id = NEW.line_id AND r.status IN ('approved', 'paid')) THEN
            RAISE EXCEPTION 'Only an approved run is paid.'
                USING ERRCODE = 'integrity_constraint_violation', CONSTRAINT = 'payment_of_approved_run';
        END IF;
        RETURN NEW;
    END IF;
    same := NEW;
    same.status := OLD.status;
    same.note := OLD.note;
    IF same IS DISTINCT FROM OLD OR (OLD.status = 'returned' AND NEW IS DISTINCT FROM OLD)
    OR (OLD.status <> NEW.status AND NEW.status <> 'returned') THEN
        RAISE EXCEPTION 'An order to the bank is returned, never rewritten.'
            USING ERRCODE = 'integrity_constraint_violation', CONSTRAINT = 'payment_stays';
    END IF;
    RETURN NEW;
END $$;

CREATE TRIGGER payments_step_by_step BEFORE INSERT OR UPDATE ON settlement_payment
    FOR EACH ROW EXECUTE FUNCTION settlement_check_payment();
CREATE TRIGGER payments_stay BEFORE DELETE OR TRUNCATE ON settlement_payment
    FOR EACH STATEMENT EXECUTE FUNCTION settlement_refuse_change();

CREATE TRIGGER runs_not_truncated BEFORE TRUNCATE ON settlement_run
    FOR EACH STATEMENT EXECUTE FUNCTION settlement_refuse_change();
CREATE TRIGGER lines_not_truncated BEFORE TRUNCATE ON settlement_line
    FOR EACH STATEMENT EXECUTE FUNCTION settlement_refuse_change();
CREATE TRIGGER adjustments_not_truncated BEFORE TRUNCATE ON settlement_adjustment
    FOR EACH STATEMENT EXECUTE FUNCTION settlement_refuse_change();
