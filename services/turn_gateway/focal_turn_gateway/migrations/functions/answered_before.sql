CREATE FUNCTION turns.answered_before(
  p_tenant_id text, p_method text, p_request_id text, p_content_hash text, p_subject text
) RETURNS text LANGUAGE plpgsql AS $$
-- What an earlier call with this request id came to. NULL when there was none, and always without an id; then this
-- call is the first and comes to `p_subject`, or only looks when that is NULL. A concurrent repeat waits here for the
-- first one's end. Raises FC003 when the id came with other content.
DECLARE
  r turns.requests;
BEGIN
  IF p_request_id = '' THEN
    RETURN NULL;
  END IF;
  IF p_subject IS NOT NULL THEN
    INSERT INTO turns.requests (tenant_id, method, request_id, content_hash, subject)
      VALUES (p_tenant_id, p_method, p_request_id, p_content_hash, p_subject) ON CONFLICT DO NOTHING;
    IF FOUND THEN
      RETURN NULL;
    END IF;
  END IF;
  SELECT * INTO r FROM turns.requests
    WHERE tenant_id = p_tenant_id AND method = p_method AND request_id = p_request_id;
  IF FOUND AND r.content_hash <> p_content_hash THEN
    RAISE EXCEPTION 'request id was used with other content' USING ERRCODE = 'FC003';
  END IF;
  RETURN r.subject;
END $$
