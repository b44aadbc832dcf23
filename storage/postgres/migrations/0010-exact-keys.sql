-- Whether the keys of an entry tell its values exactly as the document has them (no `1.0`, no array, no object), so that a
-- query of those fields alone reads no document. Entries from before are taken for inexact until they change.
DROP FUNCTION hearth_entry(jsonb);
ALTER TABLE entries ADD COLUMN exact boolean NOT NULL DEFAULT false;

-- One row of `entries` from [db, id, index_id, kind, k1, s1, k2, s2, ...]; missing columns are empty. The kind is true (big), 'exact'
-- or false: a big entry counts as inexact.
CREATE FUNCTION hearth_entry(e jsonb) RETURNS entries LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN ROW(
  (e ->> 0)::bigint, e ->> 1, (e ->> 2)::int, e ->> 3 = 'true',
  decode(coalesce(e ->> 4, ''), 'hex'), coalesce(e ->> 5, ''), decode(coalesce(e ->> 6, ''), 'hex'), coalesce(e ->> 7, ''),
  decode(coalesce(e ->> 8, ''), 'hex'), coalesce(e ->> 9, ''), decode(coalesce(e ->> 10, ''), 'hex'), coalesce(e ->> 11, ''),
  decode(coalesce(e ->> 12, ''), 'hex'), coalesce(e ->> 13, ''), decode(coalesce(e ->> 14, ''), 'hex'), coalesce(e ->> 15, ''),
  decode(coalesce(e ->> 16, ''), 'hex'), coalesce(e ->> 17, ''), decode(coalesce(e ->> 18, ''), 'hex'), coalesce(e ->> 19, ''),
  e ->> 3 = 'exact'
)::entries;

-- As before, with `exact`.
CREATE OR REPLACE FUNCTION hearth_put_entries(p_db bigint[], p_id text[], p_kept text[], p_entries jsonb) RETURNS void
LANGUAGE plpgsql
AS $$
BEGIN
  DELETE FROM entries x USING unnest(p_db, p_id, p_kept) AS t (db, id, kept)
  WHERE x.db = t.db AND x.id = t.id AND x.index_id <> ALL (t.kept::int[]);
  INSERT INTO entries AS x
    SELECT r.* FROM jsonb_array_elements(p_entries) AS e CROSS JOIN LATERAL hearth_entry(e) AS r
  ON CONFLICT (db, id, index_id) DO UPDATE SET
    big = excluded.big, exact = excluded.exact,
    k1 = excluded.k1, s1 = excluded.s1, k2 = excluded.k2, s2 = excluded.s2, k3 = excluded.k3, s3 = excluded.s3,
    k4 = excluded.k4, s4 = excluded.s4, k5 = excluded.k5, s5 = excluded.s5, k6 = excluded.k6, s6 = excluded.s6,
    k7 = excluded.k7, s7 = excluded.s7, k8 = excluded.k8, s8 = excluded.s8
  -- COLLATE "C": under `couch` two forms of an accent are equal and the change would be lost.
  WHERE (x.big, x.exact, x.k1, x.s1 COLLATE "C", x.k2, x.s2 COLLATE "C", x.k3, x.s3 COLLATE "C", x.k4, x.s4 COLLATE "C",
         x.k5, x.s5 COLLATE "C", x.k6, x.s6 COLLATE "C", x.k7, x.s7 COLLATE "C", x.k8, x.s8 COLLATE "C")
    IS DISTINCT FROM
        (excluded.big, excluded.exact, excluded.k1, excluded.s1 COLLATE "C", excluded.k2, excluded.s2 COLLATE "C",
         excluded.k3, excluded.s3 COLLATE "C", excluded.k4, excluded.s4 COLLATE "C", excluded.k5, excluded.s5 COLLATE "C",
         excluded.k6, excluded.s6 COLLATE "C", excluded.k7, excluded.s7 COLLATE "C", excluded.k8, excluded.s8 COLLATE "C");
END $$;
