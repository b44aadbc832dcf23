-- When a revision was stored beside the winners: for one that was superseded, the age of its body, which compaction
-- goes by (storage 4.3). The default fills it in on every path; rows from before count from this migration on.
ALTER TABLE revs ADD COLUMN stored_at timestamptz NOT NULL DEFAULT now();
