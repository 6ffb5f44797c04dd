"""A message router: what stands between a channel's provider and Focal's streams.

It speaks to Valkey and, for receipts, to one gRPC call; nothing here imports Focal's services.
"""
