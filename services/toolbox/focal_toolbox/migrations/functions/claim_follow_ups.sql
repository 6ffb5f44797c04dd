CREATE FUNCTION effects.claim_follow_ups(p_limit integer, p_claim interval, p_lease interval)
RETURNS TABLE (attempts integer, effect effects.effects)
LANGUAGE plpgsql AS $$
-- Follow-up turns to open now, each in one process's hands; a claim that nobody ended lapses. What a lost process
-- waited for is due at once.
BEGIN
    RETURN QUERY WITH due AS (
        SELECT f.effect_id FROM effects.follow_ups f
        WHERE (f.due_at <= clock_timestamp() OR (f.claimed_until IS NULL AND NOT effects.is_alive(f.awaited_by, p_lease)))
            AND (f.claimed_until IS NULL OR f.claimed_until <= clock_timestamp())
        ORDER BY f.due_at LIMIT p_limit FOR UPDATE SKIP LOCKED
    ), claimed AS (
        UPDATE effects.follow_ups f
            SET claimed_until = clock_timestamp() + p_claim, attempts = f.attempts + 1
            FROM due WHERE f.effect_id = due.effect_id
            RETURNING f.effect_id, f.attempts
    )
    SELECT c.attempts, e FROM claimed c JOIN effects.effects e USING (effect_id);
END
$$
