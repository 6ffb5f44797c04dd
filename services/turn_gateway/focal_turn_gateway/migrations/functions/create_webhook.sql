CREATE FUNCTION turns.create_webhook(
  p_tenant_id text, p_webhook_id text, p_url text, p_patterns text[], p_secret text, p_enabled boolean,
  p_most integer, p_request_id text, p_content_hash text
) RETURNS SETOF turns.webhooks LANGUAGE plpgsql AS $$
-- The webhook, or the one that an earlier call with this request id created; nothing when the tenant has `p_most`.
DECLARE
  v_room boolean;
  v_known text;
BEGIN
  PERFORM pg_advisory_xact_lock(hashtextextended('webhooks of ' || p_tenant_id, 0));
  v_room := (SELECT count(*) FROM turns.webhooks WHERE tenant_id = p_tenant_id) < p_most;
  v_known := turns.answered_before(p_tenant_id, 'CreateWebhook', p_request_id, p_content_hash,
    CASE WHEN v_room THEN p_webhook_id END);
  IF v_known IS NOT NULL THEN
    RETURN QUERY SELECT * FROM turns.webhooks WHERE tenant_id = p_tenant_id AND webhook_id = v_known;
    RETURN;
  END IF;
  IF NOT v_room THEN
    RETURN;
  END IF;
  RETURN QUERY INSERT INTO turns.webhooks (webhook_id, tenant_id, url, patterns, secret, enabled)
    VALUES (p_webhook_id, p_tenant_id, p_url, p_patterns, p_secret, p_enabled) RETURNING *;
END $$
