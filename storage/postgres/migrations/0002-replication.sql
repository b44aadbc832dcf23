-- When a revision was stored beside the winners: for one that was superseded, the age of its body, which compaction
-- goes by. The default fills it in on every path; rows from before count from this migration on.
ALTER TABLE revs ADD COLUMN stored_at timestamptz NOT NULL DEFAULT now();

-- Only statements about the feed say `seq > 0`, so that only these can use its index. The planner took it for reads by id
-- too, wherever statistics say that a database holds about one document, and filtered all rows of large ones.
DROP INDEX docs_seq;
CREATE UNIQUE INDEX docs_seq ON docs (db, seq) WHERE seq > 0;
