-- The guards of the ledger. They are statement-level triggers with transition tables, so that ten thousand entries
-- are checked at once; each correlated subquery below is one index probe, whatever the planner knew of the tables.

-- Entries ------------------------------------------------------------------------------------------------------

CREATE OR REPLACE FUNCTION accounts_check_entries() RETURNS trigger LANGUAGE plpgsql
    SET enable_seqscan = off SET enable_hashjoin = off SET enable_mergejoin = off
    SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE wrong record;
BEGIN
    -- A journal balances within each fund, and all its entries come in this one statement.
    SELECT journal_id, bool_or(total <> 0) AS unbalanced INTO wrong
    FROM (SELECT journal_id, fund, count(*) AS entries, sum(amount) AS total
          FROM new_entries GROUP BY journal_id, fund) AS funds
    GROUP BY journal_id
    HAVING bool_or(total <> 0)
        OR sum(entries) IS DISTINCT FROM (SELECT entry_count FROM accounts_journal WHERE id = funds.journal_id)
        OR sum(entries) <> (SELECT count(*) FROM accounts_entry AS e WHERE e.journal_id = funds.journal_id)
    LIMIT 1;
    IF FOUND AND wrong.unbalanced THEN
        RAISE EXCEPTION 'Journal % does not balance within each fund.', wrong.journal_id
            USING ERRCODE = 'integrity_constraint_violation', CONSTRAINT = 'journal_balances';
    ELSIF FOUND THEN
        RAISE EXCEPTION 'Journal % is missing, or has other entries than it says.', wrong.journal_id
            USING ERRCODE = 'integrity_constraint_violation', CONSTRAINT = 'journal_entries_together';
    END IF;

    -- An entry on a personal account runs on from the entry before it, and the account stands where its last does.
    SELECT account_id, number INTO wrong FROM new_entries AS e
    WHERE account_id IS NOT NULL AND (
        balance_after - amount IS DISTINCT FROM CASE number WHEN 1 THEN 0 ELSE (
            SELECT p.balance_after FROM accounts_entry AS p
            WHERE p.account_id = e.account_id AND p.number = e.number - 1) END
        OR NOT coalesce((
            SELECT a.last_number > e.number OR (a.last_number = e.number AND a.balance = e.balance_after)
            FROM accounts_account AS a WHERE a.id = e.account_id), false))
    LIMIT 1;
    IF FOUND THEN
        RAISE EXCEPTION 'Entry % of account % does not run on to the balance.', wrong.number, wrong.account_id
            USING ERRCODE = 'integrity_constraint_violation', CONSTRAINT = 'entry_runs_on';
    END IF;
    RETURN NULL;
END $$;

CREATE OR REPLACE TRIGGER entries_balance AFTER INSERT ON accounts_entry
    REFERENCING NEW TABLE AS new_entries FOR EACH STATEMENT EXECUTE FUNCTION accounts_check_entries();
CREATE OR REPLACE TRIGGER entries_stay BEFORE UPDATE OR DELETE OR TRUNCATE ON accounts_entry
    FOR EACH STATEMENT EXECUTE FUNCTION accounts_refuse_change();
CREATE OR REPLACE TRIGGER written_at_read_committed BEFORE INSERT OR UPDATE OR DELETE ON accounts_entry
    FOR EACH STATEMENT EXECUTE FUNCTION bureau_require_read_committed();

-- Journals -----------------------------------------------------------------------------------------------------

CREATE OR REPLACE FUNCTION accounts_check_journals() RETURNS trigger LANGUAGE plpgsql
    SET enable_seqscan = off SET enable_hashjoin = off SET enable_mergejoin = off
    SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE wrong text;
BEGIN
    -- The guard of the entries has counted them: one that is there means that all of them are.
    SELECT key INTO wrong FROM new_journals AS j
    WHERE (SELECT e.id FROM accounts_entry AS e WHERE e.journal_id = j.id LIMIT 1) IS NULL LIMIT 1;
    IF FOUND THEN
        RAISE EXCEPTION 'Journal % has no entries.', wrong
            USING ERRCODE = 'integrity_constraint_violation', CONSTRAINT = 'journal_has_entries';
    END IF;
    SELECT key INTO wrong FROM new_journals AS j
    WHERE (SELECT c.id FROM accounts_closedmonth AS c
           WHERE c.area_id = j.area_id AND c.month = date_trunc('month', j.posted_on::timestamp)) IS NOT NULL LIMIT 1;
    IF FOUND THEN
        RAISE EXCEPTION 'Journal % falls into a closed month.', wrong
            USING ERRCODE = 'integrity_constraint_violation', CONSTRAINT = 'journal_month_open';
    END IF;
    RETURN NULL;
END $$;

CREATE OR REPLACE TRIGGER journals_have_entries AFTER INSERT ON accounts_journal
    REFERENCING NEW TABLE AS new_journals FOR EACH STATEMENT EXECUTE FUNCTION accounts_check_journals();
CREATE OR REPLACE TRIGGER journals_stay BEFORE UPDATE OR DELETE OR TRUNCATE ON accounts_journal
    FOR EACH STATEMENT EXECUTE FUNCTION accounts_refuse_change();
CREATE OR REPLACE TRIGGER written_at_read_committed BEFORE INSERT OR UPDATE OR DELETE ON accounts_journal
    FOR EACH STATEMENT EXECUTE FUNCTION bureau_require_read_committed();

-- Accounts -----------------------------------------------------------------------------------------------------

CREATE OR REPLACE FUNCTION accounts_check_accounts() RETURNS trigger LANGUAGE plpgsql
    SET enable_seqscan = off SET enable_hashjoin = off SET enable_mergejoin = off
    SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE wrong bigint;
BEGIN
    SELECT a.id INTO wrong FROM new_accounts AS a
    WHERE (a.last_number, a.balance) IS DISTINCT FROM coalesce((
        SELECT (e.number, e.balance_after) FROM accounts_entry AS e
        WHERE e.account_id = a.id ORDER BY e.number DESC LIMIT 1), (0, 0.00))
    LIMIT 1;
    IF FOUND THEN
        RAISE EXCEPTION 'The balance of account % is not that of its last entry.', wrong
            USING ERRCODE = 'integrity_constraint_violation', CONSTRAINT = 'account_agrees_with_entries';
    END IF;
    RETURN NULL;
END $$;

CREATE OR REPLACE TRIGGER accounts_start_empty AFTER INSERT ON accounts_account
    REFERENCING NEW TABLE AS new_accounts FOR EACH STATEMENT EXECUTE FUNCTION accounts_check_accounts();
CREATE OR REPLACE TRIGGER accounts_agree AFTER UPDATE ON accounts_account
    REFERENCING NEW TABLE AS new_accounts FOR EACH STATEMENT EXECUTE FUNCTION accounts_check_accounts();
CREATE OR REPLACE TRIGGER accounts_keep_their_holder BEFORE UPDATE OF id, member_id, area_id ON accounts_account
    FOR EACH ROW WHEN ((OLD.id, OLD.member_id, OLD.area_id) IS DISTINCT FROM (NEW.id, NEW.member_id, NEW.area_id))
    EXECUTE FUNCTION accounts_refuse_change();
CREATE OR REPLACE TRIGGER accounts_with_entries_stay BEFORE DELETE ON accounts_account
    FOR EACH ROW WHEN (OLD.last_number > 0) EXECUTE FUNCTION accounts_refuse_change();
CREATE OR REPLACE TRIGGER accounts_not_truncated BEFORE TRUNCATE ON accounts_account
    FOR EACH STATEMENT EXECUTE FUNCTION accounts_refuse_change();
CREATE OR REPLACE TRIGGER written_at_read_committed BEFORE INSERT OR UPDATE OR DELETE ON accounts_account
    FOR EACH STATEMENT EXECUTE FUNCTION bureau_require_read_committed();

-- What rests on postings ---------------------------------------------------------------------------------------

CREATE OR REPLACE TRIGGER credits_stay BEFORE UPDATE OR DELETE OR TRUNCATE ON accounts_credit
    FOR EACH STATEMENT EXECUTE FUNCTION accounts_refuse_change();
CREATE OR REPLACE TRIGGER written_at_read_committed BEFORE INSERT OR UPDATE OR DELETE ON accounts_credit
    FOR EACH STATEMENT EXECUTE FUNCTION bureau_require_read_committed();
CREATE OR REPLACE TRIGGER uses_stay BEFORE UPDATE OR DELETE OR TRUNCATE ON accounts_accountuse
    FOR EACH STATEMENT EXECUTE FUNCTION accounts_refuse_change();
CREATE OR REPLACE TRIGGER written_at_read_committed BEFORE INSERT OR UPDATE OR DELETE ON accounts_accountuse
    FOR EACH STATEMENT EXECUTE FUNCTION bureau_require_read_committed();
