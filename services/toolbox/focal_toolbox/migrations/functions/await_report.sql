CREATE FUNCTION effects.await_report(
    p_tenant_id text, p_effect_id text, p_instance_id text, p_awaited interval
) RETURNS void
LANGUAGE sql AS $$
-- Another call waits for the report: until then no follow-up turn is due.
UPDATE effects.result_tokens t
    SET awaited_by = p_instance_id, awaited_until = greatest(t.awaited_until, clock_timestamp() + p_awaited)
    WHERE t.tenant_id = p_tenant_id AND t.effect_id = p_effect_id AND t.reported_at IS NULL
$$
