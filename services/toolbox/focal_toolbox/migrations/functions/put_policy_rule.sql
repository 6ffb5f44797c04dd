CREATE FUNCTION effects.put_policy_rule(
    p_tenant_id text, p_rule_id text, p_position integer, p_tools text, p_agents text, p_side_effects text[],
    p_condition text, p_decision text, p_approver text, p_reason text, p_by text, p_request_id text,
    p_content_hash text, p_most integer
) RETURNS TABLE (outcome text, rule effects.policy_rules)
LANGUAGE plpgsql AS $$
-- Stores a rule once per request id: STORED also for a repeat, with the rule as it was stored then.
DECLARE
    earlier effects.policy_requests;
BEGIN
    -- Changes of one tenant's policy come one after the other, or two could both be the last that fits.
    PERFORM pg_advisory_xact_lock(hashtextextended('focal:policy:' || p_tenant_id, 0));
    SELECT * INTO earlier FROM effects.policy_requests r
        WHERE r.tenant_id = p_tenant_id AND r.request_id = p_request_id;
    IF FOUND THEN
        outcome := CASE WHEN earlier.content_hash = p_content_hash THEN 'STORED' ELSE 'REUSED' END;
        rule := earlier.answer;
        RETURN NEXT;
        RETURN;
    END IF;
    IF NOT EXISTS (SELECT FROM effects.policy_rules p WHERE p.tenant_id = p_tenant_id AND p.rule_id = p_rule_id)
            AND (SELECT count(*) FROM effects.policy_rules p WHERE p.tenant_id = p_tenant_id) >= p_most THEN
        outcome := 'FULL';
        RETURN NEXT;
        RETURN;
    END IF;
    INSERT INTO effects.policy_rules AS p (
        tenant_id, rule_id, position, tools, agents, side_effects, condition, decision, approver, reason, updated_by
    ) VALUES (
        p_tenant_id, p_rule_id, p_position, p_tools, p_agents, p_side_effects, p_condition, p_decision, p_approver,
        p_reason, p_by
    )
    ON CONFLICT (tenant_id, rule_id) DO UPDATE SET
        position = excluded.position, tools = excluded.tools, agents = excluded.agents,
        side_effects = excluded.side_effects, condition = excluded.condition, decision = excluded.decision,
        approver = excluded.approver, reason = excluded.reason, updated_by = excluded.updated_by,
        updated_at = clock_timestamp()
    RETURNING p.* INTO rule;
    IF p_request_id <> '' THEN
        INSERT INTO effects.policy_requests (tenant_id, request_id, content_hash, answer)
            VALUES (p_tenant_id, p_request_id, p_content_hash, rule);
    END IF;
    outcome := 'STORED';
    RETURN NEXT;
END
$$
