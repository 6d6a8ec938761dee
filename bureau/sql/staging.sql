-- Where a roster's checked rows stand while they are loaded: a table for each upload, in a schema of their
-- own. The application's role may neither create tables nor keep temporary ones; it asks for these by an upload's
-- number and a list of typed columns, and may read and write them.
CREATE OR REPLACE FUNCTION bureau_stage(upload bigint, columns jsonb) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE
    unknown text;
BEGIN
    IF NOT EXISTS (SELECT FROM bureau_upload u WHERE u.id = upload AND u.status IN ('received', 'loading')) THEN
        RAISE EXCEPTION 'upload % is not being loaded', upload USING ERRCODE = 'object_not_in_prerequisite_state';
    END IF;
    SELECT c ->> 1 INTO unknown FROM jsonb_array_elements(columns) c
     WHERE c ->> 1 !~ '^(boolean|smallint|int|bigint|text|date|timestamp|bytea|jsonb|numeric\(\d{1,2}, ?\d\))$' LIMIT 1;
    IF unknown IS NOT NULL THEN
        RAISE EXCEPTION 'no type of staged columns: %', unknown USING ERRCODE = 'invalid_parameter_value';
    END IF;
    PERFORM bureau_unstage(upload);
    EXECUTE format(
        'CREATE TABLE staging.upload_%s (line int NOT NULL%s, record_id bigint)', upload,
        (SELECT string_agg(format(', %I %s', c ->> 0, c ->> 1), '' ORDER BY n)
           FROM jsonb_array_elements(columns) WITH ORDINALITY AS e (c, n)));
    EXECUTE format('CREATE TABLE staging.refused_%s (line int NOT NULL, field text, message text, params jsonb)',
                   upload);
    IF EXISTS (SELECT FROM pg_roles WHERE rolname = 'gongji_app') THEN
        EXECUTE format('GRANT SELECT, INSERT, UPDATE, DELETE, MAINTAIN ON staging.upload_%1$s, staging.refused_%1$s'
                       ' TO gongji_app', upload);
    END IF;
END $$;

CREATE OR REPLACE FUNCTION bureau_unstage(upload bigint) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp SET client_min_messages = warning AS $$
BEGIN
    EXECUTE format('DROP TABLE IF EXISTS staging.upload_%1$s, staging.refused_%1$s', upload);
END $$;
