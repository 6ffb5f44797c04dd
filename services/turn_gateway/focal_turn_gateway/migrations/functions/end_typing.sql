CREATE FUNCTION turns.end_typing(p_tenant_id text, p_session_id text, p_pause interval) RETURNS boolean
LANGUAGE sql AS $$
  -- Takes back what typing added, but for `p_pause`: a message on its way may still join. True when that changed
  -- anything.
  WITH back AS (
    UPDATE turns.sessions SET
      due_at = least(due_at, greatest(due_before_typing, clock_timestamp() + p_pause)),
      due_reason = CASE WHEN due_at < greatest(due_before_typing, clock_timestamp() + p_pause) THEN due_reason
                        ELSE reason_before_typing END,
      due_before_typing = NULL, reason_before_typing = NULL
    WHERE tenant_id = p_tenant_id AND session_id = p_session_id AND due_before_typing IS NOT NULL
      AND window_opened_at IS NOT NULL AND due_at > clock_timestamp()
    RETURNING 1)
  SELECT EXISTS (SELECT 1 FROM back)
$$
