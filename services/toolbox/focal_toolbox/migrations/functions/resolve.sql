CREATE FUNCTION effects.resolve(
    p_tenant_id text, p_effect_id text, p_reservation_id text, p_state text, p_result_json text, p_error_reason text,
    p_resolved_by text, p_check_tool text, p_resolution text, p_request_id text, p_content_hash text,
    p_quiet interval, p_lease interval, p_follow_up boolean
) RETURNS TABLE (outcome text, effect effects.effects)
LANGUAGE plpgsql AS $$
-- Ends a doubt by what somebody found out. The lock on the row decides between this and an owner that knows (`conclude`).
-- With p_reservation_id it is about that reservation alone. With p_quiet nothing changes while a request may be on its
-- way: so long after the doubt began, and while the owner is frozen and may go on. Locks are taken in the order undone,
-- undoing. Whoever was told of the doubt is told of its end, by a turn of its own.
DECLARE
    undone text;
    said effects.resolutions;
BEGIN
    SELECT e.compensates INTO undone FROM effects.effects e
        WHERE e.tenant_id = p_tenant_id AND e.effect_id = p_effect_id;
    IF undone <> '' THEN
        PERFORM 1 FROM effects.effects e WHERE e.effect_id = undone FOR UPDATE;
    END IF;
    SELECT * INTO effect FROM effects.effects e
        WHERE e.tenant_id = p_tenant_id AND e.effect_id = p_effect_id FOR UPDATE;
    IF NOT FOUND THEN
        outcome := 'NOT_FOUND';
        RETURN NEXT;
        RETURN;
    END IF;
    SELECT * INTO said FROM effects.resolutions r WHERE r.tenant_id = p_tenant_id AND r.request_id = p_request_id;
    IF FOUND THEN
        outcome := CASE said.content_hash WHEN p_content_hash THEN 'RESOLVED' ELSE 'REUSED' END;
    ELSIF effect.state <> 'IN_DOUBT' OR p_reservation_id NOT IN ('', effect.reservation_id) THEN
        outcome := 'NOT_IN_DOUBT';
    ELSIF p_quiet IS NOT NULL AND (
            effect.updated_at > clock_timestamp() - p_quiet OR effects.is_frozen(effect.instance_id, p_lease)) THEN
        outcome := 'TOO_EARLY';
    END IF;
    IF outcome IS NOT NULL THEN
        RETURN NEXT;
        RETURN;
    END IF;
    PERFORM effects.conclude(
        p_tenant_id, effect.effect_key, effect.reservation_id, p_state, p_result_json, p_error_reason, 0);
    UPDATE effects.effects e SET
            resolved_by = p_resolved_by, check_tool = p_check_tool, resolution = p_resolution, resolved_at = e.updated_at
        WHERE e.effect_id = p_effect_id RETURNING e.* INTO effect;
    -- The same id may have come with another effect, whose row we do not hold.
    INSERT INTO effects.resolutions (
            tenant_id, effect_id, reservation_id, state, resolved_by, check_tool, resolution, resolved_at, request_id,
            content_hash)
        VALUES (p_tenant_id, p_effect_id, effect.reservation_id, p_state, p_resolved_by, p_check_tool, p_resolution,
            effect.resolved_at, p_request_id, p_content_hash);
    IF p_follow_up AND effect.doubt_told AND undone = '' THEN
        INSERT INTO effects.follow_ups (effect_id, tenant_id, session_id, awaited_by, due_at)
            VALUES (p_effect_id, p_tenant_id, effect.session_id, '', clock_timestamp())
            ON CONFLICT (effect_id) DO NOTHING;
    END IF;
    outcome := 'RESOLVED';
    RETURN NEXT;
EXCEPTION WHEN unique_violation THEN
    SELECT * INTO effect FROM effects.effects e WHERE e.tenant_id = p_tenant_id AND e.effect_id = p_effect_id;
    outcome := 'REUSED';
    RETURN NEXT;
END
$$
