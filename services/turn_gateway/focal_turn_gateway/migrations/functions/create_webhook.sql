CREATE FUNCTION turns.create_webhook(
  p_tenant_id text, p_webhook_id text, p_url text, p_patterns text[], p_secret text, p_enabled boolean,
  p_most integer, p_request_id text, p_content_hash text
) RETURNS SETOF turns.webhooks LANGUAGE plpgsql AS $$
-- The webhook, or the one that an earlier call with this request id created; nothing when the tenant has `p_most`.
DECLARE
  v_known text := turns.known_request(p_tenant_id, 'CreateWebhook', p_request_id, p_content_hash);
BEGIN
  IF v_known IS NOT NULL THEN
    RETURN QUERY SELECT * FROM turns.webhooks WHERE tenant_id = p_tenant_id AND webhook_id = v_known;
    RETURN;
  END IF;
  PERFORM pg_advisory_xact_lock(hashtextextended('webhooks of ' || p_tenant_id, 0));
  IF (SELECT count(*) FROM turns.webhooks WHERE tenant_id = p_tenant_id) >= p_most THEN
    RETURN;
  END IF;
  PERFORM turns.note_request(p_tenant_id, 'CreateWebhook', p_request_id, p_content_hash, p_webhook_id);
  RETURN QUERY INSERT INTO turns.webhooks (webhook_id, tenant_id, url, patterns, secret, enabled)
    VALUES (p_webhook_id, p_tenant_id, p_url, p_patterns, p_secret, p_enabled) RETURNING *;
END $$
