CREATE FUNCTION turns.extend_window(p_tenant_id text, p_session_id text, p_pause interval, p_max_wait interval)
RETURNS void LANGUAGE sql AS $$
  -- Only a window that is open: it closes by itself, at the latest when its maximum has passed. What the latest
  -- message had set is kept for when the typing ends.
  UPDATE turns.sessions SET
    due_before_typing = coalesce(due_before_typing, due_at),
    reason_before_typing = coalesce(reason_before_typing, due_reason),
    due_at = greatest(due_at, least(clock_timestamp() + p_pause, window_opened_at + p_max_wait)),
    due_reason = CASE WHEN window_opened_at + p_max_wait < clock_timestamp() + p_pause THEN 'MAX_WAIT'
                      ELSE due_reason END
  WHERE tenant_id = p_tenant_id AND session_id = p_session_id
    AND window_opened_at IS NOT NULL AND due_at > clock_timestamp()
$$
