CREATE FUNCTION effects.reserve_compensation(
    p_effect_id text, p_reservation_id text, p_tenant_id text, p_effect_key text, p_business_key text,
    p_tool_name text, p_policy text, p_session_id text, p_turn_group_id text, p_turn_id text,
    p_epoch bigint, p_arguments_json text, p_agent_id text, p_config_version bigint, p_instance_id text,
    p_lease interval, p_compensates text
) RETURNS TABLE (outcome text, fence bigint, effect effects.effects)
LANGUAGE plpgsql AS $$
-- Reserves the effect that undoes `p_compensates`, which is COMPENSATING from then on. Locks are taken in the order
-- fence, undone, undoing. A commit asked for it, so a newer attempt does not refuse it: it runs under the fence's epoch.
DECLARE
    undone effects.effects;
    reserved record;
BEGIN
    fence := effects.raise_fence(p_tenant_id, p_session_id, p_epoch);
    SELECT * INTO undone FROM effects.effects e
        WHERE e.tenant_id = p_tenant_id AND e.effect_id = p_compensates FOR UPDATE;
    IF undone.state IN ('PREPARED', 'ACCEPTED', 'IN_DOUBT', 'FAILED') THEN
        outcome := 'NOT_DONE';
        effect := undone;
        RETURN NEXT;
        RETURN;
    END IF;
    IF undone.state = 'DONE' THEN
        -- Where the provider knows only one such operation, undoing the earlier would undo the later.
        SELECT e.* INTO effect FROM effects.effects e
            WHERE e.tenant_id = p_tenant_id AND e.tool_name = undone.tool_name
                AND e.business_key = undone.business_key AND e.effect_id <> undone.effect_id
                AND e.prepared_at > undone.prepared_at AND e.state NOT IN ('FAILED', 'COMPENSATED')
            ORDER BY e.prepared_at LIMIT 1;
        IF FOUND THEN
            outcome := 'OVERTAKEN';
            RETURN NEXT;
            RETURN;
        END IF;
    END IF;
    BEGIN
        SELECT r.outcome, r.effect INTO reserved FROM effects.reserve(
            p_effect_id, p_reservation_id, p_tenant_id, p_effect_key, p_business_key, p_tool_name, p_policy,
            p_session_id, p_turn_group_id, p_turn_id, fence, p_arguments_json, p_agent_id, p_config_version,
            p_instance_id, p_lease) r;
        outcome := reserved.outcome;
        effect := reserved.effect;
        IF outcome = 'RESERVED' THEN
            UPDATE effects.effects e SET compensates = p_compensates
                WHERE e.effect_id = effect.effect_id RETURNING e.* INTO effect;
            UPDATE effects.effects e SET state = 'COMPENSATING', updated_at = clock_timestamp()
                WHERE e.effect_id = p_compensates AND e.state = 'DONE';
        END IF;
    EXCEPTION WHEN unique_violation THEN
        -- The same operation began again between our look and our write; the reservation above is undone with it.
        outcome := 'OVERTAKEN';
        effect := undone;
    END;
    RETURN NEXT;
END
$$
