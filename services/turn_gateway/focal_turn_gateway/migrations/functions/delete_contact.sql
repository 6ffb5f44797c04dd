CREATE FUNCTION turns.delete_contact(
  p_tenant_id text, p_customer_id text, p_channel text, p_request_id text, p_content_hash text
) RETURNS boolean LANGUAGE plpgsql AS $$
-- Forgets a contact, once per request id; whether there was one.
DECLARE
  v_known boolean;
  v_before text;
BEGIN
  -- Its lock keeps a fallback that is being decided from sending there once this is answered.
  SELECT true INTO v_known FROM turns.contacts
    WHERE tenant_id = p_tenant_id AND customer_id = p_customer_id AND channel = p_channel FOR UPDATE;
  v_known := coalesce(v_known, false);
  v_before := turns.answered_before(p_tenant_id, 'DeleteContact', p_request_id, p_content_hash, v_known::text);
  IF v_before IS NOT NULL THEN
    RETURN v_before::boolean;
  END IF;
  DELETE FROM turns.contacts
    WHERE tenant_id = p_tenant_id AND customer_id = p_customer_id AND channel = p_channel;
  RETURN v_known;
END $$
