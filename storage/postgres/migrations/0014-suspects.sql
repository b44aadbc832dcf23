-- A job that two processes died with may be what killed them, or only have been beside it: such jobs are taken one at a
-- time, so that the third death is that of the culprit.
DROP INDEX job_queue_ready;
CREATE INDEX job_queue_ready ON job_queue (worker, prefix, n) WHERE ready AND deaths < 2;
CREATE INDEX job_queue_suspects ON job_queue (n) WHERE ready AND deaths >= 2;

CREATE OR REPLACE FUNCTION hearth_take_jobs(p_worker text, p_slots int, p_after text, p_by text, p_lease_ms float8)
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
  -- A job begins when its document says so, and that commit waits for the disk: what is lost before was not begun.
  PERFORM set_config('synchronous_commit', 'off', true);
  WHILE v_left > 0 LOOP
    SELECT q.prefix INTO v_next FROM job_queue q
    WHERE q.worker = p_worker AND q.ready AND q.deaths < 2 AND q.prefix > v_prefix ORDER BY q.worker, q.prefix, q.n LIMIT 1;
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
        SELECT c.prefix, c.id FROM job_queue c
        WHERE c.worker = p_worker AND c.ready AND c.deaths < 2 AND c.prefix = v_prefix
        ORDER BY c.worker, c.prefix, c.n LIMIT least(v_share, v_left) FOR UPDATE SKIP LOCKED)
      RETURNING q.*;
    GET DIAGNOSTICS v_found = ROW_COUNT;
    v_left := v_left - v_found;
    v_round := v_round + v_found;
  END LOOP;
END $$;

CREATE FUNCTION hearth_take_suspect(p_workers text[], p_by text, p_lease_ms float8)
RETURNS SETOF job_queue LANGUAGE sql AS $$
  UPDATE job_queue q SET ready = false, taken_by = p_by, lease = now() + p_lease_ms * interval '1 millisecond'
  WHERE (q.prefix, q.id) IN (
    SELECT c.prefix, c.id FROM job_queue c WHERE c.ready AND c.deaths >= 2 AND c.worker = ANY (p_workers)
    ORDER BY c.n LIMIT 1 FOR UPDATE SKIP LOCKED)
  RETURNING q.*;
$$;
