"""The part of the composition root that opens the providers."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from focal_service_kit.host import Host
from focal_toolbox.adapters.outbound import Outbound
from focal_toolbox.adapters.providers import http
from focal_toolbox.domain.hosts import AllowedHosts, Place
from focal_toolbox.ports.providers import Provider
from focal_toolbox.settings import ToolboxSettings


async def providers(settings: ToolboxSettings, host: Host) -> Mapping[str, Provider]:
    """Every provider by the name that tool definitions use."""
    limits = http.Limits(
        settings.http.connect_timeout_s, settings.http.max_response_bytes, settings.http.max_connections
    )
    variables = {name: value.get_secret_value() for name, value in settings.variables.items()}
    reach = outbound(settings, variables.values())
    clients = await host.stack.enter_async_context(http.clients(limits, reach))
    return {"http": http.HttpProvider(clients, limits, reach, variables)}


def outbound(settings: ToolboxSettings, operators: Iterable[str]) -> Outbound:
    """What may be reached; hosts in URLs among the `operators`' own texts need not be listed again."""
    chosen = settings.outbound
    named = filter(None, map(Place.of_url, operators))
    return Outbound(AllowedHosts(chosen.hosts, chosen.tenant_hosts, named), chosen.networks)
