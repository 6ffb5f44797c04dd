CREATE FUNCTION turns.abuse_json(a turns.abuse) RETURNS jsonb LANGUAGE sql STABLE AS $$
  -- The fields of `domain.abuse.Abuse`.
  SELECT to_jsonb(a) - 'tenant_id' - 'lift_id' - 'holds_until'
    || jsonb_build_object('until', CASE WHEN isfinite(a.holds_until) THEN a.holds_until END)
$$
