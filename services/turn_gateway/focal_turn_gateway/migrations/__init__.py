"""Alembic revisions of the schema `turns`: tables, and the functions that make each step one round trip."""

SCHEMA = "turns"
