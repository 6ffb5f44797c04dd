"""Where outbox rows go; each destination takes a row with the same dedupe key once."""
