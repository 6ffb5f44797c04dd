CREATE FUNCTION turns.delete_webhook(
  p_tenant_id text, p_webhook_id text, p_request_id text, p_content_hash text
) RETURNS boolean LANGUAGE plpgsql AS $$
-- False when the tenant has no such webhook. What it still had to deliver is left to retention: nothing claims it.
BEGIN
  IF turns.answered_before(p_tenant_id, 'DeleteWebhook', p_request_id, p_content_hash, p_webhook_id) IS NOT NULL THEN
    RETURN true;
  END IF;
  DELETE FROM turns.webhooks WHERE tenant_id = p_tenant_id AND webhook_id = p_webhook_id;
  RETURN FOUND;
END $$
