CREATE FUNCTION effects.conclude(
    p_tenant_id text, p_effect_key text, p_reservation_id text, p_state text, p_result_json text,
    p_error_reason text, p_more_requests integer
) RETURNS SETOF effects.effects
LANGUAGE plpgsql AS $$
-- Ends a reservation; no row when it is not the latest or has ended otherwise. The holder of the latest reservation may
-- also end what others took for doubtful: it knows, and so does who reports by its token. What a compensation undoes
-- changes with it, and is locked first.
DECLARE
    ended effects.effects;
    undone text;
BEGIN
    SELECT e.compensates INTO undone FROM effects.effects e
        WHERE e.tenant_id = p_tenant_id AND e.effect_key = p_effect_key;
    IF undone <> '' THEN
        PERFORM 1 FROM effects.effects e WHERE e.effect_id = undone FOR UPDATE;
    END IF;
    UPDATE effects.effects e
        SET state = p_state, result_json = p_result_json, error_reason = p_error_reason,
            attempts = e.attempts + p_more_requests, updated_at = clock_timestamp(),
            doubt_told = e.doubt_told OR p_state = 'IN_DOUBT'
        WHERE e.tenant_id = p_tenant_id AND e.effect_key = p_effect_key
            AND e.reservation_id = p_reservation_id AND e.state IN ('PREPARED', 'ACCEPTED', 'IN_DOUBT')
        RETURNING e.* INTO ended;
    IF NOT FOUND THEN
        RETURN;
    END IF;
    IF undone <> '' AND p_state IN ('DONE', 'FAILED') THEN
        UPDATE effects.effects e
            SET state = CASE p_state WHEN 'DONE' THEN 'COMPENSATED' ELSE 'DONE' END, updated_at = clock_timestamp()
            WHERE e.effect_id = undone AND e.state = 'COMPENSATING';
    END IF;
    RETURN NEXT ended;
END
$$
