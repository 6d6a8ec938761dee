CREATE FUNCTION bureau_refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION '% of % is refused: what is recorded there stays.', TG_OP, TG_TABLE_NAME
        USING ERRCODE = 'integrity_constraint_violation', CONSTRAINT = TG_NAME, TABLE = TG_TABLE_NAME;
END $$;

CREATE TRIGGER editions_stay BEFORE UPDATE OR DELETE OR TRUNCATE ON bureau_edition
    FOR EACH STATEMENT EXECUTE FUNCTION bureau_refuse_change();

CREATE TRIGGER audit_entries_stay BEFORE UPDATE OR DELETE OR TRUNCATE ON bureau_auditentry
    FOR EACH STATEMENT EXECUTE FUNCTION bureau_refuse_change();

CREATE TRIGGER confirmed_figures_stay BEFORE UPDATE OR DELETE ON bureau_publishedfigure
    FOR EACH ROW WHEN (OLD.confirmed_at IS NOT NULL) EXECUTE FUNCTION bureau_refuse_change();
CREATE TRIGGER figures_stay BEFORE TRUNCATE ON bureau_publishedfigure
    FOR EACH STATEMENT EXECUTE FUNCTION bureau_refuse_change();

-- One edition a day for an area and scheme. Area codes and schemes are digits; a range of one number stands for
-- its equality, since the embedded PostgreSQL has no btree_gist.
ALTER TABLE bureau_edition ADD CONSTRAINT edition_one_a_day EXCLUDE USING gist (
    int8range(area_id::bigint, area_id::bigint, '[]') WITH &&,
    int8range(scheme::bigint, scheme::bigint, '[]') WITH &&,
    daterange(starts_on, ends_on, '[]') WITH &&
);
