-- Functions look for tables, types and functions in the system's schema and in the house's, and last among the
-- temporary objects of whoever calls them: a temporary table of the same name stands in for nothing.

ALTER FUNCTION bureau_refuse_change() SET search_path = pg_catalog, public, pg_temp;

-- A guard that looks at other rows sees, at this level, whatever was committed before its statement. At the levels
-- above it would see what stood when the transaction began: a month open that has been closed since.
CREATE FUNCTION bureau_require_read_committed() RETURNS trigger LANGUAGE plpgsql
    SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
    IF current_setting('transaction_isolation') IN ('repeatable read', 'serializable') THEN
        RAISE EXCEPTION '% of % is refused in a transaction that does not see what others commit.', TG_OP, TG_TABLE_NAME
            USING ERRCODE = 'integrity_constraint_violation', CONSTRAINT = 'written_at_read_committed',
                  TABLE = TG_TABLE_NAME;
    END IF;
    RETURN NULL;
END $$;

CREATE TRIGGER written_at_read_committed BEFORE INSERT OR UPDATE OR DELETE ON bureau_edition
    FOR EACH STATEMENT EXECUTE FUNCTION bureau_require_read_committed();
CREATE TRIGGER written_at_read_committed BEFORE INSERT OR UPDATE OR DELETE ON bureau_publishedfigure
    FOR EACH STATEMENT EXECUTE FUNCTION bureau_require_read_committed();

-- What follows writes the day on which a later edition ended one, as the owner of the table: nobody else has the
-- right to write that column.
CREATE OR REPLACE FUNCTION bureau_step_edition() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
    SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE same bureau_edition := NEW;
BEGIN
    IF TG_OP = 'INSERT' THEN
        IF NEW.status <> 'draft' OR NEW.ended_on IS NOT NULL THEN
            RAISE EXCEPTION 'An edition begins as a draft, not as %.', NEW.status
                USING ERRCODE = 'integrity_constraint_violation', CONSTRAINT = 'edition_step';
        END IF;
        RETURN NEW;
    END IF;
    same.status := OLD.status;
    same.note := OLD.note;
    same.submitted_by_id := OLD.submitted_by_id;
    same.submitted_at := OLD.submitted_at;
    same.approved_by_id := OLD.approved_by_id;
    same.approved_at := OLD.approved_at;
    IF OLD.status = 'approved' AND NEW.status = 'approved' THEN
        same.ended_on := OLD.ended_on;
    END IF;
    IF same IS DISTINCT FROM OLD
    OR (NEW.status = OLD.status
        AND (NEW.note, NEW.submitted_by_id, NEW.submitted_at, NEW.approved_by_id, NEW.approved_at)
            IS DISTINCT FROM (OLD.note, OLD.submitted_by_id, OLD.submitted_at, OLD.approved_by_id, OLD.approved_at))
    THEN
        RAISE EXCEPTION '% of % is refused: what is recorded there stays.', TG_OP, TG_TABLE_NAME
            USING ERRCODE = 'integrity_constraint_violation', CONSTRAINT = TG_NAME, TABLE = TG_TABLE_NAME;
    END IF;
    IF NEW.status = OLD.status THEN
        RETURN NEW;
    END IF;
    IF (OLD.status, NEW.status) NOT IN (
        ('draft', 'submitted'), ('returned', 'submitted'), ('withdrawn', 'submitted'),
        ('submitted', 'approved'), ('submitted', 'returned'),
        ('draft', 'withdrawn'), ('submitted', 'withdrawn'), ('returned', 'withdrawn'), ('approved', 'withdrawn'))
    OR (NEW.status <> 'submitted'
        AND (NEW.submitted_by_id, NEW.submitted_at) IS DISTINCT FROM (OLD.submitted_by_id, OLD.submitted_at))
    THEN
        RAISE EXCEPTION 'An edition cannot go from % to % like this.', OLD.status, NEW.status
            USING ERRCODE = 'integrity_constraint_violation', CONSTRAINT = 'edition_step';
    END IF;
    NEW.ended_on := NULL;
    IF NEW.status = 'approved' THEN
        UPDATE bureau_edition SET ended_on = NEW.starts_on - 1
         WHERE area_id = NEW.area_id AND scheme = NEW.scheme AND status = 'approved' AND starts_on < NEW.starts_on
           AND coalesce(least(ends_on, ended_on), 'infinity') >= NEW.starts_on;
    END IF;
    RETURN NEW;
END $$;

ALTER FUNCTION bureau_resume_edition() SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp;

-- A figure is entered by one person and confirmed by another, in two steps.
CREATE FUNCTION bureau_step_figure() RETURNS trigger LANGUAGE plpgsql
    SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
    IF TG_OP = 'INSERT' AND NEW.confirmed_at IS NOT NULL
    OR TG_OP = 'UPDATE' AND NEW.confirmed_at IS NOT NULL
        AND (NEW.area_id, NEW.code, NEW.year, NEW.value, NEW.document, NEW.entered_by_id, NEW.entered_at)
            IS DISTINCT FROM (OLD.area_id, OLD.code, OLD.year, OLD.value, OLD.document, OLD.entered_by_id, OLD.entered_at)
    THEN
        RAISE EXCEPTION 'A figure is entered first, and confirmed as it was entered.'
            USING ERRCODE = 'integrity_constraint_violation', CONSTRAINT = 'figure_step';
    END IF;
    RETURN NEW;
END $$;

CREATE TRIGGER figures_step_by_step BEFORE INSERT OR UPDATE ON bureau_publishedfigure
    FOR EACH ROW EXECUTE FUNCTION bureau_step_figure();

-- Who installs the house makes superusers, as the owner of the tables; the application makes none.
CREATE FUNCTION bureau_refuse_superuser() RETURNS trigger LANGUAGE plpgsql
    SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
    IF NOT pg_has_role(current_user, (SELECT relowner FROM pg_class WHERE oid = TG_RELID), 'USAGE') THEN
        RAISE EXCEPTION 'The application makes no superuser.'
            USING ERRCODE = 'integrity_constraint_violation', CONSTRAINT = 'staff_superuser';
    END IF;
    RETURN NEW;
END $$;

CREATE TRIGGER no_superusers BEFORE INSERT ON bureau_staff
    FOR EACH ROW WHEN (NEW.is_superuser) EXECUTE FUNCTION bureau_refuse_superuser();

-- For the functions of other rooms whose act and whose audit entry are one step.
CREATE FUNCTION bureau_record_act(at timestamptz, actor bigint, action text, area text, detail jsonb) RETURNS void
    LANGUAGE sql SET search_path = pg_catalog, public, pg_temp AS $$
    INSERT INTO bureau_auditentry (at, actor_id, action, area_id, record_type, record_id, detail)
    VALUES (at, actor, action, area, '', '', detail)
$$;
