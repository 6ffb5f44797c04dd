"""Brings a service's schema up to date with alembic; used by `migrate` and at start.

A migrations package holds alembic revisions `0001_<noun>.py` and names its schema in `SCHEMA`. The
schema also holds the version table, so services that share a database do not meet.
"""

from focal_service_kit.migrations.current import upgrade

__all__ = ["upgrade"]
