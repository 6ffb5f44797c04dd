CREATE FUNCTION effects.is_frozen(p_instance_id text, p_lease interval) RETURNS boolean
LANGUAGE plpgsql AS $$
-- Whether a silent process is still there: it holds its lock but has stopped beating. One that is gone holds none.
DECLARE
    known effects.instances;
BEGIN
    SELECT * INTO known FROM effects.instances WHERE instance_id = p_instance_id;
    IF NOT FOUND OR known.heartbeat_at >= clock_timestamp() - p_lease THEN
        RETURN false;
    END IF;
    RETURN NOT pg_try_advisory_xact_lock_shared(1953460076, known.lock_number);
END
$$
