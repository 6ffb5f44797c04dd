CREATE FUNCTION effects.is_alive(p_instance_id text, p_lease interval) RETURNS boolean
LANGUAGE plpgsql AS $$
DECLARE
    known effects.instances;
BEGIN
    SELECT * INTO known FROM effects.instances WHERE instance_id = p_instance_id;
    IF NOT FOUND OR known.heartbeat_at < clock_timestamp() - p_lease THEN
        RETURN false;
    END IF;
    -- 1953460076 spells "tool": other services' locks in this database have other first keys.
    -- Shared, so that two who ask at once do not take each other for the owner.
    RETURN NOT pg_try_advisory_xact_lock_shared(1953460076, known.lock_number);
END
$$
