"""The ports of core over the schema `memory`; all SQL of this service is in this package."""
