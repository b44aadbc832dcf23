-- A part of the epoch of the sequences: another one after each restore, so that clients which remember a sequence read
-- again what was written after the backup was made. 0: never restored.
ALTER TABLE databases ADD COLUMN restored bigint NOT NULL DEFAULT 0;
