CREATE FUNCTION effects.use_confirmations(
    p_tenant_id text, p_session_id text, p_turn_group_id text, p_tool_name text, p_arguments_hash text,
    p_arguments_json text, p_used_by text, p_confirmation_ids text[], p_approvers text[], p_prompts text[],
    p_ttls interval[]
) RETURNS effects.confirmations
LANGUAGE plpgsql AS $$
-- Uses up one yes from each approver for a call that is in no ledger, or none and returns the first that is missing.
DECLARE
    missing integer;
    asked effects.confirmations;
BEGIN
    LOOP
        missing := effects.take_confirmations(
            p_tenant_id, p_session_id, p_tool_name, p_arguments_hash, p_approvers, p_used_by);
        IF missing IS NULL THEN
            RETURN NULL;
        END IF;
        asked := effects.ask_confirmation(
            p_confirmation_ids[missing], p_tenant_id, p_session_id, p_turn_group_id, p_tool_name, p_arguments_hash,
            p_arguments_json, p_approvers[missing], p_prompts[missing], p_ttls[missing]);
        -- The yes may come between our look and our question: look again then.
        IF asked.state <> 'ACCEPTED' THEN
            RETURN asked;
        END IF;
    END LOOP;
END
$$
