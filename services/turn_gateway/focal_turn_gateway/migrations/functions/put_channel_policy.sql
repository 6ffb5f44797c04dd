CREATE FUNCTION turns.put_channel_policy(
  p_tenant_id text, p_agent_id text, p_channel text, p_fields jsonb, p_request_id text, p_content_hash text
) RETURNS jsonb LANGUAGE plpgsql AS $$
-- Sets fields of an override, once per request id; returns all its fields.
BEGIN
  IF turns.answered_before(p_tenant_id, 'PutChannelPolicy', p_request_id, p_content_hash, '') IS NULL THEN
    INSERT INTO turns.channel_policies AS c (tenant_id, agent_id, channel, fields)
      VALUES (p_tenant_id, p_agent_id, p_channel, p_fields)
      ON CONFLICT (tenant_id, agent_id, channel) DO UPDATE SET
        fields = c.fields || excluded.fields, updated_at = clock_timestamp();
  END IF;
  RETURN coalesce((SELECT fields FROM turns.channel_policies
    WHERE tenant_id = p_tenant_id AND agent_id = p_agent_id AND channel = p_channel), '{}');
END $$
