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

CREATE OR REPLACE TRIGGER payouts_stay BEFORE DELETE OR TRUNCATE ON accounts_payout
    FOR EACH STATEMENT EXECUTE FUNCTION accounts_refuse_change();
CREATE OR REPLACE TRIGGER written_at_read_committed BEFORE INSERT OR UPDATE OR DELETE ON accounts_payout
    FOR EACH STATEMENT EXECUTE FUNCTION bureau_require_read_committed();
