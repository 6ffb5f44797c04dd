CREATE FUNCTION turns.store_artifact(
  p_session_id text, p_epoch bigint, p_turn_id text, p_attempt integer, p_name text, p_data text,
  p_input_fingerprint text, p_dependency_fingerprint text, p_binding boolean
) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
  PERFORM turns.hold(p_session_id, p_epoch);
  INSERT INTO turns.artifacts (turn_id, name, attempt, data, input_fingerprint, dependency_fingerprint, binding)
    VALUES (p_turn_id, p_name, p_attempt, p_data, p_input_fingerprint, p_dependency_fingerprint, p_binding)
    ON CONFLICT (turn_id, name) DO UPDATE SET attempt = excluded.attempt, data = excluded.data,
      input_fingerprint = excluded.input_fingerprint, dependency_fingerprint = excluded.dependency_fingerprint, binding = excluded.binding,
      created_at = clock_timestamp();
END $$
