"""Alembic revisions of the schema `turns`, and in `functions/` the steps of a turn, each one SQL function.

A step is one call: a worker frozen between two round trips would hold a row lock. Functions raise
SQLSTATE FC001 when the caller's attempt is no longer the session's latest, FC002 when a session's queue of
messages is full, FC003 when a request id came with other content before, FC004 when a turn that has reported
its commit point is to be superseded.
"""

SCHEMA = "turns"
