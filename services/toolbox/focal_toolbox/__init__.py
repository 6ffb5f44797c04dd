"""The one boundary through which an agent touches the world.

Policies, the effect ledger, the epoch fence over effects and the adapters that speak to tool
providers live here. Whether a conversation should go on is not decided here, and nobody else reads
the schema `effects`.
"""
