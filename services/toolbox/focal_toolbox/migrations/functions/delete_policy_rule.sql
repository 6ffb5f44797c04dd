CREATE FUNCTION effects.delete_policy_rule(
    p_tenant_id text, p_rule_id text, p_request_id text, p_content_hash text
) RETURNS text
LANGUAGE plpgsql AS $$
-- Removes a rule once per request id: DELETED also for a repeat.
DECLARE
    earlier effects.policy_requests;
BEGIN
    PERFORM pg_advisory_xact_lock(hashtextextended('focal:policy:' || p_tenant_id, 0));
    SELECT * INTO earlier FROM effects.policy_requests r
        WHERE r.tenant_id = p_tenant_id AND r.request_id = p_request_id;
    IF FOUND THEN
        RETURN CASE WHEN earlier.content_hash = p_content_hash THEN 'DELETED' ELSE 'REUSED' END;
    END IF;
    DELETE FROM effects.policy_rules WHERE tenant_id = p_tenant_id AND rule_id = p_rule_id;
    IF NOT FOUND THEN
        RETURN 'NOT_FOUND';
    END IF;
    IF p_request_id <> '' THEN
        INSERT INTO effects.policy_requests (tenant_id, request_id, content_hash)
            VALUES (p_tenant_id, p_request_id, p_content_hash);
    END IF;
    RETURN 'DELETED';
END
$$
