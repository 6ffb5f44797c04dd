"""How the toolbox reaches the world: PostgreSQL, config_watcher, Prometheus and the providers.

Each module here implements one port; rules about when to call it do not live here.
"""
