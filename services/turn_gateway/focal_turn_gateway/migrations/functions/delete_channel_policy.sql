CREATE FUNCTION turns.delete_channel_policy(
  p_tenant_id text, p_agent_id text, p_channel text, p_names text[], p_request_id text, p_content_hash text
) RETURNS jsonb LANGUAGE plpgsql AS $$
-- Takes fields out of an override, all when none is named, once per request id; returns the fields that are left.
BEGIN
  IF turns.answered_before(p_tenant_id, 'DeleteChannelPolicy', p_request_id, p_content_hash, '') IS NULL THEN
    UPDATE turns.channel_policies SET updated_at = clock_timestamp(),
        fields = CASE WHEN cardinality(p_names) = 0 THEN '{}' ELSE fields - p_names END
      WHERE tenant_id = p_tenant_id AND agent_id = p_agent_id AND channel = p_channel;
    DELETE FROM turns.channel_policies
      WHERE tenant_id = p_tenant_id AND agent_id = p_agent_id AND channel = p_channel AND fields = '{}';
  END IF;
  RETURN coalesce((SELECT fields FROM turns.channel_policies
    WHERE tenant_id = p_tenant_id AND agent_id = p_agent_id AND channel = p_channel), '{}');
END $$
