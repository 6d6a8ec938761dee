-- The life of an edition: draft -> submitted -> approved, or returned, or withdrawn. What it says never changes;
-- who did a step does not change after it; and only what follows here sets the day on which a later one ended it.

DROP TRIGGER editions_stay ON bureau_edition;
CREATE TRIGGER editions_stay BEFORE DELETE OR TRUNCATE ON bureau_edition
    FOR EACH STATEMENT EXECUTE FUNCTION bureau_refuse_change();

CREATE FUNCTION bureau_step_edition() RETURNS trigger LANGUAGE plpgsql AS $$
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
    IF pg_trigger_depth() > 1 THEN  -- another edition begins, or does not begin after all
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

CREATE TRIGGER editions_step_by_step BEFORE INSERT OR UPDATE ON bureau_edition
    FOR EACH ROW EXECUTE FUNCTION bureau_step_edition();

-- The edition that a withdrawn one had ended goes on: to the end of its own texts, or until the next.
CREATE FUNCTION bureau_resume_edition() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE next_on date;
BEGIN
    SELECT min(starts_on) INTO next_on FROM bureau_edition
     WHERE area_id = OLD.area_id AND scheme = OLD.scheme AND status = 'approved' AND starts_on > OLD.starts_on;
    UPDATE bureau_edition
       SET ended_on = CASE WHEN coalesce(ends_on, 'infinity') >= next_on THEN next_on - 1 END
     WHERE area_id = OLD.area_id AND scheme = OLD.scheme AND status = 'approved' AND ended_on = OLD.starts_on - 1;
    RETURN NULL;
END $$;

CREATE TRIGGER editions_resume AFTER UPDATE ON bureau_edition
    FOR EACH ROW WHEN (OLD.status = 'approved' AND NEW.status = 'withdrawn')
    EXECUTE FUNCTION bureau_resume_edition();

-- Of the approved ones, one a day for an area and scheme.
ALTER TABLE bureau_edition DROP CONSTRAINT edition_one_a_day;
ALTER TABLE bureau_edition ADD CONSTRAINT edition_one_a_day EXCLUDE USING gist (
    int8range(area_id::bigint, area_id::bigint, '[]') WITH &&,
    int8range(scheme::bigint, scheme::bigint, '[]') WITH &&,
    daterange(starts_on, least(ends_on, ended_on), '[]') WITH &&
) WHERE (status = 'approved');

-- What one person had loaded before editions were approved waits for a second person.
UPDATE bureau_edition SET status = 'submitted', submitted_by_id = loaded_by_id, submitted_at = loaded_at;
