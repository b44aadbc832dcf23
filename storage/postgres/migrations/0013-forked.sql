-- Documents with more than one leaf, which are few: an index of `_conflicts` is computed from them.
CREATE INDEX docs_forked ON docs (db, id) WHERE leaves > 1;
