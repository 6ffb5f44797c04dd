CREATE FUNCTION effects.doubt_orphans(p_lease interval) RETURNS integer
LANGUAGE plpgsql AS $$
DECLARE
    owner text;
    changed integer;
    total integer := 0;
BEGIN
    FOR owner IN SELECT DISTINCT instance_id FROM effects.effects WHERE state = 'PREPARED' LOOP
        CONTINUE WHEN effects.is_alive(owner, p_lease);
        -- Rows that somebody holds right now are being settled; the next sweep sees what is left.
        UPDATE effects.effects
            SET state = 'IN_DOUBT', error_reason = 'toolbox_lost', updated_at = clock_timestamp()
            WHERE effect_id IN (
                SELECT effect_id FROM effects.effects
                WHERE instance_id = owner AND state = 'PREPARED' FOR UPDATE SKIP LOCKED
            );
        GET DIAGNOSTICS changed = ROW_COUNT;
        total := total + changed;
    END LOOP;
    RETURN total;
END
$$
