"""Revisions of the schema `effects`: the ledger, the fences and the instances that hold reservations.

Only the toolbox reads or writes it.
"""

SCHEMA = "effects"
