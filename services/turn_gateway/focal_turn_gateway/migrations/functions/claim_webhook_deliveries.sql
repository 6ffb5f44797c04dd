CREATE FUNCTION turns.claim_webhook_deliveries(
  p_limit integer, p_per_webhook integer, p_per_minute integer, p_claim interval
) RETURNS TABLE (
  delivery_id bigint, webhook_id text, tenant_id text, url text, secrets text[], attempts integer,
  session_id text, "offset" bigint, kind text, body jsonb, turn_id text, attempt integer, occurred_at timestamptz,
  trace_id text, agent_id text, channel text
) LANGUAGE plpgsql AS $$
#variable_conflict use_column
-- Takes what is due for this process until the claim lapses: webhooks one after the other, those that waited longest
-- first, each within what it may have in flight and in a minute. Rows of webhooks that another process is claiming for
-- are left to it. Events are read here and not beside a call: the caller's statement may have begun before an event was
-- committed whose delivery this function already sees.
DECLARE
  w turns.webhooks;
  v_now timestamptz := clock_timestamp();
  v_minute timestamptz := date_trunc('minute', v_now);
  v_left integer := p_limit;
  v_flying integer;
  v_taken integer;
BEGIN
  FOR w IN
    SELECT h.* FROM turns.webhooks h
    WHERE h.enabled AND EXISTS (
      SELECT 1 FROM turns.webhook_deliveries d
      WHERE d.webhook_id = h.webhook_id AND d.state = 'PENDING' AND d.next_attempt_at <= v_now)
    ORDER BY h.claimed_at, h.webhook_id LIMIT p_limit FOR NO KEY UPDATE SKIP LOCKED
  LOOP
    IF w.minute <> v_minute THEN
      w.minute_posts := 0;
    END IF;
    SELECT count(*) INTO v_flying FROM turns.webhook_deliveries d
      WHERE d.webhook_id = w.webhook_id AND d.state = 'PENDING' AND d.claimed_until > v_now;
    RETURN QUERY
      WITH due AS (
        SELECT d.delivery_id, d.session_id, d."offset" FROM turns.webhook_deliveries d
        WHERE d.webhook_id = w.webhook_id AND d.state = 'PENDING' AND d.next_attempt_at <= v_now
          AND (d.claimed_until IS NULL OR d.claimed_until <= v_now)
        ORDER BY d.next_attempt_at, d.delivery_id
        LIMIT greatest(0, least(v_left, p_per_webhook - v_flying, p_per_minute - w.minute_posts))
        FOR UPDATE SKIP LOCKED)
      UPDATE turns.webhook_deliveries d SET claimed_until = v_now + p_claim, attempts = d.attempts + 1
      FROM due
        LEFT JOIN turns.events e ON e.session_id = due.session_id AND e."offset" = due."offset"
        LEFT JOIN turns.sessions s ON s.session_id = due.session_id
      WHERE d.delivery_id = due.delivery_id
      RETURNING d.delivery_id, w.webhook_id, w.tenant_id, w.url,
        CASE WHEN w.former_secret_until > v_now THEN ARRAY[w.secret, w.former_secret] ELSE ARRAY[w.secret] END,
        d.attempts, d.session_id, d."offset", e.kind, e.body, e.turn_id, e.attempt, e.occurred_at, e.trace_id,
        s.agent_id, s.channel;
    GET DIAGNOSTICS v_taken = ROW_COUNT;
    UPDATE turns.webhooks h SET claimed_at = v_now, minute = v_minute, minute_posts = w.minute_posts + v_taken
      WHERE h.webhook_id = w.webhook_id;
    v_left := v_left - v_taken;
    EXIT WHEN v_left <= 0;
  END LOOP;
END $$
