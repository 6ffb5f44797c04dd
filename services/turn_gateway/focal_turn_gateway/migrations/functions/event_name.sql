CREATE FUNCTION turns.event_name(p_kind text, p_body jsonb) RETURNS text LANGUAGE sql IMMUTABLE AS $$
  -- The same names as `domain/event_names.py`; a test compares them.
  SELECT CASE
    WHEN p_kind = 'agent' THEN concat(p_body->>'category', '.', p_body->>'type')
    WHEN p_kind = 'turn_aggregated' THEN 'infra.message.aggregated'
    WHEN p_kind <> 'supersede_decided' THEN 'infra.' || replace(p_kind, '_', '.')
    WHEN p_body->>'action' = 'SUPERSEDE' THEN 'infra.supersede.decided'
    WHEN p_body->>'action' = 'ABSORB' THEN 'infra.message.absorbed'
    ELSE 'infra.turn.queued'
  END
$$
