"""The schema `turns`: every statement the gateway sends to PostgreSQL, one round trip each."""
