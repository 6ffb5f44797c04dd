CREATE FUNCTION turns.note_request(
  p_tenant_id text, p_method text, p_request_id text, p_content_hash text, p_subject text
) RETURNS void LANGUAGE sql AS $$
  -- A race for the same request id ends in a unique violation: the loser asks again and finds the winner's answer.
  INSERT INTO turns.requests (tenant_id, method, request_id, content_hash, subject)
  SELECT p_tenant_id, p_method, p_request_id, p_content_hash, p_subject WHERE p_request_id <> ''
$$
