CREATE FUNCTION effects.reserve_confirmed(
    p_effect_id text, p_reservation_id text, p_tenant_id text, p_effect_key text, p_business_key text,
    p_tool_name text, p_policy text, p_session_id text, p_turn_group_id text, p_turn_id text,
    p_epoch bigint, p_arguments_json text, p_agent_id text, p_config_version bigint, p_instance_id text,
    p_lease interval, p_compensates text, p_arguments_hash text, p_confirmation_ids text[], p_approvers text[],
    p_prompts text[], p_ttls interval[], p_max_calls integer
) RETURNS TABLE (outcome text, fence bigint, effect effects.effects, confirmation effects.confirmations)
LANGUAGE plpgsql AS $$
-- Reserves an effect that needs a yes and uses the yes up, both or neither. What stands in the way of the effect by
-- itself is told before anybody is asked: nobody shall agree to what cannot be done.
DECLARE
    reserved record;
    missing integer;
BEGIN
    LOOP
        BEGIN
            IF p_compensates = '' THEN
                SELECT * INTO reserved FROM effects.reserve(
                    p_effect_id, p_reservation_id, p_tenant_id, p_effect_key, p_business_key, p_tool_name, p_policy,
                    p_session_id, p_turn_group_id, p_turn_id, p_epoch, p_arguments_json, p_agent_id,
                    p_config_version, p_instance_id, p_lease, p_max_calls);
            ELSE
                SELECT * INTO reserved FROM effects.reserve_compensation(
                    p_effect_id, p_reservation_id, p_tenant_id, p_effect_key, p_business_key, p_tool_name, p_policy,
                    p_session_id, p_turn_group_id, p_turn_id, p_epoch, p_arguments_json, p_agent_id,
                    p_config_version, p_instance_id, p_lease, p_compensates);
            END IF;
            outcome := reserved.outcome;
            fence := reserved.fence;
            IF outcome = 'RESERVED' THEN
                missing := effects.take_confirmations(
                    p_tenant_id, p_session_id, p_tool_name, p_arguments_hash, p_approvers, p_effect_key);
                IF missing IS NOT NULL THEN
                    RAISE EXCEPTION USING ERRCODE = 'FC001';
                END IF;
            END IF;
            effect := reserved.effect;
            RETURN NEXT;
            RETURN;
        EXCEPTION WHEN SQLSTATE 'FC001' THEN
            NULL;  -- The reservation above is undone with it.
        END;
        confirmation := effects.ask_confirmation(
            p_confirmation_ids[missing], p_tenant_id, p_session_id, p_turn_group_id, p_tool_name, p_arguments_hash,
            p_arguments_json, p_approvers[missing], p_prompts[missing], p_ttls[missing]);
        -- The yes may come between our look and our question: look again then.
        IF confirmation.state <> 'ACCEPTED' THEN
            outcome := 'UNCONFIRMED';
            RETURN NEXT;
            RETURN;
        END IF;
        confirmation := NULL;
    END LOOP;
END
$$
