-- What the sync engine knows. `sync_state` has one row; its epoch grows with every process that takes the lead.
CREATE TABLE sync_state (
  one boolean PRIMARY KEY DEFAULT true CHECK (one),
  epoch bigint NOT NULL DEFAULT 0,
  leader text NOT NULL DEFAULT '',
  backend int NOT NULL DEFAULT 0,
  beat timestamptz,
  seeded boolean NOT NULL DEFAULT false,
  -- Which database this is: another one after a restore, when nothing is known of the places any more.
  home text NOT NULL DEFAULT '',
  -- The last numbers given out: kept in a row, so that a restored database goes on behind them.
  last_version bigint NOT NULL DEFAULT 0,
  last_seq bigint NOT NULL DEFAULT 0,
  rules_rev bigint NOT NULL DEFAULT 0,
  pending text NOT NULL DEFAULT '{"rules":[]}',
  applied text NOT NULL DEFAULT '{"rules":[]}'
);

CREATE TABLE sync_entries (
  name text COLLATE "C" PRIMARY KEY,
  driver text NOT NULL,
  options text NOT NULL,
  desired text NOT NULL,
  token text NOT NULL,
  machine text NOT NULL,
  held text NOT NULL,
  trusted boolean NOT NULL
);

CREATE TABLE sync_files (
  fid uuid PRIMARY KEY,
  filename text COLLATE "C" NOT NULL UNIQUE,
  fold_key text COLLATE "C" NOT NULL,
  head bigint NOT NULL,
  live boolean NOT NULL,
  size bigint NOT NULL,
  hash text,
  mtime_ms double precision NOT NULL,
  executable boolean NOT NULL,
  conflict_of uuid,
  moved_to uuid
);
CREATE INDEX sync_files_live ON sync_files (fid) WHERE live;
CREATE INDEX sync_files_hash ON sync_files (hash) WHERE live;
CREATE INDEX sync_files_fold ON sync_files (fold_key) WHERE live;
CREATE INDEX sync_files_conflicts ON sync_files (fid) WHERE live AND conflict_of IS NOT NULL;

-- Append-only; linear for each file.
CREATE TABLE sync_versions (
  id bigint PRIMARY KEY,
  fid uuid NOT NULL,
  parent bigint,
  hash text,
  size bigint NOT NULL,
  chunks text NOT NULL,
  mtime_ms double precision NOT NULL,
  executable boolean NOT NULL,
  entry text NOT NULL,
  at timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX sync_versions_file ON sync_versions (fid, id);

CREATE TABLE sync_replicas (
  fid uuid NOT NULL,
  entry text COLLATE "C" NOT NULL,
  native text COLLATE "C" NOT NULL,
  owner boolean NOT NULL,
  origin boolean NOT NULL,
  base bigint,
  hash text,
  fingerprint text,
  key text,
  dirty boolean NOT NULL,
  -- Order of the work that is left: deletions, then small files first.
  weight bigint NOT NULL,
  blocked text,
  attempts int NOT NULL,
  retry_at timestamptz,
  PRIMARY KEY (fid, entry)
);
CREATE UNIQUE INDEX sync_replicas_native ON sync_replicas (entry, native);
CREATE INDEX sync_replicas_held ON sync_replicas (entry, native) WHERE fingerprint IS NOT NULL;
CREATE INDEX sync_replicas_dirty ON sync_replicas (entry, weight, fid) WHERE dirty;
CREATE INDEX sync_replicas_later ON sync_replicas (entry, retry_at) WHERE dirty AND retry_at IS NOT NULL;
CREATE INDEX sync_replicas_hash ON sync_replicas (hash) WHERE fingerprint IS NOT NULL;
CREATE INDEX sync_replicas_key ON sync_replicas (entry, key) WHERE key IS NOT NULL;

-- Written before anything visible happens in a place, deleted with its outcome.
CREATE TABLE sync_intents (
  op uuid PRIMARY KEY,
  entry text COLLATE "C" NOT NULL,
  fid uuid NOT NULL,
  version bigint NOT NULL,
  kind text NOT NULL,
  native text NOT NULL,
  before text,
  size bigint NOT NULL
);

CREATE TABLE sync_trash (
  key uuid PRIMARY KEY,
  entry text COLLATE "C" NOT NULL,
  name text NOT NULL,
  fid uuid NOT NULL,
  version bigint,
  size bigint NOT NULL,
  reason text NOT NULL,
  at timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX sync_trash_entry ON sync_trash (entry, at);

CREATE TABLE sync_journal (
  seq bigint PRIMARY KEY,
  at timestamptz NOT NULL DEFAULT now(),
  entry text NOT NULL,
  fid uuid,
  filename text NOT NULL,
  op text NOT NULL,
  before bigint,
  after bigint,
  detail text NOT NULL
);

CREATE TABLE sync_issues (
  entry text COLLATE "C" NOT NULL,
  native text COLLATE "C" NOT NULL,
  reason text NOT NULL,
  at timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (entry, native)
);

-- From processes that serve the API to the one that leads.
CREATE TABLE sync_commands (
  id uuid PRIMARY KEY,
  command text NOT NULL,
  made_at timestamptz NOT NULL DEFAULT now(),
  taken_at timestamptz,
  answer text
);
CREATE INDEX sync_commands_waiting ON sync_commands (made_at) WHERE taken_at IS NULL;
