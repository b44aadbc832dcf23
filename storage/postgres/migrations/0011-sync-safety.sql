-- How long the engine has run in all: what lies in the trash ages by that, not by a clock that somebody may set.
ALTER TABLE sync_state ADD COLUMN lived_ms bigint NOT NULL DEFAULT 0;
ALTER TABLE sync_trash ADD COLUMN lived_ms bigint NOT NULL DEFAULT 0;
CREATE INDEX sync_trash_lived ON sync_trash (entry, lived_ms);
DROP INDEX sync_trash_entry;

-- False while files are being brought under the rules in force: whoever leads next goes on with it.
ALTER TABLE sync_state ADD COLUMN planned boolean NOT NULL DEFAULT true;

-- A copy that no rule wants any more and that goes to the trash.
ALTER TABLE sync_replicas ADD COLUMN unwanted boolean NOT NULL DEFAULT false;

-- How far the slow check of all contents has come, by name.
ALTER TABLE sync_entries ADD COLUMN scrubbed text NOT NULL DEFAULT '';
