"""What reading a session costs from PostgreSQL, from Valkey, and as part of the step that opens a turn."""
