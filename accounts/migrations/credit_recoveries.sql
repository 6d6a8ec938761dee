-- What was taken back before, as far as it was held to be of credits after a death: until now every recovery since that
-- day was. The amounts of the journals, in their order, lie over the amounts of the months, in theirs; what reaches
-- beyond was taken back for another reason.
WITH death AS (
    SELECT a.id AS account_id, coalesce(m.died_on, (
        SELECT max((t.detail ->> 'reason')::date) FROM bureau_auditentry AS t
        WHERE t.action = 'account.recover' AND t.record_type = 'accounts.account' AND t.record_id = a.id::text
            AND t.detail ->> 'key' LIKE 'death:%' AND t.detail ->> 'reason' ~ '^\d{4}-\d{2}-\d{2}$')) AS died_on
    FROM accounts_account AS a JOIN members_member AS m ON m.id = a.member_id
), taken AS (
    SELECT d.account_id, d.died_on, j.id AS journal_id, given.source, given.amount,
        sum(given.amount) OVER (PARTITION BY d.account_id, given.source ORDER BY j.id) AS upto
    FROM death AS d JOIN accounts_journal AS j
        ON j.source = 'account:' || d.account_id AND j.kind = 'recovery' AND j.posted_on >= d.died_on
    CROSS JOIN LATERAL (
        SELECT CASE e.subject WHEN 'account_credits' THEN 'pool' ELSE 'contribution' END AS source, e.amount
        FROM accounts_entry AS e
        WHERE e.journal_id = j.id AND e.subject IN ('account_credits', 'contribution_income')) AS given
), credited AS (
    SELECT c.account_id, c.source, c.month, sum(c.amount) AS amount,
        sum(sum(c.amount)) OVER (PARTITION BY c.account_id, c.source ORDER BY c.month) AS upto
    FROM accounts_credit AS c JOIN death AS d ON d.account_id = c.account_id AND c.month > d.died_on
    GROUP BY c.account_id, c.source, c.month
)
INSERT INTO accounts_creditrecovery (account_id, month, source, amount, after_death, journal_id)
SELECT c.account_id, c.month, c.source,
    least(t.upto, c.upto) - greatest(t.upto - t.amount, c.upto - c.amount), true, t.journal_id
FROM taken AS t JOIN credited AS c ON c.account_id = t.account_id AND c.source = t.source
WHERE least(t.upto, c.upto) > greatest(t.upto - t.amount, c.upto - c.amount);
SET CONSTRAINTS ALL IMMEDIATE;

-- Of a month's credit no more is taken back than was credited, nor given back than was taken; each rests on a recovery
-- of the same account.
CREATE FUNCTION accounts_check_credit_recovery() RETURNS trigger LANGUAGE plpgsql
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

CREATE TRIGGER credit_recoveries_within_credits AFTER INSERT ON accounts_creditrecovery
    FOR EACH ROW EXECUTE FUNCTION accounts_check_credit_recovery();
CREATE TRIGGER credit_recoveries_stay BEFORE UPDATE OR DELETE OR TRUNCATE ON accounts_creditrecovery
    FOR EACH STATEMENT EXECUTE FUNCTION accounts_refuse_change();
CREATE TRIGGER written_at_read_committed BEFORE INSERT OR UPDATE OR DELETE ON accounts_creditrecovery
    FOR EACH STATEMENT EXECUTE FUNCTION bureau_require_read_committed();
