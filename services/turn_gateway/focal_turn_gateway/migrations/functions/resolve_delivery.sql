CREATE FUNCTION turns.resolve_delivery(
  p_tenant_id text, p_outbox_id bigint, p_resolution text, p_reason text, p_by text, p_request_id text,
  p_content_hash text, OUT delivery turns.outbox, OUT refused boolean
) LANGUAGE plpgsql AS $$
-- Does what a person decided about a delivery that waits for one: DELIVERED, RESEND or DROP. What waits for its turn
-- may be dropped unless somebody is at it. Nothing when the tenant has no such delivery; `refused` when there is
-- nothing to decide about it.
BEGIN
  refused := false;
  PERFORM 1 FROM turns.sessions s JOIN turns.outbox o USING (session_id)
    WHERE o.outbox_id = p_outbox_id AND o.tenant_id = p_tenant_id FOR UPDATE OF s;
  SELECT * INTO delivery FROM turns.outbox WHERE outbox_id = p_outbox_id AND tenant_id = p_tenant_id FOR UPDATE;
  IF NOT FOUND OR turns.answered_before(p_tenant_id, 'ResolveDelivery', p_request_id, p_content_hash, NULL) IS NOT NULL
  THEN
    RETURN;
  END IF;
  IF delivery.state NOT IN ('FAILED', 'IN_DOUBT') AND NOT (
      delivery.state = 'PENDING' AND p_resolution = 'DROP'
      AND (delivery.claimed_until IS NULL OR delivery.claimed_until < clock_timestamp())) THEN
    refused := true;
    RETURN;
  END IF;
  PERFORM turns.answered_before(p_tenant_id, 'ResolveDelivery', p_request_id, p_content_hash, '');
  UPDATE turns.outbox SET
      state = CASE p_resolution WHEN 'DELIVERED' THEN 'DELIVERED' WHEN 'RESEND' THEN 'PENDING' ELSE 'FAILED' END,
      reason = p_reason,
      forgiven = CASE WHEN p_resolution = 'RESEND' THEN attempts ELSE forgiven END,
      next_attempt_at = clock_timestamp(), claimed_until = NULL,
      settled_at = CASE WHEN p_resolution <> 'RESEND' THEN clock_timestamp() END,
      delivered_at = CASE WHEN p_resolution = 'DELIVERED' THEN clock_timestamp() END
    WHERE outbox_id = p_outbox_id RETURNING * INTO delivery;
  PERFORM turns.delivery_event(delivery, p_resolution, p_by);
END $$
