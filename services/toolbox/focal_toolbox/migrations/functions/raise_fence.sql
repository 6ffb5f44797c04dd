CREATE FUNCTION effects.raise_fence(p_tenant_id text, p_session_id text, p_epoch bigint) RETURNS bigint
LANGUAGE plpgsql AS $$
DECLARE
    in_force bigint;
BEGIN
    -- ON CONFLICT locks the row even when its WHERE does not hold; nothing is written then.
    INSERT INTO effects.fences AS fence (tenant_id, session_id, epoch)
    VALUES (p_tenant_id, p_session_id, p_epoch)
    ON CONFLICT (tenant_id, session_id) DO UPDATE
        SET epoch = excluded.epoch, updated_at = clock_timestamp()
        WHERE fence.epoch < excluded.epoch;
    SELECT epoch INTO in_force FROM effects.fences
        WHERE tenant_id = p_tenant_id AND session_id = p_session_id;
    RETURN in_force;
END
$$
