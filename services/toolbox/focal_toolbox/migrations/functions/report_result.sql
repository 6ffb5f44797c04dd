CREATE FUNCTION effects.report_result(
    p_token_hash text, p_report_hash text, p_state text, p_result_json text, p_error_reason text
) RETURNS SETOF effects.effects
LANGUAGE plpgsql AS $$
-- Takes a report; no row when the token is not, or no longer, good for it. The follow-up turn that tells of it is due
-- when no call waits any more; the call that does takes it away.
DECLARE
    token effects.result_tokens;
    own effects.effects;
BEGIN
    SELECT * INTO token FROM effects.result_tokens t WHERE t.token_hash = p_token_hash FOR UPDATE;
    IF NOT FOUND THEN
        RETURN;
    END IF;
    SELECT * INTO own FROM effects.effects e
        WHERE e.tenant_id = token.tenant_id AND e.effect_id = token.effect_id;
    IF token.reported_at IS NOT NULL THEN
        IF token.report_hash = p_report_hash THEN
            RETURN NEXT own;
        END IF;
        RETURN;
    END IF;
    -- A request that was repeated after a doubt has a newer token; its provider may know only the first.
    IF token.expires_at <= clock_timestamp()
            OR (own.reservation_id <> token.reservation_id AND own.policy <> 'IDEMPOTENT') THEN
        RETURN;
    END IF;
    SELECT * INTO own FROM effects.conclude(
        own.tenant_id, own.effect_key, own.reservation_id, p_state, p_result_json, p_error_reason, 0);
    IF NOT FOUND THEN
        RETURN;
    END IF;
    UPDATE effects.result_tokens t SET reported_at = clock_timestamp(), report_hash = p_report_hash
        WHERE t.token_hash = p_token_hash;
    IF own.compensates = '' THEN
        INSERT INTO effects.follow_ups (effect_id, tenant_id, session_id, awaited_by, due_at)
            VALUES (own.effect_id, own.tenant_id, own.session_id, token.awaited_by,
                greatest(token.awaited_until, clock_timestamp()))
            ON CONFLICT (effect_id) DO NOTHING;
    END IF;
    RETURN NEXT own;
END
$$
