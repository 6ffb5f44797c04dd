"""The schema `config`, one alembic revision per file; nothing else may change its tables."""

SCHEMA = "config"
