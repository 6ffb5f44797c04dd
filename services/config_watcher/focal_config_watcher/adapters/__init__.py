"""PostgreSQL, Redis and protobuf behind the ports. No decisions here that a port does not state."""
