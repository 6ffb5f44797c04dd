CREATE FUNCTION effects.take_confirmations(
    p_tenant_id text, p_session_id text, p_tool_name text, p_arguments_hash text, p_approvers text[], p_used_by text
) RETURNS integer
LANGUAGE plpgsql AS $$
-- Uses up one yes to a call from each approver and returns NULL, or none at all and returns which is the first missing.
-- One that this very call has used counts. Whoever waited for a row's lock looks at the row again, so of many calls that
-- want one yes a single one gets it.
DECLARE
    taken text[] := '{}';
    yes text;
BEGIN
    FOR each IN 1..cardinality(p_approvers) LOOP
        SELECT c.confirmation_id INTO yes FROM effects.confirmations c
            WHERE c.tenant_id = p_tenant_id AND c.session_id = p_session_id AND c.tool_name = p_tool_name
                AND c.arguments_hash = p_arguments_hash AND c.approver = p_approvers[each]
                AND ((c.state = 'USED' AND c.used_by = p_used_by)
                    OR (c.state = 'ACCEPTED' AND c.expires_at > clock_timestamp()))
            ORDER BY c.state = 'USED' DESC LIMIT 1 FOR UPDATE;
        IF NOT FOUND THEN
            RETURN each;
        END IF;
        taken := taken || yes;
    END LOOP;
    UPDATE effects.confirmations
        SET state = 'USED', used_by = p_used_by, used_at = clock_timestamp()
        WHERE confirmation_id = ANY (taken) AND state = 'ACCEPTED';
    RETURN NULL;
END
$$
