-- Of a month's credit no more is taken back than was credited, nor given back than was taken; each rests on a recovery
-- of the same account.
CREATE OR REPLACE FUNCTION accounts_check_credit_recovery() RETURNS trigger LANGUAGE plpgsql
    SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE
    credited numeric;
    taken numeric;
BEGIN
    PERFORM FROM accounts_account WHERE id = NEW.account_id FOR NO KEY UPDATE;
    SELECT coalesce(sum(amount), 0) INTO credited FROM accounts_credit
    WHERE account_id = NEW.account_id AND month = NEW.month AND source = NEW.source;
    SELECT coalesce(sum(amount), 0) INTO taken FROM accounts_creditrecovery
    WHERE account_id = NEW.account_id AND month = NEW.month AND source = NEW.source;
    IF taken NOT BETWEEN 0 AND credited THEN
        RAISE EXCEPTION 'Of the credit of % nothing like this is left.', NEW.month
            USING ERRCODE = 'integrity_constraint_violation', CONSTRAINT = 'credit_recovery_within_credit';
    END IF;
    IF NOT EXISTS (SELECT FROM accounts_journal WHERE id = NEW.journal_id AND kind = 'recovery'
                   AND source = 'account:' || NEW.account_id)
    THEN
        RAISE EXCEPTION 'Journal % is no recovery of account %.', NEW.journal_id, NEW.account_id
            USING ERRCODE = 'integrity_constraint_violation', CONSTRAINT = 'credit_recovery_of_a_recovery';
    END IF;
    RETURN NULL;
END $$;

CREATE OR REPLACE TRIGGER credit_recoveries_within_credits AFTER INSERT ON accounts_creditrecovery
    FOR EACH ROW EXECUTE FUNCTION accounts_check_credit_recovery();
CREATE OR REPLACE TRIGGER credit_recoveries_stay BEFORE UPDATE OR DELETE OR TRUNCATE ON accounts_creditrecovery
    FOR EACH STATEMENT EXECUTE FUNCTION accounts_refuse_change();
CREATE OR REPLACE TRIGGER written_at_read_committed BEFORE INSERT OR UPDATE OR DELETE ON accounts_creditrecovery
    FOR EACH STATEMENT EXECUTE FUNCTION bureau_require_read_committed();
