-- The leaves that are no winners, the next in line first: an edit of one of thousands looks at two of them.
-- Programs from schema version 8 on may run on it.
CREATE INDEX revs_leaves ON revs (db, id, deleted, gen DESC, hash DESC) WHERE leaf;
