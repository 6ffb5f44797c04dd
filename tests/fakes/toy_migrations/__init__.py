"""Migrations of a schema that only the service kit's own tests have."""

SCHEMA = "toy"
