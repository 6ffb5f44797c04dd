CREATE FUNCTION turns.write_events(
  p_tenant_id text, p_session_id text, p_base bigint, p_events jsonb, p_at timestamptz
) RETURNS void LANGUAGE sql AS $$
  -- The one place where events are written: [{kind, turn_id, attempt, trace_id, body}] take the offsets behind
  -- `p_base`. The caller holds the session's lock and has moved its offset. With the id of the transaction a reader
  -- of all sessions knows what may still be open in front of what it sees. A transaction that had its id before it had
  -- the session's lock takes that of the event before: ids must not fall within a session. What webhooks are to get is
  -- noted here too, so that no event can be stored without it.
  WITH written AS (
    INSERT INTO turns.events (
        session_id, "offset", tenant_id, turn_id, attempt, kind, name, trace_id, body, occurred_at, xact)
    SELECT p_session_id, p_base + x.ord, p_tenant_id, x.e->>'turn_id', (x.e->>'attempt')::integer, x.e->>'kind',
           turns.event_name(x.e->>'kind', x.e->'body'), coalesce(x.e->>'trace_id', ''), x.e->'body', p_at,
           greatest(pg_current_xact_id()::text::bigint, (
             SELECT before.xact FROM turns.events before
             WHERE before.session_id = p_session_id AND before."offset" = p_base))
    FROM jsonb_array_elements(p_events) WITH ORDINALITY AS x(e, ord)
    RETURNING "offset", name
  )
  INSERT INTO turns.webhook_deliveries (webhook_id, session_id, "offset", name)
  SELECT w.webhook_id, p_session_id, e."offset", e.name FROM turns.webhooks w, written e
  WHERE w.tenant_id = p_tenant_id AND w.enabled AND turns.event_matches(e.name, w.patterns)
$$
