-- The shape of every tenant's files, derived from the documents of `io.cozy.files` by the triggers below: whoever writes a
-- document, also a restore, an import or a repair, the index follows in the same transaction.
CREATE TABLE file_nodes (
  db     bigint NOT NULL,
  id     text COLLATE "C" NOT NULL,
  kind   smallint NOT NULL, -- 0 directory, 1 file: the order of a listing
  dir_id text COLLATE "C" NOT NULL,
  name   text COLLATE "C" NOT NULL, -- code point by code point: NFC and NFD are two names
  path   text COLLATE "C",  -- of directories
  size   bigint NOT NULL,
  PRIMARY KEY (db, id)
) WITH (autovacuum_vacuum_scale_factor = 0.05, autovacuum_vacuum_insert_scale_factor = 0.1, autovacuum_analyze_scale_factor = 0.05);
CREATE INDEX file_nodes_name ON file_nodes (db, dir_id, name);
CREATE INDEX file_nodes_list ON file_nodes (db, dir_id, kind, name COLLATE couch, id);
-- A path may be longer than a btree row.
CREATE INDEX file_nodes_path ON file_nodes (db, md5(path)) WHERE kind = 0;

CREATE TABLE file_references ( -- documents that say they use a file
  db   bigint NOT NULL,
  id   text COLLATE "C" NOT NULL, -- of the file
  type text COLLATE "C" NOT NULL,
  ref  text COLLATE "C" NOT NULL,
  at   text COLLATE "C" NOT NULL, -- date in the metadata, else of creation
  PRIMARY KEY (db, id, type, ref)
);
CREATE INDEX file_references_by_id ON file_references (db, type, ref, id);
CREATE INDEX file_references_by_date ON file_references (db, type, ref, at, id);

CREATE TABLE file_usage ( -- running totals in bytes; `db` is the tenant's io.cozy.files
  db       bigint PRIMARY KEY,
  files    bigint NOT NULL,
  versions bigint NOT NULL
) WITH (fillfactor = 50);

-- Objects that nobody references yet, or any more, each with the time from which it may be deleted.
CREATE TABLE object_ledger (
  name  text COLLATE "C" PRIMARY KEY,
  due   timestamptz NOT NULL,
  taken boolean NOT NULL DEFAULT false -- somebody is deleting it: it can be kept no more
);
CREATE INDEX object_ledger_due ON object_ledger (due);

CREATE TABLE secrets ( -- small values under a secret that end by themselves
  prefix  text COLLATE "C" NOT NULL,
  kind    text COLLATE "C" NOT NULL,
  secret  text COLLATE "C" NOT NULL,
  value   text NOT NULL,
  expires timestamptz NOT NULL,
  PRIMARY KEY (prefix, kind, secret)
);
CREATE INDEX secrets_expires ON secrets (expires);

-- The size in a file's or version's document; 0 where it is damaged, so that no write fails for it. Its twin is fileSize in files/file-size.ts.
CREATE FUNCTION hearth_file_size(p_body jsonb) RETURNS bigint LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN CASE WHEN p_body ->> 'size' ~ '^[0-9]{1,18}$' THEN (p_body ->> 'size')::bigint ELSE 0 END;

CREATE FUNCTION hearth_follow_file() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF NOT EXISTS (SELECT 1 FROM databases WHERE db = NEW.db AND name = 'io.cozy.files') THEN
    RETURN NULL;
  END IF;
  IF NEW.deleted OR NOT NEW.body ? 'dir_id' THEN
    DELETE FROM file_nodes WHERE db = NEW.db AND id = NEW.id;
    DELETE FROM file_references WHERE db = NEW.db AND id = NEW.id;
    RETURN NULL;
  END IF;
  INSERT INTO file_nodes AS n (db, id, kind, dir_id, name, path, size)
  SELECT NEW.db, NEW.id, CASE WHEN NEW.body ->> 'type' = 'directory' THEN 0 ELSE 1 END,
    coalesce(NEW.body ->> 'dir_id', ''), coalesce(NEW.body ->> 'name', ''),
    CASE WHEN NEW.body ->> 'type' = 'directory' THEN NEW.body ->> 'path' END, hearth_file_size(NEW.body)
  ON CONFLICT (db, id) DO UPDATE SET kind = excluded.kind, dir_id = excluded.dir_id, name = excluded.name,
    path = excluded.path, size = excluded.size
  WHERE (n.kind, n.dir_id, n.name, n.path, n.size)
    IS DISTINCT FROM (excluded.kind, excluded.dir_id, excluded.name, excluded.path, excluded.size);
  IF TG_OP = 'UPDATE' THEN
    IF OLD.body -> 'referenced_by' IS NOT DISTINCT FROM NEW.body -> 'referenced_by'
      AND OLD.body -> 'metadata' -> 'datetime' IS NOT DISTINCT FROM NEW.body -> 'metadata' -> 'datetime'
      AND NOT OLD.deleted THEN
      RETURN NULL;
    END IF;
    DELETE FROM file_references WHERE db = NEW.db AND id = NEW.id;
  END IF;
  IF jsonb_typeof(NEW.body -> 'referenced_by') = 'array' THEN
    INSERT INTO file_references (db, id, type, ref, at)
    SELECT NEW.db, NEW.id, e ->> 'type', e ->> 'id',
      coalesce(NEW.body -> 'metadata' ->> 'datetime', NEW.body ->> 'created_at', '')
    FROM jsonb_array_elements(NEW.body -> 'referenced_by') AS e
    WHERE jsonb_typeof(e) = 'object' AND e ->> 'type' IS NOT NULL AND e ->> 'id' IS NOT NULL
      AND octet_length(e ->> 'id') <= 1024 AND octet_length(e ->> 'type') <= 256
    ON CONFLICT DO NOTHING;
  END IF;
  RETURN NULL;
END $$;

-- The condition keeps every other document's write free of it.
CREATE TRIGGER docs_follow_new_file AFTER INSERT ON docs FOR EACH ROW
  WHEN (NEW.body ? 'dir_id') EXECUTE FUNCTION hearth_follow_file();
CREATE TRIGGER docs_follow_file AFTER UPDATE ON docs FOR EACH ROW
  WHEN (NEW.body ? 'dir_id' OR OLD.body ? 'dir_id') EXECUTE FUNCTION hearth_follow_file();
