CREATE FUNCTION turns.variables_kept(p_state text) RETURNS bigint LANGUAGE sql IMMUTABLE AS $$
  -- How many variables a session's state holds.
  SELECT count(*) FROM jsonb_object_keys(coalesce(nullif(p_state, '')::jsonb->'variablesJson', '{}'))
$$
