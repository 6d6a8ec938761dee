-- The days of an edition: when another begins, the one before it ends on the day before, and goes on if the other is
-- withdrawn. Written as the owner of the table: nobody else has the right to write that column.

CREATE OR REPLACE FUNCTION bureau_end_edition() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
    SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
    IF TG_OP = 'INSERT' AND NEW.ended_on IS NOT NULL THEN
        RAISE EXCEPTION 'An edition begins with the days of its texts.'
            USING ERRCODE = 'integrity_constraint_violation', CONSTRAINT = 'edition_step';
    ELSIF TG_OP = 'UPDATE' AND NEW.status <> OLD.status THEN
        NEW.ended_on := NULL;
        IF NEW.status = 'approved' THEN
            UPDATE bureau_edition SET ended_on = NEW.starts_on - 1
             WHERE area_id = NEW.area_id AND scheme = NEW.scheme AND status = 'approved'
               AND starts_on < NEW.starts_on AND coalesce(least(ends_on, ended_on), 'infinity') >= NEW.starts_on;
        END IF;
    END IF;
    RETURN NEW;
END $$;

CREATE OR REPLACE TRIGGER editions_end BEFORE INSERT OR UPDATE ON bureau_edition
    FOR EACH ROW EXECUTE FUNCTION bureau_end_edition();

-- The edition that a withdrawn one had ended goes on: to the end of its own texts, or until the next.
CREATE OR REPLACE FUNCTION bureau_resume_edition() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
    SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE next_on date;
BEGIN
    SELECT min(starts_on) INTO next_on FROM bureau_edition
     WHERE area_id = OLD.area_id AND scheme = OLD.scheme AND status = 'approved' AND starts_on > OLD.starts_on;
    UPDATE bureau_edition
       SET ended_on = CASE WHEN coalesce(ends_on, 'infinity') >= next_on THEN next_on - 1 END
     WHERE area_id = OLD.area_id AND scheme = OLD.scheme AND status = 'approved' AND ended_on = OLD.starts_on - 1;
    RETURN NULL;
END $$;

CREATE OR REPLACE TRIGGER editions_resume AFTER UPDATE ON bureau_edition
    FOR EACH ROW WHEN (OLD.status = 'approved' AND NEW.status = 'withdrawn')
    EXECUTE FUNCTION bureau_resume_edition();

CREATE OR REPLACE TRIGGER editions_stay BEFORE DELETE OR TRUNCATE ON bureau_edition
    FOR EACH STATEMENT EXECUTE FUNCTION bureau_refuse_change();
CREATE OR REPLACE TRIGGER written_at_read_committed BEFORE INSERT OR UPDATE OR DELETE ON bureau_edition
    FOR EACH STATEMENT EXECUTE FUNCTION bureau_require_read_committed();
