CREATE FUNCTION turns.settle_webhook_delivery(
  p_delivery_id bigint, p_attempts integer, p_state text, p_status_code integer, p_error text, p_pause interval,
  p_most_exhausted integer
) RETURNS boolean LANGUAGE plpgsql AS $$
-- Notes what came of an attempt, unless the claim lapsed and another attempt is under way. True when this one was the
-- last straw: its webhook is disabled, which the session of its event tells.
DECLARE
  d turns.webhook_deliveries;
  w turns.webhooks;
BEGIN
  UPDATE turns.webhook_deliveries SET state = p_state, status_code = p_status_code, error = p_error,
      claimed_until = NULL, next_attempt_at = clock_timestamp() + p_pause,
      settled_at = CASE WHEN p_state <> 'PENDING' THEN clock_timestamp() END
    WHERE delivery_id = p_delivery_id AND attempts = p_attempts AND state = 'PENDING' RETURNING * INTO d;
  IF NOT FOUND OR p_state = 'PENDING' THEN
    RETURN false;
  END IF;
  UPDATE turns.webhooks SET exhausted = CASE WHEN p_state = 'DELIVERED' THEN 0 ELSE exhausted + 1 END
    WHERE webhook_id = d.webhook_id AND (p_state <> 'DELIVERED' OR exhausted > 0) RETURNING * INTO w;
  IF NOT FOUND OR p_state = 'DELIVERED' OR NOT w.enabled OR w.exhausted < p_most_exhausted THEN
    RETURN false;
  END IF;
  UPDATE turns.webhooks SET enabled = false, disabled_reason =
      format('%s deliveries in a row were given up, the last because: %s', w.exhausted, p_error)
    WHERE webhook_id = w.webhook_id;
  PERFORM turns.append_events(d.session_id, jsonb_build_array(jsonb_build_object('kind', 'webhook_disabled',
    'turn_id', '', 'attempt', 0, 'body', jsonb_build_object('webhook_id', w.webhook_id,
    'exhausted_deliveries', w.exhausted, 'reason', p_error))));
  RETURN true;
END $$
