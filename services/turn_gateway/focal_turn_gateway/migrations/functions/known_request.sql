CREATE FUNCTION turns.known_request(p_tenant_id text, p_method text, p_request_id text, p_content_hash text)
RETURNS text LANGUAGE plpgsql STABLE AS $$
-- What the first call with this request id came to, NULL for a fresh one; raises FC003 when its content was another.
DECLARE
  r turns.requests;
BEGIN
  SELECT * INTO r FROM turns.requests
    WHERE tenant_id = p_tenant_id AND method = p_method AND request_id = p_request_id;
  IF FOUND AND r.content_hash <> p_content_hash THEN
    RAISE EXCEPTION 'request id used with other content' USING ERRCODE = 'FC003';
  END IF;
  RETURN r.subject;
END $$
