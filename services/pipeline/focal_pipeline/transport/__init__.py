"""The gRPC side of the pipeline: servicers that decode, call the core once and encode.

Protobuf stops here and in the adapters; no decision is taken here.
"""
