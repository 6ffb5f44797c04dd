CREATE FUNCTION effects.take_report(p_tenant_id text, p_effect_id text)
RETURNS TABLE (share text, effect effects.effects)
LANGUAGE plpgsql AS $$
-- The end of a call's wait. `share` tells whose the report is: TAKEN, the call returns it; LEFT, a follow-up turn tells
-- it; NONE, there is none yet, and when it comes nobody waits.
BEGIN
    PERFORM 1 FROM effects.result_tokens t
        WHERE t.tenant_id = p_tenant_id AND t.effect_id = p_effect_id FOR UPDATE;
    DELETE FROM effects.follow_ups f
        WHERE f.tenant_id = p_tenant_id AND f.effect_id = p_effect_id AND f.claimed_until IS NULL;
    IF FOUND THEN
        share := 'TAKEN';
    ELSIF EXISTS (
        SELECT FROM effects.result_tokens t
        WHERE t.tenant_id = p_tenant_id AND t.effect_id = p_effect_id AND t.reported_at IS NOT NULL
    ) THEN
        share := 'LEFT';
    ELSE
        share := 'NONE';
        UPDATE effects.result_tokens t SET awaited_until = clock_timestamp()
            WHERE t.tenant_id = p_tenant_id AND t.effect_id = p_effect_id;
    END IF;
    SELECT e.* INTO effect FROM effects.effects e
        WHERE e.tenant_id = p_tenant_id AND e.effect_id = p_effect_id;
    RETURN NEXT;
END
$$
