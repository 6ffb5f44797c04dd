"""The gRPC edge: decode, one call into core, encode. Protobuf stops here."""
