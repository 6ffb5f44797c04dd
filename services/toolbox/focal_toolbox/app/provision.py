"""The part of the composition root that opens the providers."""

from __future__ import annotations

from collections.abc import Mapping

from focal_service_kit.host import Host
from focal_toolbox.adapters.providers import http
from focal_toolbox.ports.providers import Provider
from focal_toolbox.settings import ToolboxSettings


async def providers(settings: ToolboxSettings, host: Host) -> Mapping[str, Provider]:
    """Every provider by the name that tool definitions use."""
    limits = http.Limits(
        settings.http.connect_timeout_s, settings.http.max_response_bytes, settings.http.max_connections
    )
    clients = await host.stack.enter_async_context(http.clients(limits))
    variables = {name: value.get_secret_value() for name, value in settings.variables.items()}
    return {"http": http.HttpProvider(clients, limits, variables)}
