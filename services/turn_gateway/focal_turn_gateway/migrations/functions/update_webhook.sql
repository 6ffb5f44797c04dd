CREATE FUNCTION turns.update_webhook(
  p_tenant_id text, p_webhook_id text, p_url text, p_patterns text[], p_secret text, p_enabled boolean,
  p_former interval, p_request_id text, p_content_hash text
) RETURNS SETOF turns.webhooks LANGUAGE plpgsql AS $$
-- The webhook with what is not NULL set; nothing when the tenant has no such webhook.
BEGIN
  IF turns.answered_before(p_tenant_id, 'UpdateWebhook', p_request_id, p_content_hash, p_webhook_id) IS NULL THEN
    UPDATE turns.webhooks SET
      url = coalesce(p_url, url),
      verified_at = CASE WHEN p_url <> url THEN NULL ELSE verified_at END,
      patterns = coalesce(p_patterns, patterns),
      former_secret = CASE WHEN p_secret <> secret THEN secret ELSE former_secret END,
      former_secret_until = CASE WHEN p_secret <> secret THEN clock_timestamp() + p_former
                                 ELSE former_secret_until END,
      secret = coalesce(p_secret, secret),
      enabled = coalesce(p_enabled, enabled),
      exhausted = CASE WHEN p_enabled THEN 0 ELSE exhausted END,
      disabled_reason = CASE WHEN p_enabled IS NULL THEN disabled_reason ELSE '' END,
      updated_at = clock_timestamp()
    WHERE tenant_id = p_tenant_id AND webhook_id = p_webhook_id;
  END IF;
  RETURN QUERY SELECT * FROM turns.webhooks WHERE tenant_id = p_tenant_id AND webhook_id = p_webhook_id;
END $$
