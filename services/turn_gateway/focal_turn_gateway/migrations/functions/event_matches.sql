CREATE FUNCTION turns.event_matches(p_name text, p_patterns text[]) RETURNS boolean LANGUAGE sql IMMUTABLE AS $$
  -- As `matches` in `domain/event_names.py`: `*`, a whole name, or a beginning with `.*`.
  SELECT EXISTS (SELECT 1 FROM unnest(p_patterns) p
                 WHERE p IN ('*', p_name) OR (right(p, 2) = '.*' AND starts_with(p_name, left(p, -1))))
$$
