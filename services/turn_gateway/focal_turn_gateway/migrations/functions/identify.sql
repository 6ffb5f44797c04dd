CREATE FUNCTION turns.identify(
  p_tenant_id text, p_channel text, p_user_hash text, p_user_id text, p_owned text, p_known text, p_new text
) RETURNS text LANGUAGE plpgsql AS $$
-- Notes who a channel's user is, and returns the customer: the one this identity is of already (`p_known`, else NULL),
-- else the one whom other channels know by the verified address `p_owned` (empty for none), else `p_new`. The address
-- comes before the identity: of two channels that bring one person at the same instant, the second waits here.
DECLARE
  v_owner text := coalesce(p_known, p_new);
  v_customer text;
BEGIN
  IF p_owned <> '' THEN
    INSERT INTO turns.owned_addresses (tenant_id, address, customer_id) VALUES (p_tenant_id, p_owned, v_owner)
      ON CONFLICT DO NOTHING;
    SELECT customer_id INTO v_owner FROM turns.owned_addresses WHERE tenant_id = p_tenant_id AND address = p_owned;
  END IF;
  INSERT INTO turns.channel_identities AS i (
      tenant_id, channel, channel_user_hash, channel_user_id, customer_id, verified)
    VALUES (p_tenant_id, p_channel, p_user_hash, p_user_id, v_owner, p_owned <> '')
    ON CONFLICT (tenant_id, channel, channel_user_hash) DO UPDATE SET verified = i.verified OR excluded.verified
    RETURNING customer_id INTO v_customer;
  -- A message that nobody vouched for may have been quicker with this identity: then its customer has the address.
  UPDATE turns.owned_addresses SET customer_id = v_customer
    WHERE tenant_id = p_tenant_id AND address = p_owned AND customer_id = p_new AND customer_id <> v_customer;
  RETURN v_customer;
END $$
