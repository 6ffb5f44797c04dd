"""Plugins of the whole suite; fixtures live in the modules named here."""

pytest_plugins = ["tests.fixtures_servers"]
