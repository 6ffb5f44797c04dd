CREATE FUNCTION turns.first_request(p_tenant_id text, p_method text, p_request_id text, p_content_hash text)
RETURNS boolean LANGUAGE plpgsql AS $$
-- Whether the request is to be carried out: false when it was before. Without an id every request is a first one.
-- Raises FC003 when the id came with other content. A concurrent repeat waits here for the first one's end.
BEGIN
  IF p_request_id = '' THEN
    RETURN true;
  END IF;
  INSERT INTO turns.requests (tenant_id, method, request_id, content_hash)
    VALUES (p_tenant_id, p_method, p_request_id, p_content_hash) ON CONFLICT DO NOTHING;
  IF FOUND THEN
    RETURN true;
  END IF;
  PERFORM 1 FROM turns.requests WHERE tenant_id = p_tenant_id AND method = p_method AND request_id = p_request_id
    AND content_hash = p_content_hash;
  IF NOT FOUND THEN
    RAISE EXCEPTION 'request id was used with other content' USING ERRCODE = 'FC003';
  END IF;
  RETURN false;
END $$
