CREATE FUNCTION turns.part_key(p_tenant_id text, p_dedupe_key text, p_channel text, p_provider_message_id text)
RETURNS text LANGUAGE sql STABLE AS $$
  -- The key of the part that a report is about: the key itself, else the latest part with the provider's id.
  SELECT CASE WHEN p_dedupe_key <> '' THEN p_dedupe_key ELSE (
    SELECT dedupe_key FROM turns.receipts
    WHERE tenant_id = p_tenant_id AND channel = p_channel AND provider_message_id = p_provider_message_id
    ORDER BY updated_at DESC LIMIT 1) END
$$
