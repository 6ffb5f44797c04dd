CREATE FUNCTION turns.put_contact(
  p_tenant_id text, p_customer_id text, p_channel text, p_address text, p_verified boolean, p_opted_in boolean,
  p_source text, p_since timestamptz, p_request_id text, p_content_hash text
) RETURNS jsonb LANGUAGE plpgsql AS $$
-- Stores a customer's address and word for a channel, once per request id, unless a later word is known; returns what
-- stands, NULL for a customer who never wrote.
DECLARE
  v_since timestamptz := coalesce(p_since, clock_timestamp());
BEGIN
  IF NOT EXISTS (SELECT 1 FROM turns.channel_identities WHERE tenant_id = p_tenant_id AND customer_id = p_customer_id)
  THEN
    RETURN NULL;
  END IF;
  IF turns.answered_before(p_tenant_id, 'PutContact', p_request_id, p_content_hash, '') IS NULL THEN
    INSERT INTO turns.contacts AS c (
        tenant_id, customer_id, channel, address, verified, opted_in, source, since)
      VALUES (p_tenant_id, p_customer_id, p_channel, p_address, p_verified, p_opted_in, p_source, v_since)
      ON CONFLICT (tenant_id, customer_id, channel) DO UPDATE SET
        address = excluded.address, verified = excluded.verified, opted_in = excluded.opted_in,
        source = excluded.source, since = excluded.since, updated_at = clock_timestamp()
      WHERE c.since <= excluded.since;
  END IF;
  RETURN coalesce(
    (SELECT to_jsonb(c) FROM turns.contacts c
      WHERE tenant_id = p_tenant_id AND customer_id = p_customer_id AND channel = p_channel),
    -- The first call's contact was deleted since.
    jsonb_build_object('tenant_id', p_tenant_id, 'customer_id', p_customer_id, 'channel', p_channel,
      'address', p_address, 'verified', false, 'opted_in', false, 'source', p_source, 'since', v_since));
END $$
