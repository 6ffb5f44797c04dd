CREATE FUNCTION effects.ask_confirmation(
    p_confirmation_id text, p_tenant_id text, p_session_id text, p_turn_group_id text, p_tool_name text,
    p_arguments_hash text, p_arguments_json text, p_approver text, p_prompt text, p_ttl interval
) RETURNS effects.confirmations
LANGUAGE plpgsql AS $$
-- The open question about a call, or a new one. A no stands for the turn group it was given in, and one given outside a
-- turn for the first group that meets it: later groups ask anew.
DECLARE
    found effects.confirmations;
BEGIN
    UPDATE effects.confirmations c SET state = 'EXPIRED'
        WHERE c.tenant_id = p_tenant_id AND c.session_id = p_session_id AND c.tool_name = p_tool_name
            AND c.arguments_hash = p_arguments_hash AND c.approver = p_approver
            AND c.state IN ('ASKED', 'ACCEPTED') AND c.expires_at <= clock_timestamp();
    SELECT * INTO found FROM effects.confirmations c
        WHERE c.tenant_id = p_tenant_id AND c.session_id = p_session_id AND c.tool_name = p_tool_name
            AND c.arguments_hash = p_arguments_hash AND c.approver = p_approver
        ORDER BY c.position DESC LIMIT 1 FOR UPDATE;
    IF found.state = 'DECLINED' AND found.declined_in IN ('', p_turn_group_id) THEN
        UPDATE effects.confirmations c SET declined_in = p_turn_group_id
            WHERE c.confirmation_id = found.confirmation_id RETURNING * INTO found;
        RETURN found;
    END IF;
    INSERT INTO effects.confirmations AS c (
        confirmation_id, tenant_id, session_id, tool_name, arguments_hash, arguments_json, prompt, approver, state,
        ttl, expires_at
    ) VALUES (
        p_confirmation_id, p_tenant_id, p_session_id, p_tool_name, p_arguments_hash, p_arguments_json, p_prompt,
        p_approver, 'ASKED', p_ttl, clock_timestamp() + p_ttl
    )
    ON CONFLICT (tenant_id, session_id, tool_name, approver, arguments_hash) WHERE state IN ('ASKED', 'ACCEPTED')
        DO UPDATE SET prompt = CASE c.state WHEN 'ASKED' THEN excluded.prompt ELSE c.prompt END
    RETURNING * INTO found;
    RETURN found;
END
$$
