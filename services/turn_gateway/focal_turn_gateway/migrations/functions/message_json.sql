CREATE FUNCTION turns.message_json(m turns.messages) RETURNS jsonb LANGUAGE sql STABLE AS $$
  SELECT jsonb_build_object('message_id', m.message_id, 'session_id', m.session_id, 'sequence', m.sequence,
    'text', m.text, 'received_at', m.received_at, 'request_id', coalesce(m.request_id, ''),
    'disposition', m.disposition, 'metadata', m.metadata, 'provider_message_id', m.provider_message_id)
$$
