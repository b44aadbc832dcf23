-- Revisions that were the winner once keep the sequence that they had: what was superseded before somebody read the feed
-- is found here, whichever process wrote it.
ALTER TABLE revs ADD COLUMN seq bigint;
CREATE INDEX revs_seq ON revs (db, seq) WHERE seq IS NOT NULL AND body IS NOT NULL;

DO $$
DECLARE
  v_text text := pg_get_functiondef('hearth_write'::regproc);
  v_new text := replace(v_text,
    E'parent, deleted, leaf, body)\n    SELECT x.db, x.id, x.gen, x.hash, x.parent, x.deleted, false, coalesce(x.raw, x.body::text)',
    E'parent, deleted, leaf, body, seq)\n    SELECT x.db, x.id, x.gen, x.hash, x.parent, x.deleted, false, coalesce(x.raw, x.body::text), x.seq');
BEGIN
  IF v_new = v_text THEN RAISE EXCEPTION 'hearth_write is another one'; END IF;
  EXECUTE v_new;
END $$;

-- Triggers of the type `@event`: the doctypes of their rules, and how far each database had come when they were made. A
-- database that is not named was made later.
ALTER TABLE trigger_schedule ADD COLUMN types text[], ADD COLUMN begins jsonb;

-- Whether a doctype of a rule (`name`, `name.*` or `*`) covers a doctype.
CREATE FUNCTION hearth_covers_type(p_rule text, p_name text) RETURNS boolean LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN p_rule = '*' OR p_rule = p_name OR (p_rule LIKE '%.*' AND starts_with(p_name || '.', left(p_rule, -1)));

CREATE FUNCTION hearth_event_types(p_body jsonb) RETURNS text[] LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN CASE WHEN p_body ->> 'type' = '@event' THEN
  (SELECT array_agg(DISTINCT split_part(part, ':', 1)) FROM string_to_table(coalesce(p_body ->> 'arguments', ''), ' ') AS part) END;

CREATE FUNCTION hearth_event_begins(p_prefix text, p_types text[]) RETURNS jsonb LANGUAGE sql STABLE
RETURN CASE WHEN p_types IS NOT NULL THEN
  (SELECT coalesce(jsonb_object_agg(d.db, d.update_seq), '{}') FROM databases d
   WHERE d.prefix = p_prefix AND EXISTS (SELECT FROM unnest(p_types) AS t WHERE hearth_covers_type(t, d.name))) END;

CREATE OR REPLACE FUNCTION hearth_follow_trigger() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
  v_prefix text;
  v_types text[];
BEGIN
  SELECT prefix INTO v_prefix FROM databases WHERE db = NEW.db AND name = 'io.cozy.triggers';
  IF v_prefix IS NULL THEN
    RETURN NULL;
  END IF;
  IF NEW.deleted OR NOT NEW.body ? 'worker' THEN
    DELETE FROM trigger_schedule WHERE db = NEW.db AND id = NEW.id;
    RETURN NULL;
  END IF;
  IF TG_OP = 'UPDATE' THEN
    IF NOT OLD.deleted AND OLD.body -> 'type' IS NOT DISTINCT FROM NEW.body -> 'type'
      AND OLD.body -> 'arguments' IS NOT DISTINCT FROM NEW.body -> 'arguments' THEN
      RETURN NULL;
    END IF;
  END IF;
  v_types := hearth_event_types(NEW.body);
  INSERT INTO trigger_schedule (db, id, type, next_at, types, begins)
  VALUES (NEW.db, NEW.id, coalesce(NEW.body ->> 'type', ''),
    CASE WHEN NEW.body ->> 'type' IN ('@event', '@webhook', '@client') THEN NULL ELSE '-infinity'::timestamptz END,
    v_types, hearth_event_begins(v_prefix, v_types))
  ON CONFLICT (db, id) DO UPDATE SET type = excluded.type, next_at = excluded.next_at, types = excluded.types,
    begins = excluded.begins;
  RETURN NULL;
END $$;

-- Those that there are begin where their databases have been read to.
UPDATE trigger_schedule s SET types = hearth_event_types(x.body), begins = '{}'
FROM docs x WHERE x.db = s.db AND x.id = s.id AND s.type = '@event';
UPDATE trigger_schedule s SET begins = b.begins
FROM (
  SELECT s.db, s.id, jsonb_object_agg(d.db, coalesce(f.seq, d.update_seq)) AS begins
  FROM trigger_schedule s JOIN databases t ON t.db = s.db JOIN databases d ON d.prefix = t.prefix
  LEFT JOIN event_feeds f ON f.db = d.db
  WHERE EXISTS (SELECT FROM unnest(s.types) AS y WHERE hearth_covers_type(y, d.name)) GROUP BY s.db, s.id) b
WHERE b.db = s.db AND b.id = s.id;

-- What was committed to a database behind p_after and up to p_until, by sequence: the documents, and the revisions of
-- them that were superseded since. At most p_rows, and no more bodies than p_bytes hold, but always one.
CREATE FUNCTION hearth_event_rows(p_db bigint, p_after bigint, p_until bigint, p_rows int, p_bytes bigint)
RETURNS TABLE (id text, seq bigint, gen bigint, hash text, deleted boolean, leaves int, body text, parent text,
  parent_deleted boolean, parent_body text)
LANGUAGE plpgsql STABLE AS $$
DECLARE
  r record;
  v_rows int := 0;
  v_bytes bigint := 0;
BEGIN
  FOR r IN
    (SELECT x.id, x.seq, x.gen, x.hash, x.deleted, x.leaves, x.raw, x.body, x.parent FROM docs x
     WHERE x.db = p_db AND x.seq > 0 AND x.seq > p_after AND x.seq <= p_until ORDER BY x.seq LIMIT p_rows)
    UNION ALL
    (SELECT x.id, x.seq, x.gen, x.hash, x.deleted, 1, x.body, NULL, x.parent FROM revs x
     WHERE x.db = p_db AND x.seq IS NOT NULL AND x.seq > p_after AND x.seq <= p_until AND x.body IS NOT NULL
     ORDER BY x.seq LIMIT p_rows)
    ORDER BY 2 LIMIT p_rows
  LOOP
    id := r.id; seq := r.seq; gen := r.gen; hash := r.hash; deleted := r.deleted; leaves := r.leaves; parent := r.parent;
    body := coalesce(r.raw, r.body::text);
    SELECT p.deleted, p.body INTO parent_deleted, parent_body FROM revs p
    WHERE p.db = p_db AND p.id = r.id AND p.gen = r.gen - 1 AND p.hash = r.parent;
    v_rows := v_rows + 1;
    v_bytes := v_bytes + octet_length(body) + coalesce(octet_length(parent_body), 0);
    EXIT WHEN v_rows > 1 AND v_bytes > p_bytes;
    RETURN NEXT;
  END LOOP;
END $$;
