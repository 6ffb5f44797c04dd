"""Which version: validates, compiles, publishes, rolls back and watches agent bundles.

Owns the registry of tenants, the PostgreSQL schema `config`, the bundle keys in Redis and the
channel `cfg-updated`. It never serves a bundle that was not validated, and it knows nothing of
conversations: what a rule means at run time is the pipeline's business.
"""
