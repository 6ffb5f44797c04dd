CREATE FUNCTION effects.claim_checks(
    p_limit integer, p_tries integer, p_first_pause interval, p_longest_pause interval, p_hold interval
) RETURNS SETOF effects.effects
LANGUAGE sql AS $$
-- Takes effects in doubt that are due to be asked about, for at most p_hold; nobody else asks about them meanwhile. The
-- next time is set here, so that a process that dies over a check costs one try and no more.
UPDATE effects.effects e SET
        checks = e.checks + 1, checking_until = clock_timestamp() + p_hold,
        check_at = clock_timestamp() + least(p_first_pause * power(2, least(e.checks + 1, 20)), p_longest_pause)
    WHERE e.effect_id IN (
        SELECT due.effect_id FROM effects.effects due
            WHERE due.state = 'IN_DOUBT' AND due.check_at <= clock_timestamp() AND due.checks < p_tries
                AND due.checking_until <= clock_timestamp() AND due.updated_at <= clock_timestamp() - p_first_pause
            ORDER BY due.check_at LIMIT p_limit FOR UPDATE SKIP LOCKED
    )
    RETURNING e.*
$$
