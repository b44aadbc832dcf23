-- Jobs that wait or run. A row stands beside a document of `io.cozy.jobs`, is written in the same transaction, and is
-- gone when the job has ended. Rows are keyed by the tenant, not by a database: they outlive an exchange of databases.
CREATE TABLE job_queue (
  prefix    text COLLATE "C" NOT NULL,
  id        text COLLATE "C" NOT NULL,
  n         bigint NOT NULL DEFAULT (extract(epoch FROM clock_timestamp()) * 1000000)::bigint, -- order within a tenant
  worker    text COLLATE "C" NOT NULL,
  ready     boolean NOT NULL, -- may be taken now
  due       timestamptz NOT NULL, -- when it becomes ready
  taken_by  text COLLATE "C", -- the process that runs it
  lease     timestamptz,      -- that process is believed to be alive until then
  errors    int NOT NULL DEFAULT 0,
  deaths    int NOT NULL DEFAULT 0, -- processes that ended while they ran it
  trusted   boolean NOT NULL, -- made by the server, not by a client
  gathering text COLLATE "C", -- the trigger whose events it gathers: it has no document until it is taken
  body      text NOT NULL,    -- members of its document when it was queued
  PRIMARY KEY (prefix, id)
) WITH (fillfactor = 70, autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 2000);
CREATE INDEX job_queue_ready ON job_queue (worker, prefix, n) WHERE ready;
CREATE INDEX job_queue_due ON job_queue (due) WHERE NOT ready AND taken_by IS NULL;
CREATE INDEX job_queue_taken ON job_queue (taken_by, lease) WHERE taken_by IS NOT NULL;
CREATE UNIQUE INDEX job_queue_gathering ON job_queue (prefix, gathering)
  WHERE gathering IS NOT NULL AND NOT ready AND taken_by IS NULL;

-- Takes ready jobs of one worker, at most p_slots, tenant by tenant from the one behind p_after on and round again: a
-- tenant with many jobs gives no more at a turn than one with few.
CREATE FUNCTION hearth_take_jobs(p_worker text, p_slots int, p_after text, p_by text, p_lease_ms float8)
RETURNS SETOF job_queue LANGUAGE plpgsql AS $$
DECLARE
  v_share int := greatest(1, p_slots / 4);
  v_left int := p_slots;
  v_prefix text := p_after;
  v_next text;
  v_wrapped boolean := false;
  v_found int;
  v_round int := 0; -- taken since the beginning of the round
BEGIN
  WHILE v_left > 0 LOOP
    SELECT q.prefix INTO v_next FROM job_queue q
    WHERE q.worker = p_worker AND q.ready AND q.prefix > v_prefix ORDER BY q.worker, q.prefix, q.n LIMIT 1;
    IF v_next IS NULL THEN
      EXIT WHEN v_wrapped AND v_round = 0;
      v_wrapped := true;
      v_round := 0;
      v_prefix := '';
      CONTINUE;
    END IF;
    v_prefix := v_next;
    RETURN QUERY
      UPDATE job_queue q SET ready = false, taken_by = p_by, lease = now() + p_lease_ms * interval '1 millisecond'
      WHERE (q.prefix, q.id) IN (
        SELECT c.prefix, c.id FROM job_queue c WHERE c.worker = p_worker AND c.ready AND c.prefix = v_prefix
        ORDER BY c.worker, c.prefix, c.n LIMIT least(v_share, v_left) FOR UPDATE SKIP LOCKED)
      RETURNING q.*;
    GET DIAGNOSTICS v_found = ROW_COUNT;
    v_left := v_left - v_found;
    v_round := v_round + v_found;
  END LOOP;
END $$;

-- When each trigger of `io.cozy.triggers` is due next, derived from the documents whoever writes them.
CREATE TABLE trigger_schedule (
  db      bigint NOT NULL,
  id      text COLLATE "C" NOT NULL,
  type    text COLLATE "C" NOT NULL,
  next_at timestamptz, -- -infinity: to be worked out; NULL: it has no time
  PRIMARY KEY (db, id)
);
CREATE INDEX trigger_schedule_next ON trigger_schedule (next_at) WHERE next_at IS NOT NULL;
CREATE INDEX trigger_schedule_events ON trigger_schedule (db, id) WHERE type = '@event';

CREATE FUNCTION hearth_follow_trigger() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF NOT EXISTS (SELECT 1 FROM databases WHERE db = NEW.db AND name = 'io.cozy.triggers') THEN
    RETURN NULL;
  END IF;
  IF NEW.deleted OR NOT NEW.body ? 'worker' THEN
    DELETE FROM trigger_schedule WHERE db = NEW.db AND id = NEW.id;
    RETURN NULL;
  END IF;
  IF TG_OP = 'UPDATE' THEN
    IF NOT OLD.deleted AND OLD.body -> 'type' IS NOT DISTINCT FROM NEW.body -> 'type'
      AND OLD.body -> 'arguments' IS NOT DISTINCT FROM NEW.body -> 'arguments' THEN
      RETURN NULL;
    END IF;
  END IF;
  INSERT INTO trigger_schedule (db, id, type, next_at)
  VALUES (NEW.db, NEW.id, coalesce(NEW.body ->> 'type', ''),
    CASE WHEN NEW.body ->> 'type' IN ('@event', '@webhook', '@client') THEN NULL ELSE '-infinity'::timestamptz END)
  ON CONFLICT (db, id) DO UPDATE SET type = excluded.type, next_at = excluded.next_at;
  RETURN NULL;
END $$;

CREATE TRIGGER docs_follow_new_trigger AFTER INSERT ON docs FOR EACH ROW
  WHEN (NEW.body ? 'debounce') EXECUTE FUNCTION hearth_follow_trigger();
CREATE TRIGGER docs_follow_trigger AFTER UPDATE ON docs FOR EACH ROW
  WHEN (NEW.body ? 'debounce' OR OLD.body ? 'debounce') EXECUTE FUNCTION hearth_follow_trigger();

-- How far the changes of a database have been turned into jobs.
CREATE TABLE event_feeds (
  db  bigint PRIMARY KEY,
  seq bigint NOT NULL
);

-- Work that one process does for all from time to time.
CREATE TABLE recurring_work (
  name text COLLATE "C" PRIMARY KEY,
  due  timestamptz NOT NULL
);

-- The jobs of a trigger, newest last: ids of jobs grow with time.
CREATE INDEX docs_trigger_jobs ON docs (db, (body ->> 'trigger_id'), id) WHERE body ? 'trigger_id';
-- Jobs that have not ended.
CREATE INDEX docs_open_jobs ON docs (db, id) WHERE body ? 'queued_at' AND body ->> 'state' IN ('queued', 'running');
