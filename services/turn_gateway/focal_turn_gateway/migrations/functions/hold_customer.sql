CREATE FUNCTION turns.hold_customer(p_tenant_id text, p_customer_id text, OUT known boolean, OUT session_id text)
LANGUAGE plpgsql AS $$
#variable_conflict use_column
-- Locks the customer's latest session, which tells what is held against it, and then the customer: what is noted and
-- lifted follows one another. `session_id` is NULL for a customer without one.
BEGIN
  SELECT s.session_id INTO session_id FROM turns.sessions s
    WHERE s.tenant_id = p_tenant_id AND s.customer_id = p_customer_id
    ORDER BY s.updated_at DESC LIMIT 1 FOR UPDATE;
  known := FOUND OR EXISTS (SELECT 1 FROM turns.channel_identities i
    WHERE i.tenant_id = p_tenant_id AND i.customer_id = p_customer_id);
  PERFORM pg_advisory_xact_lock(hashtextextended('abuse of ' || p_tenant_id || ':' || p_customer_id, 0));
END $$
