CREATE FUNCTION turns.finish_window(p_tenant_id text, p_session_id text, p_lease integer, p_sequence bigint)
RETURNS boolean LANGUAGE sql AS $$
  -- Closes the window that message `p_sequence` set, unless it has passed, another message has come, or somebody types.
  WITH done AS (
    UPDATE turns.sessions SET due_at = clock_timestamp(), due_reason = 'ADAPTIVE'
    WHERE tenant_id = p_tenant_id AND session_id = p_session_id AND message_sequence = p_sequence
      AND (p_lease IS NULL OR gateway = p_lease) AND due_before_typing IS NULL
      AND window_opened_at IS NOT NULL AND due_at > clock_timestamp()
    RETURNING 1)
  SELECT EXISTS (SELECT 1 FROM done)
$$
