-- When two spellings are one name: dots, width, case and blanks aside. Dots between the parts of a name are written in
-- a dozen ways; NFKC would make a blank with a mark of one of them.

CREATE OR REPLACE FUNCTION members_name_key(spelling text) RETURNS text LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
SET search_path = pg_catalog, public, pg_temp AS $$
    SELECT lower(regexp_replace(
        translate(
            normalize(translate(spelling, '•‧・･∙⋅⸱ꞏ●˙・‐‑', '···········--'), NFKC),
            '.。‧・', '····'
        ),
        '[\s\u00ad\u180e\u200b-\u200f\u202a-\u202e\u2060-\u2064\ufe00-\ufe0f\ufeff\U000e0100-\U000e01ef]', '', 'g'
    ) COLLATE pg_c_utf8)
$$;
