"""The two gRPC services: decode, one call into the core, encode. No decisions about tools here."""
