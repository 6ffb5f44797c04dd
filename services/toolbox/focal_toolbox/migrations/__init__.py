"""Revisions of the schema `effects`: the ledger, the fences and the instances that hold reservations; in
`functions/` what happens to them, each one SQL function and one round trip.

Only the toolbox reads or writes it. Rules that live in the functions because only the database can hold them:

- `reserve` and `raise_fence` take the session's fence row first, so that a fence and a reservation of
  the same session never overlap. A lower epoch is refused from the moment the fence is committed.
- A process is alive while another session holds its advisory lock and its heartbeat is young.
"""

SCHEMA = "effects"
