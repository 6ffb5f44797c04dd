CREATE FUNCTION turns.commit_reported(p_session_id text, p_turn_id text) RETURNS boolean
LANGUAGE sql STABLE AS $$
-- Whether an attempt of the turn has reported that it is past its commit point.
SELECT EXISTS (SELECT FROM turns.events e WHERE e.session_id = p_session_id AND e.turn_id = p_turn_id
  AND e.name = 'infra.commit.reached')
$$
