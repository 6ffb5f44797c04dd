CREATE FUNCTION effects.fence_session(
    p_tenant_id text, p_session_id text, p_epoch bigint, p_lease interval
) RETURNS bigint
LANGUAGE plpgsql AS $$
DECLARE
    in_force bigint := effects.raise_fence(p_tenant_id, p_session_id, p_epoch);
BEGIN
    UPDATE effects.effects
        SET state = 'IN_DOUBT', error_reason = 'toolbox_lost', updated_at = clock_timestamp()
        WHERE tenant_id = p_tenant_id AND session_id = p_session_id AND state = 'PREPARED'
            AND NOT effects.is_alive(instance_id, p_lease);
    RETURN in_force;
END
$$
