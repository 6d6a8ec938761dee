-- A payout goes submitted -> approved -> paid, and is returned from either of the first two. What was submitted is
-- what is paid; who took a step is written with it, and stays.
CREATE OR REPLACE FUNCTION accounts_check_payout() RETURNS trigger LANGUAGE plpgsql
    SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE same accounts_payout := NEW;
BEGIN
    IF (TG_OP = 'INSERT' AND NEW.status <> 'submitted')
    OR (TG_OP = 'UPDATE' AND (OLD.status, NEW.status) NOT IN (
        ('submitted', 'submitted'), ('submitted', 'returned'), ('submitted', 'approved'), ('approved', 'returned'),
        ('approved', 'paid')))
    THEN
        RAISE EXCEPTION 'A payout cannot become % here.', NEW.status
            USING ERRCODE = 'integrity_constraint_violation', CONSTRAINT = 'payout_step';
    END IF;
    IF TG_OP = 'INSERT' THEN
        RETURN NEW;
    END IF;
    same.status := OLD.status;
    same.note := OLD.note;
    IF NEW.status = 'approved' THEN
        same.approved_by_id := OLD.approved_by_id;
        same.approved_at := OLD.approved_at;
    ELSIF NEW.status = 'paid' THEN
        same.paid_by_id := OLD.paid_by_id;
        same.paid_at := OLD.paid_at;
    ELSIF NEW.status = 'returned' THEN
        same.returned_by_id := OLD.returned_by_id;
        same.returned_at := OLD.returned_at;
    END IF;
    IF same IS DISTINCT FROM OLD THEN
        RAISE EXCEPTION 'A submitted payout is not changed; return it.'
            USING ERRCODE = 'integrity_constraint_violation', CONSTRAINT = 'payout_as_submitted';
    END IF;
    RETURN NEW;
END $$;

CREATE OR REPLACE TRIGGER payouts_step_by_step BEFORE INSERT OR UPDATE ON accounts_payout
    FOR EACH ROW EXECUTE FUNCTION accounts_check_payout();
CREATE OR REPLACE TRIGGER payouts_stay BEFORE DELETE OR TRUNCATE ON accounts_payout
    FOR EACH STATEMENT EXECUTE FUNCTION accounts_refuse_change();
CREATE OR REPLACE TRIGGER written_at_read_committed BEFORE INSERT OR UPDATE OR DELETE ON accounts_payout
    FOR EACH STATEMENT EXECUTE FUNCTION bureau_require_read_committed();

-- Its journals come with its steps: approved, the amount is owed and no longer in the account; paid, it is owed no
-- more; returned, it is in the account again.
CREATE OR REPLACE FUNCTION accounts_check_payout_booked() RETURNS trigger LANGUAGE plpgsql
    SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE
    owed numeric;
    moved numeric;
BEGIN
    SELECT coalesce(sum(e.amount) FILTER (WHERE e.subject = 'payable_payout' AND e.holder = j.source), 0),
        coalesce(sum(e.amount) FILTER (WHERE e.account_id = NEW.account_id), 0)
    INTO owed, moved
    FROM accounts_journal AS j JOIN accounts_entry AS e ON e.journal_id = j.id
    WHERE j.source = 'payout:' || NEW.id AND j.kind = 'payout';
    IF owed <> (CASE NEW.status WHEN 'approved' THEN NEW.amount ELSE 0 END)
    OR moved <> (CASE WHEN NEW.status IN ('approved', 'paid') THEN -NEW.amount ELSE 0 END)
    THEN
        RAISE EXCEPTION 'A payout becomes % with its journal.', NEW.status
            USING ERRCODE = 'integrity_constraint_violation', CONSTRAINT = 'payout_booked';
    END IF;
    RETURN NULL;
END $$;

CREATE OR REPLACE TRIGGER payouts_booked AFTER UPDATE ON accounts_payout
    FOR EACH ROW EXECUTE FUNCTION accounts_check_payout_booked();
