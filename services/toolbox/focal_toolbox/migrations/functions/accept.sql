CREATE FUNCTION effects.accept(
    p_tenant_id text, p_effect_id text, p_reservation_id text, p_more_requests integer, p_awaited interval
) RETURNS SETOF effects.effects
LANGUAGE plpgsql AS $$
-- The provider has taken the request on; returns the effect as it then stands. Tokens are locked before effects
-- everywhere, so that a report which overtakes the acceptance waits, and does not deadlock.
BEGIN
    UPDATE effects.result_tokens t SET awaited_until = clock_timestamp() + p_awaited
        WHERE t.effect_id = p_effect_id AND t.reservation_id = p_reservation_id;
    RETURN QUERY UPDATE effects.effects e
        SET state = 'ACCEPTED', error_reason = '', attempts = e.attempts + p_more_requests,
            updated_at = clock_timestamp()
        WHERE e.tenant_id = p_tenant_id AND e.effect_id = p_effect_id AND e.reservation_id = p_reservation_id
            AND e.state IN ('PREPARED', 'IN_DOUBT')
        RETURNING e.*;
    IF NOT FOUND THEN
        RETURN QUERY SELECT e.* FROM effects.effects e
            WHERE e.tenant_id = p_tenant_id AND e.effect_id = p_effect_id;
    END IF;
END
$$
