CREATE FUNCTION turns.fall_back(p_tenant_id text, p_session_id text, p_payload jsonb, p_rungs jsonb)
RETURNS boolean LANGUAGE plpgsql AS $$
-- A part with this payload failed for good: sends its whole segment on the first channel of `p_rungs` on which that is
-- allowed, and notes each that was considered. The caller holds the session's lock. True when it is sent.
-- Rungs: [{channel, refusal, per_day, rows: [{destination, dedupe_key, payload}]}]; a `refusal` was found before, `per_day` is 0
-- without limit, the address is filled in here.
DECLARE
  v_rung jsonb;
  v_refusal text;
  v_parts integer;
  c turns.contacts;
  v_stale boolean;
BEGIN
  INSERT INTO turns.fallbacks (tenant_id, turn_id, segment, from_channel)
    VALUES (p_tenant_id, p_payload->>'turn_id', (p_payload->>'segment')::integer, p_payload->>'channel')
    ON CONFLICT DO NOTHING;
  IF NOT FOUND THEN
    RETURN false;
  END IF;
  -- Whoever wrote to the agent since, on whatever channel, gets an answer that knows of it.
  v_stale := EXISTS (
    SELECT 1 FROM turns.turns t, turns.sessions s, LATERAL (
      SELECT m.received_at FROM turns.messages m WHERE m.session_id = s.session_id ORDER BY m.sequence DESC LIMIT 1) m
    WHERE t.turn_id = p_payload->>'turn_id' AND s.tenant_id = p_tenant_id AND s.agent_id = p_payload->>'agent_id'
      AND s.customer_id = p_payload->>'customer_id' AND s.ended_at IS NULL AND m.received_at > t.closed_at);
  FOR v_rung IN SELECT * FROM jsonb_array_elements(p_rungs) LOOP
    v_parts := jsonb_array_length(v_rung->'rows');
    v_refusal := CASE WHEN v_stale THEN 'STALE' ELSE v_rung->>'refusal' END;
    IF v_refusal = '' THEN
      -- Held until the end: once a customer's refusal is stored, nothing more is sent there.
      SELECT * INTO c FROM turns.contacts WHERE tenant_id = p_tenant_id
        AND customer_id = p_payload->>'customer_id' AND channel = v_rung->>'channel' FOR SHARE;
      v_refusal := CASE WHEN NOT FOUND THEN 'NO_CONTACT' WHEN NOT c.opted_in THEN 'NOT_OPTED_IN'
                        WHEN NOT c.verified THEN 'NOT_VERIFIED' ELSE '' END;
    END IF;
    IF v_refusal = '' AND (v_rung->>'per_day')::integer > 0 THEN
      PERFORM pg_advisory_xact_lock(hashtextextended(concat('fallback:', p_tenant_id, ':', v_rung->>'channel'), 0));
      IF v_parts + (SELECT coalesce(sum(f.parts), 0) FROM turns.fallbacks f
                    WHERE f.tenant_id = p_tenant_id AND f.to_channel = v_rung->>'channel'
                      AND f.created_at > clock_timestamp() - interval '24 hours') > (v_rung->>'per_day')::integer THEN
        v_refusal := 'RATE_LIMIT';
      END IF;
    END IF;
    PERFORM turns.append_events(p_session_id, jsonb_build_array(jsonb_build_object(
      'kind', 'reply_fallback', 'turn_id', p_payload->>'turn_id', 'attempt', 0, 'body', jsonb_build_object(
        'dedupe_key', p_payload->>'dedupe_key', 'segment', (p_payload->>'segment')::integer,
        'from_channel', p_payload->>'channel', 'to_channel', v_rung->>'channel',
        'refusal', CASE WHEN v_refusal = '' THEN 'UNSPECIFIED' ELSE v_refusal END,
        'parts', CASE WHEN v_refusal = '' THEN v_parts ELSE 0 END))));
    IF v_refusal = '' THEN
      UPDATE turns.fallbacks SET to_channel = v_rung->>'channel', parts = v_parts
        WHERE tenant_id = p_tenant_id AND turn_id = p_payload->>'turn_id'
          AND segment = (p_payload->>'segment')::integer AND from_channel = p_payload->>'channel';
      INSERT INTO turns.outbox (tenant_id, session_id, destination, dedupe_key, payload)
        SELECT p_tenant_id, p_session_id, r->>'destination', r->>'dedupe_key',
               (r->'payload') || jsonb_build_object('user_channel_id', c.address)
        FROM jsonb_array_elements(v_rung->'rows') r;
      RETURN true;
    END IF;
    EXIT WHEN v_stale;
  END LOOP;
  RETURN false;
END $$
