-- What every room's guards are made of. Functions look for tables, types and functions in the system's schema and in
-- the house's, and last among the temporary objects of whoever calls them: a temporary table of the same name stands in
-- for nothing.

CREATE OR REPLACE FUNCTION bureau_refuse_change() RETURNS trigger LANGUAGE plpgsql
    SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
    RAISE EXCEPTION '% of % is refused: what is recorded there stays.', TG_OP, TG_TABLE_NAME
        USING ERRCODE = 'integrity_constraint_violation', CONSTRAINT = TG_NAME, TABLE = TG_TABLE_NAME;
END $$;

-- A guard that looks at other rows sees, at this level, whatever was committed before its statement. At the levels
-- above it would see what stood when the transaction began: a month open that has been closed since.
CREATE OR REPLACE FUNCTION bureau_require_read_committed() RETURNS trigger LANGUAGE plpgsql
    SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
    IF current_setting('transaction_isolation') IN ('repeatable read', 'serializable') THEN
        RAISE EXCEPTION '% of % is refused in a transaction that does not see what others commit.', TG_OP, TG_TABLE_NAME
            USING ERRCODE = 'integrity_constraint_violation', CONSTRAINT = 'written_at_read_committed',
                  TABLE = TG_TABLE_NAME;
    END IF;
    RETURN NULL;
END $$;

-- For the functions of other rooms whose act and whose audit entry are one step.
CREATE OR REPLACE FUNCTION bureau_record_act(at timestamptz, actor bigint, action text, area text, detail jsonb) RETURNS void
    LANGUAGE sql SET search_path = pg_catalog, public, pg_temp AS $$
    INSERT INTO bureau_auditentry (at, actor_id, action, area_id, record_type, record_id, detail)
    VALUES (at, actor, action, area, '', '', detail)
$$;

-- The audit trail
CREATE OR REPLACE TRIGGER audit_entries_stay BEFORE UPDATE OR DELETE OR TRUNCATE ON bureau_auditentry
    FOR EACH STATEMENT EXECUTE FUNCTION bureau_refuse_change();

-- Published figures
CREATE OR REPLACE TRIGGER figures_stay BEFORE TRUNCATE ON bureau_publishedfigure
    FOR EACH STATEMENT EXECUTE FUNCTION bureau_refuse_change();
CREATE OR REPLACE TRIGGER written_at_read_committed BEFORE INSERT OR UPDATE OR DELETE ON bureau_publishedfigure
    FOR EACH STATEMENT EXECUTE FUNCTION bureau_require_read_committed();

-- Who installs the house makes superusers, as the owner of the tables; the application makes none.
CREATE OR REPLACE FUNCTION bureau_refuse_superuser() RETURNS trigger LANGUAGE plpgsql
    SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
    IF NOT pg_has_role(current_user, (SELECT relowner FROM pg_class WHERE oid = TG_RELID), 'USAGE') THEN
        RAISE EXCEPTION 'The application makes no superuser.'
            USING ERRCODE = 'integrity_constraint_violation', CONSTRAINT = 'staff_superuser';
    END IF;
    RETURN NEW;
END $$;

CREATE OR REPLACE TRIGGER no_superusers BEFORE INSERT ON bureau_staff
    FOR EACH ROW WHEN (NEW.is_superuser) EXECUTE FUNCTION bureau_refuse_superuser();
