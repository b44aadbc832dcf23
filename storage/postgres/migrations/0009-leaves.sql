-- The leaves that are no winners, the next in line first: an edit of one of thousands looks at two of them.
CREATE INDEX revs_leaves ON revs (db, id, deleted, gen DESC, hash DESC) WHERE leaf;
