CREATE FUNCTION effects.doubt_unreported(p_kept interval) RETURNS integer
LANGUAGE plpgsql AS $$
-- What was accepted and not reported in time is in doubt; who heard that it was taken on is told of the doubt's end.
-- Forgets tokens that lapsed longer ago than `p_kept`.
DECLARE
    changed integer;
BEGIN
    UPDATE effects.effects SET state = 'IN_DOUBT', error_reason = 'not_reported', updated_at = clock_timestamp(),
            doubt_told = true
        WHERE effect_id IN (
            SELECT e.effect_id FROM effects.effects e
            WHERE e.state = 'ACCEPTED' AND NOT EXISTS (
                SELECT FROM effects.result_tokens t
                WHERE t.effect_id = e.effect_id AND t.expires_at > clock_timestamp()
            )
            LIMIT 100 FOR UPDATE SKIP LOCKED
        );
    GET DIAGNOSTICS changed = ROW_COUNT;
    DELETE FROM effects.result_tokens WHERE token_hash IN (
        SELECT t.token_hash FROM effects.result_tokens t WHERE t.expires_at <= clock_timestamp() - p_kept LIMIT 100
    );
    RETURN changed;
END
$$
