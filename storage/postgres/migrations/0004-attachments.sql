-- Objects with the content of attachments. Documents name contents by digest and length; here stands which object of the
-- store holds one, so that a content is kept once a database.
CREATE TABLE attachments (
  db     bigint NOT NULL,
  object text COLLATE "C" NOT NULL,
  digest text COLLATE "C", -- md5 in base64; NULL while the object is being put, and when it is rubbish
  length bigint,           -- bytes
  due    timestamptz NOT NULL, -- nobody may give it up before; -infinity: it is given up, and nobody can have it back
  PRIMARY KEY (db, object)
);
CREATE UNIQUE INDEX attachments_content ON attachments (db, digest, length) WHERE digest IS NOT NULL;
-- Few rows: whoever sweeps reads it whole.
CREATE INDEX attachments_due ON attachments (db, due) WHERE digest IS NULL;

-- Compaction asks for the documents that have attachments, which may be few among many.
CREATE INDEX docs_attached ON docs (db, id) WHERE body ? '_attachments';
