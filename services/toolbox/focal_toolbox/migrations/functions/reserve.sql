CREATE FUNCTION effects.reserve(
    p_effect_id text, p_reservation_id text, p_tenant_id text, p_effect_key text, p_business_key text,
    p_tool_name text, p_policy text, p_session_id text, p_turn_group_id text, p_turn_id text,
    p_epoch bigint, p_arguments_json text, p_agent_id text, p_config_version bigint, p_instance_id text,
    p_lease interval, p_max_calls integer DEFAULT NULL
) RETURNS TABLE (outcome text, fence bigint, effect effects.effects)
LANGUAGE plpgsql AS $$
DECLARE
    own effects.effects;
    other effects.effects;
BEGIN
    fence := 0;
    IF NOT effects.is_alive(p_instance_id, p_lease) THEN
        outcome := 'OWNER_LOST';
        RETURN NEXT;
        RETURN;
    END IF;
    fence := effects.raise_fence(p_tenant_id, p_session_id, p_epoch);
    IF fence > p_epoch THEN
        outcome := 'FENCED';
        RETURN NEXT;
        RETURN;
    END IF;
    -- Another session may win the business key between our look and our write: look again then.
    LOOP
        UPDATE effects.effects e
            SET state = 'IN_DOUBT', error_reason = 'toolbox_lost', updated_at = clock_timestamp()
            WHERE e.tenant_id = p_tenant_id AND e.tool_name = p_tool_name
                AND e.business_key = p_business_key AND e.state = 'PREPARED'
                AND NOT effects.is_alive(e.instance_id, p_lease);

        SELECT * INTO own FROM effects.effects e
            WHERE e.tenant_id = p_tenant_id AND e.effect_key = p_effect_key FOR UPDATE;
        IF own.state IN ('PREPARED', 'ACCEPTED') THEN
            outcome := 'RUNNING';
        ELSIF own.state IN ('DONE', 'COMPENSATING', 'COMPENSATED')
                OR (own.state = 'IN_DOUBT' AND own.policy <> 'IDEMPOTENT') THEN
            outcome := 'EXISTS';
            UPDATE effects.effects e SET doubt_told = true
                WHERE e.effect_id = own.effect_id AND e.state = 'IN_DOUBT';
        END IF;
        IF outcome IS NOT NULL THEN
            effect := own;
            RETURN NEXT;
            RETURN;
        END IF;

        SELECT * INTO other FROM effects.effects e
            WHERE e.tenant_id = p_tenant_id AND e.tool_name = p_tool_name
                AND e.business_key = p_business_key AND e.effect_key <> p_effect_key
                AND (e.state IN ('PREPARED', 'ACCEPTED', 'COMPENSATING')
                    OR (e.state = 'IN_DOUBT' AND e.policy <> 'IDEMPOTENT'));
        IF FOUND THEN
            outcome := CASE other.state WHEN 'IN_DOUBT' THEN 'BLOCKED_IN_DOUBT' ELSE 'BLOCKED_RUNNING' END;
            effect := other;
            RETURN NEXT;
            RETURN;
        END IF;

        -- The fence's row is locked: no other reservation of the session comes between this count and our write.
        IF own.turn_id IS DISTINCT FROM p_turn_id AND p_max_calls <= (
            SELECT count(*) FROM effects.effects e
                WHERE e.tenant_id = p_tenant_id AND e.turn_id = p_turn_id AND e.session_id = p_session_id
                    AND e.compensates = '') THEN
            outcome := 'TOO_MANY_CALLS';
            RETURN NEXT;
            RETURN;
        END IF;

        BEGIN
            INSERT INTO effects.effects AS e (
                effect_id, tenant_id, effect_key, business_key, tool_name, policy, state, session_id,
                turn_group_id, turn_id, epoch, arguments_json, agent_id, config_version, attempts, reservation_id,
                instance_id
            ) VALUES (
                p_effect_id, p_tenant_id, p_effect_key, p_business_key, p_tool_name, p_policy,
                'PREPARED', p_session_id, p_turn_group_id, p_turn_id, p_epoch, p_arguments_json,
                p_agent_id, p_config_version, 1, p_reservation_id, p_instance_id
            )
            ON CONFLICT (tenant_id, effect_key) DO UPDATE SET
                state = 'PREPARED', policy = excluded.policy, session_id = excluded.session_id,
                turn_id = excluded.turn_id, epoch = excluded.epoch,
                arguments_json = excluded.arguments_json, agent_id = excluded.agent_id,
                config_version = excluded.config_version, result_json = '', error_reason = '',
                attempts = e.attempts + 1, reservation_id = excluded.reservation_id,
                instance_id = excluded.instance_id, prepared_at = clock_timestamp(),
                updated_at = clock_timestamp(), checks = 0, check_at = '-infinity', checking_until = '-infinity',
                doubt_told = false, resolved_by = '', check_tool = '', resolution = '', resolved_at = NULL
                WHERE e.state = 'FAILED' OR (e.state = 'IN_DOUBT' AND e.policy = 'IDEMPOTENT')
            RETURNING e.* INTO effect;
            IF FOUND THEN
                outcome := 'RESERVED';
                RETURN NEXT;
                RETURN;
            END IF;
        EXCEPTION WHEN unique_violation THEN
            NULL;
        END;
    END LOOP;
END
$$
