"""The process every Focal service is.

Settings, the gRPC server with its interceptors, client channels, identity, telemetry, health, drain
and the connections to PostgreSQL and Redis live here, so that a service holds only what it is about.
No business rule and no knowledge of a particular service belongs here.
"""
