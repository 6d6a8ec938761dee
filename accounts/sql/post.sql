-- accounts_post: the one way into the ledger. All journals of a call, their entries and the balances they move are
-- one statement. Arrays of one length describe the journals (j_…) and another length their entries (e_…): e_journal
-- is an entry's place among the journals, from 1; e_account is null on a control account; a positive amount is a
-- credit. Returns the new journals' ids in the order of the call. A key that is in use raises unique_violation.
-- The settings keep one plan for three entries and for ten thousand: index probes, whatever was known at the time.

CREATE OR REPLACE FUNCTION accounts_post(
    j_key text[], j_hash text[], j_area text[], j_kind text[], j_posted_on date[], j_origin_year int[],
    j_source text[], actor bigint, posted_at timestamptz,
    e_journal int[], e_fund text[], e_subject text[], e_holder text[], e_account bigint[], e_amount numeric[])
RETURNS TABLE (n int, journal_id bigint) LANGUAGE plpgsql
    SET enable_seqscan = off SET enable_hashjoin = off SET enable_mergejoin = off
    SET plan_cache_mode = force_generic_plan
    SET search_path = pg_catalog, public, pg_temp AS $$
#variable_conflict use_column
DECLARE
    ids bigint[] := ARRAY(SELECT nextval('accounts_journal_id_seq') FROM generate_subscripts(j_key, 1));
    counts int[] := ARRAY(
        SELECT count(*) - 1 FROM (SELECT generate_subscripts(j_key, 1) AS n UNION ALL SELECT unnest(e_journal)) AS j
        GROUP BY n ORDER BY n);
BEGIN
    -- In the order of their keys, so that two postings never wait for each other.
    PERFORM FROM accounts_account WHERE id = ANY (e_account) ORDER BY id FOR NO KEY UPDATE;

    WITH entry AS MATERIALIZED (
        -- The accounts are locked: what this statement sees of them is how they stand before it.
        SELECT e.*, a.last_number + row_number() OVER own AS number, a.balance + sum(amount) OVER own AS balance_after,
            lead(place) OVER own IS NULL AS is_last
        FROM unnest(e_journal, e_fund, e_subject, e_holder, e_account, e_amount) WITH ORDINALITY
            AS e (journal, fund, subject, holder, account, amount, place)
        LEFT JOIN accounts_account AS a ON a.id = e.account
        WINDOW own AS (PARTITION BY account ORDER BY place ROWS UNBOUNDED PRECEDING)
    ), journal AS (
        INSERT INTO accounts_journal (
            id, key, request_hash, area_id, kind, posted_on, origin_year, source, actor_id, posted_at, entry_count)
        SELECT ids[place], key, hash, area, kind, day, year, source, actor, posted_at, counts[place]
        FROM unnest(j_key, j_hash, j_area, j_kind, j_posted_on, j_origin_year, j_source) WITH ORDINALITY
            AS j (key, hash, area, kind, day, year, source, place)
    ), moved AS (
        UPDATE accounts_account SET balance = entry.balance_after, last_number = entry.number
        FROM entry WHERE id = entry.account AND is_last
    )
    INSERT INTO accounts_entry (journal_id, fund, subject, holder, account_id, amount, number, balance_after)
    SELECT ids[journal], fund, subject, holder, account, amount, number, balance_after FROM entry;

    RETURN QUERY SELECT place::int, id FROM unnest(ids) WITH ORDINALITY AS made (id, place);
END $$;
