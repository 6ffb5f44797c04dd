"""Loads made-up episodes of several tenants into memory and measures recall.

What is measured is the service's own core on a real PostgreSQL, with embedding and word choice, without
the gRPC hop (about half a millisecond).
"""
