CREATE FUNCTION effects.answer_confirmation(
    p_tenant_id text, p_session_id text, p_confirmation_id text, p_yes boolean, p_approver text, p_by text,
    p_request_id text, p_turn_group_id text
) RETURNS TABLE (outcome text, confirmation effects.confirmations)
LANGUAGE plpgsql AS $$
-- Records an answer: ANSWERED, also when it is the answer there was. An answer starts the confirmation's time anew. A no
-- takes back a yes that no call has used; nothing makes a yes of a no.
BEGIN
    SELECT * INTO confirmation FROM effects.confirmations c
        WHERE c.tenant_id = p_tenant_id AND c.session_id = p_session_id AND c.confirmation_id = p_confirmation_id
        FOR UPDATE;
    IF NOT FOUND THEN
        outcome := 'NOT_FOUND';
    ELSIF confirmation.approver <> p_approver THEN
        outcome := 'FOREIGN';
    ELSIF p_request_id <> '' AND confirmation.answer_request = p_request_id THEN
        outcome := CASE WHEN confirmation.answered_yes = p_yes THEN 'ANSWERED' ELSE 'REUSED' END;
    ELSIF confirmation.state = 'EXPIRED'
            OR (confirmation.state IN ('ASKED', 'ACCEPTED') AND confirmation.expires_at <= clock_timestamp()) THEN
        outcome := 'EXPIRED';
    ELSIF confirmation.state = 'ASKED' OR (confirmation.state = 'ACCEPTED' AND NOT p_yes) THEN
        UPDATE effects.confirmations c SET
            state = CASE WHEN p_yes THEN 'ACCEPTED' ELSE 'DECLINED' END, answered_yes = p_yes,
            answered_at = clock_timestamp(), answered_by = p_by, answer_request = p_request_id,
            declined_in = CASE WHEN p_yes THEN '' ELSE p_turn_group_id END, expires_at = clock_timestamp() + c.ttl
            WHERE c.confirmation_id = p_confirmation_id RETURNING * INTO confirmation;
        outcome := 'ANSWERED';
    ELSIF confirmation.state = (CASE WHEN p_yes THEN 'ACCEPTED' ELSE 'DECLINED' END) THEN
        outcome := 'ANSWERED';
    ELSE
        outcome := 'CLOSED';
    END IF;
    RETURN NEXT;
END
$$
