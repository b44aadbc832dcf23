-- Documents, revisions and index entries of every tenant in one set of tables: no DDL at run time, every key led by
-- the database, so that tenants can be spread over several servers later. Only `entries_key` depends on ICU.

-- Composed and decomposed accents are equal, as they are for CouchDB; "und-x-icu" would tell them apart.
CREATE COLLATION couch (provider = icu, locale = 'und', deterministic = false);

CREATE TABLE databases (
  db            bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, -- never reused: the epoch of the sequences
  prefix        text COLLATE "C" NOT NULL,
  name          text COLLATE "C" NOT NULL,
  update_seq    bigint NOT NULL DEFAULT 0,
  doc_count     bigint NOT NULL DEFAULT 0,
  deleted_count bigint NOT NULL DEFAULT 0,
  index_epoch   int NOT NULL DEFAULT 0,
  revs_limit    int NOT NULL DEFAULT 1000,
  created_at    timestamptz NOT NULL DEFAULT now(),
  UNIQUE (prefix, name)
) WITH (fillfactor = 50, autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 1000);

-- Databases whose row is gone and whose rows are still to be swept.
CREATE TABLE dropped (db bigint PRIMARY KEY);

CREATE TABLE docs ( -- the winning revision of every document
  db      bigint NOT NULL,
  id      text COLLATE "C" NOT NULL,
  seq     bigint NOT NULL,
  gen     bigint NOT NULL,
  hash    text COLLATE "C" NOT NULL,
  parent  text COLLATE "C",
  deleted boolean NOT NULL,
  leaves  int NOT NULL DEFAULT 1,
  body    jsonb NOT NULL, -- without _id, _rev, _deleted
  raw     text,           -- the text, only where jsonb would not give it back
  PRIMARY KEY (db, id)
) WITH (autovacuum_vacuum_scale_factor = 0.05, autovacuum_vacuum_insert_scale_factor = 0.1, autovacuum_analyze_scale_factor = 0.05);
CREATE UNIQUE INDEX docs_seq ON docs (db, seq);

CREATE TABLE revs ( -- every known revision that is not the winner
  db      bigint NOT NULL,
  id      text COLLATE "C" NOT NULL,
  gen     bigint NOT NULL,
  hash    text COLLATE "C" NOT NULL,
  parent  text COLLATE "C",
  deleted boolean NOT NULL,
  leaf    boolean NOT NULL,
  body    text, -- NULL: only named, or swept; never NULL on a leaf
  PRIMARY KEY (db, id, gen, hash)
) WITH (autovacuum_vacuum_scale_factor = 0.05, autovacuum_vacuum_insert_scale_factor = 0.1, autovacuum_analyze_scale_factor = 0.05);

CREATE TABLE locals (
  db   bigint NOT NULL,
  id   text COLLATE "C" NOT NULL,
  n    bigint NOT NULL,
  body text NOT NULL,
  PRIMARY KEY (db, id)
);

CREATE TABLE indexes ( -- one row a definition; design documents with equal definitions share it
  db       bigint NOT NULL,
  index_id int NOT NULL,
  def      text NOT NULL,
  state    text NOT NULL CHECK (state IN ('building', 'ready', 'dropping')),
  PRIMARY KEY (db, index_id)
);

CREATE TABLE index_views ( -- which design document names which index
  db       bigint NOT NULL,
  ddoc     text COLLATE "C" NOT NULL,
  name     text COLLATE "C" NOT NULL,
  position int NOT NULL,
  index_id int NOT NULL,
  PRIMARY KEY (db, ddoc, name)
);

CREATE TABLE entries (
  db       bigint NOT NULL,
  id       text COLLATE "C" NOT NULL,
  index_id int NOT NULL,
  big      boolean NOT NULL DEFAULT false, -- too long for a btree row: kept outside entries_key, merged in by scans
  k1 bytea NOT NULL DEFAULT '', s1 text COLLATE couch NOT NULL DEFAULT '',
  k2 bytea NOT NULL DEFAULT '', s2 text COLLATE couch NOT NULL DEFAULT '',
  k3 bytea NOT NULL DEFAULT '', s3 text COLLATE couch NOT NULL DEFAULT '',
  k4 bytea NOT NULL DEFAULT '', s4 text COLLATE couch NOT NULL DEFAULT '',
  k5 bytea NOT NULL DEFAULT '', s5 text COLLATE couch NOT NULL DEFAULT '',
  k6 bytea NOT NULL DEFAULT '', s6 text COLLATE couch NOT NULL DEFAULT '',
  k7 bytea NOT NULL DEFAULT '', s7 text COLLATE couch NOT NULL DEFAULT '',
  k8 bytea NOT NULL DEFAULT '', s8 text COLLATE couch NOT NULL DEFAULT '',
  PRIMARY KEY (db, id, index_id)
) WITH (autovacuum_vacuum_scale_factor = 0.05, autovacuum_vacuum_insert_scale_factor = 0.1, autovacuum_analyze_scale_factor = 0.05);
CREATE INDEX entries_key ON entries
  (db, index_id, k1, s1, k2, s2, k3, s3, k4, s4, k5, s5, k6, s6, k7, s7, k8, s8, id) WHERE NOT big;
CREATE INDEX entries_big ON entries (db, index_id) WHERE big;

-- The functions below expect the planner settings of `connection.ts`: index scans and generic plans only.

-- One row of `entries` from [db, id, index_id, big, k1, s1, k2, s2, ...]; missing columns are empty.
CREATE FUNCTION hearth_entry(e jsonb) RETURNS entries LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN ROW(
  (e ->> 0)::bigint, e ->> 1, (e ->> 2)::int, (e ->> 3)::boolean,
  decode(coalesce(e ->> 4, ''), 'hex'), coalesce(e ->> 5, ''), decode(coalesce(e ->> 6, ''), 'hex'), coalesce(e ->> 7, ''),
  decode(coalesce(e ->> 8, ''), 'hex'), coalesce(e ->> 9, ''), decode(coalesce(e ->> 10, ''), 'hex'), coalesce(e ->> 11, ''),
  decode(coalesce(e ->> 12, ''), 'hex'), coalesce(e ->> 13, ''), decode(coalesce(e ->> 14, ''), 'hex'), coalesce(e ->> 15, ''),
  decode(coalesce(e ->> 16, ''), 'hex'), coalesce(e ->> 17, ''), decode(coalesce(e ->> 18, ''), 'hex'), coalesce(e ->> 19, '')
)::entries;

-- Replaces the index entries of the documents (p_db, p_id). p_kept has, per document, the indexes that still hold it as
-- the text of an int[]; p_entries is a JSON array of [db, id, index_id, big, k1, s1, k2, s2, ...] with keys in hex.
-- The caller holds the lock of the databases.
CREATE FUNCTION hearth_put_entries(p_db bigint[], p_id text[], p_kept text[], p_entries jsonb) RETURNS void
LANGUAGE plpgsql
AS $$
BEGIN
  DELETE FROM entries x USING unnest(p_db, p_id, p_kept) AS t (db, id, kept)
  WHERE x.db = t.db AND x.id = t.id AND x.index_id <> ALL (t.kept::int[]);
  INSERT INTO entries AS x
    SELECT r.* FROM jsonb_array_elements(p_entries) AS e CROSS JOIN LATERAL hearth_entry(e) AS r
  ON CONFLICT (db, id, index_id) DO UPDATE SET
    big = excluded.big,
    k1 = excluded.k1, s1 = excluded.s1, k2 = excluded.k2, s2 = excluded.s2, k3 = excluded.k3, s3 = excluded.s3,
    k4 = excluded.k4, s4 = excluded.s4, k5 = excluded.k5, s5 = excluded.s5, k6 = excluded.k6, s6 = excluded.s6,
    k7 = excluded.k7, s7 = excluded.s7, k8 = excluded.k8, s8 = excluded.s8
  -- COLLATE "C": under `couch` two forms of an accent are equal and the change would be lost.
  WHERE (x.big, x.k1, x.s1 COLLATE "C", x.k2, x.s2 COLLATE "C", x.k3, x.s3 COLLATE "C", x.k4, x.s4 COLLATE "C",
         x.k5, x.s5 COLLATE "C", x.k6, x.s6 COLLATE "C", x.k7, x.s7 COLLATE "C", x.k8, x.s8 COLLATE "C")
    IS DISTINCT FROM
        (excluded.big, excluded.k1, excluded.s1 COLLATE "C", excluded.k2, excluded.s2 COLLATE "C",
         excluded.k3, excluded.s3 COLLATE "C", excluded.k4, excluded.s4 COLLATE "C", excluded.k5, excluded.s5 COLLATE "C",
         excluded.k6, excluded.s6 COLLATE "C", excluded.k7, excluded.s7 COLLATE "C", excluded.k8, excluded.s8 COLLATE "C");
END $$;

-- The hash of a revision: a function of the edit and its parent only; no id and no time in it. Its twin is `revisionHash`
-- in tree-edits.ts.
CREATE FUNCTION hearth_hash(p_deleted boolean, p_gen bigint, p_parent text, p_digest text) RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN md5((CASE WHEN p_deleted THEN '1,' ELSE '0,' END) || p_gen || ',' || coalesce(p_parent, '') || ',' || p_digest);

-- What SQL sees of a body that jsonb cannot hold as it is: U+0000 becomes U+FFFD (backslash parity respected).
CREATE FUNCTION hearth_jsonb(p_text text, p_raw boolean) RETURNS jsonb LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN CASE WHEN p_raw AND strpos(p_text, '\u0000') > 0
  THEN regexp_replace(p_text, '(?<!\\)((?:\\\\)*)\\u0000', '\1\\ufffd', 'g')::jsonb ELSE p_text::jsonb END;

-- Applies a batch of interactive edits with at most one edit a document; one row out for each edit. Documents with more
-- than one leaf answer `complex` and are written by the caller in a transaction that reads the tree: the twin of the
-- verdict below is `decide` in tree-edits.ts, and write-rules.test.ts holds both against one table.
-- p_flags: 1 accept a parent of an unknown document, 2 the document must be live, 4 a repetition after a lost answer.
CREATE FUNCTION hearth_write(
  p_db bigint[], p_epoch int[], p_id text[], p_pgen bigint[], p_phash text[], p_deleted boolean[], p_flags int[],
  p_digest text[], p_body text[], p_raw boolean[], p_kept text[], p_entries jsonb, p_atomic boolean
) RETURNS TABLE (outcome text, gen bigint, hash text, seq bigint)
LANGUAGE plpgsql
AS $$
DECLARE
  r_outcome text[]; r_gen bigint[]; r_hash text[]; r_seq bigint[]; n_bad int;
BEGIN
  -- All locks first and ascending: documents locked before their databases, in the callers' order, deadlock.
  PERFORM 1 FROM databases d WHERE d.db = ANY (p_db) ORDER BY d.db FOR NO KEY UPDATE;

  WITH e AS (
    SELECT t.*, d.db IS NULL AS gone, d.index_epoch, d.update_seq, d.revs_limit,
      x.gen AS cgen, x.hash AS chash, x.parent AS cparent, x.deleted AS cdeleted, x.leaves
    FROM unnest(p_db, p_epoch, p_id, p_pgen, p_phash, p_deleted, p_flags, p_digest, p_body, p_raw)
      WITH ORDINALITY AS t (db, epoch, id, pgen, phash, del, flags, digest, body, raw, o)
    LEFT JOIN databases d ON d.db = t.db
    LEFT JOIN docs x ON x.db = t.db AND x.id = t.id
  ), verdict AS (
    SELECT e.*, CASE
        WHEN gone THEN 'no_database'
        WHEN index_epoch <> epoch THEN 'stale'
        WHEN flags & 4 > 0 AND cgen IS NOT NULL AND chash = hearth_hash(del, cgen, cparent, digest)
          AND (phash IS NULL OR phash = cparent) THEN 'done'
        WHEN cgen IS NULL AND flags & 2 > 0 THEN 'missing'
        WHEN cgen IS NULL AND phash IS NOT NULL AND flags & 1 = 0 THEN 'missing'
        WHEN cgen IS NULL THEN 'ok'
        WHEN leaves > 1 THEN 'complex'
        WHEN cdeleted AND (phash IS NOT NULL OR flags & 2 > 0) THEN 'deleted'
        WHEN cdeleted THEN 'ok'
        WHEN phash = chash AND pgen = cgen THEN 'ok'
        ELSE 'conflict'
      END AS verdict
    FROM e
  ), decided AS MATERIALIZED ( -- one row an edit: a join of two of these would be quadratic without hash joins
    SELECT n.*, hearth_hash(del, ngen, nparent, digest) AS nhash
    FROM (
      SELECT v.*,
        CASE WHEN cgen IS NOT NULL THEN cgen + 1 ELSE coalesce(pgen, 0) + 1 END AS ngen,
        CASE WHEN cgen IS NOT NULL THEN chash ELSE phash END AS nparent,
        update_seq + count(*) FILTER (WHERE verdict = 'ok') OVER (PARTITION BY db ORDER BY id COLLATE "C") AS nseq
      FROM verdict v
    ) n
  ), ok AS (
    SELECT * FROM decided WHERE verdict = 'ok'
  ), kept AS ( -- the winner that is replaced stays readable until compaction
    INSERT INTO revs (db, id, gen, hash, parent, deleted, leaf, body)
    SELECT x.db, x.id, x.gen, x.hash, x.parent, x.deleted, false, coalesce(x.raw, x.body::text)
    FROM ok JOIN docs x ON x.db = ok.db AND x.id = ok.id WHERE ok.cgen IS NOT NULL
  ), named AS ( -- a parent that only the client knows
    INSERT INTO revs (db, id, gen, hash, parent, deleted, leaf, body)
    SELECT db, id, pgen, phash, NULL, false, false, NULL FROM ok WHERE cgen IS NULL AND phash IS NOT NULL
  ), stemmed AS (
    DELETE FROM revs x USING ok
    WHERE ok.ngen > ok.revs_limit AND x.db = ok.db AND x.id = ok.id AND x.gen <= ok.ngen - ok.revs_limit
  ), written AS (
    INSERT INTO docs AS x (db, id, seq, gen, hash, parent, deleted, leaves, body, raw)
    SELECT db, id, nseq, ngen, nhash, nparent, del, 1, hearth_jsonb(body, raw), CASE WHEN raw THEN body END
    FROM ok
    ON CONFLICT (db, id) DO UPDATE SET seq = excluded.seq, gen = excluded.gen, hash = excluded.hash,
      parent = excluded.parent, deleted = excluded.deleted, leaves = 1, body = excluded.body, raw = excluded.raw
  ), counted AS (
    UPDATE databases d SET update_seq = d.update_seq + c.n, doc_count = d.doc_count + c.live,
      deleted_count = d.deleted_count + c.dead
    FROM (
      SELECT db, count(*) AS n,
        sum((NOT del)::int - (cgen IS NOT NULL AND NOT cdeleted)::int) AS live,
        sum(del::int - (cgen IS NOT NULL AND cdeleted)::int) AS dead
      FROM ok GROUP BY db
    ) c WHERE d.db = c.db
  )
  SELECT array_agg(q.outcome ORDER BY q.o), array_agg(q.gen ORDER BY q.o), array_agg(q.hash ORDER BY q.o),
    array_agg(q.seq ORDER BY q.o), count(*) FILTER (WHERE q.outcome <> 'ok')
  INTO r_outcome, r_gen, r_hash, r_seq, n_bad
  FROM (
    SELECT o, CASE verdict WHEN 'done' THEN 'ok' ELSE verdict END AS outcome,
      CASE verdict WHEN 'ok' THEN ngen WHEN 'done' THEN cgen END AS gen,
      CASE verdict WHEN 'ok' THEN nhash WHEN 'done' THEN chash END AS hash,
      CASE verdict WHEN 'ok' THEN nseq END AS seq
    FROM decided
  ) q;

  IF p_atomic AND n_bad > 0 THEN
    RAISE EXCEPTION 'atomic batch refused' USING ERRCODE = 'HE001', DETAIL = to_json(r_outcome)::text;
  END IF;

  IF p_kept IS NOT NULL THEN
    PERFORM hearth_put_entries(array_agg(p_db[i]), array_agg(p_id[i]), array_agg(p_kept[i]),
        (SELECT coalesce(jsonb_agg(jsonb_build_array(p_db[(e ->> 0)::int], p_id[(e ->> 0)::int]) || (e - 0)), '[]')
         FROM jsonb_array_elements(p_entries) AS e WHERE r_seq[(e ->> 0)::int] IS NOT NULL))
    FROM generate_subscripts(r_seq, 1) AS i
    WHERE r_seq[i] IS NOT NULL AND p_kept[i] IS NOT NULL
    HAVING count(*) > 0;
  END IF;

  RETURN QUERY SELECT * FROM unnest(r_outcome, r_gen, r_hash, r_seq);
END $$;
